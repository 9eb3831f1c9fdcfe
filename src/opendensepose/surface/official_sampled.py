"""The official surface as the evaluation sees it: the subdivided body, and its geodesic distances."""

from __future__ import annotations

import hashlib
import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opendensepose.io.cache import cache_folder
from opendensepose.io.files import InputError, atomic
from opendensepose.io.unpickle import as_array, load_pickle
from opendensepose.surface.geodesic import Geodesics, on_demand
from opendensepose.surface.official import OfficialFolder, read_mat
from opendensepose.surface.sampled import KAPPA_2019, Distance, SampledSurface

LARGEST = 1_000_000  # vertices


def official_surface(path: str | os.PathLike[str]) -> SampledSurface:
    """The surface of a folder of official files, `smpl24`: distances by `Pdist_matrix.pkl`, else by heat.

    Raises NotADirectoryError, FileNotFoundError that says what is missing, or InputError.
    """
    folder = OfficialFolder(path)
    what_for = "the surface of the evaluation"
    file = folder.need("SMPL_subdiv.mat", what_for)
    mesh = ("vertex", "faces")
    content = read_mat(file, ("U_subdiv", "V_subdiv", "Part_ID_subdiv"), mesh)
    transform = folder.need("SMPL_SUBDIV_TRANSFORM.mat", what_for)
    # int64: the file's own uint16 overflows in the numbers of pairs
    index = read_mat(transform, ("index",))["index"].ravel().astype(np.int64) - 1
    if index.min(initial=0) < 0 or not 0 <= index.max(initial=-1) < LARGEST:
        raise InputError(f"{transform}: key 'index': expected numbers 1..{LARGEST}, got others")
    vertices, faces = np.zeros((int(index.max()) + 1, 3), np.float32), None
    if mesh[0] in content and mesh[1] in content:
        faces = _mesh(content["vertex"], content["faces"], index, vertices, file)
    distance, kind = _distance(folder, vertices, faces)
    try:
        return SampledSurface(
            name="smpl24",
            chart=content["Part_ID_subdiv"].ravel().astype(np.int64),
            uv=np.stack([content[f"{axis}_subdiv"].ravel() for axis in "UV"], axis=1),
            vertex=index,
            vertices=vertices,
            distance=distance,
            kappa=KAPPA_2019,
            faces=faces,
            distance_kind=kind,
        )
    except ValueError as error:
        raise InputError(f"{file}: {error}") from None


def _mesh(
    places: NDArray[np.float64],  # [3, E] or [E, 3], y up
    corners: NDArray[np.float64],  # [3, F] or [F, 3] numbers of entries from 1
    index: NDArray[np.int64],  # [E]
    vertices: NDArray[np.float32],  # [V, 3] filled here, z up, facing -y
    file: Path,
) -> NDArray[np.int64]:
    """The triangles [F, 3] of vertices."""
    places, corners = (_rows_of_three(array, file) for array in (places, corners))
    if len(places) != len(index):
        raise InputError(f"{file}: key 'vertex': expected {len(index)} places, got {len(places)}")
    if not len(corners) or corners.min() < 1 or corners.max() > len(index):
        raise InputError(f"{file}: key 'faces': expected numbers 1..{len(index)}, got others")
    vertices[index] = places[:, [0, 2, 1]] * [1, -1, 1]
    return index[corners.astype(np.int64) - 1]


def _rows_of_three(array: NDArray[np.float64], file: Path) -> NDArray[np.float64]:
    """[N, 3] of an array that has them as rows or as columns."""
    if array.ndim == 2 and 3 in array.shape:
        return array if array.shape[1] == 3 else array.T
    raise InputError(f"{file}: expected vertex and faces [3, N], got {list(array.shape)}")


def _distance(
    folder: OfficialFolder, vertices: NDArray[np.float32], faces: NDArray[np.int64] | None
) -> tuple[Distance, str]:
    path = folder.find("Pdist_matrix.pkl")
    if path is not None:
        return condensed(memory_mapped(path), len(vertices), path), "geodesic (Pdist_matrix.pkl)"
    if faces is None:
        raise FileNotFoundError(
            f"{folder.path}: expected Pdist_matrix.pkl in it, as SMPL_subdiv.mat has no faces, got none"
        )
    flat = np.asarray(faces == np.roll(faces, 1, axis=1)).any(1)
    return on_demand(Geodesics(vertices, faces[~flat])), "geodesic (by heat)"


def condensed(
    table: NDArray[np.float32],  # [V (V - 1) / 2]
    count: int,  # V
    path: Path,
) -> Distance:
    """Distances by a table of pairs a > b at a (a - 1) / 2 + b; InputError where it is for fewer vertices."""
    held = (1 + math.isqrt(1 + 8 * len(table))) // 2
    if held * (held - 1) // 2 != len(table) or held < count:
        raise InputError(f"{path}: expected the pairs of {count} vertices, got {len(table)} numbers")

    def distance(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float32]:
        high, low = (
            pick(np.asarray(a, np.int64), np.asarray(b, np.int64)) for pick in (np.maximum, np.minimum)
        )
        apart = np.flatnonzero(high != low)
        result = np.zeros(len(high), np.float32)
        result[apart] = table[high[apart] * (high[apart] - 1) // 2 + low[apart]]
        return result

    return distance


def memory_mapped(path: Path) -> NDArray[np.float32]:
    """The numbers of a pickle as an array on disk, of which only what is asked for is read.

    The first time the pickle is read and its numbers are written to the user's cache folder, under the
    place, size and date of the file.
    """
    stat = path.stat()
    key = hashlib.sha256(f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:16]
    cached = cache_folder() / "official" / f"distances-{key}.npy"
    if not cached.is_file():
        try:
            array = as_array(load_pickle(path)).ravel()
        except InputError:
            raise
        except ValueError as error:
            raise InputError(f"{path}: {error}") from None
        with atomic(cached) as beside, beside.open("wb") as file:
            np.save(file, np.asarray(array, np.float32))
    return np.asarray(np.load(cached, mmap_mode="r"))
