"""From what a pixel shows to its point on the body surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.atlas import Atlas
from opendensepose.surface.body import Body
from opendensepose.surface.jit import njit
from opendensepose.synth.dress import Outfit


@dataclass(frozen=True, eq=False)
class SurfaceTruth:
    """Chart and U, V of the points of dressed people."""

    atlas: Atlas
    face: NDArray[np.int64]  # [F] face of the atlas for each of `Body.faces`, -1 where cut differently
    corner: NDArray[np.int64]  # [F, 3] which corner of Body's face each corner of the atlas' face is
    rest: NDArray[np.float32]  # [V, 3] rest pose by hm08 number
    surface: NDArray[np.int32]  # [F, 3] faces of the atlas by hm08 number
    ring_start: NDArray[np.int64]  # [V + 1] for each hm08 vertex, where its faces are listed in `ring`
    ring: NDArray[np.int64]  # faces of the atlas

    @staticmethod
    def of(atlas: Atlas, body: Body) -> SurfaceTruth:
        """The tables for one atlas."""
        surface = atlas.base[atlas.entry_vertex[atlas.faces]]
        order = np.argsort(surface, 1)
        number = {tuple(row): f for f, row in enumerate(np.take_along_axis(surface, order, 1).tolist())}
        own = np.argsort(body.faces, 1)
        wanted = np.take_along_axis(body.faces, own, 1).tolist()
        face = np.array([number.get(tuple(row), -1) for row in wanted])
        corner = np.empty_like(own)  # the corner with the k-th smallest number, in both
        np.put_along_axis(corner, order[face], own, 1)
        flat = surface.ravel()
        ring = np.argsort(flat, kind="stable") // 3
        start = np.searchsorted(np.sort(flat), np.arange(len(body.vertices) + 1))
        rest = np.zeros_like(body.vertices, np.float32)
        rest[atlas.base] = atlas.vertices
        return SurfaceTruth(atlas, face, corner, rest, surface.astype(np.int32), start, ring)

    def locate(
        self,
        outfit: Outfit,
        face: NDArray[np.integer],  # [P]
        bary: NDArray[np.floating],  # [P, 3]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Faces [P] and barycentrics [P, 3] of the atlas at points of an outfit.

        Behind clothes and hair it is the nearest surface point of the body in the rest pose.
        """
        body_face = outfit.body_face[face]
        bare = (body_face >= 0) & (self.face[body_face] >= 0)
        out_face = np.zeros(len(face), np.int64)
        out_bary = np.zeros((len(face), 3), np.float32)
        out_face[bare] = self.face[body_face[bare]]
        out_bary[bare] = np.take_along_axis(bary[bare], self.corner[body_face[bare]], 1)
        if not bare.all():
            corners = outfit.faces[face[~bare]]
            weights = bary[~bare].astype(np.float32)
            points = np.einsum("pk,pkc->pc", weights, outfit.truth[corners]).astype(np.float32)
            main = np.take_along_axis(corners, weights.argmax(1)[:, None], 1)[:, 0]
            start = outfit.truth_vertex[main]
            out_face[~bare], out_bary[~bare] = _nearest(
                points, start, self.ring_start, self.ring, self.surface, self.rest
            )
        return out_face, out_bary


@njit(cache=True, nogil=True)
def _nearest(points, start, ring_start, ring, surface, rest):  # type: ignore[no-untyped-def]
    """Surface point nearest to each of `points` [P, 3]: face [P], barycentrics [P, 3].

    Looks at the faces that meet at vertex `start` [P], then round the main corner of the best, up to 4 times.
    """
    faces, barys = np.zeros(len(points), np.int64), np.zeros((len(points), 3), np.float32)
    for p in range(len(points)):
        vertex, best = start[p], np.inf
        for _ in range(4):
            before = vertex
            for r in range(ring_start[vertex], ring_start[vertex + 1]):
                f = ring[r]
                w0, w1, w2, d = _closest(points, p, rest, surface[f, 0], surface[f, 1], surface[f, 2])
                if d < best:
                    best, faces[p] = d, f
                    barys[p, 0], barys[p, 1], barys[p, 2] = w0, w1, w2
            vertex = surface[faces[p], np.argmax(barys[p])]
            if vertex == before or min(barys[p, 0], barys[p, 1], barys[p, 2]) > 0:
                break  # inside a face: nothing near is nearer
    return faces, barys


@njit(cache=True, nogil=True)
def _closest(points, p, rest, a, b, c):  # type: ignore[no-untyped-def]
    """Barycentrics of the point of a triangle nearest to point p, squared distance (Ericson 2005, 5.1.5)."""
    d1 = d2 = d3 = d4 = d5 = d6 = 0.0
    for k in range(3):
        at, ab, ac = points[p, k], rest[b, k] - rest[a, k], rest[c, k] - rest[a, k]
        d1 += ab * (at - rest[a, k])
        d2 += ac * (at - rest[a, k])
        d3 += ab * (at - rest[b, k])
        d4 += ac * (at - rest[b, k])
        d5 += ab * (at - rest[c, k])
        d6 += ac * (at - rest[c, k])
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0 and d2 <= 0:
        v, w = 0.0, 0.0
    elif d3 >= 0 and d4 <= d3:
        v, w = 1.0, 0.0
    elif d6 >= 0 and d5 <= d6:
        v, w = 0.0, 1.0
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        v, w = d1 / (d1 - d3), 0.0
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        v, w = 0.0, d2 / (d2 - d6)
    elif va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        v = 1 - w
    else:
        total = 1.0 / (va + vb + vc)
        v, w = vb * total, vc * total
    distance = 0.0
    for k in range(3):
        distance += ((1 - v - w) * rest[a, k] + v * rest[b, k] + w * rest[c, k] - points[p, k]) ** 2
    return 1 - v - w, v, w, distance
