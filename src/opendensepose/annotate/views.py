"""Views of the body surface: each coarse part alone from six sides, and the whole body on a turntable.

A view is orthographic. Its map says which face of the atlas each pixel shows, so that a click becomes a point
of the surface, and a point of the surface a place in every view that shows it. S side of a view in pixels,
F faces of the atlas, P points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import FINE_TO_COARSE
from opendensepose.surface.raster import rasterize

SIZE = 480  # pixels per side of a view of a part; pages show them at about half of that
TURNTABLE_SIZE = (560, 400)  # H, W
TURNTABLE_FRAMES = 24
WHOLE = 0  # the "part" that is the whole body
NOTHING, INSIDE = -1, -2  # in maps: no surface; the inner side of the part, as through an open sleeve
_BEHIND = 0.004  # metres: a point this far behind what its pixel shows still counts as seen
_FAR = 100.0  # metres: from so far away the rasteriser's perspective is parallel

# Camera directions (azimuth, elevation) in degrees for the parts of the right side and the middle, found by
# tools/build_views.py. Azimuth 0 looks at the front, 90 at the person's left; elevation 90 looks down along
# the part's axis (towards the fingers, for a hand). Left parts take the mirror images.
DIRECTIONS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((0, 0), (180, 0), (30, 0), (-150, 0), (-60, 0), (120, 0)),  # torso
    2: ((0, 0), (180, 0), (60, 0), (-120, 0), (120, 0), (-60, 0)),  # right hand
    5: ((0, 0), (180, 0), (120, -60), (-30, 60), (90, 0), (-90, 0)),  # right foot
    6: ((0, 0), (180, 0), (-120, 0), (60, 0), (-60, 0), (120, 0)),  # right upper leg
    8: ((0, 0), (180, 0), (-60, 0), (120, 0), (-120, 0), (60, 0)),  # right lower leg
    11: ((0, 0), (180, 0), (-60, 0), (120, 0), (-120, 0), (60, 0)),  # right upper arm
    13: ((0, 0), (180, 0), (60, 0), (-120, 0), (120, 0), (-60, 0)),  # right lower arm
    14: ((0, 0), (180, 0), (0, 90), (120, 0), (-90, 0), (60, 0)),  # head
}
_MIRROR_PART = (0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 14)
_HANGING = {2: 13, 3: 12, 10: 10, 11: 11, 12: 12, 13: 13}  # parts drawn hanging down along the axis of a part


@dataclass(frozen=True, eq=False)
class Camera:
    """Where a view looks from: p -> x = W/2 + scale right.(p - centre), y = H/2 - scale up.(p - centre)."""

    axes: NDArray[np.float64]  # [3, 3] rows: right, up, towards the viewer
    centre: NDArray[np.float64]  # [3] metres
    scale: float  # pixels per metre
    size: tuple[int, int]  # H, W

    def project(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """[..., 3] metres -> [..., 3] pixel x, pixel y, metres towards the viewer."""
        right, up, near = np.moveaxis((points - self.centre) @ self.axes.T, -1, 0)
        height, width = self.size
        return np.stack([width / 2 + self.scale * right, height / 2 - self.scale * up, near], -1)


@dataclass(frozen=True, eq=False)
class View:
    """One picture of a part (or of the whole body) and what each of its pixels shows."""

    name: str  # "front", "left, from above"
    camera: Camera
    faces: NDArray[np.int32]  # [H, W] face of the atlas, NOTHING or INSIDE

    def locate(self, atlas: Atlas, x: float, y: float) -> tuple[int, NDArray[np.float64]] | None:
        """The surface point at (x, y): face and barycentrics [3]; None where the view shows none."""
        height, width = self.camera.size
        if not (0 <= x < width and 0 <= y < height):
            return None
        face = int(self.faces[int(y), int(x)])
        if face < 0:
            return None
        a, b, c = self.camera.project(atlas.vertices[atlas.triangles[face]].astype(np.float64))[:, :2]
        v, w = np.linalg.solve(np.column_stack([b - a, c - a]), np.array([x, y]) - a)
        bary = np.clip(
            [1 - v - w, v, w], 0, 1
        )  # the pixel's centre is inside, the click perhaps a little not
        return face, bary / bary.sum()

    def shows(
        self, atlas: Atlas, face: NDArray[np.integer], bary: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Where surface points [P] lie in the view, [P, 2] pixels, and whether it shows them, [P]."""
        corners = atlas.vertices[atlas.triangles[face]].astype(np.float64)
        x, y, near = self.camera.project(np.einsum("pk,pkd->pd", bary, corners)).T
        height, width = self.camera.size
        column, row = np.clip(x.astype(int), 0, width - 1), np.clip(y.astype(int), 0, height - 1)
        inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        front = self._front(atlas, row, column)
        towards = _normals(corners) @ self.camera.axes[2] > 0
        return np.stack([x, y], -1), inside & towards & (near > front - _BEHIND)

    def _front(self, atlas: Atlas, row: NDArray[np.intp], column: NDArray[np.intp]) -> NDArray[np.float64]:
        """[P] how near the surface in these pixels is, -inf without one, +inf on an inner side."""
        face = self.faces[row, column]
        corners = self.camera.project(atlas.vertices[atlas.triangles[np.maximum(face, 0)]].astype(np.float64))
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        offset = np.stack([column + 0.5, row + 0.5], -1) - corners[:, 0, :2]
        slope = (normal[:, :2] * offset).sum(1) / np.where(normal[:, 2] == 0, 1, normal[:, 2])
        near = np.minimum(corners[:, 0, 2] - slope, corners[..., 2].max(1))
        return np.where(face >= 0, near, np.where(face == INSIDE, np.inf, -np.inf))


