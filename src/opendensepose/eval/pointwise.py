"""Errors of single points: how many are right as a function of geodesic error, its area, means per part.

Every annotated point counts, on people who are to be found. A person is found by the best-scored free
detection with box IoU >= 0.5; all points of a person whom nobody finds are wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.eval.scoring import PointErrors
from opendensepose.surface.parts import PART_NAMES

AUC_LIMITS = (0.10, 0.30)  # metres
CURVE: NDArray[np.float64] = np.linspace(0, 0.5, 101)  # metres


@dataclass(frozen=True, eq=False)
class Pointwise:
    """All points of all people, one after the other."""

    chart: NDArray[np.uint8]  # [P] annotated
    distance: NDArray[np.float32]  # [P] metres; infinite: background there, or the person is missed
    found: NDArray[np.bool_]  # [P] whether the person is found
    people: int
    people_found: int

    @staticmethod
    def of(errors: Sequence[PointErrors]) -> Pointwise:
        """The points of these people."""
        found = [np.full(len(e.chart), e.detection is not None) for e in errors]
        return Pointwise(
            np.concatenate([e.chart for e in errors] or [np.zeros(0, np.uint8)]),
            np.concatenate([e.distance for e in errors] or [np.zeros(0, np.float32)]),
            np.concatenate(found or [np.zeros(0, bool)]),
            len(errors),
            sum(e.detection is not None for e in errors),
        )

    def of_found(self) -> Pointwise:
        """The points of people who are found."""
        keep = self.found
        return Pointwise(
            self.chart[keep], self.distance[keep], self.found[keep], self.people_found, self.people_found
        )

    def summary(self) -> dict[str, Any]:
        """Numbers for JSON; metres, fractions; None where there are no points."""
        return {
            "people": self.people,
            "people_found": self.people_found,
            **measures(self.distance),
            "curve": {"error_m": CURVE.tolist(), "ratio": ratio_correct(self.distance, CURVE).tolist()},
            "parts": {
                PART_NAMES[c]: measures(self.distance[self.chart == c])
                for c in range(1, 25)
                if (self.chart == c).any()
            },
        }


def measures(distance: NDArray[np.float32]) -> dict[str, Any]:
    """Points, share off the body, mean and median error of the others, and the areas under the curve."""
    on_body = distance[np.isfinite(distance)]
    numbers: dict[str, Any] = {
        "points": len(distance),
        "lost": float(1 - len(on_body) / len(distance)) if len(distance) else None,
        "mean_error_m": float(on_body.mean(dtype=np.float64)) if len(on_body) else None,
        "median_error_m": float(np.median(on_body)) if len(on_body) else None,
    }
    for limit in AUC_LIMITS:
        name = f"AUC{round(100 * limit)}"
        numbers[name] = area_under_curve(distance, limit) if len(distance) else None
    return numbers


def ratio_correct(distance: NDArray[np.float32], limits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of points [L] whose error is at most each limit [L] in metres."""
    if len(distance) == 0:
        return np.zeros(len(limits))
    return np.searchsorted(np.sort(distance.astype(np.float64)), limits, side="right") / len(distance)


def area_under_curve(distance: NDArray[np.float32], limit: float) -> float:
    """(1 / a) integral from 0 to a of the ratio of correct points: exactly the mean of max(0, 1 - d / a)."""
    return float(np.maximum(0, 1 - distance.astype(np.float64) / limit).mean())
