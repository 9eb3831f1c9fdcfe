"""A picture with all that is known of its people; flip, turn, crop and join move both together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.model.targets import DENSE, UNKNOWN
from opendensepose.surface.parts import FINE_TO_COARSE, MIRROR_CHART, MIRROR_COARSE, MIRROR_U, MIRROR_V

COARSE = np.zeros(256, np.uint8)  # the coarse part of each chart; of what is unknown: background
COARSE[: len(FINE_TO_COARSE)] = FINE_TO_COARSE
SOFT = 0.6  # pixels, sigma of the borders of pasted people
Move = Callable[[NDArray[Any]], NDArray[Any]]  # where points [G, 2] of a picture go
MIRROR_KEYPOINTS = np.array([0, *(k + 1 if k % 2 else k - 1 for k in range(1, 17))])  # left and right in turn


@dataclass(frozen=True)
class Points:
    """Annotated points of all people of a picture."""

    instance: NDArray[np.uint8]  # [G] value of the person in `Picture.instance`
    xy: NDArray[np.float32]  # [G, 2] pixels, continuous
    chart: NDArray[np.uint8]  # [G] 1..24
    uv: NDArray[np.float32]  # [G, 2]

    @staticmethod
    def none() -> Points:
        """No points."""
        number, place = np.zeros(0, np.uint8), np.zeros((0, 2), np.float32)
        return Points(number, place, number, place)

    @staticmethod
    def joined(parts: list[Points]) -> Points:
        """All of them, in order."""
        names = ("instance", "xy", "chart", "uv")
        return Points(*(np.concatenate([getattr(p, k) for p in (Points.none(), *parts)]) for k in names))

    def chosen(self, keep: NDArray[np.bool_]) -> Points:
        """Those with `keep` [G]."""
        return Points(self.instance[keep], self.xy[keep], self.chart[keep], self.uv[keep])

    def moved(self, move: Move, size: tuple[int, int]) -> Points:
        """Those that do not fall outside `size` (H, W), where they go."""
        xy = move(self.xy).astype(np.float32)
        keep = np.asarray(((xy >= 0) & (xy < size[::-1])).all(1))
        return replace(self, xy=xy).chosen(keep)


@dataclass(frozen=True)
class Person:
    """What is known of one person beside the rasters and points."""

    kind: int = DENSE  # of model.targets
    keypoints: NDArray[np.float32] | None = None  # [17, 3] x, y, visibility


@dataclass(frozen=True)
class Picture:
    """One image and its truth, H x W."""

    image: NDArray[np.uint8]  # [H, W, 3] RGB
    chart: NDArray[np.uint8]  # [H, W]; 255 = unknown
    uv: NDArray[np.uint8]  # [2, H, W], 255 = 1
    instance: NDArray[np.uint8]  # [H, W]
    coarse: NDArray[np.uint8] | None = None  # [H, W] 0..14; None: as the charts say
    people: dict[int, Person] = field(
        default_factory=dict
    )  # by their value in `instance`; DENSE where absent
    points: Points = field(default_factory=Points.none)

    def coarse_labels(self) -> NDArray[np.uint8]:
        """[H, W] 0..14."""
        if self.coarse is not None:
            return self.coarse
        return np.asarray(cv2.LUT(self.chart, COARSE))


@dataclass(frozen=True)
class Window:
    """The part of a picture that fills the canvas, picture pixels; it may stick out."""

    x: int
    y: int
    width: int
    height: int


def flip(picture: Picture) -> Picture:
    """The mirror image: a mirrored person is a person, seen with the partner charts."""
    width = picture.chart.shape[1]
    chart = picture.chart[:, ::-1]
    known = np.where(chart == UNKNOWN, 0, chart)
    u, v = picture.uv[:, :, ::-1]
    mirrored = np.stack([np.where(MIRROR_U[known], 255 - u, u), np.where(MIRROR_V[known], 255 - v, v)])
    points = picture.points
    turned = np.where(np.stack([MIRROR_U, MIRROR_V], 1)[points.chart], 1 - points.uv, points.uv)
    place = points.xy * np.array([-1, 1], np.float32) + np.array([width, 0], np.float32)
    people = {}
    for number, person in picture.people.items():
        keypoints = person.keypoints
        if keypoints is not None:
            keypoints = keypoints[MIRROR_KEYPOINTS] * np.array([-1, 1, 1], np.float32)
            keypoints = keypoints + np.array([width, 0, 0], np.float32)
        people[number] = Person(person.kind, keypoints)
    return Picture(
        np.ascontiguousarray(picture.image[:, ::-1]),
        np.where(chart == UNKNOWN, chart, MIRROR_CHART[known]),
        mirrored * (known > 0),
        np.ascontiguousarray(picture.instance[:, ::-1]),
        None if picture.coarse is None else MIRROR_COARSE[picture.coarse[:, ::-1]],
        people,
        Points(points.instance, place, MIRROR_CHART[points.chart], turned.astype(np.float32)),
    )


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
    rows, columns = rows.clip(0, h - 1), columns.clip(0, w - 1)

    def read(raster: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return raster.take(rows, -2).take(columns, -1)

    chart, uv, instance = read(picture.chart), read(picture.uv), read(picture.instance)
    coarse = None if picture.coarse is None else read(picture.coarse)
    if outside.any():
        chart[outside], instance[outside] = 0, 0
        if coarse is not None:
            coarse[outside] = 0
    matrix = np.diag([canvas[1] / window.width, canvas[0] / window.height])
    shift = matrix @ (-x0, -y0)
    known = _moved(picture, lambda xy: xy @ matrix.T + shift, canvas)
    return Picture(np.asarray(image, np.uint8), chart, uv, instance, coarse, *known)


def _moved(picture: Picture, move: Move, size: tuple[int, int]) -> tuple[dict[int, Person], Points]:
    """The people and points of a picture that becomes one of `size` (H, W)."""
    people = {n: _moved_person(person, move, size) for n, person in picture.people.items()}
    return people, picture.points.moved(move, size)


def _moved_person(person: Person, move: Move, size: tuple[int, int] | None) -> Person:
    """The person with keypoints where they go; those outside `size` (H, W) become unlabelled."""
    if person.keypoints is None:
        return person
    keypoints = person.keypoints.astype(np.float32, copy=True)
    keypoints[:, :2] = move(keypoints[:, :2])
    if size is not None:
        keypoints[((keypoints[:, :2] < 0) | (keypoints[:, :2] >= size[::-1])).any(1), 2] = 0
    return Person(person.kind, keypoints)


def turn(picture: Picture, angle: float, centre: NDArray[Any], fill: int = 114) -> Picture:
    """The picture turned by `angle` degrees, clockwise as seen, about `centre` (x, y): size as before.

    Image filtered, labels by nearest pixel; what comes in from outside is grey and nobody.
    """
    height, width = picture.chart.shape
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    matrix = np.array([[cos, -sin], [sin, cos]])
    shift = np.asarray(centre, np.float64) - matrix @ centre
    pixels = np.column_stack([matrix, shift + matrix @ (0.5, 0.5) - 0.5])  # cv2 counts from pixel centres
    image = cv2.warpAffine(
        picture.image, pixels, (width, height), flags=cv2.INTER_LINEAR, borderValue=(fill, fill, fill)
    )
    labels = [picture.chart, *picture.uv, picture.instance]
    labels += [] if picture.coarse is None else [picture.coarse]
    chart, u, v, instance, *coarse = (
        cv2.warpAffine(plane, pixels, (width, height), flags=cv2.INTER_NEAREST) for plane in labels
    )
    return Picture(
        np.asarray(image, np.uint8),
        np.asarray(chart, np.uint8),
        np.stack([u, v]).astype(np.uint8),
        np.asarray(instance, np.uint8),
        np.asarray(coarse[0], np.uint8) if coarse else None,
        *_moved(picture, lambda xy: xy @ matrix.T + shift, (height, width)),
    )


def warp(picture: Picture, shift: NDArray[np.float32]) -> Picture:
    """The picture whose pixel p shows what was at p + shift(p): shift [H, W, 2] in x and y, smooth, pixels.

    Image filtered, labels by nearest pixel; beyond the border it goes on as at the border.
    """
    height, width = picture.chart.shape
    across = shift[..., 0] + np.arange(width, dtype=np.float32)
    down = shift[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    image = cv2.remap(picture.image, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    columns = np.floor(across + 0.5).astype(int).clip(0, width - 1)
    rows = np.floor(down + 0.5).astype(int).clip(0, height - 1)

    def move(xy: NDArray[Any]) -> NDArray[Any]:
        """The p of p + shift(p), by steps that a smooth shift makes ever shorter."""
        there = xy
        for _ in range(5):
            near = np.floor(there).astype(int).clip(0, (width - 1, height - 1))
            there = xy - shift[near[:, 1], near[:, 0]]
        return there

    return Picture(
        np.asarray(image, np.uint8),
        picture.chart[rows, columns],
        picture.uv[:, rows, columns],
        picture.instance[rows, columns],
        None if picture.coarse is None else picture.coarse[rows, columns],
        *_moved(picture, move, (height, width)),
    )


def join(pictures: list[Picture]) -> Picture:
    """Four pictures of one size -> one of twice the size; people keep apart."""
    height, width = pictures[0].chart.shape
    instances, people, points, most = [], {}, [], 0
    for i, picture in enumerate(pictures):
        own = picture.instance.astype(np.int64)
        instances.append(np.where(own > 0, own + most, 0).astype(np.uint8))
        shift = np.array([width * (i % 2), height * (i // 2)], np.float32)
        for number, person in picture.people.items():
            people[number + most] = _moved_person(person, partial(np.add, shift), None)
        its = picture.points
        points.append(Points(its.instance + np.uint8(most), its.xy + shift, its.chart, its.uv))
        most += max([int(own.max(initial=0)), *picture.people])

    def square(tiles: list[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([np.concatenate(tiles[:2], -1), np.concatenate(tiles[2:], -1)], -2)

    image = square([p.image.transpose(2, 0, 1) for p in pictures]).transpose(1, 2, 0)
    known = any(p.coarse is not None for p in pictures)
    return Picture(
        np.ascontiguousarray(image),
        square([p.chart for p in pictures]),
        square([p.uv for p in pictures]),
        square(instances),
        square([p.coarse_labels() for p in pictures]) if known else None,
        people,
        Points.joined(points),
    )


def blend(
    image: NDArray[np.uint8],  # [H, W, 3]
    other: NDArray[np.floating],  # [H, W, 3], 0..255
    share: NDArray[np.float32],  # [H, W] of the other, 0..1
    sigma: float = SOFT,
) -> NDArray[np.uint8]:
    """An image with another over it where that has a share; borders are as soft as `sigma` pixels."""
    soft = cv2.GaussianBlur(share, (0, 0), sigma)[..., None]
    return np.asarray(image + soft * (other - image) + 0.5).astype(np.uint8)


def paste(picture: Picture, stranger: Picture, *, front: bool) -> Picture:
    """The people of another picture of the same size before or behind those of the first: they are nobody.

    Behind: over all but the people of the first. Borders are as soft as those of a photo.
    """
    over = stranger.instance > 0
    if not front:
        over &= picture.instance == 0
    points = picture.points
    column, row = np.floor(points.xy).astype(int).T
    return replace(
        picture,
        image=blend(picture.image, stranger.image.astype(np.float32), over.astype(np.float32)),
        chart=picture.chart * ~over,
        uv=picture.uv * ~over,
        instance=picture.instance * ~over,
        coarse=None if picture.coarse is None else picture.coarse * ~over,
        points=points.chosen(~over[row, column]),
    )


def only(picture: Picture, number: int) -> Picture:
    """The picture as if one person alone had been annotated."""
    own = picture.instance == number
    return replace(
        picture,
        chart=picture.chart * own,
        instance=picture.instance * own,
        coarse=picture.coarse_labels() * own,
        people={n: person for n, person in picture.people.items() if n == number},
        points=picture.points.chosen(picture.points.instance == number),
    )


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
