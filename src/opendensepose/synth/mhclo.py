"""MakeHuman's garment files (.mhclo, .obj, .mhmat): read them, fit them to a body on the hm08 mesh."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BASE_VERTICES = 19158
_AXES = {"x_scale": 0, "z_scale": 1, "y_scale": 2}  # the files are y up and face +z: x, y, z -> x, -z, y


@dataclass(frozen=True, eq=False)
class Garment:
    """A mesh whose vertices hang on triples of base vertices. V vertices, F triangles."""

    name: str
    base: NDArray[np.int32]  # [V, 3] hm08 numbers
    weights: NDArray[np.float32]  # [V, 3] sum 1; may lie outside 0..1
    offset: NDArray[np.float32]  # [V, 3] file units, our axes
    scale_pairs: NDArray[
        np.int32
    ]  # [3, 2] base vertices whose distance along axis k, over scale_size, is a file unit
    scale_size: NDArray[np.float32]  # [3]
    deleted: NDArray[np.bool_]  # [19158] base vertices that the garment hides
    vertices: NDArray[np.float32]  # [V, 3] as modelled on the base mesh, file units, our axes
    faces: NDArray[np.int32]  # [F, 3]
    uv: NDArray[np.float32]  # [F, 3, 2] texture coordinates of the corners, v up
    texture: Path | None

    def fit(
        self,
        rest: NDArray[np.floating],  # [19158, 3] the body's rest shape
    ) -> NDArray[np.float32]:
        """Vertices [V, 3] on a body in its rest pose, in the body's units."""
        anchor = sum(self.weights[:, k, None] * rest[self.base[:, k]] for k in range(3))
        return (anchor + self.offset * self.unit(rest)).astype(np.float32)

    def unit(self, rest: NDArray[np.floating]) -> NDArray[np.floating]:
        """The file unit [3] along each axis, in the units of the body [19158, 3]."""
        return axis_spans(rest, self.scale_pairs) / self.scale_size

    def skinning(
        self,
        index: NDArray[np.integer],  # [19158, B] bones of the base vertices
        weight: NDArray[np.floating],  # [19158, B]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Bones [V, 5] and weights [V, 5] of the garment's vertices, from the base vertices they hang on."""
        count = len(self.base)
        dense = np.zeros((count, int(index.max()) + 1), np.float64)
        row = np.repeat(np.arange(count), 3 * index.shape[1])
        spread = self.weights[:, :, None] * weight[self.base]  # [V, 3, B]
        np.add.at(dense, (row, index[self.base].reshape(-1)), spread.reshape(-1))
        dense = np.maximum(dense, 0)  # weights that extrapolate leave negative ones
        top = np.argsort(-dense, axis=1, kind="stable")[:, :5]
        kept = np.take_along_axis(dense, top, axis=1)
        return top.astype(np.int32), (kept / kept.sum(1, keepdims=True)).astype(np.float32)


def axis_spans(
    rest: NDArray[np.floating],  # [19158, 3]
    pairs: NDArray[np.integer],  # [3, 2] base vertices
) -> NDArray[np.floating]:
    """How far apart [3] the k-th pair is along axis k."""
    axis = np.arange(3)
    return np.abs(rest[pairs[:, 0], axis] - rest[pairs[:, 1], axis])


def to_our_axes(xyz: NDArray[np.floating]) -> NDArray[np.float32]:
    """Points [..., 3] of a MakeHuman file (y up, facing +z) in our axes (z up, facing -y)."""
    return np.stack([xyz[..., 0], -xyz[..., 2], xyz[..., 1]], -1).astype(np.float32)


def read_garment(path: Path) -> Garment:
    """A .mhclo file with the .obj and the .mhmat that it names; raises ValueError where it is not one."""
    rows, scales, deleted, entries = _read_mhclo(path)
    missing = [key for key in ("obj_file", *_AXES) if key not in entries | scales]
    if missing or not rows:
        raise ValueError(
            f"{path}: expected obj_file, three scales and vertex rows, got none of {missing or ['rows']}"
        )
    vertices, faces, uv = read_obj(path.parent / entries["obj_file"])
    table = np.array(
        [row if len(row) == 9 else [row[0]] * 3 + [1, 0, 0, 0, 0, 0] for row in rows], np.float64
    )
    if len(table) != len(vertices):
        raise ValueError(f"{path}: expected {len(vertices)} vertex rows (as in the .obj), got {len(table)}")
    material = path.parent / entries["material"] if "material" in entries else None
    order = sorted(_AXES, key=_AXES.__getitem__)
    return Garment(
        name=path.stem,
        base=table[:, :3].astype(np.int32),
        weights=table[:, 3:6].astype(np.float32),
        offset=to_our_axes(table[:, 6:9]),
        scale_pairs=np.array([scales[key][:2] for key in order], np.int32),
        scale_size=np.array([scales[key][2] for key in order], np.float32),
        deleted=deleted,
        vertices=to_our_axes(vertices),
        faces=faces,
        uv=uv,
        texture=read_texture_path(material) if material and material.exists() else None,
    )


def _read_mhclo(
    path: Path,
) -> tuple[list[list[float]], dict[str, tuple[float, ...]], NDArray[np.bool_], dict[str, str]]:
    """Vertex rows (of 9 or 1 numbers), scales, hidden base vertices and other entries of a .mhclo file."""
    rows: list[list[float]] = []
    scales: dict[str, tuple[float, ...]] = {}
    entries: dict[str, str] = {}
    deleted = np.zeros(BASE_VERTICES, bool)
    mode = "head"
    for line in path.read_text("utf-8", "replace").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("verts", "delete_verts"):
            mode = words[0]
            words = words[1:] if mode == "delete_verts" else []
        if not words:
            continue
        if not words[0].lstrip("+-").replace(".", "", 1).isdigit():
            # entries may follow `verts 0`: they do not end the vertex rows
            if words[0] in _AXES:
                scales[words[0]] = (int(words[1]), int(words[2]), float(words[3]))
            else:
                entries.setdefault(words[0], " ".join(words[1:]))
        elif mode == "delete_verts":
            _mark_ranges(words, deleted)
        elif mode == "verts" and len(words) in (1, 9):
            rows.append([float(word) for word in words])
    return rows, scales, deleted, entries


def _mark_ranges(words: list[str], deleted: NDArray[np.bool_]) -> None:
    """Mark what `3 7 - 9 12` names (with spaces round the dash) in place."""
    numbers: list[int] = []
    through = False
    for word in words:
        if word == "-":
            through = True
        else:
            numbers.append(int(word))
            deleted[numbers[-2] if through else numbers[-1] : numbers[-1] + 1] = True
            through = False


def read_obj(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.float32]]:
    """Vertices [V, 3], triangles [F, 3], texture coordinates [F, 3, 2] of a .obj; polygons are fanned."""
    vertices: list[list[float]] = []
    coordinates: list[list[float]] = []
    corners: list[tuple[int, int]] = []
    for line in path.read_text("utf-8", "replace").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            vertices.append([float(word) for word in words[1:4]])
        elif words[0] == "vt":
            coordinates.append([float(word) for word in words[1:3]])
        elif words[0] == "f":
            polygon = [_corner(word) for word in words[1:]]
            for b, c in pairwise(polygon[1:]):
                corners += [polygon[0], b, c]
    table = np.array(corners, np.int32).reshape(-1, 3, 2)
    if not len(table):
        raise ValueError(f"{path}: expected faces, got none")
    uv = np.array([*coordinates, [0.0, 0.0]], np.float32)  # a corner without coordinates has number -1
    return np.array(vertices), np.ascontiguousarray(table[..., 0]), uv[table[..., 1]]


def _corner(word: str) -> tuple[int, int]:
    """Vertex and texture number (from 0; -1 = none) of `7`, `7/3`, `7//2` or `7/3/2`."""
    parts = word.split("/")
    return int(parts[0]) - 1, int(parts[1]) - 1 if len(parts) > 1 and parts[1] else -1


def read_texture_path(material: Path) -> Path | None:
    """The diffuse texture that a .mhmat file names, or None."""
    for line in material.read_text("utf-8", "replace").splitlines():
        words = line.split(maxsplit=1)
        if len(words) == 2 and words[0] == "diffuseTexture":
            path = material.parent / words[1].strip()
            return path if path.exists() else None
    return None
