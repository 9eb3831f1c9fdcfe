"""Our atlas as the evaluation sees it: evenly spread points of the body and all their geodesic distances.

The distances are computed once, by the heat method, and kept in the user's cache folder.
S sample points, E entries, V vertices of the refined mesh.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opendensepose.io.cache import cache_folder
from opendensepose.io.files import atomic
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.geodesic import Geodesics, refined
from opendensepose.surface.parts import FINE_TO_COARSE
from opendensepose.surface.sampled import Distance, SampledSurface

EDGE = 0.014  # metres: longest edge of the mesh that heat runs on; longer ones make it less exact
SPACING = 0.012  # metres between samples, at least
UNIT = 5e-5  # metres: distances are stored as multiples of it, in 16 bits: up to 3.27 m
_VERSION = 1  # of what is computed here: part of the cache file's name

Watch = Callable[[Iterable[int]], Iterable[int]]  # may show the progress of a loop, as tqdm does


@lru_cache(maxsize=1)
def sampled_atlas(name: str = "odp24", watch: Watch = iter) -> SampledSurface:
    """Our atlas with geodesic distances; the first call ever computes them (some 30 s), later ones read them.

    `watch` may show the progress. Raises ValueError for an unknown name.
    """
    mesh = _Mesh(Atlas.load(name))
    samples, mirror = mesh.choose()
    path = cache_folder() / f"geodesic_{name}_{mesh.key}.npy"
    matrix = _open(path, len(samples))
    if matrix is None:
        table = _measure(mesh, samples, mirror, watch)
        with atomic(path) as temporary:
            np.save(temporary, table)
        matrix = _open(path, len(samples))
        matrix = table if matrix is None else matrix
    number = np.full(len(mesh.points), -1)
    number[samples] = np.arange(len(samples))
    own = np.flatnonzero(number[mesh.welded] >= 0)
    chart = mesh.chart[own]
    vertex = number[mesh.welded[own]]
    return SampledSurface(
        name=name,
        chart=chart,
        uv=mesh.uv[own],
        vertex=vertex,
        vertices=mesh.points[samples].astype(np.float32),
        distance=_lookup(matrix),
        kappa=_kappa(chart, vertex, matrix),
        distance_kind="geodesic",
    )


class _Mesh:
    """The refined surface: entries as charts see them, and the points that they share."""

    def __init__(self, atlas: Atlas) -> None:
        at = atlas.vertices[atlas.entry_vertex].astype(np.float64)
        # the chart goes along as a fifth coordinate: the middle of two points of one chart is in it
        table = np.concatenate([at, atlas.entry_uv, atlas.entry_chart[:, None]], axis=1)
        table, faces = refined(table, atlas.faces.astype(np.int64), EDGE)
        self.uv = table[:, 3:5]  # [E, 2]
        self.chart = table[:, 5].astype(np.int64)  # [E]
        self.points, self.welded = np.unique(table[:, :3], axis=0, return_inverse=True)
        self.welded = self.welded.ravel()  # [E] the point of each entry
        self.faces = self.welded[faces]  # [F, 3] points
        digest = hashlib.sha256(self.points.tobytes() + self.faces.tobytes())
        digest.update(repr((EDGE, SPACING, UNIT, _VERSION)).encode())
        self.key = digest.hexdigest()[:12]

    def choose(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Samples [S] at least SPACING apart, alike on both sides of the body, and each one's mirror image.

        Points where charts meet come first: so a chart has entries along its border.
        """
        from scipy.spatial import cKDTree

        tree = cKDTree(self.points)
        other = tree.query(self.points * [-1, 1, 1])[1]
        charts = np.bincount(self.welded)
        free = np.ones(len(self.points), bool)
        chosen: list[int] = []
        for k in np.argsort(-charts, kind="stable"):
            if free[k] and free[other[k]]:
                chosen += {int(k), int(other[k])}
                free[tree.query_ball_point(self.points[k], SPACING)] = False
                free[tree.query_ball_point(self.points[other[k]], SPACING)] = False
        samples = np.sort(chosen)
        return samples, np.searchsorted(samples, other[samples])


def _measure(
    mesh: _Mesh, samples: NDArray[np.int64], mirror: NDArray[np.int64], watch: Watch
) -> NDArray[np.uint16]:
    """[S, S] symmetric distances in UNITs: half of the rows by heat, the others are their mirror images."""
    geodesics = Geodesics(mesh.points, mesh.faces)
    table = np.zeros((len(samples), len(samples)), np.uint16)
    for k in watch(np.flatnonzero(np.arange(len(samples)) <= mirror).tolist()):
        row = np.rint(geodesics.from_vertex(int(samples[k]))[samples] / UNIT)
        table[k] = np.minimum(row, np.iinfo(np.uint16).max)
        table[mirror[k]] = table[k][mirror]
    for k in range(len(samples)):  # heat from a to b and from b to a differ a little: the mean is nearer
        mean = (table[k, k:].astype(np.uint32) + table[k:, k] + 1) // 2
        table[k, k:] = table[k:, k] = mean
    return table


def _open(path: Path, count: int) -> NDArray[np.uint16] | None:
    """The cached distances, mapped into memory; None where there are none, or a broken file."""
    try:
        table: NDArray[np.uint16] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return table if table.shape == (count, count) and table.dtype == np.uint16 else None


def _lookup(table: NDArray[np.uint16]) -> Distance:
    def distance(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.asarray(table[a, b] * np.float32(UNIT))

    return distance


def _kappa(
    chart: NDArray[np.int64], vertex: NDArray[np.int64], table: NDArray[np.uint16]
) -> NDArray[np.float64]:
    """[25] metres: the mean geodesic distance of two different samples of the same part.

    A part is one of the 14 of the first annotation stage (an upper leg, front and back); left and right are
    taken together, as in the values of 2019.
    """
    groups = [0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8]  # of the 14 parts: both sides are one
    totals, pairs = np.zeros(9), np.zeros(9)
    for part in range(1, 15):
        own = np.unique(vertex[FINE_TO_COARSE[chart] == part])
        if len(own) > 1:
            totals[groups[part]] += table[np.ix_(own, own)].sum(dtype=np.float64) * UNIT
            pairs[groups[part]] += len(own) * (len(own) - 1)
    mean = totals / np.maximum(pairs, 1)
    return np.asarray(mean[groups][FINE_TO_COARSE])
