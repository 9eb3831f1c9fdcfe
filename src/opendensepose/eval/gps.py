"""Geodesic point similarity, a pure formula: the mean over points of exp(-d^2 / (2 kappa^2)) (DensePose)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def point_similarity(
    distance: NDArray[np.float32],  # [P] metres; infinite where the detection is not on the body
    kappa: NDArray[np.float64],  # [P] metres
    pair: NDArray[np.int64],  # [P] rising: which pair of detection and annotation a point belongs to
    *,
    single_precision: bool = True,
) -> NDArray[np.float64]:
    """exp(-d^2 / (2 kappa^2)) of each point [P].

    `single_precision`: squares are taken in float32 for the points of every pair that has no distance of 0
    and none that is infinite, as the reference's arrays happen to be of that type then.
    """
    double = np.asarray(distance, np.float64) ** 2
    if single_precision and len(distance):
        exact = (distance == 0) | np.isinf(distance)
        mixed = np.zeros(pair[-1] + 1, bool)
        mixed[pair[exact]] = True
        # infinities overflow nothing here: their pairs keep the double
        single = np.where(np.isinf(distance), 0, distance).astype(np.float32) ** 2
        double = np.where(mixed[pair], double, single.astype(np.float64))
    return np.exp(-double / (2 * kappa**2))


def gps(
    similarity: NDArray[np.float64],  # [P] of points, those of a pair side by side
    pair: NDArray[np.int64],  # [P] rising numbers of pairs
    pairs: int,
) -> NDArray[np.float64]:
    """The mean of each pair's points [pairs]; 0 for a pair without points."""
    ends = np.searchsorted(pair, np.arange(pairs + 1))
    result = np.zeros(pairs)
    for k, (start, end) in enumerate(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)):
        if end > start:  # one sum each, not `reduceat`: NumPy adds in pairs, and so does the reference
            result[k] = np.add.reduce(similarity[start:end]) / (end - start)
    return result
