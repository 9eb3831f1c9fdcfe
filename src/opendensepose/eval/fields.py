"""Values of an annotation or result file, checked: what, expected, got."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.io.files import InputError, brief, wrong

Box = tuple[float, float, float, float]  # x, y, width, height as in the file
MAX_NUMBER = 1e9  # of boxes and points: more is a broken file, and would not fit in integers


def entry_of(value: Any, where: str) -> Mapping[str, Any]:
    """The value as an object with keys."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected an object, got {brief(value)}")
    return value


def integer(entry: Mapping[str, Any], key: str, where: str) -> int:
    """A whole number, also written as 3.0."""
    value = entry.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 63:
        raise wrong(where, key, "a whole number", entry)
    return value


def number(entry: Mapping[str, Any], key: str, where: str) -> float:
    """A finite number."""
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise wrong(where, key, "a finite number", entry)
    try:
        return float(value)
    except OverflowError:
        raise wrong(where, key, "a finite number", entry) from None


def box(entry: Mapping[str, Any], where: str) -> Box:
    """`bbox`: x, y, width, height, finite, no negative size."""
    value = entry.get("bbox")
    good = isinstance(value, list) and len(value) == 4
    good = good and all(isinstance(n, int | float) and abs(n) <= MAX_NUMBER for n in value or ())
    if not good or value[2] < 0 or value[3] < 0:  # type: ignore[index]
        raise wrong(where, "bbox", "[x, y, width, height], finite, sizes not negative", entry)
    x, y, w, h = (float(n) for n in value)  # type: ignore[union-attr]
    return x, y, w, h


def numbers(entry: Mapping[str, Any], key: str, where: str, count: int | None = None) -> NDArray[np.float64]:
    """A list of `count` finite numbers (any count by default)."""
    try:
        values = np.array(entry.get(key), np.float64)
    except (TypeError, ValueError, OverflowError):
        values = np.full(1, np.nan)
    if values.ndim != 1 or not (np.abs(values) <= MAX_NUMBER).all():
        raise wrong(where, key, "a list of finite numbers", entry)
    if count is not None and len(values) != count:
        raise InputError(f"{where}: key {key!r}: expected {count} numbers as in 'dp_x', got {len(values)}")
    return values


def one_atlas(atlases: set[str], path: str | os.PathLike[str]) -> str | None:
    """The atlas that a file's entries name, None if they name none; InputError if they differ."""
    if len(atlases) > 1:
        raise InputError(f"{path}: expected one 'odp_atlas' in all entries, got {', '.join(sorted(atlases))}")
    return next(iter(atlases), None)
