"""From chart logits to charts and surface coordinates at box resolution, as the published system does.

Every channel is resampled bilinearly (half-pixel centres, borders repeated, no antialias) to the integer
box, the best channel is the pixel's chart, and only that chart's U and V are resampled. Two things make it
quick and change no result: a channel is resampled only where it can be the best, and U, V are read from the
chosen plane only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from opendensepose.core.types import ChartLogits, DenseMap

BAND_PIXELS = (
    1 << 17
)  # pixels worked on at a time: bounds the memory of a very large person, and stays in cache


def integer_box(box: ArrayLike) -> tuple[int, int, int, int]:
    """Integer (x, y, w, h) of a float xyxy box: w, h taken in float32, all cut toward 0, w and h >= 1."""
    x1, y1, x2, y2 = np.asarray(box, np.float32)
    return int(x1), int(y1), max(int(x2 - x1), 1), max(int(y2 - y1), 1)


def quantise(uv: NDArray[np.floating]) -> NDArray[np.uint8]:
    """uint8 trunc(clamp(255 uv, 0, 255)) of any shape; NaN becomes 0."""
    return np.nan_to_num(np.clip(uv * np.float32(255), 0, 255)).astype(np.uint8)


def dequantise(q: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 q / 255 of any shape: the way back from `quantise`."""
    return q.astype(np.float32) / np.float32(255)


def decode(
    logits: ChartLogits,  # of N people
    boxes: NDArray[np.floating],  # [N, 4] xyxy, pixels of the image; may stick out of it
    windows: NDArray[np.integer] | None = None,  # [N, 4] x, y, w, h: where the maps lie, if not in the boxes
) -> tuple[DenseMap, ...]:
    """The N dense maps at the boxes' integer size; U and V as the network gave them, not clamped to [0, 1].

    Rule: chart = argmax of `fine` where argmax of `coarse` > 0, else 0; ties go to the lower channel.
    A confidence with 25 channels is read at the pixel's chart (0 where background), one with 1 channel is
    resampled whole.
    """
    if len(boxes) != len(logits.fine):
        raise ValueError(f"decode: expected {len(logits.fine)} boxes, one for each person, got {len(boxes)}")
    found = [integer_box(box) for box in boxes]
    places = found if windows is None else windows
    return tuple(_decode_one(logits, n, *pair) for n, pair in enumerate(zip(found, places, strict=True)))


def _decode_one(
    logits: ChartLogits, n: int, box: tuple[int, int, int, int], window: Sequence[int] | NDArray[np.integer]
) -> DenseMap:
    """The dense map of person n in a box inside the window of its maps, made band by band of rows."""
    (_, _, w, h), half = box, np.float32(0.5)
    y, x = (  # source coordinate of each row and column, in float32 as PyTorch's interpolation has it
        np.clip(
            (np.arange(start, start + count, dtype=np.float32) + half) * (np.float32(s) / np.float32(length))
            - half,
            0,
            s - half,
        )
        for start, count, length, s in (
            (box[1] - window[1], h, window[3], logits.fine.shape[2]),
            (box[0] - window[0], w, window[2], logits.fine.shape[3]),
        )
    )
    planes = {"u": logits.u[n], "v": logits.v[n], **{k: c[n] for k, c in logits.confidence.items()}}
    maps = {name: np.zeros((h, w), np.float32) for name in planes}
    labels = np.empty((h, w), np.uint8)
    step = max(BAND_PIXELS // w, 1)
    for top in range(0, h, step):
        band = slice(top, top + step)
        inside, _, can_be = _best_channel(logits.coarse[n], y[band], x)
        chart, places, _ = _best_channel(logits.fine[n], y[band], x, wanted=can_be[1:].any(0))
        labels[band] = chart * (inside > 0)
        for name, stack in planes.items():
            out = maps[name][band]
            if len(stack) == 1:
                out[:] = resample(stack[0], y[band], x)
                continue
            for channel, rows, columns in places:
                there = labels[band][rows, columns] == channel
                if channel and there.any():
                    value = resample(stack[channel], y[band][rows], x[columns])
                    np.copyto(out[rows, columns], value, where=there)
    uv = np.stack([maps.pop("u"), maps.pop("v")])
    return DenseMap(labels=labels, uv=uv, box=box, confidence=maps or None)


def _best_channel(
    planes: NDArray[np.float32],  # [C, S, T]
    y: NDArray[np.float32],  # [h] source coordinates of rows
    x: NDArray[np.float32],  # [w] source coordinates of columns
    wanted: Any = True,  # [cells] bool: where the answer matters; elsewhere any will do
) -> tuple[NDArray[np.uint8], list[tuple[int, slice, slice]], NDArray[np.bool_]]:
    """Channel [h, w] with the largest value; the rows and columns of each that may be it; and in which cells.

    A bilinear value lies between the least and the greatest of the four taps of its cell, so a channel whose
    greatest tap is below another's least tap cannot win there: it is resampled only in the box where it can.
    """
    block = planes[:, int(y[0]) : int(y[-1]) + 2]  # the source rows of these pixels
    r, c = (max(side - 1, 1) for side in block.shape[1:])  # cells between taps
    least = np.minimum(block[:, :r], block[:, -r:])
    least = np.minimum(least[:, :, :c], least[:, :, -c:]).max(0)
    most = np.maximum(block[:, :r], block[:, -r:])
    most = np.maximum(most[:, :, :c], most[:, :, -c:])
    slack = np.float32(1e-5) * np.abs(block).max()  # more than the interpolation's rounding
    can_win = (most >= least - slack) & wanted  # [C, r, c]

    row_cell = np.minimum(y.astype(np.intp) - int(y[0]), r - 1)
    column_cell = np.minimum(x.astype(np.intp), c - 1)
    channels, best = np.zeros((len(y), len(x)), np.uint8), np.full((len(y), len(x)), -np.inf, np.float32)
    places = []
    for channel in np.flatnonzero(can_win.any((1, 2))):
        down, across = (np.flatnonzero(can_win[channel].any(axis)) for axis in (1, 0))
        rows = slice(*np.searchsorted(row_cell, (down[0], down[-1] + 1)))
        columns = slice(*np.searchsorted(column_cell, (across[0], across[-1] + 1)))
        if rows.start == rows.stop or columns.start == columns.stop:  # no pixel falls between these taps
            continue
        value, so_far = resample(planes[channel], y[rows], x[columns]), best[rows, columns]
        np.copyto(channels[rows, columns], channel, where=value > so_far, casting="unsafe")
        np.maximum(so_far, value, out=so_far)
        places.append((int(channel), rows, columns))
    return channels, places, can_win


def resample(
    plane: NDArray[np.float32],  # [S, T]
    y: NDArray[np.float32],  # [h] source coordinates of rows, increasing
    x: NDArray[np.float32],  # [w] source coordinates of columns
) -> NDArray[np.float32]:
    """Bilinear values [h, w]."""
    top, left = y.astype(np.intp), x.astype(np.intp)
    bottom, right = np.minimum(top + 1, plane.shape[0] - 1), np.minimum(left + 1, plane.shape[1] - 1)
    down, across = (y - np.floor(y))[:, None], x - np.floor(x)
    source = plane[top[0] : bottom[-1] + 1]
    lines = source.take(left, 1) * (1 - across) + source.take(right, 1) * across  # [source rows, w]
    value = lines.take(top - top[0], 0)
    value *= 1 - down
    below = lines.take(bottom - top[0], 0)
    below *= down
    value += below
    return value
