"""COCO's run-length masks of a whole file, checked at once before pycocotools is given them.

pycocotools trusts its input: runs that do not fit the mask make it write beside its memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.io.files import InputError, brief
from opendensepose.io.image import MAX_PIXELS

_LONGEST = 7  # characters of one run: 35 bits


def pack(value: Any, size: tuple[int, int] | None, where: str) -> dict[str, Any]:
    """An RLE as pycocotools takes it, `counts` as bytes; raises InputError for another thing.

    `size`: what its size must be, else at most MAX_PIXELS. The runs are for `fit` to check.
    """
    shape: Any = value.get("size") if isinstance(value, dict) else None
    counts: Any = value.get("counts") if isinstance(value, dict) else None
    good = isinstance(shape, list) and len(shape) == 2 and all(type(n) is int and n > 0 for n in shape)
    good = good and (tuple(shape) == size if size else shape[0] * shape[1] <= MAX_PIXELS)
    if not good:
        expected = f"RLEs of {size[0]} x {size[1]}" if size else "an RLE with 'size' and 'counts'"
        raise InputError(f"{where}: expected {expected}, got {brief(value)}")
    if isinstance(counts, list):
        counts = _from_list(counts, shape, where)
    if not isinstance(counts, str):
        raise InputError(f"{where}: expected 'counts' as a string or list, got {brief(counts)}")
    return {"size": shape, "counts": counts.encode("ascii", "replace")}


def _from_list(counts: list[Any], shape: list[int], where: str) -> str:
    """The compressed form of a list of run lengths."""
    from pycocotools import mask as coco

    whole = all(type(n) is int and 0 <= n <= MAX_PIXELS for n in counts)
    if not whole or sum(counts) != shape[0] * shape[1]:
        raise InputError(f"{where}: expected runs that add up to {shape[0]} x {shape[1]}, got others")
    packed: bytes = coco.frPyObjects({"size": shape, "counts": counts}, *shape)["counts"]
    return packed.decode("ascii")


def fit(rles: Sequence[dict[str, Any]]) -> NDArray[np.bool_]:
    """Which of these [N], as `pack` gives them, are whole."""
    return fits([r["counts"] for r in rles], np.array([r["size"][0] * r["size"][1] for r in rles], np.int64))


def fits(
    strings: Sequence[bytes],  # [N] COCO's compressed counts
    sizes: NDArray[np.int64],  # [N] pixels of each mask
) -> NDArray[np.bool_]:
    """Whether the runs of each string [N] are whole, not negative, and add up to its mask's size."""
    good = np.zeros(len(strings), bool)
    length = np.array([len(s) for s in strings], np.int64)
    raw = np.frombuffer(b"".join(strings), np.uint8).astype(np.int64) - 48
    owner = np.repeat(np.arange(len(strings)), length)
    # a bad character or an unfinished last run spoils its string only
    odd = (raw < 0) | (raw > 63)
    last_of_string = np.cumsum(length)[length > 0] - 1
    odd[last_of_string] |= (raw[last_of_string] & 32) > 0
    spoiled = np.bincount(owner[odd], minlength=len(strings)) > 0
    good[length > 0] = True
    good &= ~spoiled
    raw, owner = raw[good[owner]], owner[good[owner]]
    if len(raw) == 0:
        return good
    ends = np.flatnonzero((raw & 32) == 0)
    starts = np.append(0, ends[:-1] + 1)
    runs, first = _runs(_values(raw, starts, ends), owner[starts])
    bad = (runs < 0) | (ends - starts >= _LONGEST)
    asked = owner[starts[first]]
    totals = np.add.reduceat(np.where(bad, -1 << 40, runs), first)  # a bad run cannot be made good by others
    good[asked] = totals == sizes[asked]
    return good


def _values(raw: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The signed numbers [R] of characters raw[starts..ends]: five bits each, the lowest first."""
    width = ends - starts + 1
    value = raw[starts] & 31
    for place in range(1, _LONGEST):
        longer = np.flatnonzero(width > place)
        if len(longer) == 0:
            break
        value[longer] |= (raw[starts[longer] + place] & 31) << (5 * place)
    negative = np.flatnonzero(raw[ends] & 16)
    value[negative] -= np.int64(1) << (5 * np.minimum(width[negative], _LONGEST))
    return value


def _runs(
    value: NDArray[np.int64],  # [R] as stored
    owner: NDArray[np.int64],  # [R] rising number of the string
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Run lengths [R], and where each string's begin.

    From the fourth run on each is stored as the difference to the one two before: sums over every second one.
    """
    first = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
    count = np.diff(np.append(first, len(value)))
    sums = value.copy()
    sums[::2], sums[1::2] = np.cumsum(value[::2]), np.cumsum(value[1::2])
    before = np.where(first > 0, sums[first - 1], 0)  # what a string's second, fourth, ... run starts from
    odd = (np.arange(len(value)) - np.repeat(first, count)) % 2 == 1
    runs = sums - np.where(odd, np.repeat(before, count), np.repeat(sums[first], count))
    runs[first] = value[first]
    return runs, first
