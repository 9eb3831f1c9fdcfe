"""From a stored picture with dense truth to a canvas of the net: crop, scale, flip, colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.parts import MIRROR_CHART

# Charts whose U turns round in a mirror (hands, feet, head halves) and those whose V does (the torso): ATLAS.
MIRROR_U = np.isin(np.arange(25), (3, 4, 5, 6, 23, 24))
MIRROR_V = np.isin(np.arange(25), (1, 2))
_NOISE = np.random.default_rng(7).normal(size=(1024, 1024)).astype(np.float32)


@dataclass(frozen=True)
class Picture:
    """One image and its truth, H x W."""

    image: NDArray[np.uint8]  # [H, W, 3] RGB
    chart: NDArray[np.uint8]  # [H, W]
    uv: NDArray[np.uint8]  # [2, H, W], 255 = 1
    instance: NDArray[np.uint8]  # [H, W]


@dataclass(frozen=True)
class Window:
    """The part of a picture that fills the canvas, picture pixels; it may stick out."""

    x: int
    y: int
    width: int
    height: int


def flip(picture: Picture) -> Picture:
    """The mirror image: a mirrored person is a person, seen with the partner charts."""
    chart = picture.chart[:, ::-1]
    u, v = picture.uv[:, :, ::-1]
    mirrored = np.stack([np.where(MIRROR_U[chart], 255 - u, u), np.where(MIRROR_V[chart], 255 - v, v)])
    return Picture(
        np.ascontiguousarray(picture.image[:, ::-1]),
        MIRROR_CHART[chart],
        mirrored * (chart > 0),
        np.ascontiguousarray(picture.instance[:, ::-1]),
    )


def choose_window(
    rng: np.random.Generator,
    size: tuple[int, int],  # H, W of the picture
    box: NDArray[np.float64],  # [4] xyxy of the person to show
    canvas: tuple[int, int],
    heights: tuple[float, float],
) -> Window:
    """A random window in which the person is `heights` canvas pixels tall, and mostly inside."""
    tall = max(box[3] - box[1], 0.7 * (box[2] - box[0]), 1.0)
    wanted = np.exp(
        rng.uniform(np.log(heights[0]), np.log(max(min(heights[1], 1.3 * canvas[0]), heights[0])))
    )
    fill = max(canvas[0] / size[0], canvas[1] / size[1])  # smaller scales leave empty borders
    scale = float(np.clip(wanted / tall, 0.9 * fill, max(2.0, fill)))
    stretch = np.exp(rng.uniform(-0.06, 0.06))
    width = max(round(canvas[1] / scale * stretch), 8)
    height = max(round(canvas[0] / scale / stretch), 8)
    spots = []
    for low, high, length, full in ((box[0], box[2], width, size[1]), (box[1], box[3], height, size[0])):
        slack = 0.1 * (high - low)
        first, last = sorted((high + slack - length, low - slack))  # windows that hold the person
        spot = rng.uniform(first, last)
        inner = sorted((0, full - length))  # windows without (or, for large ones, around) the border
        spots.append(round(float(np.clip(spot, *inner))))
    return Window(spots[0], spots[1], width, height)


def crop(picture: Picture, window: Window, canvas: tuple[int, int], fill: int = 114) -> Picture:
    """The window at canvas size: image filtered, labels by nearest pixel; outside grey and nobody."""
    h, w = picture.chart.shape
    x0, y0, x1, y1 = window.x, window.y, window.x + window.width, window.y + window.height
    inner: NDArray[Any] = picture.image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    border = (max(-y0, 0), max(y1 - h, 0), max(-x0, 0), max(x1 - w, 0))
    if any(border):
        inner = cv2.copyMakeBorder(inner, *border, cv2.BORDER_CONSTANT, value=(fill, fill, fill))
    smaller = canvas[0] < window.height
    image = cv2.resize(inner, canvas[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    rows = y0 + (np.arange(canvas[0]) + 0.5) * (window.height / canvas[0])
    columns = x0 + (np.arange(canvas[1]) + 0.5) * (window.width / canvas[1])
    rows, columns = np.floor(rows).astype(int), np.floor(columns).astype(int)
    outside = ((rows < 0) | (rows >= h))[:, None] | ((columns < 0) | (columns >= w))[None]
    at = np.ix_(rows.clip(0, h - 1), columns.clip(0, w - 1))
    chart, instance = picture.chart[at], picture.instance[at]
    uv = np.stack([plane[at] for plane in picture.uv])
    if outside.any():
        chart[outside], instance[outside] = 0, 0
    return Picture(np.asarray(image, np.uint8), chart, uv, instance)


def join(pictures: list[Picture]) -> Picture:
    """Four pictures of one size -> one of twice the size; people keep apart."""
    instances, most = [], 0
    for picture in pictures:
        own = picture.instance.astype(np.int64)
        instances.append(np.where(own > 0, own + most, 0).astype(np.uint8))
        most += int(own.max(initial=0))

    def square(tiles: list[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([np.concatenate(tiles[:2], -1), np.concatenate(tiles[2:], -1)], -2)

    image = square([p.image.transpose(2, 0, 1) for p in pictures]).transpose(1, 2, 0)
    return Picture(
        np.ascontiguousarray(image),
        square([p.chart for p in pictures]),
        square([p.uv for p in pictures]),
        square(instances),
    )


def recolour(rng: np.random.Generator, image: NDArray[Any]) -> NDArray[np.uint8]:
    """Mild changes of exposure, contrast, gamma and white balance; now and then grey, soft or noisy."""
    values = np.arange(256, dtype=np.float32) / 255
    gamma, contrast, gain = np.exp(rng.normal(0, (0.14, 0.1, 0.1)))
    tint = np.exp(rng.normal(0, 0.04, 3))
    curve = ((values**gamma - 0.5) * contrast + 0.5) * gain
    table = np.clip(curve[:, None] * tint * 255 + 0.5, 0, 255).astype(np.uint8)
    image = cv2.LUT(image, table[None])
    if rng.random() < 0.05:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 0.9))
    if rng.random() < 0.3:
        height, width = image.shape[:2]
        y, x = rng.integers(0, _NOISE.shape[0] - height + 1), rng.integers(0, _NOISE.shape[1] - width + 1)
        noise = _NOISE[y : y + height, x : x + width, None] * np.float32(rng.uniform(1, 5))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(image)


def visible_boxes(
    instance: NDArray[np.uint8], *, pixels: int = 60, side: int = 12
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Boxes [K, 4] of the visible pixels and numbers [K] of the people in [H, W], without tiny rests."""
    boxes, numbers = [], []
    for k in range(1, int(instance.max(initial=0)) + 1):
        mask = instance == k
        columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
        if len(columns) < side or len(rows) < side or mask.sum() < pixels:
            continue
        boxes.append((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
        numbers.append(k)
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(numbers, np.int64)
