"""From the directions of the main limbs to rotations of all bones.

A pose is described by world frames of fifteen main parts; `solve` shares them out over the chains of bones
(spine, neck, twist bones, clavicles) as anatomy does. T poses at once.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.body import Body
from opendensepose.synth.rotations import axis_angle, cross, fraction, frame, transpose, twist_angle, unit

SPINE = ("spine05", "spine04", "spine03", "spine02", "spine01")
NECK = ("neck01", "neck02", "neck03", "head")
SIDES = (".L", ".R")


@dataclass(frozen=True, eq=False)
class Rig:
    """Rest frames of the main parts: columns along the part, its hinge or side axis, their product."""

    body: Body
    rest: dict[str, NDArray]  # part -> [3, 3]
    elbow: float  # degrees of flexion in the rest pose
    knee: float

    @staticmethod
    @lru_cache(maxsize=1)
    def load() -> "Rig":
        """The rig of the built-in body."""
        body = Body.load()
        place = {name: body.joints[k].astype(float) for k, name in enumerate(body.bones)}
        rest = main_frames(
            {
                "hips": (place["upperleg01.L"] + place["upperleg01.R"]) / 2,
                "waist": place["spine03"],
                "chest": place["spine01"],
                "neck": place["neck01"],
                "head": place["head"],
                "eyes": (place["eye.L"] + place["eye.R"]) / 2,
                **{f"eye{s}": place[f"eye{s}"] for s in SIDES},
                **{f"shoulder{s}": place[f"upperarm01{s}"] for s in SIDES},
                **{f"elbow{s}": place[f"lowerarm01{s}"] for s in SIDES},
                **{f"wrist{s}": place[f"wrist{s}"] for s in SIDES},
                **{f"middle{s}": place[f"finger3-1{s}"] for s in SIDES},
                **{f"index{s}": place[f"finger2-1{s}"] for s in SIDES},
                **{f"pinky{s}": place[f"finger5-1{s}"] for s in SIDES},
                **{f"hip{s}": place[f"upperleg01{s}"] for s in SIDES},
                **{f"knee{s}": place[f"lowerleg01{s}"] for s in SIDES},
                **{f"ankle{s}": place[f"foot{s}"] for s in SIDES},
                **{f"toe{s}": place[f"toe3-1{s}"] for s in SIDES},
            },
        )
        return Rig(
            body,
            rest,
            elbow=_angle(rest["upperarm01.L"][:, 0], rest["lowerarm01.L"][:, 0]),
            knee=_angle(rest["upperleg01.L"][:, 0], rest["lowerleg01.L"][:, 0]),
        )

    def solve(self, world: dict[str, NDArray]) -> NDArray:
        """Local rotations [T, J, 3, 3] from world rotations [T, 3, 3] (rest -> posed) of all main parts."""
        count = len(world["root"])
        local = {"root": world["root"]}
        _chain(local, SPINE, transpose(world["root"]) @ world["spine01"], (0.2, 0.25, 0.25, 0.2, 0.1))
        _chain(local, NECK, transpose(world["spine01"]) @ world["head"], (0.25, 0.2, 0.2, 0.35))
        for side in SIDES:
            self._arm(local, world, side)
            self._leg(local, world, side)
        rotations = np.tile(np.eye(3), (count, len(self.body.bones), 1, 1))
        for name, value in local.items():
            rotations[:, self.body.bone(name)] = value
        return rotations

    def _arm(self, local: dict[str, NDArray], world: dict[str, NDArray], side: str) -> None:
        sign = 1.0 if side == ".L" else -1.0
        chest, upper = world["spine01"], world["upperarm01" + side]
        fore, hand = world["lowerarm01" + side], world["wrist" + side]
        axis = self.rest["upperarm01" + side][:, 0]
        direction = transpose(chest) @ upper @ axis  # of the upper arm, seen from the chest
        lift = np.clip(np.rad2deg(np.arccos(np.clip(-direction[:, 2], -1, 1))) - 45, -15, 120)
        reach = np.clip(np.rad2deg(np.arcsin(np.clip(-direction[:, 1], -1, 1))), -40, 60)
        # of a raised arm the shoulder girdle contributes about a quarter
        girdle = axis_angle([0, 0, 1], -sign * 0.16 * reach) @ axis_angle([0, 1, 0], -sign * 0.12 * lift)
        local["clavicle" + side] = local["shoulder01" + side] = girdle
        _twisted(
            local, ("upperarm01", "upperarm02"), side, transpose(chest @ girdle @ girdle) @ upper, axis, 0.5
        )
        local["lowerarm01" + side] = transpose(upper) @ fore
        turn = transpose(fore) @ hand
        axis = self.rest["lowerarm01" + side][:, 0]
        twist = axis_angle(axis, 0.6 * twist_angle(turn, axis))
        local["lowerarm02" + side] = twist
        local["wrist" + side] = transpose(twist) @ turn

    def _leg(self, local: dict[str, NDArray], world: dict[str, NDArray], side: str) -> None:
        root, thigh = world["root"], world["upperleg01" + side]
        shin, foot = world["lowerleg01" + side], world["foot" + side]
        axis = self.rest["upperleg01" + side][:, 0]
        _twisted(local, ("upperleg01", "upperleg02"), side, transpose(root) @ thigh, axis, 0.5)
        local["lowerleg01" + side] = transpose(thigh) @ shin
        local["foot" + side] = transpose(shin) @ foot


def _angle(one: NDArray, two: NDArray) -> float:
    return float(np.rad2deg(np.arccos(np.clip(one @ two, -1, 1))))


def _chain(
    local: dict[str, NDArray], bones: tuple[str, ...], whole: NDArray, shares: tuple[float, ...]
) -> None:
    """Shares a rotation [T, 3, 3] out over consecutive bones; their product is exactly the whole."""
    for bone, share in zip(bones, shares, strict=True):
        local[bone] = fraction(whole, share)


def _twisted(
    local: dict[str, NDArray], bones: tuple[str, str], side: str, whole: NDArray, axis: NDArray, share: float
) -> None:
    """The second bone of a limb takes a share of the twist, so that the skin does not wring at the joint."""
    twist = axis_angle(axis, share * twist_angle(whole, axis))
    local[bones[0] + side] = whole @ transpose(twist)
    local[bones[1] + side] = twist


def main_frames(p: dict[str, NDArray]) -> dict[str, NDArray]:
    """World frames [..., 3, 3] of the main parts from places [..., 3] of joints (any skeleton, z up at rest).

    Hinges come from the bend of elbow and knee, blended with a default where the limb is straight.
    """
    across = p["hip.L"] - p["hip.R"]
    frames = {
        "root": frame(across, p["waist"] - p["hips"]),
        "spine01": frame(p["shoulder.L"] - p["shoulder.R"], p["neck"] - p["chest"]),
        "head": frame(p["eye.L"] - p["eye.R"], p["eyes"] - p["head"]),
    }
    chest_x, chest_up = frames["spine01"][..., 0], frames["spine01"][..., 1]
    for side in SIDES:
        upper, fore = p["elbow" + side] - p["shoulder" + side], p["wrist" + side] - p["elbow" + side]
        palm = p["index" + side] - p["pinky" + side]
        # a straight arm: the hinge that it would have had after swinging up from the hip
        default = _swung(unit(upper), -chest_up, -chest_x)
        hinge = _hinge(unit(upper), unit(fore), default)
        frames["upperarm01" + side] = frame(upper, hinge)
        frames["lowerarm01" + side] = frame(fore, hinge)
        frames["wrist" + side] = frame(p["middle" + side] - p["wrist" + side], palm)
        thigh, shin = p["knee" + side] - p["hip" + side], p["ankle" + side] - p["knee" + side]
        foot = p["toe" + side] - p["ankle" + side]
        default = unit(cross(unit(foot), unit(shin)))
        hinge = _hinge(unit(thigh), unit(shin), default)
        frames["upperleg01" + side] = frame(thigh, hinge)
        frames["lowerleg01" + side] = frame(shin, hinge)
        frames["foot" + side] = frame(foot, cross(foot, shin))
    return frames


def _hinge(upper: NDArray, lower: NDArray, default: NDArray) -> NDArray:
    """Axis [..., 3] about which the lower part bends: measured, or the default where nearly straight."""
    bend = cross(upper, lower)
    certain = np.clip((np.linalg.norm(bend, axis=-1, keepdims=True) - 0.15) / 0.3, 0, 1)  # 9 to 27 degrees
    default = unit(default - upper * np.sum(default * upper, -1, keepdims=True))
    return unit(certain * unit(bend) + (1 - certain) * default)


def _swung(target: NDArray, start: NDArray, carried: NDArray) -> NDArray:
    """`carried` after the shortest rotation that takes `start` to `target`, all unit [..., 3]."""
    axis, cosine = cross(start, target), np.sum(start * target, -1, keepdims=True)
    along = np.sum(axis * carried, -1, keepdims=True)
    return cosine * carried + cross(axis, carried) + axis * along / np.maximum(1 + cosine, 1e-3)
