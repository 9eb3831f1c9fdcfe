"""The body surface cut into 24 flat charts: from chart and U, V to points of the body, and back.

P points, F triangles, Vs surface vertices, E entries. An entry is a vertex as one chart sees it: a vertex on
the border of charts, or where a hand or foot is cut open, has several entries, each with its own U, V.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from opendensepose.surface.parts import MIRROR_CHART

ASSETS = Path(__file__).parent / "assets"
TOLERANCE = 0.1  # of a chart's width: how far beside a chart a point may lie and still be taken to its edge
_GRID = 128  # buckets per side of a chart
_INSIDE = -1e-6  # barycentric coordinate: float32 U, V on an edge must count as inside
_CHUNK = 256  # points whose distances to every face are held at once


@dataclass(frozen=True, eq=False)
class Atlas:
    """24 charts on the body: U, V in [0, 1]; triangles counterclockwise seen from outside the body.

    In the (U, V) plane all triangles of one chart turn the same way, some charts counterclockwise, the others
    clockwise: see `orientation`.
    """

    name: str
    vertices: NDArray[np.float32]  # [Vs, 3] metres, rest pose: z up, facing -y, left = +x
    base: NDArray[np.int32]  # [Vs] their numbers in the body's mesh (hm08)
    mirror: NDArray[np.int32]  # [Vs] the vertex on the other side
    entry_chart: NDArray[np.uint8]  # [E] 1..24
    entry_uv: NDArray[np.float32]  # [E, 2]
    entry_vertex: NDArray[np.int32]  # [E] 0..Vs-1
    faces: NDArray[np.int32]  # [F, 3] numbers of entries, sorted by chart
    face_chart: NDArray[np.uint8]  # [F] 1..24

    @staticmethod
    def load(name: str = "odp24") -> Atlas:
        """The built-in atlas, loaded once; or the official one out of the folder of its files.

        Raises ValueError for an unknown name; for a folder as `surface.official.read_atlas`.
        """
        if name == "odp24":
            return _load(name)
        if Path(name).is_dir():
            from opendensepose.surface.official import read_atlas

            return read_atlas(name)
        raise ValueError(f"unknown atlas: expected 'odp24' or the folder of the official files, got {name!r}")

    @cached_property
    def triangles(self) -> NDArray[np.int32]:
        """[F, 3] the surface vertices of each face."""
        return self.entry_vertex[self.faces]

    @cached_property
    def orientation(self) -> NDArray[np.int8]:
        """[25] +1 where a chart drawn with U right, V up shows the body from outside, -1 if mirrored."""
        sign = np.zeros(25, np.int8)
        sign[self.face_chart] = np.sign(_doubled_area(self._corners))
        return sign

    @cached_property
    def _corners(self) -> NDArray[np.float64]:
        """[F, 3, 2] U, V of the corners of each face."""
        return self.entry_uv[self.faces].astype(np.float64)

    @cached_property
    def _buckets(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Faces whose bounding box meets each grid cell: first [25 * G * G + 1] into faces [K]."""
        cell = np.clip((self._corners * _GRID).astype(int), 0, _GRID - 1)
        low, high = cell.min(1), cell.max(1)
        wide, tall = (high - low + 1).T
        face = np.repeat(np.arange(len(self.faces)), wide * tall)
        step = np.arange(len(face)) - np.repeat(np.cumsum(wide * tall) - wide * tall, wide * tall)
        x = low[face, 0] + step % wide[face]
        y = low[face, 1] + step // wide[face]
        bucket = (self.face_chart[face].astype(int) * _GRID + y) * _GRID + x
        first = np.searchsorted(np.sort(bucket), np.arange(25 * _GRID * _GRID + 1))
        return first, face[np.argsort(bucket, kind="stable")]

    @cached_property
    def _borders(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Per chart 0..24 the edges of one face only: face [B], corner [B] at which the edge begins."""
        edges = np.sort(np.stack([self.faces, np.roll(self.faces, -1, axis=1)], 2).reshape(-1, 2), axis=1)
        _, first, count = np.unique(edges, axis=0, return_index=True, return_counts=True)
        face, corner = np.divmod(first[count == 1], 3)
        return [(face[k], corner[k]) for k in (self.face_chart[face] == c for c in range(25))]

    def to_face(
        self,
        chart: ArrayLike,  # [P] 1..24
        uv: ArrayLike,  # [P, 2]
        tolerance: float = TOLERANCE,  # in units of U, V
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """The face under each point: face [P], barycentric coordinates [P, 3], distance [P] in units of U, V.

        A point beside its chart goes to the nearest point of the chart's border; its distance says how far
        that is. Beyond `tolerance`, on chart 0 and for U, V that are not finite: face -1, bary NaN. Raises
        ValueError for wrong shapes or chart numbers.
        """
        number, at = _points(chart, uv)
        known = (number > 0) & np.isfinite(at).all(1)
        face, bary = self._inside(number, np.where(known[:, None], at, 2.0))
        distance = np.where(face >= 0, 0.0, np.inf)
        for c in np.unique(number[known & (face < 0)]):
            out = np.flatnonzero(known & (face < 0) & (number == c))
            face[out], bary[out], distance[out] = self._to_border(int(c), at[out])
        far = ~(distance <= tolerance)
        face[far], bary[far] = -1, np.nan
        return face, bary, distance

    def _inside(self, chart: NDArray, uv: NDArray) -> tuple[NDArray, NDArray]:
        """Face [P] that contains each point, -1 if none, and bary [P, 3]."""
        first, faces = self._buckets
        x, y = np.clip((uv * _GRID).astype(int), 0, _GRID - 1).T
        bucket = (chart * _GRID + y) * _GRID + x
        start, count = first[bucket], first[bucket + 1] - first[bucket]
        face, best = np.full(len(uv), -1), np.full(len(uv), _INSIDE)
        left = np.flatnonzero(count)
        for k in range(
            count.max(initial=0)
        ):  # the k-th candidate of every point that is not yet well inside a face
            left = left[(count[left] > k) & (best[left] < -_INSIDE)]
            candidate = faces[start[left] + k]
            depth = self._bary(candidate, uv[left]).min(1)
            better = depth >= best[left]
            face[left[better]], best[left[better]] = candidate[better], depth[better]
        bary = np.full((len(uv), 3), np.nan)
        found = face >= 0
        bary[found] = np.clip(self._bary(face[found], uv[found]), 0, 1)
        return face, bary / bary.sum(1, keepdims=True)

    def _bary(self, face: NDArray, uv: NDArray) -> NDArray:
        """Barycentric coordinates [P, 3] of points [P, 2] in faces [P]."""
        u0, v0, ua, va, ub, vb = self._inverse[face].T
        du, dv = uv[:, 0] - u0, uv[:, 1] - v0
        b, c = du * ua + dv * va, du * ub + dv * vb
        return np.stack([1 - b - c, b, c], 1)

    @cached_property
    def _inverse(self) -> NDArray[np.float64]:
        """[F, 6] U, V of a face's first corner, then the map from (U, V) - that to the other two weights."""
        first = self._corners[:, 0]
        (x, y), (p, q) = (self._corners[:, 1] - first).T, (self._corners[:, 2] - first).T
        area = x * q - y * p
        return np.stack([*first.T, q / area, -p / area, -y / area, x / area], 1)

    def _to_border(self, chart: int, uv: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Nearest border point of one chart: face [P], bary [P, 3], distance [P]."""
        face, corner = self._borders[chart]
        a = self._corners[face, corner]  # [B, 2]
        along = self._corners[face, (corner + 1) % 3] - a
        length = (along * along).sum(1)  # squared
        result = np.empty(len(uv), np.int64), np.zeros((len(uv), 3)), np.empty(len(uv))
        for part in _chunks(len(uv)):
            step = uv[part] @ along.T - (a * along).sum(1)  # [p, B] (uv - a) . along
            t = np.clip(step / length, 0, 1)
            # |uv - a - t along|^2 less |uv|^2
            best = ((a * a).sum(1) - 2 * uv[part] @ a.T + t * (t * length - 2 * step)).argmin(1)
            rows = np.arange(len(best))
            t = t[rows, best]
            result[0][part] = face[best]
            result[1][part.start + rows, corner[best]] = 1 - t
            result[1][part.start + rows, (corner[best] + 1) % 3] = t
            result[2][part] = np.linalg.norm(uv[part] - a[best] - t[:, None] * along[best], axis=1)
        return result

    def to_xyz(
        self,
        chart: ArrayLike,  # [P]
        uv: ArrayLike,  # [P, 2]
        vertices: ArrayLike | None = None,  # [Vs, 3] any pose; the rest pose by default
        tolerance: float = TOLERANCE,
    ) -> NDArray[np.float64]:
        """Points of the body [P, 3], in the units of `vertices`; NaN where `to_face` finds no face."""
        points = self.vertices if vertices is None else np.asarray(vertices)
        if points.shape != self.vertices.shape:
            raise ValueError(
                f"vertices: expected shape {list(self.vertices.shape)}, got {list(points.shape)}"
            )
        face, bary, _ = self.to_face(chart, uv, tolerance)
        return np.einsum("pk,pkd->pd", bary, points[self.triangles[face]])

    def from_face(self, face: ArrayLike, bary: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Chart [P] and U, V [P, 2] at barycentrics [P, 3] of faces [P]; face -1 gives chart 0 and NaN."""
        number, weight = np.asarray(face, np.int64), np.asarray(bary, np.float64)
        uv = np.einsum("pk,pkd->pd", weight, self._corners[number])
        missing = number < 0
        return np.where(missing, 0, self.face_chart[number]), np.where(missing[:, None], np.nan, uv)

    def from_vertex(self, vertex: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Chart [P] and U, V [P, 2] of surface vertices [P]; the lowest where several charts meet."""
        entry = self._first_entry[np.asarray(vertex, np.int64)]
        return self.entry_chart[entry], self.entry_uv[entry]

    @cached_property
    def _first_entry(self) -> NDArray[np.int64]:
        """[Vs] the lowest entry of each vertex."""
        return np.unique(self.entry_vertex, return_index=True)[1]

    def nearest(
        self,
        xyz: ArrayLike,  # [P, 3] metres
        vertices: ArrayLike | None = None,  # [Vs, 3] any pose; the rest pose by default
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """The nearest point of the surface: face [P], bary [P, 3], distance [P]."""
        corners = np.asarray(self.vertices if vertices is None else vertices, np.float64)[self.triangles]
        points = np.asarray(xyz, np.float64).reshape(-1, 3)
        centre = corners.mean(1)
        radius = np.linalg.norm(corners - centre[:, None], axis=2).max(1)
        result = np.empty(len(points), np.int64), np.empty((len(points), 3)), np.empty(len(points))
        for part in _chunks(len(points)):
            p = points[part]
            squared = (p * p).sum(1)[:, None] - 2 * p @ centre.T + (centre * centre).sum(1)
            distance = np.sqrt(np.maximum(squared, 0))
            # the centre of some face is a point of the surface, so faces that begin further away are out
            row, face = np.nonzero(distance - radius <= distance.min(1, keepdims=True) + 1e-6)
            bary = _closest_on_triangle(corners[face], p[row])
            gap = np.linalg.norm(np.einsum("pk,pkd->pd", bary, corners[face]) - p[row], axis=1)
            order = np.lexsort((gap, row))
            best = order[np.unique(row[order], return_index=True)[1]]
            result[0][part], result[1][part], result[2][part] = face[best], bary[best], gap[best]
        return result

    def from_xyz(self, xyz: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Chart [P] and U, V [P, 2] of the surface points nearest to `xyz` [P, 3], rest pose, metres."""
        face, bary, _ = self.nearest(xyz)
        return self.from_face(face, bary)

    def flip(self, chart: ArrayLike, uv: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """The mirror image on the body: chart [P], U, V [P, 2]. Its own inverse; chart 0 stays as it is."""
        number, at = _points(chart, uv)
        u, v = at.T
        u = np.where(_FLIPS_U[number], 1 - u, u)
        v = np.where(_FLIPS_V[number], 1 - v, v)
        return MIRROR_CHART[number], np.stack([u, v], 1)


_FLIPS_U = np.isin(np.arange(25), (3, 4, 5, 6, 23, 24))
_FLIPS_V = np.isin(np.arange(25), (1, 2))


@lru_cache(maxsize=1)
def _load(name: str) -> Atlas:
    with np.load(ASSETS / f"{name}.npz") as file:
        return Atlas(name=name, **{key: file[key] for key in file.files})


def _points(chart: ArrayLike, uv: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Checked chart numbers [P] and U, V [P, 2]."""
    number, at = np.asarray(chart, np.int64), np.asarray(uv, np.float64)
    if number.ndim != 1 or at.shape != (len(number), 2):
        raise ValueError(f"chart and uv: expected shapes [P] and [P, 2], got {number.shape} and {at.shape}")
    if len(number) and not (number.min() >= 0 and number.max() <= 24):
        raise ValueError(f"chart: expected 0..24, got {number.min()}..{number.max()}")
    return number, at


def _chunks(n: int) -> list[slice]:
    return [slice(k, min(k + _CHUNK, n)) for k in range(0, n, _CHUNK)]


def _doubled_area(corners: NDArray) -> NDArray:
    """[F] twice the signed area of triangles [F, 3, 2], positive for counterclockwise (U right, V up)."""
    (x, y), (p, q) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    return x * q - y * p


def _closest_on_triangle(corners: NDArray, at: NDArray) -> NDArray:
    """[P, 3] barycentric coordinates of the point of a triangle [P, 3, 3] nearest to `at` [P, 3]."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, ac, ap = b - a, c - a, at - a
    d11, d12, d22 = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
    e1, e2 = (ap * ab).sum(1), (ap * ac).sum(1)
    area = np.maximum(d11 * d22 - d12 * d12, 1e-30)
    v, w = (d22 * e1 - d12 * e2) / area, (d11 * e2 - d12 * e1) / area
    best = np.stack([1 - v - w, v, w], 1)
    gap = np.where(
        (best >= 0).all(1), 0.0, np.inf
    )  # the foot of the perpendicular, if inside, beats every edge
    for i, j in ((0, 1), (1, 2), (2, 0)):
        edge = corners[:, j] - corners[:, i]
        offset = at - corners[:, i]
        t = np.clip((offset * edge).sum(1) / np.maximum((edge * edge).sum(1), 1e-30), 0, 1)
        distance = ((offset - t[:, None] * edge) ** 2).sum(1)
        nearer = distance < gap
        on_edge = np.zeros_like(best)
        on_edge[:, i], on_edge[:, j] = 1 - t, t
        best = np.where(nearer[:, None], on_edge, best)
        gap = np.where(nearer, distance, gap)
    return best
