"""Crops of people at one scale: where they lie in the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST = 0.3
LEAST = 8  # pixels of the image that a window is wide and high, at least


def person_window(
    box: ArrayLike,  # [4] xyxy
    canvas: tuple[int, int],  # height, width of the crop
    fill: float,
    zoom: float = 1.0,
    shift: ArrayLike = (0.0, 0.0),  # x, y in parts of the box
) -> tuple[int, int, int, int]:
    """The window (x, y, width, height) of a crop in which a box takes the share `fill` of one side, at most.

    Whole pixels of the image, out of which the window may stick; its sides are in proportion to the canvas.
    """
    corners = np.asarray(box, np.float64)
    size = np.maximum(corners[2:] - corners[:2], 1.0)
    scale = zoom * fill * min(canvas[1] / size[0], canvas[0] / size[1])
    centre = (corners[:2] + corners[2:]) / 2 + np.asarray(shift) * size
    width, height = max(round(canvas[1] / scale), LEAST), max(round(canvas[0] / scale), LEAST)
    return round(centre[0] - width / 2), round(centre[1] - height / 2), width, height


def body_box(
    body: NDArray[np.bool_],  # [S, T] cells of a crop on which somebody is seen
    window: tuple[int, int, int, int],  # of the crop: x, y, width, height
    box: NDArray[np.float32],  # [4] xyxy, by which the crop was made
) -> NDArray[np.float32]:
    """The box [4] round the body; no side is farther from that of `box` than `MOST` of its length."""
    rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
    if not len(rows):
        return box
    x, y, width, height = window
    step = np.array([width / body.shape[1], height / body.shape[0]] * 2)
    cells = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    reach = MOST * np.tile(box[2:] - box[:2], 2)
    return np.clip(np.array([x, y, x, y]) + cells * step, box - reach, box + reach).astype(np.float32)
