"""Another background behind people: out of focus, as in photos taken from far."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.train.picture import Picture, blend

FAR = (0.035, 0.1)  # sigma of what is out of focus, in parts of the picture's height


def defocused(rng: np.random.Generator, picture: Picture, other: NDArray[np.uint8]) -> Picture:
    """The picture before another image [h, w, 3] out of focus: so far that who is in it is nobody."""
    height, width = picture.chart.shape
    side = max(int(min(*other.shape[:2]) * rng.uniform(0.5, 1.0)), 1)
    y, x = (int(rng.integers(0, n - side + 1)) for n in other.shape[:2])
    behind = cv2.resize(other[y : y + side, x : x + side], (width, height), interpolation=cv2.INTER_AREA)
    behind = cv2.GaussianBlur(behind, (0, 0), height * np.exp(rng.uniform(*np.log(FAR))))
    people, there = picture.image.astype(np.float32), (picture.instance > 0).astype(np.float32)
    image = blend(np.asarray(behind, np.uint8), people, there, rng.uniform(0.5, 1.2))
    return replace(picture, image=image)
