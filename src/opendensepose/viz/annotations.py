"""Pictures of annotations as in the DensePose publication: image, points coloured by U and by V, parts.

All functions take and give [H, W, 3] uint8 RGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from opendensepose.data.sample import COARSE_PARTS, GRID, Person
from opendensepose.surface.parts import PART_COLOURS

Picture = NDArray[np.uint8]
PANELS = ("image", "U", "V", "parts")
# [15, 3] each of the 14 parts has the colour of one of its charts
COARSE_COLOURS = PART_COLOURS[[0, 2, 3, 4, 5, 6, 9, 10, 13, 14, 15, 16, 19, 20, 23]]
UNPARTED = (120, 150, 190)  # who has a segmentation only
PAPER, INK = (255, 255, 255), (40, 40, 48)
GAP = 8  # pixels between panels
CAPTION = 30  # height of the line below
RIM = 1.0  # pixels round a point
_TURBO = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_TURBO)[:, 0, ::-1]


class View(NamedTuple):
    """A part of the image, and how many times larger it is drawn."""

    x: float
    y: float
    width: float  # pixels of the image
    height: float
    scale: float

    def to(self, xy: NDArray[np.floating]) -> NDArray[np.floating]:
        """Places in the view [P, 2] of places in the image."""
        return (np.asarray(xy, np.float64) - (self.x, self.y)) * self.scale

    def crop(self, image: Picture) -> Picture:
        """That part of the image; beyond its border, paper."""
        size, matrix = self._placing()
        if self.scale < 1:  # warpAffine does not average
            image = cv2.GaussianBlur(image, (0, 0), 0.4 / self.scale)  # type: ignore[assignment]
        flags = cv2.INTER_CUBIC if self.scale > 1 else cv2.INTER_LINEAR
        out = cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        column, row = ((np.arange(n) + 0.5) / self.scale for n in size)
        height, width = image.shape[:2]
        out[:, (column + self.x < 0) | (column + self.x >= width)] = PAPER
        out[(row + self.y < 0) | (row + self.y >= height)] = PAPER
        return np.asarray(out, np.uint8)

    def cover(self, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        """How far a mask of the image covers each pixel of the view, 0..1."""
        size, matrix = self._placing()
        return np.asarray(cv2.warpAffine(mask.astype(np.float32), matrix, size), np.float32)

    def _placing(self) -> tuple[tuple[int, int], NDArray[np.float64]]:
        """Width and height of the view, and the matrix [2, 3] from pixels of the image to its pixels."""
        # pixel k covers [k, k + 1), warpAffine counts centres: hence the halves
        half = 0.5 * self.scale - 0.5
        matrix = np.array([[self.scale, 0, half - self.x * self.scale]] * 2)
        matrix[1] = 0, self.scale, half - self.y * self.scale
        return (round(self.width * self.scale), round(self.height * self.scale)), matrix


def view_of(
    box: NDArray[np.floating],  # [4] xyxy
    height: int,  # pixels of the picture
    aspect: float | None = None,  # width / height of the picture; the box's own by default
    margin: float = 0.08,
    size: tuple[int, int] | None = None,  # height, width of the image: the view stays inside if it can
) -> View:
    """A view of a box with some margin."""
    x0, y0, x1, y1 = (float(n) for n in box)
    w, h = (max(n, 1.0) * (1 + 2 * margin) for n in (x1 - x0, y1 - y0))
    ratio = float(np.clip(w / h, 0.4, 2.5)) if aspect is None else aspect
    w, h = max(w, h * ratio), max(h, w / ratio)
    if size is not None and aspect is None:
        w, h = min(w, size[1]), min(h, size[0])
    left, top = (x0 + x1 - w) / 2, (y0 + y1 - h) / 2
    if size is not None:
        left = min(max(left, 0), size[1] - w) if w <= size[1] else left
        top = min(max(top, 0), size[0] - h) if h <= size[0] else top
    return View(left, top, w, h, height / h)


def panels(image: Picture, people: Sequence[Person], view: View) -> list[Picture]:
    """The four PANELS of a view of an image."""
    photo = view.crop(image)
    return [photo, *coordinates(photo, people, view), draw_parts(photo, people, view, image.shape[:2])]


def coordinates(photo: Picture, people: Sequence[Person], view: View) -> list[Picture]:
    """The photo with its points coloured by U, and by V."""
    result = []
    for axis in (0, 1):
        picture = _faded(photo)
        for person in people:
            if person.points is not None:
                colours = heat(person.points.uv[:, axis])
                draw_points(picture, view.to(person.points.xy), colours, point_radius(person, view))
        result.append(picture)
    return result


def point_radius(person: Person, view: View) -> float:
    """Pixels: so that some 100 points on a person stay apart, and are still seen on small people."""
    x0, y0, x1, y1 = person.box
    side = float(np.sqrt(max((x1 - x0) * (y1 - y0), 1.0)) * view.scale)
    return float(np.clip(side * 0.0125, 1.2, 7))


def draw_points(
    picture: Picture,
    xy: NDArray[np.floating],  # [P, 2] places in the picture, pixel k covers [k, k + 1)
    colours: NDArray[np.uint8],  # [P, 3]
    radius: float,
) -> None:
    """Discs with a dark rim, in place."""
    for (x, y), colour in zip(np.asarray(xy, np.float64), colours, strict=True):
        reach = radius + RIM + 1
        columns, rows = (_span(at, reach, n) for at, n in zip((x, y), picture.shape[1::-1], strict=True))
        if len(columns) == 0 or len(rows) == 0:
            continue
        distance = np.hypot(columns + 0.5 - x, rows[:, None] + 0.5 - y)[..., None]
        patch = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        rim = np.clip(radius + RIM + 0.5 - distance, 0, 1)  # the share of a pixel that a disc covers, nearly
        disc = np.clip(radius + 0.5 - distance, 0, 1)
        painted = patch + rim * (INK - patch.astype(np.float32))
        patch[:] = (painted + disc * (colour - painted) + 0.5).astype(np.uint8)


def _span(at: float, reach: float, size: int) -> NDArray[np.int64]:
    """The pixels of 0..size-1 within `reach` of a place."""
    if not np.isfinite(at):
        return np.arange(0)
    return np.arange(
        max(int(np.clip(at - reach, -1, size)), 0), min(int(np.clip(at + reach, -1, size)) + 1, size)
    )


def heat(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colours [P, 3] of values [P] in 0..1: blue, green, yellow, red."""
    index = np.clip(np.asarray(values) * 255, 0, 255).astype(np.uint8)
    return np.asarray(_TURBO[index], np.uint8)


