"""Frames of annotated videos: every person in the colour of the track, points, and what nobody labelled."""

from __future__ import annotations

import colorsys
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from opendensepose.data.sample import Person, Sample
from opendensepose.viz.annotations import INK, PAPER, Picture, View, draw_points, paint_labels, point_radius

SMALLEST = 480  # pixels: lower frames are drawn a whole number of times larger
_GOLDEN = 0.618034  # turns of hue from one track to the next: any few in a row are far apart
_HATCH = 10  # pixels between the lines over ignored regions


def track_colour(track: int | None) -> NDArray[np.uint8]:
    """RGB of a track; grey for a person without one."""
    if track is None:
        return np.array([150, 150, 150], np.uint8)
    hue = (0.02 + _GOLDEN * track) % 1
    value = (0.98, 0.86)[track // 3 % 2]
    return np.array([round(255 * c) for c in colorsys.hsv_to_rgb(hue, 0.72, value)], np.uint8)


def draw_frame(image: Picture, sample: Sample) -> Picture:
    """One frame [H, W, 3] with its people in the colours of their tracks, a whole number of times larger."""
    height, width = image.shape[:2]
    factor = max(1, -(-SMALLEST // height))
    view = View(0, 0, width, height, factor)
    picture = view.crop(image)
    _hatch(picture, [view.to(region) for region in sample.ignored])
    for person in sorted(sample.people, key=lambda p: float(p.box[3])):
        _tint(picture, person, view, (height, width))
    for person in sample.people:
        if person.points is not None:
            light = 0.5 * track_colour(person.track_id) + 0.5 * 255
            colours = np.tile(light.astype(np.uint8), (len(person.points.chart), 1))
            draw_points(picture, view.to(person.points.xy), colours, 0.6 * point_radius(person, view))
    return _labelled(picture, sample, view)


def _tint(picture: Picture, person: Person, view: View, size: tuple[int, int]) -> None:
    """The person's pixels in the track's colour: by the part masks, else the segmentation, else the box."""
    colour = track_colour(person.track_id)
    labels = person.part_labels()
    if labels is not None:
        colours = np.stack([colour, colour])
        paint_labels(picture, (labels > 0).astype(np.uint8), person.box, view, colours, 0.5)
        return
    mask = person.mask(size)
    if mask is None:
        x0, y0, x1, y1 = (round(float(n) * view.scale) for n in person.box)
        cv2.rectangle(picture, (x0, y0), (x1, y1), colour.tolist(), 2, cv2.LINE_AA)
        return
    soft = cv2.resize(mask.astype(np.float32), picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    picture[:] = (picture + 0.5 * soft[..., None] * (colour - picture.astype(np.float32))).astype(np.uint8)


def _hatch(picture: Picture, regions: list[NDArray[np.floating]]) -> None:
    """Oblique lines over regions in which nobody was annotated, in place."""
    if not regions:
        return
    inside = np.zeros(picture.shape[:2], np.uint8)
    for region in regions:
        corners = np.clip(region, -(2**20), 2**20)
        cv2.fillPoly(inside, [np.round(corners).astype(np.int32)], 1)
    row, column = np.mgrid[: picture.shape[0], : picture.shape[1]]
    line = (inside > 0) & ((row + column) % _HATCH < 2)
    picture[inside > 0] = (0.6 * picture[inside > 0] + 0.4 * 128).astype(np.uint8)
    picture[line] = (230, 230, 230)


def _labelled(picture: Picture, sample: Sample, view: View) -> Picture:
    """The picture with the numbers of the tracks over the people, and which frame it is."""
    canvas = Image.fromarray(picture)
    pen = ImageDraw.Draw(canvas, "RGBA")
    size = max(14, round(picture.shape[0] / 32))
    font = ImageFont.load_default(size)
    for person in sample.people:
        if person.track_id is not None:
            x, y = view.to(np.array([(person.box[0] + person.box[2]) / 2, person.box[1]]))
            _tag(pen, (x, max(y - 6, size + 8)), str(person.track_id), font, track_colour(person.track_id))
    text = f"{sample.video or ''}  {sample.frame}" + ("" if sample.labelled else "  not labelled")
    pen.text(
        (10, picture.shape[0] - 8), text.strip(), PAPER, font, anchor="ls", stroke_width=2, stroke_fill=INK
    )
    return np.array(canvas)


def _tag(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, font: Any, colour: NDArray[np.uint8]
) -> None:
    """Text on a rounded plate, its lower middle at a place."""
    left, top, right, bottom = pen.textbbox(at, text, font, anchor="mb")
    pen.rounded_rectangle((left - 6, top - 3, right + 6, bottom + 3), 5, (*map(int, colour), 235))
    pen.text(at, text, INK, font, anchor="mb")
