"""What stands behind the people and lights them: a panorama, or a painted room, landscape or studio."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.jit import njit
from opendensepose.synth import light as lighting
from opendensepose.synth import texture
from opendensepose.synth.camera import Camera
from opendensepose.synth.light import Light

Split = Literal["train", "test"]
CROWDED = ("venice_sunset_1k",)  # passers-by in a panorama would count as background


@dataclass(frozen=True, eq=False)
class Backdrop:
    """The picture behind the people, and their light."""

    radiance: NDArray[np.float32]  # [H, W, 3] linear RGB
    light: Light


def held_out(files: Sequence[Path], split: Split) -> list[Path]:
    """Of the files, sorted by name, every fifth (number 4, 9, ...) is the test split's for good."""
    ordered = sorted(files, key=lambda path: path.name)
    return [path for number, path in enumerate(ordered) if (number % 5 == 4) == (split == "test")]


class Backdrops:
    """Panoramas of one split from `assets/panoramas`; without assets everything is painted."""

    def __init__(self, assets: Path | None = None, split: Split = "train") -> None:
        self._paths: list[Path] = []
        if assets is not None and (assets / "panoramas").is_dir():
            folder = assets / "panoramas"
            stored = json.loads((folder / "irradiance_sh.json").read_text(encoding="utf-8"))
            self._sh = stored["irradiance_sh"]
            known = [path for path in folder.glob("*.jpg") if path.stem in self._sh]
            self._paths = [path for path in held_out(known, split) if path.stem not in CROWDED]

    def draw(self, rng: np.random.Generator, camera: Camera) -> Backdrop:
        """A backdrop for this camera."""
        if self._paths and rng.random() < 0.8:
            path = self._paths[rng.integers(len(self._paths))]
            longitude = rng.uniform(-np.pi, np.pi)
            return panorama_view(rng, _read_panorama(path), self._sh[path.stem], camera, longitude)
        return (room if rng.random() < 0.55 else outdoors if rng.random() < 0.75 else studio)(rng, camera)


@lru_cache(maxsize=40)
def _read_panorama(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path))
    if image is None:
        raise ValueError(f"{path}: expected a panorama picture, got something unreadable")
    return np.ascontiguousarray(image[..., ::-1])


