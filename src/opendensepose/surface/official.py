"""The official surface, for those who have its files: they are not free, and none is in this package.

One folder holds them, or a folder above theirs, as the official repository lays them out (`UV_data/`,
`eval_data/`, ...):

| file | what it gives |
|---|---|
| `UV_Processed.mat` | charts, U, V and faces of the unfolded body |
| `SMPL_NEUTRAL.pkl` or `.npz`, `basicModel_*.pkl` | the body's vertices in 3D |
| `SMPL_subdiv.mat`, `SMPL_SUBDIV_TRANSFORM.mat` | the finer surface that the evaluation uses |
| `Pdist_matrix.pkl` | geodesic distances of all its vertices |
| `texture_from_SURREAL.png` | a texture of 24 charts |
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from opendensepose.io.files import InputError
from opendensepose.io.image import read_image
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import MIRROR_CHART
from opendensepose.surface.smpl import Smpl, read_smpl

FOLDERS = ("", "UV_data", "eval_data", "demo_data", "smpl", "models", "textures")
ABOVE = ("", "DensePoseData")
ROWS, COLUMNS = 6, 4  # of a texture picture: chart c is in column (c - 1) // 6, row (c - 1) % 6


class OfficialFolder:
    """Finds the official files in a folder; raises NotADirectoryError where that is none."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise NotADirectoryError(f"{path}: expected the folder of the official files, got no folder")

    def find(self, name: str) -> Path | None:
        """The file of that name, in large or small letters; None where it is not there."""
        return next((p for p in self._files() if p.name.lower() == name.lower()), None)

    def need(self, name: str, what_for: str) -> Path:
        """The same; FileNotFoundError says what it is needed for."""
        path = self.find(name)
        if path is None:
            raise FileNotFoundError(f"{self.path}: expected {name} in it for {what_for}, got none")
        return path

    def smpl(self) -> Path | None:
        """The file of the SMPL body, the neutral one before others."""
        bodies = [
            p
            for p in self._files()
            if p.suffix.lower() in (".pkl", ".npz")
            and any(word in p.name.lower() for word in ("smpl", "basicmodel"))
        ]
        return min(bodies, key=lambda p: ("neutral" not in p.name.lower(), p.name), default=None)

    def _files(self) -> Iterator[Path]:
        for above in ABOVE:
            for folder in FOLDERS:
                place = self.path / above / folder
                if place.is_dir():
                    yield from sorted(p for p in place.iterdir() if p.is_file())


def read_mat(
    path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, NDArray[np.float64]]:
    """Arrays of numbers of a MATLAB file (v5), as float64: small integer types would overflow in sums.

    Raises InputError for another file, or where one of `names` is missing.
    """
    from scipy.io import loadmat

    try:
        content = loadmat(str(path), variable_names=[*names, *optional])
        found = [*names, *(name for name in optional if name in content)]
        return {name: np.asarray(content[name]).astype(np.float64) for name in found}
    except Exception as error:  # whatever a reader of many versions comes to on a broken file
        text = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise InputError(f"{path}: expected a MATLAB file with {', '.join(names)}, got {text}") from None


