"""The main light's shadows: a map of distances, seen along its parallel rays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.jit import njit
from opendensepose.surface.raster import Cutouts, rasterize
from opendensepose.synth.camera import Camera
from opendensepose.synth.light import Light

SHADOW_SIDE = 160  # pixels of the shadow map
SHADOW_REACH = 3.0  # metres around the first thing; further off nothing throws shadows


class Thing(Protocol):
    """What can be drawn: a dressed person or props."""

    @property
    def vertices(self) -> NDArray[np.float32]: ...  # [V, 3] metres, world
    @property
    def faces(self) -> NDArray[np.int32]: ...  # [F, 3]
    @property
    def keep(self) -> NDArray[np.float32] | None: ...
    @property
    def cutouts(self) -> Cutouts | None: ...
    def paint(self, face: NDArray[np.integer], bary: NDArray[np.float32]) -> NDArray[np.float32]: ...


@dataclass(frozen=True, eq=False)
class ShadowMap:
    """Distances to the first surface, seen along parallel rays from the main light."""

    axes: NDArray[np.float32]  # [3, 3] rows: map right, map down, away from the light
    origin: NDArray[np.float32]  # [3] in map axes: what lies at pixel (0, 0) and distance 0
    scale: float  # pixels per metre
    distance: NDArray[np.float32]  # [S, S] metres, inf = nothing


def shadow_map(things: Sequence[Thing], key: NDArray[np.floating]) -> ShadowMap:  # [3] towards the light
    """Rasterise the things as the light sees them."""
    away = -np.asarray(key, np.float32)
    right = np.cross(away, [0.31, 0.95, 0.02])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(away, right), away]).astype(np.float32)
    local = [thing.vertices @ axes.T for thing in things]
    extents = [bounds(points, -np.inf) for points in local]
    middle = sum(extents[0]) / 2
    low = np.maximum(np.min([low for low, _ in extents], axis=0) - 0.1, middle - SHADOW_REACH)
    high = np.minimum(np.max([high for _, high in extents], axis=0) + 0.1, middle + SHADOW_REACH)
    scale = float(SHADOW_SIDE / max(high[0] - low[0], high[1] - low[1]))
    nearest = np.full((SHADOW_SIDE, SHADOW_SIDE), np.inf, np.float32)
    for thing, points in zip(things, local, strict=True):
        # parallel rays: map x, y as pixels; 100 m are added to keep all depths positive
        placed = (points - low) * np.array([scale, scale, 1], np.float32) + np.array([0, 0, 100], np.float32)
        seen = rasterize(placed, thing.faces, nearest.shape, keep=thing.keep)[2]
        nearest = np.minimum(nearest, seen - 100)
    return ShadowMap(axes, low.astype(np.float32), scale, nearest)


@njit(cache=True, nogil=True)
def bounds(points, above):  # type: ignore[no-untyped-def]
    """Lowest and highest coordinates [3] of the points [P, 3] with z > `above`; inf, -inf without any."""
    low, high = np.full(3, np.inf, np.float32), np.full(3, -np.inf, np.float32)
    for p in range(len(points)):
        if points[p, 2] > above:
            for k in range(3):
                low[k] = min(low[k], points[p, k])
                high[k] = max(high[k], points[p, k])
    return low, high


@njit(cache=True, nogil=True)
def lit(place, normal, axes, origin, scale, distance):  # type: ignore[no-untyped-def]
    """Share [P] of a small neighbourhood in the shadow map that the light reaches, 0..1."""
    side = len(distance)
    out = np.empty(len(place), np.float32)
    for p in range(len(place)):
        x = y = z = np.float32(0)
        for k in range(3):
            at = place[p, k] + np.float32(0.02) * normal[p, k]
            x += axes[0, k] * at
            y += axes[1, k] * at
            z += axes[2, k] * at
        column, row = int((x - origin[0]) * scale), int((y - origin[1]) * scale)
        z -= origin[2] + 0.01 + np.float32(1.2 / scale)  # grace, against a surface shadowing itself
        count = reached = 0
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                i, j = row + dy, column + dx
                count += 1
                if i < 0 or j < 0 or i >= side or j >= side or z < distance[i, j]:
                    reached += 1
        out[p] = reached / count
    return out


def shade_floor(
    camera: Camera, shadows: ShadowMap, light: Light, picture: NDArray[np.float32]
) -> None:  # [H, W, 3], changed in place
    """Darken the backdrop where the floor z = 0 lies in the shadow of a thing."""
    step = 2
    dark = _floor_shadow(
        camera.rays(step), camera.position, shadows.axes, shadows.origin, shadows.scale, shadows.distance
    )
    strength = min(0.75, light.shade + 0.5 * float(light.key_colour.mean()))
    soft = cv2.GaussianBlur(1 - strength * dark, (0, 0), 1.5)
    left = cv2.resize(soft, (dark.shape[1] * step, dark.shape[0] * step), interpolation=cv2.INTER_LINEAR)
    picture *= np.asarray(left)[: picture.shape[0], : picture.shape[1], None]


@njit(cache=True, nogil=True)
def _floor_shadow(rays, position, axes, origin, scale, distance):  # type: ignore[no-untyped-def]
    """How dark [H, W] the floor z = 0 is where rays [H, W, 3] meet it nearer than 15 ray lengths, 0..1."""
    dark = np.zeros(rays.shape[:2], np.float32)
    place, up = np.empty((1, 3), np.float32), np.zeros((1, 3), np.float32)
    for i in range(rays.shape[0]):
        for j in range(rays.shape[1]):
            down = -rays[i, j, 2]
            if down > 1e-3 and position[2] < 15 * down:
                for k in range(3):
                    place[0, k] = position[k] + rays[i, j, k] * position[2] / down
                dark[i, j] = 1 - lit(place, up, axes, origin, scale, distance)[0]
    return dark
