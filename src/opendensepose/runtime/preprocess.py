"""The one way from an image to the inputs of the networks: all of it, and crops of people."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

GREY = 114  # of a crop, what lies outside the image
GAP = 2  # by which the filter shrinks what is to shrink by 3 and more: means of areas, before it, are quicker


def preprocess(
    image: NDArray[np.uint8],  # [H, W, 3] RGB
    short: int,
    long: int,
    upscale: bool,
    source: NDArray[np.uint8] | None = None,  # the same picture, `coarser`, to start from
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
    source = image if source is None else source
    return np.asarray(Image.fromarray(source).resize((width, height), Image.Resampling.BILINEAR))


def coarser(image: NDArray[np.uint8], step: float) -> NDArray[np.uint8]:
    """The image [h, w, 3], or, where `step` of its pixels become one in the end, means of areas: `GAP` do."""
    if step < 1.5 * GAP:
        return image
    size = [max(round(side * GAP / step), 1) for side in image.shape[1::-1]]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def cut_out(
    image: NDArray[np.uint8],  # [H, W, 3]
    window: tuple[int, int, int, int],  # x, y, width, height
    canvas: tuple[int, int],
) -> NDArray[np.uint8]:
    """The window at canvas size [h, w, 3], by Pillow's antialiased bilinear filter; grey outside.

    Where it shrinks by 3 and more the filter sees means of areas.
    """
    out = np.full((*canvas, 3), GREY, np.uint8)
    x, y, width, height = window
    steps = np.array([width / canvas[1], height / canvas[0]])  # pixels of the image in one of the canvas
    corner, limit = np.array([x, y]), np.array(image.shape[1::-1])
    # the pixels of the canvas that lie inside the image as a whole, and their place there
    first = np.ceil(np.maximum(-corner, 0) / steps - 1e-6).astype(int)
    last = np.floor((limit - corner) / steps + 1e-6).astype(int).clip(max=canvas[::-1])
    if (last <= first).any():
        return out
    low, high = corner + first * steps, corner + last * steps
    reach = np.ceil(steps).astype(int) + 1  # of the filter
    begin = (np.floor(low).astype(int) - reach).clip(0)
    end = (np.ceil(high).astype(int) + reach).clip(max=limit)
    part = Image.fromarray(coarser(image[begin[1] : end[1], begin[0] : end[0]], steps.min()))
    inner = np.clip(np.stack([low, high]) - begin, 0, None) * part.size / (end - begin)
    inner = np.minimum(inner, part.size).ravel()
    resized = part.resize(tuple(last - first), Image.Resampling.BILINEAR, box=tuple(inner))
    out[first[1] : last[1], first[0] : last[0]] = np.asarray(resized)
    return out