@dataclass(frozen=True, eq=False)
class ViewSet:
    """The six views of each of the 14 parts, and the turntable."""

    atlas: Atlas
    parts: dict[int, tuple[View, ...]]  # 1..14, WHOLE: the turntable

    @cached_property
    def part_of_face(self) -> NDArray[np.uint8]:
        """[F] 1..14."""
        return FINE_TO_COARSE[self.atlas.face_chart]

    def locate(self, part: int, view: int, x: float, y: float) -> tuple[int, NDArray[np.float64]] | None:
        """The surface point at (x, y) of a view: face and barycentrics [3]; None where it shows none."""
        return self.parts[part][view].locate(self.atlas, x, y)

    def places(self, part: int, face: int, bary: ArrayLike) -> list[tuple[float, float, bool]]:
        """Pixel x, y and whether it is seen there, of one surface point in every view of a part."""
        faces, barys = np.array([face]), np.asarray(bary, np.float64)[None]
        found = []
        for view in self.parts[part]:
            xy, seen = view.shows(self.atlas, faces, barys)
            found.append((round(float(xy[0, 0]), 2), round(float(xy[0, 1]), 2), bool(seen[0])))
        return found


def cameras(atlas: Atlas, part: int) -> list[tuple[str, Camera]]:
    """Names and cameras of the views of a part 1..14, or of the turntable (WHOLE)."""
    if part == WHOLE:
        steps = [(k * 360 / TURNTABLE_FRAMES, 0.0) for k in range(TURNTABLE_FRAMES)]
        return _aim(atlas, np.arange(len(atlas.faces)), np.array([0, 0, 1.0]), steps, TURNTABLE_SIZE)
    right = part in DIRECTIONS
    chosen = DIRECTIONS[part if right else _MIRROR_PART[part]]
    steps = [(a if right else -a, e) for a, e in chosen]
    faces = np.flatnonzero(FINE_TO_COARSE[atlas.face_chart] == part)
    return _aim(atlas, faces, part_axis(atlas, part), sorted(steps, key=_from_front), (SIZE, SIZE))


