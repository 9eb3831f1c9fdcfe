"""Draw a Result over its photo: parts, U, V, isolines, or the part-index picture of image generators."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.core.types import CHARTS, Result
from opendensepose.core.visible import Visible, visible
from opendensepose.surface.parts import PART_COLOURS
from opendensepose.viz.isolines import Plane, borders, edge_distance, isolines

Labels = NDArray[np.uint8]  # [h, w]
Picture = NDArray[np.float32]  # [h, w, 3] RGB 0..255

LINES = 8  # isolines per chart and direction
BAND = 128  # rows worked on at a time: stays in the cache, and bounds the memory of a very large person
HALO = 32  # rows beside a band that its blurs and differences look at
DETAIL = 24  # pixels: what is larger than this in the photo is no fold and no face


def draw(
    image: NDArray[np.uint8],  # [H, W, 3] RGB
    result: Result,
    style: str = "parts",
    *,
    boxes: bool = False,
) -> NDArray[np.uint8]:
    """A new picture [H, W, 3] of `result` in one of STYLES; where people overlap, as `core.visible` has it.

    parts: colours of the parts, shaded by the photo, with U and V isolines. u, v: the coordinate as colour.
    contour: isolines only, coloured by value, as in the DensePose publication. viridis: the picture of part
    numbers that image generators take, without the photo.
    `boxes` adds boxes and scores.
    """
    if style not in STYLES:
        raise ValueError(f"style: expected one of {', '.join(STYLES)}, got {style!r}")
    if image.dtype != np.uint8 or image.shape != (*result.image_size, 3):
        expected = [*result.image_size, 3]
        raise ValueError(f"image: expected shape {expected} uint8, got {list(image.shape)} {image.dtype}")
    out = _viridis(result) if style == "viridis" else image.copy()
    if style != "viridis":
        for person in visible(result):
            # of small people finer, so that lines do not cover them
            width = min(_line_width(result.image_size), max(0.6, math.sqrt(person.labels.size) / 150))
            for band, inner in _bands(person):
                window = band.window
                painted = _PAINT[style](image[window].astype(np.float32), band.labels, band.uv, width)
                target = out[window][inner]
                cv2.copyTo(np.clip(painted[inner], 0, 255).astype(np.uint8), band.labels[inner], target)
    if boxes:
        _draw_boxes(out, result)
    return out


def _viridis(result: Result) -> NDArray[np.uint8]:
    """The part-index picture [H, W, 3]: trunc(255 / 24 * chart) through OpenCV's VIRIDIS colour map.

    This is what image generators were trained on: MagicAnimate (its issue 18), vid2densepose (its pull
    request 10) and the ControlNet preprocessor `densepose` all take the fine segmentation visualiser of
    Detectron2's DensePose (scale 255 / 24, truncated to uint8) with COLORMAP_VIRIDIS, on a background of that
    map's colour 0, (68, 1, 84).
    """
    charts = np.zeros(result.image_size, np.uint8)
    for person in visible(result):
        charts[person.window] += person.labels  # visible pixels are disjoint
    return np.asarray(cv2.applyColorMap(charts, _VIRIDIS), np.uint8)


def _bands(person: Visible) -> Iterator[tuple[Visible, slice]]:
    """Cut a person into bands of rows with a halo: (band, its rows without the halo)."""
    height = len(person.labels)
    for start in range(0, height, BAND):
        stop = min(start + BAND, height)
        first, last = max(start - HALO, 0), min(stop + HALO, height)
        band = person._replace(
            top=person.top + first, labels=person.labels[first:last], uv=person.uv[:, first:last]
        )
        yield band, slice(start - first, stop - first)


def _paint_parts(photo: Picture, labels: Labels, uv: NDArray[np.float32], width: float) -> Picture:
    lines = isolines(uv, labels, LINES, width).max(0)
    return _over(photo, _mapped(labels, _PARTS), labels, width, 0.82, 0.7 * lines)


def _paint_u(photo: Picture, labels: Labels, uv: NDArray[np.float32], width: float) -> Picture:
    return _over(photo, _heat(uv[0]), labels, width, 0.85)


def _paint_v(photo: Picture, labels: Labels, uv: NDArray[np.float32], width: float) -> Picture:
    return _over(photo, _heat(uv[1]), labels, width, 0.85)


def _paint_contour(photo: Picture, labels: Labels, uv: NDArray[np.float32], width: float) -> Picture:
    out = photo
    for line, value in zip(isolines(uv, labels, LINES, 1.25 * width), uv, strict=True):
        out = out + _spread(line) * (_heat(value) - out)
    return out


def _over(
    photo: Picture, colour: Picture, labels: Labels, width: float, strength: float, white: Plane | float = 0.0
) -> Picture:
    """Colour over the photo, `white` (0..1) over that, dark lines around the parts, and a smooth outer edge.

    What is lighter or darker than its surroundings in the photo (folds, a face) stays so under the colour.
    """
    light = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    shade = light - cv2.blur(light, (2 * DETAIL + 1, 2 * DETAIL + 1))
    shade = np.clip(1 + shade * (0.9 / 255), 0.55, 1.3)
    inside = edge_distance(labels, 1.6 * width)  # at most 2 widths
    alpha = np.clip(inside + 0.5, 0.4, 1)  # never less: people of a few pixels stay seen
    outline = np.clip(1.5 - np.abs(inside - 0.5 * width) / width, 0, 1)
    alpha_lit = alpha * (1 - 0.45 * outline) * (1 - 0.4 * borders(labels, width))
    below = alpha_lit * (1 - white)
    out = photo * _spread(1 - alpha + (1 - strength) * below)
    out += colour * _spread(strength * below * shade)
    out += _spread(np.asarray(255 * alpha_lit * white))
    return out


def _spread(plane: Plane) -> Picture:
    """[h, w] -> [h, w, 3]: many times faster than letting NumPy repeat each number."""
    return np.asarray(cv2.cvtColor(plane, cv2.COLOR_GRAY2RGB), np.float32)


_PAINT: dict[str, Callable[[Picture, Labels, NDArray[np.float32], float], Picture]] = {
    "parts": _paint_parts,
    "u": _paint_u,
    "v": _paint_v,
    "contour": _paint_contour,
}
STYLES = (*_PAINT, "viridis")


def _colour_map(name: int) -> NDArray[np.uint8]:
    """The 256 colours of one of OpenCV's colour maps, RGB, as `cv2.applyColorMap` takes them."""
    return np.ascontiguousarray(cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], name)[..., ::-1])


