"""Whose pixel is it, where the maps of several people claim it?"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.boxes import iou
from opendensepose.core.decode import resample
from opendensepose.core.types import DenseMap, Result
from opendensepose.core.visible import visible_share

Box = tuple[int, int, int, int]  # x, y, w, h, pixels of the image


def doubled(result: Result, overlap: float, least: float) -> NDArray[np.bool_]:
    """[N, N]: n is k seen once more, for N people, best score first, and k < n.

    Their boxes meet with IoU `overlap`, and less than `least` of the pixels of n are none of those of k.
    """
    same = np.tril(iou(result.boxes, result.boxes) >= overlap, -1)
    for n, k in np.argwhere(same):
        worse, better = result.dense[n], result.dense[k]
        part = _common(worse.box, better.box)
        pixels = np.count_nonzero(worse.labels)
        if part is not None and pixels:
            shared = np.count_nonzero(_claimed_twice(worse, better, part))
            same[n, k] = pixels - shared < least * pixels
    return same


def apart(
    result: Result,  # N people, best score first
    coarse: NDArray[np.float32],  # [N, 2 | 15, S, T], windows [N, 4]: as of `settled`
    windows: NDArray[np.integer],
    least: float,  # share of one's own pixels
) -> Result:
    """The people with their pixels `settled`, without those to whom less than `least` of them are left.

    Those are somebody seen twice; what they would have had goes back to the others.
    """
    seen = replace(result, dense=settled(result.dense, coarse, windows))
    own = visible_share(seen) >= least
    return seen if own.all() else apart(result[own], coarse[own], windows[own], least)


def settled(
    dense: tuple[DenseMap, ...],  # of N people
    coarse: NDArray[np.float32],  # [N, 2 | 15, S, T] of which they were decoded; channel 0 = background
    windows: NDArray[np.integer],  # [N, 4] x, y, w, h where these lie, pixels of the image
) -> tuple[DenseMap, ...]:
    """The maps that know what is `hidden`: of all that claim a pixel one has it, labels stay as they are.

    That is the one whose logit of the body, over the background's, is largest there; the first of equals.
    """
    body = coarse[:, 1:].max(1) - coarse[:, 0]
    hidden = [np.zeros(person.labels.shape, np.bool_) for person in dense]
    for i, j in combinations(range(len(dense)), 2):
        part = _common(dense[i].box, dense[j].box)
        if part is None:
            continue
        own, other = (_within(dense[k].box, part) for k in (i, j))
        mine, theirs = (_at(body[k], windows[k], part) for k in (i, j))
        both = _claimed_twice(dense[i], dense[j], part)
        hidden[i][own] |= both & (theirs > mine)
        hidden[j][other] |= both & (theirs <= mine)
    return tuple(replace(person, hidden=its) for person, its in zip(dense, hidden, strict=True))


def _common(a: Box, b: Box) -> Box | None:
    """What two boxes share; None if that is nothing."""
    x, y = max(a[0], b[0]), max(a[1], b[1])
    w, h = min(a[0] + a[2], b[0] + b[2]) - x, min(a[1] + a[3], b[1] + b[3]) - y
    return (x, y, w, h) if w > 0 and h > 0 else None


def _claimed_twice(one: DenseMap, other: DenseMap, part: Box) -> NDArray[np.bool_]:
    """[h, w] which pixels of a part of both boxes are of the body on both maps."""
    a, b = (person.labels[_within(person.box, part)] > 0 for person in (one, other))
    return np.asarray(a & b)


def _at(plane: NDArray[np.float32], window: NDArray[np.integer], part: Box) -> NDArray[np.float32]:
    """The values [h, w] of a plane [S, T] that fills a window, at the pixels of a part of the image."""
    x, y = (
        np.clip((np.arange(count) + 0.5 + first - start) * (cells / length) - 0.5, 0, cells - 1)
        for first, count, start, length, cells in zip(
            part[:2], part[2:], window[:2], window[2:], plane.shape[::-1], strict=True
        )
    )
    return resample(plane, y.astype(np.float32), x.astype(np.float32))


def _within(box: Box, part: Box) -> tuple[slice, slice]:
    """Rows and columns of a box's map that a part of it takes."""
    top, left = part[1] - box[1], part[0] - box[0]
    return slice(top, top + part[3]), slice(left, left + part[2])
