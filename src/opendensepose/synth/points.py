"""Sparse labels, chosen as annotators were asked to: up to 14 points per part, roughly equally far apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.types import SurfacePoints
from opendensepose.surface.parts import FINE_TO_COARSE

POINTS_PER_PART = 14
_AREA = 6  # pixels per point at least: fewer points on tiny parts
_ROUNDS = 3


def choose_points(
    rng: np.random.Generator,
    chart: NDArray[np.uint8],  # [H, W] of one person: 0 elsewhere
    uv: NDArray[np.float32],  # [2, H, W]
) -> SurfacePoints:
    """Points at pixel centres with the dense truth of their pixels; part = one of the 14 coarse ones."""
    rows, columns = np.nonzero(chart)
    coarse = FINE_TO_COARSE[chart[rows, columns]]
    chosen = []
    for part in np.unique(coarse):
        own = np.flatnonzero(coarse == part)
        count = int(np.clip(len(own) // _AREA, 1, POINTS_PER_PART))
        places = np.stack([rows[own], columns[own]], 1).astype(np.float32)
        chosen.append(own[_spread(rng, places, count)])
    pick = np.concatenate(chosen) if chosen else np.zeros(0, np.int64)
    y, x = rows[pick], columns[pick]
    return SurfacePoints(
        np.stack([x, y], 1).astype(np.float32) + np.float32(0.5),
        chart[y, x],
        uv[:, y, x].T.astype(np.float32),
    )


def _spread(rng: np.random.Generator, places: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Numbers of `count` different places [P, 2]: the nearest to the centres of some k-means."""
    sample = places[rng.choice(len(places), min(len(places), 400), replace=False)]
    centres = sample[:1]
    distance = _squared(sample, centres)[:, 0]
    for _ in range(count - 1):  # begin with places far from each other
        centres = np.concatenate([centres, sample[distance.argmax()][None]])
        distance = np.minimum(distance, _squared(sample, centres[-1:])[:, 0])
    for _ in range(_ROUNDS):
        nearest = _squared(sample, centres).argmin(1)
        weight = np.bincount(nearest, minlength=count)[:, None]
        total = np.stack([np.bincount(nearest, sample[:, k], minlength=count) for k in range(2)], 1)
        centres = np.where(weight > 0, total / np.maximum(weight, 1), centres).astype(np.float32)
    return np.unique(_squared(places, centres).argmin(0))


def _squared(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distances of places [P, 2] and [C, 2]: [P, C]."""
    dy, dx = a[:, :1] - b[:, 0], a[:, 1:] - b[:, 1]
    return dy * dy + dx * dx
