"""The body: MakeHuman's hm08 base mesh with its helper geometry, shaped and posed by linear blend skinning.

J bones, K shape components, V = 19158 vertices, F triangles of the skin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ASSET = Path(__file__).parent / "assets" / "body.npz"
VERTICES = 19158  # hm08 with helpers; MakeHuman's garments bind to these numbers


def skin(
    points: NDArray,  # [P, 3] in the rest pose
    index: NDArray,  # [P, M] bones
    weight: NDArray,  # [P, M] summing to 1
    transforms: NDArray,  # [J, 3, 4] rest -> posed
) -> NDArray:
    """Linear blend skinning: p' = sum_m weight_m T_index_m [p, 1]; [P, 3]."""
    blend = np.zeros((len(points), 12), np.float32)
    flat = transforms.reshape(-1, 12).astype(np.float32)
    for m in range(index.shape[1]):
        blend += weight[:, m, None] * flat[index[:, m]]
    return _apply(blend.T, np.asarray(points, np.float32))


def _apply(blend: NDArray, points: NDArray) -> NDArray:
    """Row-wise blend [12, P] of 3x4 matrices times points [P, 3]."""
    x, y, z = points.T
    rows = [blend[i] * x + blend[i + 1] * y + blend[i + 2] * z + blend[i + 3] for i in (0, 4, 8)]
    return np.stack(rows, axis=1)


def _levels(parents: NDArray) -> tuple[NDArray, ...]:
    """Bones at depth 1, 2, ... below the root."""
    depth = np.zeros(len(parents), int)
    for j, parent in enumerate(parents):  # parents come before children
        depth[j] = depth[parent] + 1 if parent >= 0 else 0
    return tuple(np.flatnonzero(depth == level) for level in range(1, depth.max() + 1))


@dataclass(frozen=True, eq=False)
class Body:
    """Template, shape space, skeleton and skin of one mean adult in metres; z up, facing -y, left = +x."""

    vertices: NDArray  # [V, 3] float32, rest pose
    shape_basis: NDArray  # [K, V, 3] float32; a coefficient of 1 is one standard deviation
    joints: NDArray  # [J, 3] float32, heads of the bones
    joint_basis: NDArray  # [K, J, 3] float32
    bones: tuple[str, ...]
    parents: NDArray  # [J], -1 for the root; parents come before children
    levels: tuple[NDArray, ...]  # bones by their depth below the root
    skin_index: NDArray  # [V, 5]
    skin_weight: NDArray  # [V, 5] float32
    faces: NDArray  # [F, 3] int32, hm08 numbers; closed and mirror symmetric
    mirror: NDArray  # [V] int32: the vertex on the other side
    keypoints: tuple[NDArray, NDArray]  # COCO-17: index [17, M], weight [17, M]
    people: NDArray  # [N, K] float32: shapes of random people
    skin_matrix: NDArray  # [J, V] float32: the weights again, dense, for speed

    @staticmethod
    @lru_cache(maxsize=1)
    def load() -> "Body":
        """The built-in body, loaded once."""
        with np.load(ASSET) as file:
            data = {name: file[name] for name in file.files}
        single = {name: data[name].astype(np.float32) for name in ("shape_basis", "joint_basis", "people")}
        matrix = np.zeros((len(data["bones"]), VERTICES), np.float32)
        np.add.at(matrix, (data["skin_index"], np.arange(VERTICES)[:, None]), data["skin_weight"])
        return Body(
            vertices=data["vertices"],
            joints=data["joints"],
            bones=tuple(str(name) for name in data["bones"]),
            parents=data["parents"].astype(int),
            levels=_levels(data["parents"]),
            skin_index=data["skin_index"].astype(int),
            skin_weight=data["skin_weight"],
            faces=data["faces"],
            mirror=data["mirror"],
            keypoints=(data["keypoint_index"], data["keypoint_weight"]),
            skin_matrix=matrix,
            **single,
        )

    def bone(self, name: str) -> int:
        """The number of a bone; ValueError for an unknown name."""
        if name not in self.bones:
            raise ValueError(f"unknown bone: expected one of {', '.join(self.bones)}; got {name!r}")
        return self.bones.index(name)

    def identity(self) -> NDArray:
        """Rotations [J, 3, 3] of the rest pose."""
        return np.tile(np.eye(3, dtype=np.float32), (len(self.bones), 1, 1))

    def sample_shape(self, rng: np.random.Generator) -> NDArray:
        """Coefficients [K] of a random person, from child to old, thin to heavy."""
        row = self.people[rng.integers(len(self.people))]
        # a little noise, so that nobody occurs twice; larger would mix ages
        return (row + 0.1 * rng.standard_normal(len(row))).astype(np.float32)

    def rest(self, shape: NDArray) -> tuple[NDArray, NDArray]:
        """Vertices [V, 3] and joints [J, 3] of a shape [K] in the rest pose, float32."""
        shape = np.asarray(shape, np.float32)
        if shape.shape != (len(self.shape_basis),):
            raise ValueError(
                f"shape coefficients: expected [{len(self.shape_basis)}], got {list(shape.shape)}"
            )
        vertices = self.vertices + (shape @ self.shape_basis.reshape(len(shape), -1)).reshape(-1, 3)
        joints = self.joints + (shape @ self.joint_basis.reshape(len(shape), -1)).reshape(-1, 3)
        return vertices, joints

    def transforms(
        self,
        joints: NDArray,  # [J, 3] rest heads
        rotations: NDArray,  # [J, 3, 3] local, rest axes
    ) -> NDArray:
        """Rest -> posed [J, 3, 4] of every bone; the head of the root stays in place."""
        if rotations.shape != (len(self.bones), 3, 3):
            raise ValueError(f"rotations: expected [{len(self.bones)}, 3, 3], got {list(rotations.shape)}")
        world, heads = np.array(rotations), np.array(joints, dtype=rotations.dtype)
        for children in self.levels:  # all bones of one depth at once
            up = self.parents[children]
            heads[children] = heads[up] + np.einsum("jab,jb->ja", world[up], joints[children] - joints[up])
            world[children] = world[up] @ world[children]
        shift = heads - np.einsum("jab,jb->ja", world, joints)
        return np.concatenate([world, shift[:, :, None]], axis=2)

    def pose(
        self,
        shape: NDArray,  # [K]
        rotations: NDArray,  # [J, 3, 3] local, rest axes: world R_j = R_parent @ rotations[j]
        vertices: Sequence[int] | NDArray | None = None,  # hm08 numbers [P]; all by default
    ) -> tuple[NDArray, NDArray]:
        """Posed vertices [P, 3] float32 and joints [J, 3]: v' = sum_b w_b (R_b (v - j_b) + t_b)."""
        rest, joints = self.rest(shape)
        transforms = self.transforms(joints, rotations)
        posed_joints = np.einsum("jab,jb->ja", transforms[:, :, :3], joints) + transforms[:, :, 3]
        if vertices is not None:
            subset = np.asarray(vertices)
            posed = skin(rest[subset], self.skin_index[subset], self.skin_weight[subset], transforms)
        else:
            posed = _apply(transforms.reshape(-1, 12).T.astype(np.float32) @ self.skin_matrix, rest)
        return posed, posed_joints.astype(np.float32)

    def locate_keypoints(self, vertices: NDArray) -> NDArray:
        """COCO-17 keypoints [17, 3] of posed vertices [V, 3]."""
        index, weight = self.keypoints
        return np.einsum("km,kma->ka", weight, vertices[index])
