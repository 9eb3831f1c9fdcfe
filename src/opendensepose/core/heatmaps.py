"""From the maps of keypoint and mask heads to pixels of the image. N people, S map size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.core.decode import integer_box


def decode_keypoints(
    heatmaps: NDArray[np.float32],  # [N, 17, S, S] logits
    boxes: NDArray[np.floating],  # [N, 4] xyxy, pixels
) -> NDArray[np.float32]:
    """Keypoints [N, 17, 3]: x, y in pixels and a score in 0..1.

    The place is the mean of the 3 x 3 cells around the best one, weighted by their probability (softmax over
    the map); the score is the sum of these.
    """
    n, count, height, width = heatmaps.shape
    flat = heatmaps.reshape(n, count, height * width).astype(np.float64)
    share = np.exp(flat - flat.max(2, keepdims=True))
    share = (share / share.sum(2, keepdims=True)).reshape(heatmaps.shape)
    row, column = np.divmod(flat.argmax(2), width)
    around = np.pad(share, ((0, 0), (0, 0), (1, 1), (1, 1)))
    total, x, y = (np.zeros((n, count)) for _ in range(3))
    people, joints = np.ogrid[:n, :count]
    for dy in range(3):
        for dx in range(3):
            weight = around[people, joints, row + dy, column + dx]
            total += weight
            x += weight * (column + dx - 0.5)  # centres of cells
            y += weight * (row + dy - 0.5)
    place = np.stack([x / width, y / height], 2) / total[..., None]
    boxes = np.asarray(boxes, np.float64)[:, None]
    place = boxes[..., :2] + place * (boxes[..., 2:] - boxes[..., :2])
    return np.concatenate([place, total[..., None]], 2).astype(np.float32)


def decode_masks(
    logits: NDArray[np.float32],  # [N, 1, S, S]
    boxes: NDArray[np.floating],  # [N, 4] xyxy, pixels; may stick out of the image
    size: tuple[int, int],  # height, width of the image
) -> NDArray[np.bool_]:
    """Masks [N, H, W]: where the map, resampled bilinearly to the integer box, is above 0."""
    masks = np.zeros((len(logits), *size), bool)
    for mask, planes, box in zip(masks, logits, boxes, strict=True):
        x, y, w, h = integer_box(box)
        inside = cv2.resize(planes[0], (w, h), interpolation=cv2.INTER_LINEAR) > 0
        left, top = max(x, 0), max(y, 0)
        part = inside[top - y : size[0] - y, left - x : size[1] - x]
        mask[top : top + part.shape[0], left : left + part.shape[1]] = part
    return masks
