"""From drawn shapes to part regions, and from regions to points for stage 2.

Regions are painted on a raster over the person's box: h, w its sides; the longer one is RASTER pixels.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.data.rle import decode_mask

RASTER = 768  # pixels of the longer side
POINTS_PER_PART = 14
_PIXELS_PER_POINT = 12  # of the picture, at least: fewer points on tiny parts
_FINE = 4  # painted so many times finer, then read at pixel centres: fillPoly fills what an outline touches
_FIXED = 16  # cv2 takes places in 1/16 pixel
_FAR = 4 * RASTER  # a place further out than that makes no difference, and must not overflow
_SAMPLES = 4000  # pixels per part that k-means looks at

Box = tuple[float, float, float, float]  # xyxy, pixels of the picture


def raster_scale(box: Box) -> tuple[tuple[int, int], NDArray[np.float64]]:
    """(h, w) of a box's raster, and raster pixels per pixel of the picture [2] (x, y)."""
    width, height = max(box[2] - box[0], 1e-6), max(box[3] - box[1], 1e-6)
    scale = RASTER / max(width, height)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return size, np.array([size[1] / width, size[0] / height])


def paint(shapes: dict[str, dict[str, Any]], box: Box) -> NDArray[np.uint8]:
    """Part labels [h, w] (0 = background, 1..14) of a box; later shapes cover earlier ones."""
    (height, width), scale = raster_scale(box)
    labels = np.zeros((height * _FINE, width * _FINE), np.uint8)
    for shape in shapes.values():
        if shape["tool"] == "mask":
            _lay(labels, shape)
            continue
        places = (np.asarray(shape["points"], np.float64) - box[:2]) * scale
        places = np.clip(places, -_FAR, _FAR) * _FINE - 0.5
        corners = np.rint(places * _FIXED).astype(np.int32)
        if shape["tool"] == "polygon":
            cv2.fillPoly(labels, [corners], shape["part"], cv2.LINE_8, 4)
        else:
            _brush(labels, corners, shape["part"], shape["width"] * float(scale.mean()) * _FINE)
    return np.ascontiguousarray(labels[_FINE // 2 :: _FINE, _FINE // 2 :: _FINE])


def _brush(labels: NDArray[np.uint8], corners: NDArray[np.int32], part: int, width: float) -> None:
    thickness = int(np.clip(round(width), 1, 32767))
    if len(corners) > 1:
        cv2.polylines(labels, [corners], False, part, thickness, cv2.LINE_8, 4)
    for x, y in corners[[0, -1]]:
        cv2.circle(labels, (int(x), int(y)), int(width / 2 * _FIXED), part, -1, cv2.LINE_8, 4)


def _lay(labels: NDArray[np.uint8], shape: dict[str, Any]) -> None:
    """An imported mask, an RLE over the box."""
    mask = decode_mask(shape["rle"]).astype(np.uint8)
    height, width = labels.shape
    labels[cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST) > 0] = shape["part"]


def choose_points(
    labels: NDArray[np.uint8],  # [h, w]
    box: Box,
    seed: int,
    kept: list[dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Points to place: for each part up to 14, centres of a k-means over its pixels (DensePose, section 2.1).

    `kept` points that still lie in a region of their part stay, with their numbers; new ones come where their
    part has room. Each point: number, part, x, y (pixels of the picture).
    """
    _, scale = raster_scale(box)
    area = float(np.prod(1 / scale))  # picture pixels per raster pixel
    points = []
    numbers = iter(range(max((p["number"] for p in kept or []), default=-1) + 1, 100_000))
    for part in range(1, 15):
        own = np.argwhere(labels == part)[:, ::-1].astype(np.float32)  # x, y
        if not len(own):
            continue
        count = int(np.clip(len(own) * area / _PIXELS_PER_POINT, 1, POINTS_PER_PART))
        here = [p for p in kept or [] if p["part"] == part and _inside(p, labels, box, scale)][:count]
        points += here
        fixed = np.array([[p["x"], p["y"]] for p in here]).reshape(-1, 2)
        for x, y in _spread(own, count - len(here), (fixed - box[:2]) * scale - 0.5, seed + part):
            place = (np.array([x, y]) + 0.5) / scale + box[:2]
            points.append(
                {
                    "number": next(numbers),
                    "part": part,
                    "x": round(float(place[0]), 2),
                    "y": round(float(place[1]), 2),
                }
            )
    return points


def _inside(point: dict[str, Any], labels: NDArray[np.uint8], box: Box, scale: NDArray[np.float64]) -> bool:
    column, row = ((np.array([point["x"], point["y"]]) - box[:2]) * scale).astype(int)
    return (
        0 <= row < labels.shape[0] and 0 <= column < labels.shape[1] and labels[row, column] == point["part"]
    )


def _spread(
    own: NDArray[np.float32],  # [N, 2] pixels of a part
    count: int,
    fixed: NDArray[np.float64],  # [K, 2] points that are there already
    seed: int,
) -> NDArray[np.float32]:
    """[<= count, 2] pixels of the part nearest to the centres of a k-means, none near fixed points."""
    if count < 1:
        return own[:0]
    sample = own[:: max(1, len(own) // _SAMPLES)]
    cv2.setRNGSeed(seed)
    clusters = min(count + len(fixed), len(sample))
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 40, 0.1)
    labels = np.zeros((len(sample), 1), np.int32)  # OpenCV fills it
    _, _, centres = cv2.kmeans(sample, clusters, labels, criteria, 3, cv2.KMEANS_PP_CENTERS)
    if len(fixed):  # the centres furthest from any fixed point
        gap = np.linalg.norm(centres[:, None] - fixed[None], axis=2).min(1)
        centres = centres[np.argsort(-gap, kind="stable")[:count]]
    nearest = ((own[None] - centres[:, None]) ** 2).sum(2).argmin(1)
    order = np.lexsort((own[nearest, 0], own[nearest, 1]))  # from top to bottom
    return own[np.unique(nearest[order])] if len(set(nearest)) < len(nearest) else own[nearest[order]]
