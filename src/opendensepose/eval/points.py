"""What detections say at annotated points, as distances on the surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opendensepose.eval.fields import Box
from opendensepose.eval.rules import REFERENCE, Rules
from opendensepose.eval.truth import Annotation
from opendensepose.surface.sampled import SampledSurface


@dataclass(frozen=True, eq=False)
class People:
    """The counted points of some annotations, one after the other: P points of G people."""

    xy: NDArray[np.float64]  # [P, 2] 0..255 over the box
    origin: NDArray[np.float64]  # [P, 2] x, y of the person's box
    size: NDArray[np.float64]  # [P, 2] its width, height
    chart: NDArray[np.uint8]  # [P] 1..24
    vertex: NDArray[np.int64]  # [P] of the nearest entry; -1: the surface has none in that chart
    starts: NDArray[np.int64]  # [G + 1] the points of person g are starts[g]..starts[g + 1]

    def range(self, first: int, end: int) -> slice:
        """The points of people first..end."""
        return slice(int(self.starts[first]), int(self.starts[end]))


def locate(annotations: Sequence[Annotation], surface: SampledSurface) -> People:
    """The counted points of annotations: those whose label is one of the 24 charts."""
    parts = []
    counts = []
    for a in annotations:
        known = a.points.chart > 0 if a.points is not None else np.zeros(0, bool)
        counts.append(int(np.count_nonzero(known)))
        if a.points is not None and counts[-1]:
            rows = [a.points.xy, np.tile(a.box, (len(known), 1)), a.points.uv, a.points.chart[:, None]]
            parts.append(np.concatenate(rows, axis=1)[known])
    table = np.concatenate(parts) if parts else np.zeros((0, 9))
    chart = table[:, 8].astype(np.uint8)
    entry = surface.closest(chart, table[:, 6:8])
    vertex = np.where(entry >= 0, surface.vertex[entry], -1)
    starts = np.append(0, np.cumsum(counts)).astype(np.int64)
    return People(table[:, :2], table[:, 2:4], table[:, 4:6], chart, vertex, starts)


def read_map(
    iuv: NDArray[np.uint8],  # [h, w, 3]
    box: Box,
    people: People,
    which: slice,  # points of `people`
    rules: Rules = REFERENCE,
) -> NDArray[np.uint8]:
    """Part label, U, V [P, 3] of a map at points; all 0 for points outside the map's box.

    The column is int(dp_x * gw / 255 + gx - dx), truncated toward zero: -0.9 becomes 0, which is inside
    (quirk `truncate_points`); the same for rows. Outside: negative, or int(width) and more.
    """
    at = people.xy[which] * people.size[which] / 255 + people.origin[which] - (box[0], box[1])
    pixel = np.trunc(at) if rules.truncate_points else np.floor(at)
    limit = int(box[2]), int(box[3])
    inside = (pixel >= 0).all(1) & (pixel < limit).all(1)
    column, row = pixel[inside].astype(np.int64).T
    result = np.zeros((len(pixel), 3), np.uint8)
    result[inside] = iuv[row, column]
    return result


def distances(
    read: NDArray[np.uint8],  # [P, 3] part label, U, V of detections
    vertex: NDArray[np.int64],  # [P] of the annotation
    surface: SampledSurface,
) -> NDArray[np.float32]:
    """Metres on the surface [P]; infinite where the detection (or the annotation's chart) has no vertex."""
    entry = surface.closest(read[:, 0], read[:, 1:] / 255)
    found = (entry >= 0) & (vertex >= 0)
    result = np.full(len(read), np.inf, np.float32)
    a, b = vertex[found], surface.vertex[entry[found]]
    result[found] = np.where(a == b, np.float32(0), surface.distance(a, b))
    return result
