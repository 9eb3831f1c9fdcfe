"""The one way from an image to the network's input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def preprocess(
    image: NDArray[np.uint8],  # [H, W, 3] RGB
    short: int,
    long: int,
    upscale: bool,
) -> NDArray[np.uint8]:
    """The image at the network's size [h, w, 3], by Pillow's antialiased bilinear filter on uint8.

    Size, as in the published system: the short side is `short`, unless the long side would pass `long`; both
    in float, each rounded half up at the end, at least 1. Without `upscale` a smaller image keeps its size.
    """
    smaller = min(image.shape[:2])
    sides = [short if side == smaller else side * (short / smaller) for side in image.shape[:2]]
    if max(sides) > long:
        sides = [side * (long / max(sides)) for side in sides]
    height, width = (max(int(side + 0.5), 1) for side in sides)
    if (height, width) == image.shape[:2] or (not upscale and max(sides) > max(image.shape)):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