def part_axis(atlas: Atlas, part: int) -> NDArray[np.float64]:
    """Unit vector [3] that is "up" in the views of a part: along arms and hands to the shoulder, else z."""
    if part not in _HANGING:
        return np.array([0, 0, 1.0])
    faces = FINE_TO_COARSE[atlas.face_chart] == _HANGING[part]
    points = atlas.vertices[np.unique(atlas.triangles[faces])].astype(np.float64)
    axis = np.linalg.svd(points - points.mean(0), full_matrices=False)[2][0]
    return axis * np.sign(axis[2])


def _from_front(step: tuple[float, float]) -> tuple[float, float]:
    """Order of views: upright ones by the way round, then those from above and below."""
    return (abs(step[1]) > 45, step[0] % 360)


def _aim(
    atlas: Atlas,
    faces: NDArray[np.intp],
    axis: NDArray[np.float64],  # [3]
    steps: list[tuple[float, float]],  # azimuth, elevation
    size: tuple[int, int],
) -> list[tuple[str, Camera]]:
    """Cameras of one scale that all show all of `faces`."""
    points = atlas.vertices[np.unique(atlas.triangles[faces])].astype(np.float64)
    centre = (points.min(0) + points.max(0)) / 2
    axes = [look(axis, azimuth, elevation) for azimuth, elevation in steps]
    extent = np.max([np.abs((points - centre) @ a[:2].T).max(0) for a in axes], axis=0)
    scale = 0.47 * min(size[1] / extent[0], size[0] / extent[1])
    return [
        (view_name(*step), Camera(a, centre, float(scale), size)) for step, a in zip(steps, axes, strict=True)
    ]


def look(axis: NDArray[np.float64], azimuth: float, elevation: float) -> NDArray[np.float64]:
    """Axes [3, 3] (right, up, towards the viewer) of a camera round `axis` [3], degrees."""
    front = np.array([0, -1.0, 0]) + axis * axis[1]
    front /= np.linalg.norm(front)
    left = np.cross(axis, front)
    a, e = np.deg2rad([azimuth, elevation])
    round_it = np.cos(a) * front + np.sin(a) * left
    near = np.cos(e) * round_it + np.sin(e) * axis
    up = np.cos(e) * axis - np.sin(e) * round_it
    return np.stack([np.cross(up, near), up, near])


def view_name(azimuth: float, elevation: float) -> str:
    """ "front", "back left", "right, from above": sides are the person's own."""
    sides = ("front", "front left", "left", "back left", "back", "back right", "right", "front right")
    side = sides[round(azimuth / 45) % 8]
    if abs(elevation) > 75:
        return "from above" if elevation > 0 else "from below"
    tilt = "" if abs(elevation) < 20 else ", from above" if elevation > 0 else ", from below"
    return side + tilt


def draw_map(atlas: Atlas, part: int, camera: Camera) -> NDArray[np.int32]:
    """[H, W] which face of the part each pixel shows from outside; NOTHING and INSIDE elsewhere."""
    faces = np.arange(len(atlas.faces))
    if part != WHOLE:
        faces = np.flatnonzero(FINE_TO_COARSE[atlas.face_chart] == part)
    projected = camera.project(atlas.vertices.astype(np.float64))
    projected[:, 2] = _FAR - projected[:, 2]
    found = rasterize(projected, atlas.triangles[faces], camera.size)[0]
    result = np.where(found >= 0, faces[np.maximum(found, 0)], NOTHING)
    inner = _normals(atlas.vertices[atlas.triangles].astype(np.float64)) @ camera.axes[2] <= 0
    result[(found >= 0) & inner[np.maximum(result, 0)]] = INSIDE
    return result.astype(np.int32)


def _normals(corners: NDArray[np.floating]) -> NDArray[np.floating]:
    """[F, 3] outward, not normalised, of triangles [F, 3, 3]."""
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
