"""A surface as the evaluation sees it: a list of entries (chart, U, V -> vertex) and distances of vertices.

Whatever gives such a list can be scored: our own atlas, one file of arrays, a folder of the official files.
E entries, V vertices, P points. An entry is a vertex as one chart sees it.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.io.files import InputError
from opendensepose.surface.parts import FINE_TO_COARSE

# distances [P] float32 in metres between vertices a [P] and b [P]
Distance = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]

_BY_COARSE = [0, 0.351, 0.107, 0.107, 0.126, 0.126, *[0.237] * 2, *[0.173] * 2, *[0.142] * 2, *[0.128] * 2]
# [25] metres: the mean distance of two points of a part on the official surface (DensePose, 2019)
KAPPA_2019: NDArray[np.float64] = np.array([*_BY_COARSE, 0.150])[FINE_TO_COARSE]
_NEIGHBOURS = 2  # asked of the tree: the nearest, and one to see whether others are as near
_APART = 4.0  # between charts in the tree's plane: more than any two points of a unit square


@dataclass(frozen=True, eq=False)
class SampledSurface:
    """Entries in the order of their file, the vertices that they name, and what distances are measured by."""

    name: str  # atlas: "odp24", "smpl24", or the file's name
    chart: NDArray[np.int64]  # [E] 1..24
    uv: NDArray[np.float64]  # [E, 2]
    vertex: NDArray[np.int64]  # [E] 0..V-1
    vertices: NDArray[np.float32]  # [V, 3] metres
    distance: Distance
    kappa: NDArray[np.float64]  # [25] metres, of each chart; 0 for the background
    faces: NDArray[np.int64] | None = None  # [F, 3] vertices of triangles, for drawing
    distance_kind: str = "euclidean"  # for people: euclidean, geodesic, ...

    def __post_init__(self) -> None:
        count, total = len(self.chart), len(self.vertices)
        if self.uv.shape != (count, 2) or self.vertex.shape != (count,) or not count:
            raise ValueError(
                f"entries: expected chart [E], uv [E, 2], vertex [E], "
                f"got {self.chart.shape}, {self.uv.shape}, {self.vertex.shape}"
            )
        if self.chart.min() < 1 or self.chart.max() > 24:
            raise ValueError(f"chart: expected 1..24, got {self.chart.min()}..{self.chart.max()}")
        if self.vertex.min() < 0 or self.vertex.max() >= total:
            got = f"{self.vertex.min()}..{self.vertex.max()}"
            raise ValueError(f"vertex: expected numbers 0..{total - 1}, got {got}")
        if not (np.isfinite(self.uv).all() and np.isfinite(self.vertices).all()):
            raise ValueError("uv and vertices: expected finite numbers, got NaN or infinity")

    def with_kappa(self, kappa: float) -> SampledSurface:
        """The same with one normalisation for all charts; the publication's is 0.255 m."""
        return replace(self, kappa=np.full(25, float(kappa)) * (np.arange(25) > 0))

    def closest(
        self,
        chart: NDArray[Any],  # [P]
        uv: NDArray[Any],  # [P, 2]
    ) -> NDArray[np.int64]:
        """The entry [P] of the same chart nearest in (U, V), of equals the first; -1 outside charts 1..24.

        Distances are compared as float64 sqrt(du^2 + dv^2): two that differ before the root may be
        equal after it, and then the order of the file decides. -1 also for U, V not finite and empty charts.
        """
        number, at = np.asarray(chart, np.int64), np.asarray(uv, np.float64).reshape(-1, 2)
        found = np.full(len(number), -1, np.int64)
        asked = np.flatnonzero((number >= 1) & (number <= 24) & np.isfinite(at).all(1))
        if len(asked) == 0:
            return found
        gap, entry = self._tree.query(_in_a_row(number[asked], at[asked]), k=_NEIGHBOURS)
        sure = gap[:, 0] * (1 + 1e-9) + 1e-12 < gap[:, 1]
        sure &= self.chart[np.minimum(entry[:, 0], len(self.chart) - 1)] == number[asked]
        found[asked[sure]] = entry[sure, 0]
        for k in asked[~sure]:
            found[k] = self._first_nearest(number[k], at[k])
        return found

    def _first_nearest(self, chart: int, uv: NDArray[np.float64]) -> int:
        """The rule itself, for one point: used where several entries are as near."""
        own = self._of_chart[chart]
        if len(own) == 0:
            return -1
        step = self.uv[own] - uv
        return int(own[np.sqrt(step[:, 0] ** 2 + step[:, 1] ** 2).argmin()])

    @cached_property
    def _of_chart(self) -> list[NDArray[np.int64]]:
        """The entries of each chart 0..24, in their order."""
        return [np.flatnonzero(self.chart == c) for c in range(25)]

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(_in_a_row(self.chart, self.uv), balanced_tree=False)


def _in_a_row(chart: NDArray[np.int64], uv: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P, 2] the charts side by side in one plane, so that one tree holds all of them."""
    return np.column_stack([uv[:, 0] + chart * _APART, uv[:, 1]])


def euclidean(vertices: NDArray[np.float32]) -> Distance:
    """Straight distances of vertices [V, 3]: differences and squares in float64, the root as float32."""
    at = np.asarray(vertices, np.float32).astype(np.float64)

    def distance(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float32]:
        dx, dy, dz = (at[a] - at[b]).T
        return np.sqrt(dx * dx + dy * dy + dz * dz).astype(np.float32)

    return distance


def read_sampled(path: str | os.PathLike[str]) -> SampledSurface:
    """A surface from one .npz of `vertices_xyz`, `U_subdiv`, `V_subdiv`, `Part_ID_subdiv`, `index` (from 1).

    Such a file has no faces, so distances are straight. Raises FileNotFoundError or InputError.
    """
    names = ("vertices_xyz", "U_subdiv", "V_subdiv", "Part_ID_subdiv", "index")
    try:
        with np.load(path, allow_pickle=False) as file:
            xyz, u, v, part, index = (np.asarray(file[name]) for name in names)
        vertices = xyz.astype(np.float32).reshape(-1, 3)
        return SampledSurface(
            name=Path(path).stem,
            chart=part.ravel().astype(np.int64),
            uv=np.stack([u.ravel(), v.ravel()], axis=1).astype(np.float64),
            vertex=index.ravel().astype(np.int64) - 1,  # int64: a stored uint16 would overflow in sums
            vertices=vertices,
            distance=euclidean(vertices),
            kappa=KAPPA_2019,
        )
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        text = " ".join(str(error).split())
        raise InputError(f"{path}: expected a surface (.npz with {', '.join(names)}), got {text}") from None
