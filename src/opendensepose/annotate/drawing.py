"""Pictures of the views, and the cache of views: drawing them takes seconds, or minutes without numba."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.annotate.views import (
    DIRECTIONS,
    INSIDE,
    SIZE,
    WHOLE,
    Camera,
    View,
    ViewSet,
    cameras,
    draw_map,
)
from opendensepose.io.cache import cache_folder
from opendensepose.io.files import atomic
from opendensepose.io.image import write_image
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import FINE_TO_COARSE, PART_COLOURS

VERSION = 1  # of the drawing below: another one, another folder of the cache
PARTS = 14
_PAPER = np.array([247, 246, 243], np.float32)
_GHOST = np.array([226, 224, 219], np.float32)
_CLAY = np.array([236, 222, 208], np.float32)
_INNER = np.array([120, 112, 106], np.float32)
_LIGHT = np.array([-0.45, 0.5, 0.75])  # right, up, to the viewer
_FIXED = 16  # cv2 takes corners in 1/16 pixel


def load_views(progress: Callable[[int], object] | None = None) -> tuple[ViewSet, Path]:
    """All views, and the folder with their pictures `part_0.jpg` (the turntable) to `part_14.jpg`: strips.

    Draws what the cache does not hold, calling `progress` with each part's number.
    """
    atlas = Atlas.load()
    folder = _cache(atlas)
    parts = {}
    for part in range(PARTS + 1):
        aims = cameras(atlas, part)
        file = folder / f"part_{part}.npz"
        maps = _read(file, len(aims), aims[0][1].size)
        if maps is None or not file.with_suffix(".jpg").is_file():
            if progress is not None:
                progress(part)
            maps = np.stack([draw_map(atlas, part, camera) for _, camera in aims])
            strip = np.concatenate(
                [draw(atlas, part, aim[1], drawn) for aim, drawn in zip(aims, maps, strict=True)], 1
            )
            write_image(file.with_suffix(".jpg"), strip)
            with atomic(file) as beside:
                np.savez_compressed(beside, faces=maps)
        parts[part] = tuple(View(aim[0], aim[1], drawn) for aim, drawn in zip(aims, maps, strict=True))
    return ViewSet(atlas, parts), folder


def _cache(atlas: Atlas) -> Path:
    drawn = (atlas.vertices, atlas.faces, atlas.face_chart, atlas.entry_uv)  # U, V: the lines on the body
    shape = hashlib.sha256(b"".join(array.tobytes() for array in drawn))
    shape.update(repr((DIRECTIONS, SIZE)).encode())
    return cache_folder() / f"views-{VERSION}-{shape.hexdigest()[:12]}"


def _read(file: Path, count: int, size: tuple[int, int]) -> NDArray[np.int32] | None:
    """Maps [count, H, W] of a part; None where the file is absent or no longer whole."""
    try:
        with np.load(file) as stored:
            maps = stored["faces"].astype(np.int32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    return maps if maps.shape == (count, *size) else None


def draw(atlas: Atlas, part: int, camera: Camera, faces: NDArray[np.int32]) -> NDArray[np.uint8]:
    """A view as a picture [H, W, 3] RGB: the part in clay and its colour, the body as a ghost."""
    picture = np.broadcast_to(_PAPER, (*faces.shape, 3)).copy()
    if part != WHOLE:
        _draw_ghost(picture, atlas, camera)
    picture[faces == INSIDE] = _INNER
    rows, columns = np.nonzero(faces >= 0)
    face = faces[rows, columns]
    light, uv = _light_and_uv(atlas, camera, face, np.stack([columns, rows], 1) + 0.5)
    chart = atlas.face_chart[face]
    strength = 0.35 if part == WHOLE else 0.22
    colour = (1 - strength) * _CLAY + strength * PART_COLOURS[chart]
    picture[rows, columns] = colour * light[:, None]
    _draw_lines(picture, faces, atlas, rows, columns, uv)
    return np.clip(np.rint(cv2.GaussianBlur(picture, (0, 0), 0.6)), 0, 255).astype(np.uint8)


def _draw_ghost(picture: NDArray[np.float32], atlas: Atlas, camera: Camera) -> None:
    """The silhouette of the whole body, so that one sees where the part sits."""
    corners = camera.project(atlas.vertices.astype(np.float64))[:, :2][atlas.triangles]
    height, width = camera.size
    near = ((corners.max(1) >= 0) & (corners.min(1) < [width, height])).all(1)
    ghost = np.zeros(camera.size, np.uint8)
    for triangle in np.rint((corners[near] - 0.5) * _FIXED).astype(np.int32):
        cv2.fillConvexPoly(ghost, triangle, 255, cv2.LINE_8, 4)
    soft = cv2.GaussianBlur(ghost, (0, 0), 1.0).astype(np.float32)[..., None] / 255
    picture[:] = picture * (1 - soft) + _GHOST * soft


def _light_and_uv(
    atlas: Atlas,
    camera: Camera,
    face: NDArray[np.int32],  # [P]
    at: NDArray[np.floating],  # [P, 2] pixel centres
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Brightness [P] from smooth normals, and U, V [P, 2]."""
    corners = camera.project(atlas.vertices.astype(np.float64))[:, :2][atlas.triangles[face]]
    (x1, y1), (x2, y2) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    x, y = (at - corners[:, 0]).T
    area = x1 * y2 - y1 * x2
    v, w = (x * y2 - y * x2) / area, (x1 * y - y1 * x) / area
    bary = np.clip(np.stack([1 - v - w, v, w], 1), 0, 1)
    normal = np.einsum("pk,pkd->pd", bary, vertex_normals(atlas)[atlas.triangles[face]]) @ camera.axes.T
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    lamp = np.clip(normal @ (_LIGHT / np.linalg.norm(_LIGHT)), 0, 1)
    uv = np.einsum("pk,pkd->pd", bary, atlas.entry_uv[atlas.faces[face]].astype(np.float64))
    return 0.38 + 0.45 * lamp + 0.22 * np.clip(normal[:, 2], 0, 1), uv


def vertex_normals(atlas: Atlas) -> NDArray[np.float64]:
    """[Vs, 3] mean normals of the faces round each vertex, weighted by their areas."""
    a, b, c = np.moveaxis(atlas.vertices[atlas.triangles].astype(np.float64), 1, 0)
    normals = np.zeros((len(atlas.vertices), 3))
    np.add.at(normals, atlas.triangles, np.cross(b - a, c - a)[:, None])
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _draw_lines(
    picture: NDArray[np.float32],
    faces: NDArray[np.int32],
    atlas: Atlas,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    uv: NDArray[np.float64],  # [P, 2]
) -> None:
    """Faint lines of U and V, dark ones where charts and parts meet."""
    step = np.full((*faces.shape, 4), -1, np.int64)  # chart, coarse part, stripe of U, stripe of V
    chart = atlas.face_chart[faces[rows, columns]]
    step[rows, columns] = np.column_stack([chart, FINE_TO_COARSE[chart], uv * 8])
    for axis in (0, 1):
        change = np.diff(step, axis=axis) != 0
        edge = picture[1:] if axis == 0 else picture[:, 1:]
        line = change[..., 2:].any(-1) & ~change[..., 0]
        edge[line] *= 0.93
        edge[change[..., 0]] *= 0.62
