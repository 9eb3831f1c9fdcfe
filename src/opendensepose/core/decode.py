"""From chart logits to charts and surface coordinates at box resolution, as the published system does.

Every channel is resampled bilinearly (half-pixel centres, borders repeated, no antialias) to the integer
box, the best channel is the pixel's chart, and only that chart's U and V are resampled. Two things make it
quick and change no result: a channel is resampled only where it can be the best, and U, V are read from the
chosen plane only.
"""

from __future__ import annotations

from typing import NamedTuple

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
) -> tuple[DenseMap, ...]:
    """The N dense maps at the boxes' integer size; U and V as the network gave them, not clamped to [0, 1].

    Rule: chart = argmax of `fine` where argmax of `coarse` > 0, else 0; ties go to the lower channel.
    A confidence with 25 channels is read at the pixel's chart (0 where background), one with 1 channel is
    resampled whole.
    """
    if len(boxes) != len(logits.fine):
        raise ValueError(f"decode: expected {len(logits.fine)} boxes, one for each person, got {len(boxes)}")
    return tuple(_decode_one(logits, n, integer_box(box)) for n, box in enumerate(boxes))


class _Axis(NamedTuple):
    """Where n samples read a line of S values: value = (1 - weight) * line[low] + weight * line[high]."""

    low: NDArray[np.intp]  # [n]
    high: NDArray[np.intp]  # [n]
    weight: NDArray[np.float32]  # [n]

    def part(self, rows: slice) -> _Axis:
        return _Axis(self.low[rows], self.high[rows], self.weight[rows])


def _axis(size: int, n: int) -> _Axis:
    """Taps from a line of `size` to n samples: source = (i + 0.5) size / n - 0.5 in float32, clamped at 0."""
    half, ratio = np.float32(0.5), np.float32(size) / np.float32(n)
    source = np.maximum((np.arange(n, dtype=np.float32) + half) * ratio - half, 0)
    low = np.minimum(source.astype(np.intp), size - 1)
    return _Axis(low, np.minimum(low + 1, size - 1), source - low.astype(np.float32))


def _decode_one(logits: ChartLogits, n: int, box: tuple[int, int, int, int]) -> DenseMap:
    """The dense map of person n, made band by band of rows."""
    _, _, w, h = box
    coarse, fine = logits.coarse[n], logits.fine[n]
    rows, columns = _axis(fine.shape[1], h), _axis(fine.shape[2], w)
    coarse_can = _can_win(coarse)
    fine_can = _can_win(fine) & coarse_can[1:].any(0)
    labels = np.zeros((h, w), np.uint8)
    maps = {name: np.zeros((h, w), np.float32) for name in ("u", "v", *logits.confidence)}
    planes = {"u": logits.u[n], "v": logits.v[n], **{k: c[n] for k, c in logits.confidence.items()}}
    by_chart = [name for name in planes if len(planes[name]) > 1]
    step = max(BAND_PIXELS // w, 1)
    for top in range(0, h, step):
        band = slice(top, top + step)
        y = rows.part(band)
        chart = _best_channel(fine, fine_can, y, columns)
        chart[_best_channel(coarse, coarse_can, y, columns) == 0] = 0
        labels[band] = chart
        r, c = np.nonzero(chart)
        values = _gather([planes[name] for name in by_chart], chart[r, c], r, c, y, columns)
        for name, value in zip(by_chart, values, strict=True):
            maps[name][band][r, c] = value
        for name in planes.keys() - by_chart:
            r, c = (i.ravel() for i in np.indices(chart.shape))
            maps[name][band] = _gather([planes[name]], 0 * r, r, c, y, columns)[0].reshape(chart.shape)
    uv = np.stack([maps.pop("u"), maps.pop("v")])
    return DenseMap(labels=labels, uv=uv, box=box, confidence=maps or None)


def _can_win(planes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """[C, S, T]: may channel c be the largest somewhere between taps [i, i + 1] x [j, j + 1]?

    A bilinear value lies between the least and the greatest of its four taps, so a channel whose greatest
    tap is below another one's least tap cannot win there. The slack covers the rounding of the interpolation.
    """
    least, most = planes.copy(), planes.copy()
    for array, pick in ((least, np.minimum), (most, np.maximum)):
        pick(array[:, :-1], array[:, 1:], out=array[:, :-1])
        pick(array[:, :, :-1], array[:, :, 1:], out=array[:, :, :-1])
    slack = np.float32(1e-5) * np.abs(planes).max()
    return most >= least.max(0) - slack


def _best_channel(
    planes: NDArray[np.float32],  # [C, S, T]
    can_win: NDArray[np.bool_],  # [C, S, T] of _can_win
    y: _Axis,  # h output rows
    x: _Axis,  # w output columns
) -> NDArray[np.uint8]:
    """[h, w] the channel with the largest value; each is resampled only inside the box that it can win in."""
    labels = np.zeros((len(y.low), len(x.low)), np.uint8)
    best = np.full(labels.shape, -np.inf, np.float32)
    reach = can_win[:, y.low[0] : y.low[-1] + 1]  # [C, source rows of this band, T]
    for channel in np.flatnonzero(reach.any((1, 2))):
        down, across = (np.flatnonzero(reach[channel].any(axis)) for axis in (1, 0))
        r0, r1 = np.searchsorted(y.low, (down[0] + y.low[0], down[-1] + y.low[0] + 1))
        c0, c1 = np.searchsorted(x.low, (across[0], across[-1] + 1))
        if r0 == r1 or c0 == c1:  # shrinking: no output sample falls between these taps
            continue
        low, high, weight = x.part(slice(c0, c1))
        first = y.low[r0]
        source = planes[channel, first : y.high[r1 - 1] + 1]
        lines = source.take(low, 1) * (1 - weight) + source.take(high, 1) * weight  # [source rows, c1 - c0]
        low, high, weight = y.part(slice(r0, r1))
        value = lines.take(low - first, 0)
        value *= (1 - weight)[:, None]
        below = lines.take(high - first, 0)
        below *= weight[:, None]
        value += below
        there = best[r0:r1, c0:c1]
        np.copyto(labels[r0:r1, c0:c1], channel, where=value > there, casting="unsafe")
        np.maximum(there, value, out=there)
    return labels


def _gather(
    planes: list[NDArray[np.float32]],  # [C, S, T] each
    channel: NDArray[np.integer],  # [P] which of the C planes all four taps of a pixel are read from
    r: NDArray[np.intp],  # [P] output row
    c: NDArray[np.intp],  # [P] output column
    y: _Axis,
    x: _Axis,
) -> list[NDArray[np.float32]]:
    """The interpolated values [P] of each of `planes` at P output pixels."""
    _, s, t = planes[0].shape
    start = channel.astype(np.intp) * (s * t)
    upper, lower = start + y.low[r] * t, start + y.high[r] * t
    left, right = x.low[c], x.high[c]
    wy, wx = y.weight[r], x.weight[c]
    taps = (upper + left, upper + right, lower + left, lower + right)
    weights = ((1 - wy) * (1 - wx), (1 - wy) * wx, wy * (1 - wx), wy * wx)
    flat = [plane.reshape(-1) for plane in planes]
    return [sum(w * values.take(i) for i, w in zip(taps, weights, strict=True)) for values in flat]