def draw_parts(
    photo: Picture,
    people: Sequence[Person],
    view: View,
    size: tuple[int, int],  # height, width of the image
) -> Picture:
    """The photo under the part masks; who has none, by points coloured by chart, or by the segmentation."""
    picture = _faded(photo)
    for person in sorted(people, key=lambda p: float(p.box[3])):  # the nearer one, lower in the picture, last
        labels = person.part_labels()
        if labels is not None:
            paint_labels(picture, labels, person.box, view, COARSE_COLOURS)
        elif person.points is None:
            mask = person.mask(size)
            if mask is not None:
                cover = 0.6 * view.cover(mask)[..., None]
                picture[:] = (picture + cover * (UNPARTED - picture.astype(np.float32))).astype(np.uint8)
    for person in people:
        if person.parts is None and person.points is not None:
            radius = point_radius(person, view)
            draw_points(picture, view.to(person.points.xy), PART_COLOURS[person.points.chart], radius)
    return picture


def paint_labels(
    picture: Picture,
    labels: NDArray[np.uint8],  # [256, 256] over the box, 0 = nothing
    box: NDArray[np.floating],  # [4] xyxy, pixels of the image
    view: View,
    colours: NDArray[np.uint8],  # [L, 3]
    strength: float = 0.72,
) -> None:
    """Lay colours of labels over their box, smooth at the edges and with dark borders, in place."""
    size = picture.shape[1], picture.shape[0]
    (x0, y0), (x1, y1) = view.to(np.reshape(box, (2, 2)))
    step = np.array([x1 - x0, y1 - y0]) / (GRID - 1)
    matrix = np.array([[step[0], 0, x0 - 0.5], [0, step[1], y0 - 0.5]])
    soft = float(max(step.max(), 1.0))
    best = np.full(picture.shape[:2], 0.35, np.float32)  # above: inside
    label = np.zeros(picture.shape[:2], np.uint8)
    for number in np.unique(labels[labels > 0]):
        plane = cv2.warpAffine((labels == number).astype(np.float32), matrix, size, flags=cv2.INTER_LINEAR)
        plane = cv2.GaussianBlur(plane, (0, 0), 0.5 * soft)
        above = plane > best
        best[above], label[above] = plane[above], number
    inside = label > 0
    out = picture.astype(np.float32)
    out[inside] += strength * (colours[label[inside]] - out[inside])
    edge = cv2.morphologyEx(label, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    line = cv2.GaussianBlur(edge.astype(np.float32), (0, 0), 0.7)[..., None]
    out += 0.8 * np.clip(line, 0, 1) * (np.array(INK, np.float32) - out)
    picture[:] = np.clip(out, 0, 255).astype(np.uint8)


def captioned(pictures: Sequence[Picture], titles: Sequence[str] = PANELS) -> Picture:
    """Pictures of one height side by side on paper, a caption below each; U and V with their colours."""
    height = pictures[0].shape[0]
    width = sum(p.shape[1] for p in pictures) + GAP * (len(pictures) + 1)
    sheet = np.full((height + 2 * GAP + CAPTION, width, 3), PAPER, np.uint8)
    x = GAP
    marks = []
    for picture, title in zip(pictures, titles, strict=True):
        sheet[GAP : GAP + height, x : x + picture.shape[1]] = picture
        marks.append((x, picture.shape[1], title))
        x += picture.shape[1] + GAP
    for left, wide, title in marks:
        if title in ("U", "V"):
            _scale(sheet, left, wide, height + GAP + 8)
    canvas = Image.fromarray(sheet)
    pen = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(17)
    middle = height + GAP + CAPTION // 2 + 1
    for left, wide, title in marks:
        if title in ("U", "V"):
            pen.text((left, middle), f"{title}   0", INK, font, anchor="lm")
            pen.text((left + wide, middle), "1", INK, font, anchor="rm")
        else:
            pen.text((left + wide / 2, middle), title, INK, font, anchor="mm")
    return np.array(canvas)


def stacked(rows: Sequence[Picture]) -> Picture:
    """Pictures below each other, at the left, on paper."""
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    )


def _scale(sheet: Picture, left: int, wide: int, top: int) -> None:
    """The colours of 0..1 between the two numbers of a caption, in place."""
    start, stop = left + 44, left + wide - 16
    if stop - start >= 8:
        sheet[top : top + 14, start:stop] = heat(np.linspace(0, 1, stop - start))[None]


def _faded(photo: Picture) -> Picture:
    """The photo pale and nearly grey, so that colours on it stand out."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return (0.45 * 255 + 0.55 * (0.75 * grey + 0.25 * photo)).astype(np.uint8)


assert len(COARSE_COLOURS) == COARSE_PARTS + 1
