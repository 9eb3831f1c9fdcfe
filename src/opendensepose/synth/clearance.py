"""Whether a pose puts arms or shins into the trunk or the thighs: a coarse test on joints and cylinders."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.body import Body

SIDES = (".L", ".R")
# Bones at the lower and at the upper end of each elliptic cylinder.
TRUNK = (("root", "spine03"), ("spine03", "spine01"), ("spine01", "neck01"))
THIGHS = tuple(("upperleg01" + side, "lowerleg01" + side) for side in SIDES)
SOFT = 0.85  # the part of the flesh that does not give way


@dataclass(frozen=True, eq=False)
class Clearance:
    """Rest joints and cylinder widths of one body."""

    body: Body
    joints: NDArray  # [J, 3]
    half_widths: NDArray  # [C, 2] metres to the side and to the front: trunk, then thighs

    @staticmethod
    def of(shape: NDArray | None = None) -> "Clearance":
        """Measured on the rest pose of a shape [K]; on the mean adult by default."""
        body = Body.load()
        vertices, joints = body.rest(np.zeros(len(body.shape_basis)) if shape is None else shape)
        widths = [_half_widths(body, vertices, joints, low, high) for low, high in TRUNK + THIGHS]
        return Clearance(body, joints, SOFT * np.array(widths))

    def intrusion(self, rotations: NDArray) -> float:
        """Metres by which forearms or hands enter trunk or thighs, or shins the other thigh; 0 if clear."""
        transforms = self.body.transforms(self.joints, rotations)
        place = np.einsum("jab,jb->ja", transforms[:, :, :3], self.joints) + transforms[:, :, 3]
        at = {name: place[k] for k, name in enumerate(self.body.bones)}
        arms, shins = [], {}
        for side in SIDES:
            elbow, wrist, knuckle = (at[name + side] for name in ("lowerarm01", "wrist", "finger3-1"))
            fingers = knuckle + 0.7 * (knuckle - wrist)
            arms += [0.6 * elbow + 0.4 * wrist, 0.2 * elbow + 0.8 * wrist, knuckle, fingers]
            knee, ankle = at["lowerleg01" + side], at["foot" + side]
            shins[side] = [knee, (knee + ankle) / 2, ankle]
        deepest = 0.0
        for (low, high), half in zip(TRUNK + THIGHS, self.half_widths, strict=True):
            points = list(arms)
            if low.startswith("upperleg"):
                points += shins[".R" if low.endswith(".L") else ".L"]
            world = transforms[self.body.bone(low), :, :3]
            deepest = max(deepest, _depth(np.array(points), at[low], at[high], world, half))
        return deepest


def _half_widths(body: Body, vertices: NDArray, joints: NDArray, low: str, high: str) -> tuple[float, float]:
    """Half the extent of the flesh between two bones in the rest pose, to the side and to the front."""
    start, stop = joints[body.bone(low)], joints[body.bone(high)]
    numbers = _flesh(low, high)
    flesh = vertices[numbers] - (start + stop) / 2
    side, front = np.percentile(np.abs(flesh[:, 0]), 80), np.percentile(-flesh[:, 1], 90)
    return float(side), float(front)


@lru_cache(maxsize=len(TRUNK + THIGHS))
def _flesh(low: str, high: str) -> NDArray:
    """Skin vertices between the heads of two bones, of the same limb or of the trunk."""
    body = Body.load()
    inside = np.zeros(len(body.vertices), bool)
    inside[np.unique(body.faces)] = True
    names = np.array(body.bones)[body.skin_index[:, 0]]
    kind = "upperleg" if low.startswith("upperleg") else ("root", "pelvis", "spine", "breast")
    inside &= np.array([name.startswith(kind) for name in names])
    if low.startswith("upperleg"):
        inside &= np.char.endswith(names, low[-2:])
    z, ends = body.vertices[:, 2], sorted((body.joints[body.bone(low), 2], body.joints[body.bone(high), 2]))
    return np.flatnonzero(inside & (z > ends[0]) & (z < ends[1]))


def _depth(points: NDArray, low: NDArray, high: NDArray, world: NDArray, half: NDArray) -> float:
    """How deep the deepest of points [P, 3] lies in an elliptic cylinder along world x (side) and y."""
    axis = high - low
    along = (points - low) @ axis / (axis @ axis)
    local = (points - low - along[:, None] * axis) @ world  # in rest axes
    radius = np.hypot(local[:, 0] / half[0], local[:, 1] / half[1])
    depth = np.where((along >= 0) & (along <= 1), np.maximum(0, 1 - radius), 0)
    return float(depth.max() * half.min())
