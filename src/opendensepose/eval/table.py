"""The numbers as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opendensepose.eval.accumulate import METRICS

TITLES = {"gps": "GPS", "gpsm": "GPSm", "segm": "mask IoU"}


def metric_rows(modes: Mapping[str, Mapping[str, float]]) -> list[str]:
    """One line per mode: the ten numbers in percent, a dash for what is not defined."""
    lines = [f"{'':10s}" + "".join(f"{name:>7s}" for name in METRICS)]
    for mode, metrics in modes.items():
        lines.append(f"{TITLES[mode]:10s}" + "".join(f"{percent(metrics[name]):>7s}" for name in METRICS))
    return lines


def percent(value: Any) -> str:
    """62.4 for 0.624; a dash for what is not defined."""
    return "-" if value is None or value < 0 else f"{100 * value:.1f}"