@dataclass(frozen=True, eq=False)
class OfficialAtlas(Atlas):
    """The official charts on SMPL's body. They are only nearly mirrored, so the mirror goes over the mesh."""

    def flip(self, chart: ArrayLike, uv: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """The mirror image on the body: chart [P], U, V [P, 2]; chart 0, and points on no chart, stay.

        The point of the partner chart that is nearest to the mirrored point in 3D, so within some
        millimetres its own inverse.
        """
        number, at = np.array(chart, np.int64), np.array(uv, np.float64)
        xyz = self.to_xyz(number, at) * [-1, 1, 1]
        partner = MIRROR_CHART[number].astype(np.uint8)
        result = at.copy()
        known = np.isfinite(xyz).all(1)
        for c in np.unique(partner[known]):
            own = np.flatnonzero((partner == c) & known)
            face, bary, _ = self._charts[c].nearest(xyz[own])
            result[own] = self._charts[c].from_face(face, bary)[1]
        return partner, result

    @cached_property
    def _charts(self) -> list[Atlas]:
        """The same surface with the faces of one chart only, of each chart 0..24."""
        arrays = {name: getattr(self, name) for name in _KEPT}
        own = [self.face_chart == number for number in range(25)]
        return [Atlas(**arrays, faces=self.faces[k], face_chart=self.face_chart[k]) for k in own]


_KEPT = ("name", "vertices", "base", "mirror", "entry_chart", "entry_uv", "entry_vertex")


def read_atlas(path: str | os.PathLike[str]) -> OfficialAtlas:
    """The official atlas of a folder: to_xyz, from_xyz, flip, ... as our own, in our axes.

    Needs `UV_Processed.mat` and a file of SMPL. Raises NotADirectoryError, FileNotFoundError that says what
    is missing, or InputError.
    """
    folder = OfficialFolder(path)
    file = folder.need("UV_Processed.mat", "the charts of the official surface")
    body = folder.smpl()
    if body is None:
        names = "SMPL_NEUTRAL.pkl, SMPL_NEUTRAL.npz or basicModel_*.pkl"
        raise FileNotFoundError(f"{folder.path}: expected {names} in it for points in 3D, got none")
    return join(file, read_smpl(body))


def join(file: Path, smpl: Smpl) -> OfficialAtlas:
    """The atlas of the charts in `file` (UV_Processed.mat) and a body; InputError where they do not fit."""
    names = ("All_Faces", "All_FaceIndices", "All_U_norm", "All_V_norm", "All_vertices")
    content = read_mat(file, names)
    u, v = content["All_U_norm"], content["All_V_norm"]
    entries = u.size
    faces = content["All_Faces"].reshape(-1, 3).astype(np.int64) - 1
    chart = content["All_FaceIndices"].ravel().astype(np.int64)
    vertex = content["All_vertices"].ravel().astype(np.int64) - 1
    sizes = (v.size, vertex.size) == (entries, entries) and chart.size == len(faces) and len(faces) > 0
    if not sizes or faces.min() < 0 or faces.max() >= entries or chart.min() < 1 or chart.max() > 24:
        raise InputError(f"{file}: expected faces of entries in charts 1..24, got numbers that do not fit")
    if vertex.min() < 0 or vertex.max() >= len(smpl.vertices):
        got = f"{vertex.min() + 1}..{vertex.max() + 1}"
        raise InputError(f"{file}: expected vertices 1..{len(smpl.vertices)} of {smpl.path}, got {got}")
    uv = np.stack([u.ravel(), v.ravel()], 1).astype(np.float32)
    (a, b, c) = (uv[faces[:, k]].astype(np.float64) for k in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    kept = np.flatnonzero(
        np.isfinite(area) & (np.abs(area) > 1e-12)
    )  # a point has no place in a flat triangle
    kept = kept[np.argsort(chart[kept], kind="stable")]
    entry_chart = np.zeros(entries, np.uint8)
    entry_chart[faces] = chart[:, None]
    return OfficialAtlas(
        name="smpl24",
        vertices=smpl.vertices,
        base=np.arange(len(smpl.vertices), dtype=np.int32),
        mirror=_mirror(smpl.vertices),
        entry_chart=entry_chart,
        entry_uv=uv,
        entry_vertex=vertex.astype(np.int32),
        faces=_outward(faces[kept], vertex, smpl.vertices).astype(np.int32),
        face_chart=chart[kept].astype(np.uint8),
    )


def _outward(
    faces: NDArray[np.int64], vertex: NDArray[np.int64], xyz: NDArray[np.float32]
) -> NDArray[np.int64]:
    """The faces turned so that they are counterclockwise from outside: a body of positive volume."""
    a, b, c = (xyz[vertex[faces[:, k]]].astype(np.float64) for k in range(3))
    return faces if np.einsum("fd,fd->", a, np.cross(b, c)) >= 0 else faces[:, ::-1]


def _mirror(vertices: NDArray[np.float32]) -> NDArray[np.int32]:
    """[Vs] the vertex nearest to the mirror image of each."""
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(vertices).query(vertices * np.array([-1, 1, 1], np.float32))[1], np.int32)


def read_texture(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The 24 charts [24, S, S, 3] RGB of a texture picture of 4 x 6 cells, as SURREAL's are handed out.

    Texel [row, column] of a chart lies at U = column / (S - 1), V = 1 - row / (S - 1). Raises InputError for
    another shape.
    """
    picture = read_image(path)
    height, width = picture.shape[:2]
    if height * COLUMNS != width * ROWS or height % ROWS:
        raise InputError(f"{path}: expected 4 x 6 square cells, got {width} x {height} pixels")
    cell = height // ROWS
    cells = picture.reshape(ROWS, cell, COLUMNS, cell, 3).transpose(2, 0, 1, 3, 4)
    return np.ascontiguousarray(cells.reshape(ROWS * COLUMNS, cell, cell, 3))
