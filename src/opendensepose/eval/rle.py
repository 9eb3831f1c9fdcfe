"""COCO's run-length masks of a whole file, checked at once before pycocotools is given them.

pycocotools trusts its input: runs that do not fit the mask make it write beside its memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LONGEST = 7  # characters of one run: 35 bits


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
    runs, run_owner, long = _unpack(raw, owner)
    bad = (runs < 0) | long
    totals = np.zeros(len(strings), np.int64)
    np.add.at(totals, run_owner, np.where(bad, 0, runs))
    bad_owner = np.bincount(run_owner[bad], minlength=len(strings)) > 0
    return good & ~bad_owner & (totals == sizes)


def _unpack(
    raw: NDArray[np.int64], owner: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Run lengths [R], their strings [R], and which were too long to be read [R]."""
    ends = np.flatnonzero((raw & 32) == 0)
    starts = np.append(0, ends[:-1] + 1)
    width = ends - starts + 1
    place = np.arange(len(raw)) - np.repeat(starts, width)
    bits = (raw & 31) << (5 * np.minimum(place, _LONGEST))
    value = np.add.reduceat(bits, starts)
    negative = (raw[ends] & 16) > 0
    value -= negative * (np.int64(1) << (5 * np.minimum(width, _LONGEST)))
    run_owner = owner[starts]
    # from the fourth run on each is the difference to the one two before: sums of every second one
    first = np.flatnonzero(np.append(True, run_owner[1:] != run_owner[:-1]))
    index = np.arange(len(value)) - np.repeat(first, np.diff(np.append(first, len(value))))
    runs = value.copy()
    for parity in (0, 1):
        chain = np.flatnonzero((index % 2 == parity) & (index > 0))
        if len(chain) == 0:
            continue
        total = np.cumsum(value[chain])
        begins = np.flatnonzero(np.append(True, run_owner[chain][1:] != run_owner[chain][:-1]))
        base = total[begins] - value[chain][begins]
        runs[chain] = total - np.repeat(base, np.diff(np.append(begins, len(chain))))
    return runs, run_owner, width > _LONGEST
