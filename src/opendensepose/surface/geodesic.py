"""Distances along the surface of any triangle mesh, by libigl: exact, or a hundred times faster by heat.

Heat method: Crane et al., "Geodesics in Heat", 2013. Exact: Mitchell et al., "The discrete geodesic problem",
1987. V vertices, F triangles.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from opendensepose.surface.sampled import Distance

Method = Literal["heat", "exact"]
_ROWS_BYTES = 1 << 28  # distances from sources that are remembered


class Geodesics:
    """Distances on one mesh; what the heat method needs is prepared once.

    The heat method is off by about 1 % on an even mesh, and by more where the mesh is finer in one place
    than in another: `refined` evens it out. Vertices of other connected pieces are infinitely far.
    """

    def __init__(
        self,
        vertices: ArrayLike,  # [V, 3]
        faces: ArrayLike,  # [F, 3]
        method: Method = "heat",
    ) -> None:
        """Raises ValueError for other shapes, numbers outside 0..V-1 or an unknown method."""
        self.vertices = np.ascontiguousarray(vertices, np.float64)
        self.faces = np.ascontiguousarray(faces, np.int64)
        if self.vertices.shape[1:] != (3,) or self.faces.shape[1:] != (3,) or not len(self.faces):
            got = f"{self.vertices.shape} and {self.faces.shape}"
            raise ValueError(f"mesh: expected vertices [V, 3] and faces [F, 3], got {got}")
        if self.faces.min() < 0 or self.faces.max() >= len(self.vertices):
            got = f"{self.faces.min()}..{self.faces.max()}"
            raise ValueError(f"faces: expected numbers 0..{len(self.vertices) - 1}, got {got}")
        if method not in ("heat", "exact"):
            raise ValueError(f"method: expected 'heat' or 'exact', got {method!r}")
        self.method = method
        self._piece = _pieces(self.faces, len(self.vertices))
        self._solvers: dict[int, tuple[NDArray[np.int64], Callable[[int], NDArray[np.float64]]]] = {}

    def from_vertex(self, source: int) -> NDArray[np.float64]:
        """Distances [V] of all vertices from one, in the unit of `vertices`."""
        result = np.full(len(self.vertices), np.inf)
        piece = int(self._piece[source])
        if piece not in self._solvers:
            self._solvers[piece] = self._prepare(piece)
        members, solve = self._solvers[piece]
        result[members] = solve(int(np.searchsorted(members, source)))
        result[source] = 0
        return result

    def _prepare(self, piece: int) -> tuple[NDArray[np.int64], Callable[[int], NDArray[np.float64]]]:
        """The vertices of one connected piece, rising, and its solver."""
        members = np.flatnonzero(self._piece == piece)
        faces = np.searchsorted(members, self.faces[self._piece[self.faces[:, 0]] == piece])
        if len(faces) == 0:
            return members, lambda source: np.zeros(len(members))
        if self.method == "heat":
            with contextlib.suppress(RuntimeError):  # of pieces too small or too thin for its equations
                return members, _heat(self.vertices[members], faces)
        return members, _exact(self.vertices[members], faces)


def _heat(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> Callable[[int], NDArray[np.float64]]:
    import igl

    data = igl.HeatGeodesicsData()
    igl.heat_geodesics_precompute(vertices, faces, igl.avg_edge_length(vertices, faces) ** 2, data)

    def solve(source: int) -> NDArray[np.float64]:
        distance: NDArray[np.float64] = igl.heat_geodesics_solve(data, np.array([source]))
        # no path is shorter than the straight line; near the source, heat is least exact
        return np.maximum(distance, np.linalg.norm(vertices - vertices[source], axis=1))

    return solve


def _exact(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> Callable[[int], NDArray[np.float64]]:
    import igl

    none, every = np.zeros(0, np.int64), np.arange(len(vertices))

    def solve(source: int) -> NDArray[np.float64]:
        distance: NDArray[np.float64] = igl.exact_geodesic(
            vertices, faces, np.array([source]), none, every, none
        )
        return distance

    return solve


def _pieces(faces: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """[V] the number of each vertex's connected piece."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def on_demand(geodesics: Geodesics) -> Distance:
    """Distances of pairs of vertices, solved from each first vertex when it first comes up."""
    rows = max(_ROWS_BYTES // (4 * len(geodesics.vertices)), 1)

    @lru_cache(maxsize=rows)
    def row(source: int) -> NDArray[np.float32]:
        return geodesics.from_vertex(source).astype(np.float32)

    def distance(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float32]:
        result = np.zeros(len(a), np.float32)
        order = np.argsort(a, kind="stable")
        for own in np.split(order, np.flatnonzero(np.diff(a[order])) + 1) if len(a) else ():
            result[own] = row(int(a[own[0]]))[b[own]]
        return result

    return distance


def refined(
    points: NDArray[np.float64],  # [V, 3 + more]: x, y, z and whatever else is to be interpolated
    faces: NDArray[np.int64],  # [F, 3]
    longest: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The mesh with every edge longer than `longest` halved, and again, until none is left.

    The shape stays as it is. Points added are behind the old ones; edges that lie at the same place are
    halved at the same place, bit by bit, so that pieces cut along an edge still fit.
    """
    while True:
        corners = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2), axis=2).reshape(-1, 2)
        edges, of_corner = np.unique(corners, axis=0, return_inverse=True)
        length = np.linalg.norm(points[edges[:, 0], :3] - points[edges[:, 1], :3], axis=1)
        long = np.flatnonzero(length > longest)
        if len(long) == 0:
            return points, faces
        number = np.full(len(edges), -1)
        number[long] = len(points) + np.arange(len(long))
        points = np.concatenate([points, (points[edges[long, 0]] + points[edges[long, 1]]) / 2])
        faces = _split(points, faces, number[of_corner.reshape(-1, 3)])


def _split(points: NDArray[Any], faces: NDArray[Any], middle: NDArray[Any]) -> NDArray[np.int64]:
    """Faces cut where their edges (corner k to k + 1) have new points: `middle` [F, 3], -1 = none."""
    halved = (middle >= 0).sum(1)
    parts = [faces[halved == 0]]
    for k in range(3):
        turned = np.roll(faces, -k, axis=1), np.roll(middle, -k, axis=1)
        one = (halved == 1) & (middle[:, k] >= 0)
        (a, b, c), m = turned[0][one].T, turned[1][one, 0]
        parts += [np.stack([a, m, c], 1), np.stack([m, b, c], 1)]
        two = (halved == 2) & (middle[:, k] < 0)
        (a, b, c), (_, m, n) = turned[0][two].T, turned[1][two].T
        parts.append(np.stack([m, c, n], 1))
        # the rest a, b, m, n is cut along its shorter diagonal
        first = np.linalg.norm(points[a, :3] - points[m, :3], axis=1)
        shorter = first <= np.linalg.norm(points[b, :3] - points[n, :3], axis=1)
        parts.append(np.stack([a, b, np.where(shorter, m, n)], 1))
        parts.append(np.stack([np.where(shorter, a, b), m, n], 1))
    (a, b, c), (x, y, z) = faces[halved == 3].T, middle[halved == 3].T
    parts += [np.stack(t, 1) for t in ((a, x, z), (x, b, y), (z, y, c), (x, y, z))]
    return np.concatenate(parts)
