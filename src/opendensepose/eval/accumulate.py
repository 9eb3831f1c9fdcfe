"""From the matches of all images to precision, recall, AP and AR.

T thresholds, R = 101 recalls, K categories, A areas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

AREAS: dict[str, tuple[float, float]] = {  # square pixels, both ends in
    "all": (0, 1e10),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}
RECALLS: NDArray[np.float64] = np.linspace(0, 1, 101)
METRICS = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")
_50, _75 = 0, 5  # thresholds


@dataclass(frozen=True, eq=False)
class Scored:
    """The detections of one image and category, scored for one range of areas."""

    scores: NDArray[np.float64]  # [D] falling
    counted: NDArray[np.bool_]  # [T, D] matched
    ignored: NDArray[np.bool_]  # [T, D]
    truth: int  # people to find: annotations that are not ignored


def precision_recall(
    images: Sequence[Scored],  # by rising image id
    thresholds: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision [T, R] at each recall and the last recall [T]; -1 where there is nobody to find.

    Detections of all images by falling score, equal ones in the order of the images; precision is made
    non-increasing from the right and read at the first place whose recall is enough, 0 if there is none.
    """
    people = sum(image.truth for image in images)
    if people == 0:
        return np.full((thresholds, len(RECALLS)), -1.0), np.full(thresholds, -1.0)
    order = np.argsort(-np.concatenate([image.scores for image in images]), kind="stable")
    counted = np.concatenate([image.counted for image in images], axis=1)[:, order]
    ignored = np.concatenate([image.ignored for image in images], axis=1)[:, order]
    right = np.cumsum(counted & ~ignored, axis=1, dtype=np.float64)
    wrong = np.cumsum(~counted & ~ignored, axis=1, dtype=np.float64)
    recall = right / people
    precision = right / (wrong + right + np.spacing(1))
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    result = np.zeros((thresholds, len(RECALLS)))
    for t in range(thresholds):
        place = np.searchsorted(recall[t], RECALLS, side="left")
        reached = place < len(order)
        result[t, reached] = precision[t, place[reached]]
    return result, recall[:, -1] if len(order) else np.zeros(thresholds)


def summarise(
    precision: NDArray[np.float64],  # [T, R, K, A]
    recall: NDArray[np.float64],  # [T, K, A]
) -> dict[str, float]:
    """The ten METRICS, fractions; -1 where nothing is defined."""

    def mean(values: NDArray[np.float64]) -> float:
        defined = values[values > -1]
        return float(defined.mean()) if len(defined) else -1.0

    numbers = {}
    for name, table in (("AP", precision), ("AR", recall)):
        numbers[name] = mean(table[..., 0])
        numbers |= {f"{name}50": mean(table[_50, ..., 0]), f"{name}75": mean(table[_75, ..., 0])}
        numbers |= {f"{name}m": mean(table[..., 1]), f"{name}l": mean(table[..., 2])}
    return numbers
