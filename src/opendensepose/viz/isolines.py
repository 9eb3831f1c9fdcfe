"""Anti-aliased lines of a dense map: where U or V has a round value, and where charts meet."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]  # [h, w]


def isolines(
    uv: NDArray[np.float32],  # [C, h, w]: any values that are smooth within each chart
    labels: NDArray[np.uint8],  # [h, w] chart, 0 = background
    per_unit: int,  # lines between the values 0 and 1
    width: float,  # pixels
) -> NDArray[np.float32]:
    """[C, h, w] 0..1: how much of a pixel is covered by lines where the value is a multiple of 1 / per_unit.

    A pixel's distance to the nearest line is the difference of value over the slope. Lines that would lie
    closer than a few widths fade out, so that small people and steep edges do not turn into noise.
    """
    same = [(labels[a] == labels[b]).astype(np.float32) for a, b in _PAIRS]
    phase = _smooth(uv * np.float32(per_unit), same)
    slope = _slope(phase, same)  # lines per pixel
    flat = slope < 1e-5 * per_unit
    np.maximum(slope, 1e-9, out=slope)
    line = np.abs(phase - np.rint(phase))
    line /= slope  # distance in pixels
    np.subtract(0.5 * width + 0.5, line, out=line)
    np.clip(line, 0, 1, out=line)
    fade = 1 / (4 * max(width, 1) * slope)
    fade -= 0.75
    line *= np.clip(fade, 0, 1, out=fade)  # lines 3 widths apart are gone, 7 apart are full
    line[flat] = 0
    line *= labels > 0
    return line


def borders(labels: NDArray[np.uint8], width: float) -> Plane:
    """[h, w] 0..1: soft lines where the chart changes, on both sides."""
    edge = np.zeros(labels.shape, np.uint8)
    for a, b in _PAIRS:
        change = labels[a] != labels[b]
        edge[a] |= change
        edge[b] |= change
    return np.minimum(cv2.GaussianBlur(edge.astype(np.float32), (0, 0), 0.6 * width), 1)


def edge_distance(labels: NDArray[np.uint8], sigma: float) -> Plane:
    """[h, w] pixels from the person's edge, positive inside: right near the edge, and bounded far from it.

    Blurring a half plane with a Gaussian gives the normal distribution of the distance; its slope at the edge
    is 1 / (sigma sqrt(2 pi)). The steps of the pixels are smoothed away on the way.
    """
    blurred = cv2.GaussianBlur((labels > 0).astype(np.float32), (0, 0), sigma)
    return np.asarray((blurred - 0.5) * (sigma * math.sqrt(2 * math.pi)), np.float32)


# index of all pixels but the last, and but the first, along rows and along columns
_PAIRS = (
    ((..., slice(None, -1), slice(None)), (..., slice(1, None), slice(None))),
    ((..., slice(None), slice(None, -1)), (..., slice(None), slice(1, None))),
)


def _smooth(values: NDArray[np.float32], same: list[Plane]) -> NDArray[np.float32]:
    """Two rounds of diffusion that does not cross from chart to chart: removes the steps of 8-bit values."""
    for _ in range(2):
        for (a, b), inside in zip(_PAIRS, same, strict=True):
            step = values[b] - values[a]
            step *= inside
            step *= 0.25
            values[a] += step
            values[b] -= step
    return values


def _slope(values: NDArray[np.float32], same: list[Plane]) -> NDArray[np.float32]:
    """[C, h, w] length of the gradient per pixel, from differences within the chart."""
    squared = np.zeros(values.shape, np.float32)
    for (a, b), inside in zip(_PAIRS, same, strict=True):
        step = values[b] - values[a]
        step *= inside
        total = np.zeros(values.shape, np.float32)
        total[a] += step
        total[b] += step
        count = np.zeros(values.shape[1:], np.float32)
        count[a] += inside
        count[b] += inside
        total /= np.maximum(count, 1, out=count)
        total *= total
        squared += total
    return np.sqrt(squared, out=squared)
