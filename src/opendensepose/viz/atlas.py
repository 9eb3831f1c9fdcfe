"""Pictures of the atlas: its 24 charts side by side, and the coloured body from the front and from behind."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import PART_COLOURS
from opendensepose.surface.raster import rasterize

ROWS, COLUMNS = 6, 4  # chart c is in column (c - 1) // 6, row (c - 1) % 6
_FINE = 4  # drawn so many times larger, then shrunk
_LINES = 8  # isolines of U and of V per chart
_FIXED = 16  # cv2 takes corners in 1/16 pixel
_LIGHT = np.array([-0.35, -0.25, 0.9])  # right, up, to the viewer


def draw_layout(
    atlas: Atlas,
    cell: int = 200,  # pixels per side of a chart
) -> NDArray[np.uint8]:
    """All charts [6 cell, 4 cell, 3] RGB on black, column by column, U to the right, V up, as meshes.

    A texel lies at column U (cell - 1), row (1 - V) (cell - 1) of its cell.
    """
    picture = np.zeros((ROWS * cell, COLUMNS * cell, 3), np.uint8)
    for chart in range(1, 25):
        canvas = np.zeros((cell * _FINE, cell * _FINE, 3), np.uint8)
        corners = _corners(atlas, chart, cell)
        colour = PART_COLOURS[chart].tolist()
        cv2.fillPoly(canvas, list(corners), colour, cv2.LINE_8, 4)
        cv2.polylines(canvas, list(corners), True, [c // 2 for c in colour], 1, cv2.LINE_AA, 4)
        picture[_window(chart, cell)] = cv2.resize(canvas, (cell, cell), interpolation=cv2.INTER_AREA)
    return picture


def silhouettes(atlas: Atlas, cell: int = 200) -> NDArray[np.bool_]:
    """Which texels each chart covers: [24, cell, cell]."""
    result = np.zeros((24, cell, cell), bool)
    for chart in range(1, 25):
        canvas = np.zeros((cell * _FINE, cell * _FINE), np.uint8)
        for triangle in _corners(atlas, chart, cell):  # one by one: fillPoly would leave overlaps out
            cv2.fillConvexPoly(canvas, triangle, 255, cv2.LINE_8, 4)
        result[chart - 1] = cv2.resize(canvas, (cell, cell), interpolation=cv2.INTER_AREA) > 127
    return result


def likeness(
    atlas: Atlas,
    picture: NDArray[np.uint8],  # [6 cell, 4 cell, 3] charts on black, as `draw_layout` arranges them
) -> NDArray[np.float64]:
    """IoU [24] of each chart's silhouette with that of a picture; ValueError for another shape."""
    height, width = picture.shape[:2]
    if height * COLUMNS != width * ROWS or height % ROWS:
        raise ValueError(f"atlas picture: expected 4 x 6 square cells, got {width} x {height} pixels")
    cell = height // ROWS
    kernel = np.ones((max(3, cell // 40),) * 2, np.uint8)  # closes the black lines of a drawn mesh
    ours = silhouettes(atlas, cell)
    result = np.zeros(24)
    for chart in range(1, 25):
        bright = (picture[_window(chart, cell)].max(2) > 64).astype(np.uint8)
        theirs = cv2.morphologyEx(bright, cv2.MORPH_CLOSE, kernel) > 0
        result[chart - 1] = (ours[chart - 1] & theirs).sum() / max((ours[chart - 1] | theirs).sum(), 1)
    return result


def draw_body(
    atlas: Atlas,
    height: int = 1200,
    vertices: NDArray[Any] | None = None,  # [Vs, 3] metres, z up, facing -y; the rest pose by default
    colours: NDArray[Any] = PART_COLOURS,  # [25, 3] RGB 0..255, of each part
) -> NDArray[np.uint8]:
    """The body in its parts' colours with U and V isolines, front and back: [height, *, 3] RGB."""
    points = np.asarray(atlas.vertices if vertices is None else vertices, np.float64)
    views = [_view(atlas, points * [side, side, 1], height, colours) for side in (1, -1)]
    return np.concatenate(views, axis=1)


def _view(atlas: Atlas, points: NDArray[np.float64], height: int, colours: NDArray[Any]) -> NDArray[np.uint8]:
    """Orthographic, seen from -y: [height, *, 3]."""
    low, high = points.min(0), points.max(0)
    scale = 2 * height / (high[2] - low[2]) * 0.95
    width = int((high[0] - low[0]) * scale * 1.06 + 1)
    x = (points[:, 0] - (low[0] + high[0]) / 2) * scale + width / 2
    y = height - (points[:, 2] - (low[2] + high[2]) / 2) * scale
    flat = np.stack([x, y, points[:, 1] - low[1] + 1], 1)  # depth only has to order the faces
    face, bary, _ = rasterize(flat, atlas.triangles, (2 * height, width))
    picture = np.full((2 * height, width, 3), 255, np.float32)
    seen = face >= 0
    chart, uv = atlas.from_face(face[seen], bary[seen])
    light = _shade(points, atlas.triangles)[atlas.triangles[face[seen]]]
    picture[seen] = np.asarray(colours)[chart] * (light * bary[seen]).sum(1)[:, None]
    step = np.zeros((*face.shape, 3), np.int64)  # chart, and which stripe of U and V
    step[seen] = np.column_stack([chart, uv * _LINES])
    for axis in (0, 1):
        change = np.diff(step, axis=axis)
        part, stripe = change[..., 0] != 0, (change[..., 1:] != 0).any(-1)
        edge = picture[1:] if axis == 0 else picture[:, 1:]
        edge[stripe & ~part] *= 0.72
        edge[part] *= 0.35
    return cv2.resize(picture, (width // 2, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _shade(points: NDArray[np.float64], triangles: NDArray[Any]) -> NDArray[np.float64]:
    """[Vs] brightness 0.45..1 of each vertex under one lamp and soft light from the viewer."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    normals = np.zeros_like(points)
    np.add.at(normals, triangles, np.cross(b - a, c - a)[:, None])  # longer where the face is larger
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    seen = np.stack([normals[:, 0], normals[:, 2], -normals[:, 1]], 1)
    lamp = np.clip(seen @ (_LIGHT / np.linalg.norm(_LIGHT)), 0, 1)
    return 0.45 + 0.3 * lamp + 0.25 * np.clip(seen[:, 2], 0, 1)


def _corners(atlas: Atlas, chart: int, cell: int) -> NDArray[np.int32]:
    """[F, 3, 2] corners of a chart's triangles in a cell drawn _FINE times larger, in 1/16 pixel."""
    uv = atlas.entry_uv[atlas.faces[atlas.face_chart == chart]].astype(np.float64)
    texel = np.stack([uv[..., 0], 1 - uv[..., 1]], -1) * (cell - 1) + 0.5
    return np.round((texel * _FINE - 0.5) * _FIXED).astype(np.int32)


def _window(chart: int, cell: int) -> tuple[slice, slice]:
    """Where a chart's cell lies in the picture."""
    column, row = divmod(chart - 1, ROWS)
    return slice(row * cell, (row + 1) * cell), slice(column * cell, (column + 1) * cell)
