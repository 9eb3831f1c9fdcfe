"""The numbers as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opendensepose.eval.accumulate import METRICS
from opendensepose.eval.pointwise import Pointwise, measures
from opendensepose.surface.parts import PART_NAMES

TITLES = {"gps": "GPS", "gpsm": "GPSm", "segm": "mask IoU"}
COCO_TITLES = {"bbox": "COCO box", "segm": "COCO mask", "keypoints": "COCO keypoints"}
_COCO = ("AP", "AP50", "AP75", "APm", "APl", "AR")  # what all three kinds have


def metric_rows(modes: Mapping[str, Mapping[str, float]]) -> list[str]:
    """One line per mode: the ten numbers in percent, a dash for what is not defined."""
    lines = [f"{'':15s}" + "".join(f"{name:>7s}" for name in METRICS)]
    for mode, metrics in modes.items():
        lines.append(f"{TITLES[mode]:15s}" + "".join(f"{percent(metrics[name]):>7s}" for name in METRICS))
    return lines


def small_rows(coco: Mapping[str, Mapping[str, float]]) -> list[str]:
    """One line per kind of COCO's own evaluation, below the same columns."""
    lines = []
    for kind, numbers in coco.items():
        cells = [percent(numbers[name]) for name in _COCO]
        lines.append(f"{COCO_TITLES[kind]:15s}" + "".join(f"{cell:>7s}" for cell in cells))
    return lines


def pointwise_rows(points: Pointwise) -> list[str]:
    """Points right and their errors: all people, those found, and each part of those found."""
    if points.people == 0:
        return []
    found = points.of_found()
    head = f"{points.people_found} of {points.people} people found (box IoU >= 0.5)"
    lines = ["", f"{head:42s}{'points':>8s}{'off body':>9s}{'AUC10':>7s}{'AUC30':>7s}{'mean error':>12s}"]
    rows = {"all people (missed: all points wrong)": measures(points.distance)}
    rows["people found"] = measures(found.distance)
    for c in range(1, 25):
        own = found.distance[found.chart == c]
        if len(own):
            rows[f"  {c:2d} {PART_NAMES[c]}"] = measures(own)
    for name, row in rows.items():
        error = row["mean_error_m"]
        cells = [percent(row[key]) for key in ("lost", "AUC10", "AUC30")]
        length = "-" if error is None else f"{100 * error:.1f} cm"
        lines.append(f"{name:42s}{row['points']:8d}{cells[0]:>9s}{cells[1]:>7s}{cells[2]:>7s}{length:>12s}")
    return lines


def percent(value: Any) -> str:
    """62.4 for 0.624; a dash for what is not defined."""
    return "-" if value is None or value < 0 else f"{100 * value:.1f}"
