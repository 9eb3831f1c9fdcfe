"""Crops of people at one scale: where they lie in the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

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
