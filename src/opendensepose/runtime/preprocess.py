"""The one way from an image to the network's input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def input_size(image_size: tuple[int, int], short: int, long: int, upscale: bool) -> tuple[int, int]:
    """Height and width of the network's input: short side = `short`, unless the long side would pass `long`.

    The published system's rule (both sides in float, each rounded half up at the end), with at least 1 pixel;
    without `upscale` an image that is smaller keeps its size.
    """
    scale = short / min(image_size)
    sides = [short if side == min(image_size) else side * scale for side in image_size]
    if max(sides) > long:
        sides = [side * (long / max(sides)) for side in sides]
    if not upscale and max(sides) > max(image_size):
        return image_size
    return max(int(sides[0] + 0.5), 1), max(int(sides[1] + 0.5), 1)


def preprocess(
    image: NDArray[np.uint8],  # [H, W, 3] RGB
    short: int,
    long: int,
    upscale: bool,
) -> NDArray[np.uint8]:
    """The image at the network's size [h, w, 3], by Pillow's antialiased bilinear filter on uint8."""
    height, width = input_size(image.shape[:2], short, long, upscale)
    if (height, width) == image.shape[:2]:
        return np.ascontiguousarray(image)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
