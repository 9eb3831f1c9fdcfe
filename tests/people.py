"""Fake people for the tests of files and pictures: random blobs of charts, U and V in boxes."""

import numpy as np

from opendensepose.core.decode import integer_box
from opendensepose.core.types import DenseMap, Result


def person(box: tuple[float, float, float, float], seed: int = 0) -> DenseMap:
    """A dense map at the integer box of xyxy `box`: an ellipse of four charts, uv multiples of 1 / 255."""
    x, y, w, h = integer_box(box)
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:h, :w]
    inside = ((row + 0.5) / h - 0.5) ** 2 + ((column + 0.5) / w - 0.5) ** 2 <= 0.25
    charts = rng.choice(np.arange(1, 25), 4, replace=False).astype(np.uint8)
    labels = np.where(inside, charts[row * 4 // h], 0).astype(np.uint8)
    uv = rng.integers(0, 256, (2, h, w)).astype(np.float32) / np.float32(255) * (labels > 0)
    return DenseMap(labels, uv.astype(np.float32), (x, y, w, h))


def people(size: tuple[int, int], boxes: list[tuple[float, float, float, float]]) -> Result:
    """A Result of an image of (height, width) with one fake person per xyxy box, best score first."""
    return Result(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.linspace(0.95, 0.5, len(boxes), dtype=np.float32),
        dense=tuple(person(box, seed) for seed, box in enumerate(boxes)),
        image_size=size,
    )