def panorama_view(
    rng: np.random.Generator,
    panorama: NDArray[np.uint8],  # [h, 2 h, 3] sRGB, equirectangular
    coefficients: list[
        list[float]
    ],  # [9][3] irradiance / pi, real spherical harmonics in the panorama's frame
    camera: Camera,
    longitude: float,  # radians, of the view
) -> Backdrop:
    """The view along a longitude, lit by the same panorama."""
    step = 4  # directions on a coarse grid: they change smoothly
    direction = camera.rays(step)
    x, y, z = np.moveaxis(direction, -1, 0)
    h, w = panorama.shape[:2]
    # longitudes relative to the view: no jump from one side of the panorama to the other within the picture
    column = (np.arctan2(x, y) + longitude) / (2 * np.pi) * w + w / 2
    row = (0.5 - np.arctan2(z, np.hypot(x, y)) / np.pi) * h
    full = (column.shape[1] * step, column.shape[0] * step)
    across, down = (
        np.asarray(cv2.resize(place.astype(np.float32) - np.float32(0.5), full), np.float32)
        for place in (column, row)
    )
    view = cv2.remap(panorama, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    view = view[: camera.size[0], : camera.size[1]]
    if rng.random() < 0.75:  # a panorama enlarged is soft: give back some of the crispness of a photo
        view = cv2.addWeighted(view, 2.2, cv2.GaussianBlur(view, (0, 0), 1.5), -1.2, 0)
    sh = np.array(coefficients, np.float32) * lighting.SCALE[:, None]
    light = lighting.balanced(rng, lighting.turn(sh, lighting.panorama_axes(longitude)))
    return Backdrop(srgb_to_linear(np.asarray(view, np.uint8)), light)


_TO_LINEAR = np.where(
    np.arange(256) <= 10, np.arange(256) / 255 / 12.92, ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4
).astype(np.float32)


def srgb_to_linear(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """sRGB bytes -> linear 0..1."""
    return _TO_LINEAR[image]


def room(rng: np.random.Generator, camera: Camera) -> Backdrop:
    """The inside of a box: floor, ceiling and walls with patterns of their own."""
    low = np.array([-rng.uniform(1.2, 6), -1.0, 0.0])
    high = np.array([rng.uniform(1.2, 6), rng.uniform(0.7, 7), rng.uniform(2.3, 4.5)])
    return _box(rng, camera, low, high, None)


def outdoors(rng: np.random.Generator, camera: Camera) -> Backdrop:
    """Ground, sky and between them walls, hedges or a skyline, near or far."""
    far = np.exp(rng.uniform(np.log(4), np.log(80)))
    low, high = np.array([-far, -far, 0.0]), np.array([far, far, far * 3])
    blocks = rng.uniform(0.05, 0.6) * rng.uniform(0.3, 1, 26)  # houses side by side, or hills with trees
    if rng.random() < 0.5:
        skyline = np.repeat(blocks, 10)[:256] * far
    else:
        skyline = (np.interp(np.arange(256) / 10, np.arange(26), blocks) + 0.02 * rng.normal(size=256)) * far
    return _box(rng, camera, low, high, skyline)


def studio(rng: np.random.Generator, camera: Camera) -> Backdrop:
    """A plain or softly graded background, and coloured shapes upon it now and then."""
    height, width = camera.size
    corners = np.stack([texture.colour(rng) for _ in range(4)]).reshape(2, 2, 3)
    corners = corners.mean((0, 1)) + (corners - corners.mean((0, 1))) * rng.beta(1, 2)
    radiance = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    for _ in range(int(rng.integers(0, 25)) if rng.random() < 0.5 else 0):
        centre = (rng.random(2) * [width, height]).astype(int)
        points = centre + rng.normal(0, width * rng.uniform(0.02, 0.15), (int(rng.integers(3, 8)), 2))
        hull = cv2.convexHull(points.astype(np.int32))
        cv2.fillConvexPoly(radiance, hull, [float(c) for c in texture.colour(rng, 0.8)], cv2.LINE_AA)
    return Backdrop(np.maximum(radiance, 0), lighting.procedural_light(rng))


def _box(
    rng: np.random.Generator,
    camera: Camera,
    low: NDArray[np.floating],  # [3] corners of the box, metres, before its turn about the vertical
    high: NDArray[np.floating],
    skyline: NDArray[np.floating]
    | None,  # [256] height of the walls along their length; None: up to the ceiling
) -> Backdrop:
    """Look at the inside of a box around the camera and the origin."""
    light = lighting.procedural_light(rng)
    angle = rng.normal(0, 0.5)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    place = turn @ camera.position
    low, high = np.minimum(low, place - 0.4), np.maximum(high, place + 0.4)
    patterns = rng.integers(0, len(texture.bank()), 6)
    scales = np.exp(rng.uniform(np.log(0.4), np.log(3), 6)) * (
        4 if skyline is not None else 1
    )  # metres per tile
    contrasts = rng.beta(1.5, 1.5, 6)
    colours = np.stack([texture.colour(rng, 0.35) for _ in range(12)]).reshape(6, 2, 3)
    if rng.random() < 0.7:
        colours[:, 1] = colours[:, 0] * rng.uniform(0.5, 1.2)
    if rng.random() < 0.6 and skyline is None:
        colours[:4] = colours[0]  # all walls alike
        patterns[:4], contrasts[:4] = patterns[0], contrasts[0]
    normals = np.concatenate([np.eye(3), -np.eye(3)])[[0, 3, 1, 4, 2, 5]] @ turn
    colours[4] *= 0.6  # floors are darker than walls
    details = np.stack([scales, contrasts, np.full(6, 1 / camera.focal)], 1).astype(np.float32)
    shine = np.maximum(lighting.polynomials(normals) @ light.sh, 0.05)  # [6, 3]
    colours = (colours * shine[:, None]).astype(np.float32)
    zenith, horizon = rng.uniform([0.1, 0.25, 0.5], [0.5, 0.6, 0.9]), np.full(3, rng.uniform(0.6, 1.0))
    sky = np.stack([horizon, zenith]).astype(np.float32)
    heights = np.zeros(0, np.float32) if skyline is None else skyline.astype(np.float32)
    rays = (camera.rays() @ turn.T.astype(np.float32)).reshape(-1, 3)
    bounds = np.stack([low, high]).astype(np.float32)
    radiance = _view_box(
        rays, place.astype(np.float32), bounds, texture.bank(), patterns, details, colours, heights, sky
    )  # fmt: skip
    return Backdrop(radiance.reshape(*camera.size, 3), light)


@njit(cache=True, nogil=True)
def _view_box(rays, place, bounds, bank, patterns, details, colours, heights, sky):  # type: ignore[no-untyped-def]
    """Colour of the inner side of a box that each ray from `place` meets: [P, 3] linear."""
    out = np.empty((len(rays), 3), np.float32)
    side = bank.shape[1]
    for p in range(len(rays)):
        nearest, hit = np.float32(1e9), 0
        for axis in range(3):
            d = rays[p, axis]
            if d != 0:
                t = (bounds[1 if d > 0 else 0, axis] - place[axis]) / d
                if t < nearest:
                    nearest, hit = t, 2 * axis + (1 if d > 0 else 0)
        axis = hit // 2
        a = place[1 if axis == 0 else 0] + nearest * rays[p, 1 if axis == 0 else 0]
        z = place[2] + nearest * rays[p, 2]
        b = place[1] + nearest * rays[p, 1] if axis == 2 else -z
        up = rays[p, 2] / np.sqrt(rays[p, 0] ** 2 + rays[p, 1] ** 2 + rays[p, 2] ** 2)
        open_sky = len(heights) > 0 and (
            hit == 5 or (axis < 2 and z > heights[int(a / bounds[1, 0] * 127 + 128) % len(heights)])
        )
        if open_sky:
            mix = min(max(up * 1.5, 0), 1)
            for k in range(3):
                out[p, k] = sky[0, k] * (1 - mix) + sky[1, k] * mix
            continue
        texel = details[hit, 0] / side
        column, row = int(np.floor(a / texel)) % side, int(np.floor(b / texel)) % side
        # a pixel that covers many texels shows their mean
        contrast = details[hit, 1] * min(1, 2 * texel / (nearest * details[hit, 2]))
        value = 1 + contrast * (bank[patterns[hit], row, column] - 1)
        mix = min(max(value - 0.5, 0), 1)
        for k in range(3):
            out[p, k] = value * (colours[hit, 0, k] * mix + colours[hit, 1, k] * (1 - mix))
    return out
