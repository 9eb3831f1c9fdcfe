"""What the accuracy benchmarks count: matched boxes, surface points at pixels, rest-pose distances."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.boxes import iou
from opendensepose.core.types import DenseMap
from opendensepose.data.coco import KEYPOINTS
from opendensepose.eval.scoring import found_by
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.body import Body

LIMBS = [k for k, name in enumerate(KEYPOINTS) if name.split("_")[-1] not in ("nose", "eye", "ear")]
_OTHER_SIDE = {"left": "right", "right": "left"}
_SIDES = [name.partition("_") for name in KEYPOINTS]
# the keypoint on the other side, [17]
PARTNER = [KEYPOINTS.index(_OTHER_SIDE.get(side, side) + bar + joint) for side, bar, joint in _SIDES]
NOSE, LEFT_EYE, RIGHT_EYE = 0, 1, 2
LEFT_SHOULDER, RIGHT_SHOULDER = KEYPOINTS.index("left_shoulder"), KEYPOINTS.index("right_shoulder")


def match(
    boxes: NDArray[Any],  # [N, 4] xyxy found, best score first
    truth: NDArray[Any],  # [M, 4] xyxy annotated
    overlap: float = 0.5,
) -> NDArray[np.int64]:
    """Which found box [M] each annotated one gets (-1 = missed): greedy by score, IoU >= `overlap`."""
    return found_by(iou(boxes, truth), overlap)


def read_map(dense: DenseMap | None, xy: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Chart [P] (0 = background, outside the map, or nobody) and uv [P, 2] at image points xy [P, 2]."""
    chart, uv = np.zeros(len(xy), np.uint8), np.zeros((len(xy), 2), np.float32)
    if dense is None:
        return chart, uv
    x, y, w, h = dense.box
    column, row = np.floor(xy[:, 0]).astype(int) - x, np.floor(xy[:, 1]).astype(int) - y
    inside = (column >= 0) & (column < w) & (row >= 0) & (row < h)
    chart[inside] = dense.labels[row[inside], column[inside]]
    uv[inside] = dense.uv[:, row[inside], column[inside]].T
    return chart, uv


def surface_points(atlas: Atlas, chart: NDArray[np.uint8], uv: NDArray[Any]) -> NDArray[np.float64]:
    """Rest-pose points [P, 3] in metres of chart [P] and uv [P, 2]; NaN where the chart is 0.

    Coordinates beside a chart, which networks give, go to the nearest point of its border, however far.
    """
    points = np.full((len(chart), 3), np.nan)
    body = chart > 0
    if body.any():
        points[body] = atlas.to_xyz(chart[body], uv[body], tolerance=np.inf)
    return points


def distance(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Euclidean distance [P] in metres of points [P, 3]; infinite where either is NaN."""
    return np.nan_to_num(np.linalg.norm(a - b, axis=-1), nan=np.inf)


def template_keypoints(body: Body, atlas: Atlas) -> NDArray[np.float64]:
    """Places [17, 3] of the COCO keypoints on the surface of the mean body in its rest pose."""
    chart, uv = atlas.from_xyz(body.locate_keypoints(body.vertices))
    return np.asarray(atlas.to_xyz(chart, uv), np.float64)


def swapped(
    points: NDArray[Any],  # [17, 3] predicted surface points, NaN = background
    template: NDArray[Any],  # [17, 3]
) -> NDArray[np.bool_]:
    """Whether the surface point at each limb keypoint lies nearer to the other side's place; [17]."""
    own, other = distance(points, template), distance(points, template[PARTNER])
    result = other < own
    result[[k for k in range(len(KEYPOINTS)) if k not in LIMBS]] = False
    return result


def seen_from_behind(keypoints: NDArray[Any]) -> bool:
    """Whether a person [17, 3] shows the back: no nose or eye, the left shoulder left of the right one."""
    face = keypoints[[NOSE, LEFT_EYE, RIGHT_EYE], 2] == 2
    shoulders = keypoints[[LEFT_SHOULDER, RIGHT_SHOULDER]]
    return bool(not face.any() and (shoulders[:, 2] > 0).all() and shoulders[0, 0] < shoulders[1, 0])
