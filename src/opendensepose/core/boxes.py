"""Boxes as float32 [N, 4] xyxy, continuous pixels: pixel k covers [k, k + 1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def as_boxes(boxes: ArrayLike) -> NDArray[np.float32]:
    """float32 [N, 4] xyxy of boxes or of one box; ValueError unless finite, x1 <= x2 and y1 <= y2."""
    try:
        array = np.asarray(boxes, np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"boxes: expected N rows of 4 numbers (x1, y1, x2, y2), got {error}") from None
    array = array.reshape(-1, 4) if array.size == 0 or array.shape == (4,) else array
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes: expected shape [N, 4] (x1, y1, x2, y2), got {list(array.shape)}")
    # the negated test also catches NaN
    bad = ~(np.isfinite(array).all(1) & (array[:, 2] >= array[:, 0]) & (array[:, 3] >= array[:, 1]))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"boxes: expected finite x1 <= x2 and y1 <= y2, got {array[row].tolist()} in row {row}"
        )
    return array


def iou(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union [N, M] of boxes a [N, 4] and b [M, 4]; 0 where both are empty."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    side = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.clip(side, 0, None).prod(2)  # [N, M]
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(1), (b[:, 2:] - b[:, :2]).prod(1)
    union = area_a[:, None] + area_b[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def distinct(boxes: NDArray[np.floating], overlap: float) -> NDArray[np.intp]:
    """Numbers of those of boxes [N, 4], best first, that no better one of them meets with IoU `overlap`."""
    return foremost(iou(boxes, boxes) >= overlap)


def foremost(same: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Numbers of those of N things, best first, that are not the `same` [N, N] as a better one of them."""
    kept: list[int] = []
    for n in range(len(same)):
        if not same[n, kept].any():
            kept.append(n)
    return np.array(kept, np.intp)