_TURBO = _colour_map(cv2.COLORMAP_TURBO)
_PARTS = np.zeros((256, 1, 3), np.uint8)
_PARTS[: CHARTS + 1, 0] = PART_COLOURS
_VIRIDIS = _colour_map(cv2.COLORMAP_VIRIDIS)
_VIRIDIS[: CHARTS + 1] = _VIRIDIS[(np.arange(CHARTS + 1) * np.float32(255 / CHARTS)).astype(np.uint8)]


def _mapped(index: NDArray[np.uint8], table: NDArray[np.uint8]) -> Picture:
    return np.asarray(cv2.applyColorMap(index, table), np.float32)


def _heat(value: NDArray[np.float32]) -> Picture:
    return _mapped(np.clip(value * np.float32(255), 0, 255).astype(np.uint8), _TURBO)


def _line_width(size: tuple[int, int]) -> float:
    """Pixels: thin on small pictures, and still seen when a large one is shown on a screen."""
    return min(max(1.0, min(size) / 600), 4.0)  # wider ones would blur beyond HALO


def _draw_boxes(out: NDArray[np.uint8], result: Result) -> None:
    """Boxes, and the scores in their upper left corners, in place."""
    thickness = max(1, round(_line_width(result.image_size)))
    for box, score in zip(result.boxes, result.scores, strict=True):
        x1, y1, x2, y2 = (round(float(v)) for v in box)
        cv2.rectangle(out, (x1, y1), (x2 - 1, y2 - 1), (255, 255, 255), thickness)
        corner = (max(x1, 0) + 4 * thickness, max(y1, 0) + 14 * thickness)
        for colour, extra in (((0, 0, 0), 2), ((255, 255, 255), 0)):  # a dark rim: read on any photo
            font = cv2.FONT_HERSHEY_SIMPLEX
            cv2.putText(
                out, f"{score:.2f}", corner, font, 0.4 * thickness, colour, thickness + extra, cv2.LINE_AA
            )
