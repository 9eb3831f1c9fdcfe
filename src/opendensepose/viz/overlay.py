"""Draw a Result over its photo: parts, U, V, isolines, or the part-index picture of image generators."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.core.types import CHARTS, Result
from opendensepose.core.visible import Visible, visible
from opendensepose.surface.parts import PART_COLOURS

Plane = NDArray[np.float32]  # [h, w]
Picture = NDArray[np.float32]  # [h, w, 3] RGB 0..255

LINES = 8  # isolines per chart and direction
BAND = 1024  # rows worked on at a time: bounds the memory of a very large person
HALO = 16  # rows beside a band that its blurs and differences look at


def draw(
    image: NDArray[np.uint8],  # [H, W, 3] RGB
    result: Result,
    style: str = "parts",
    *,
    boxes: bool = False,
) -> NDArray[np.uint8]:
    """A new picture [H, W, 3] of `result` in one of STYLES; of overlapping people the better score is on top.

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
        width = _line_width(result.image_size)
        for person in visible(result):
            for band, inner in _bands(person):
                window = band.window
                painted = _PAINT[style](image[window].astype(np.float32), band.labels, band.uv, width)
                seen = band.labels[inner, :, None] > 0
                rows = slice(window[0].start + inner.start, window[0].start + inner.stop)
                target = out[rows, window[1]]
                np.copyto(target, np.clip(painted[inner], 0, 255).astype(np.uint8), where=seen)
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
    index = (np.arange(CHARTS + 1, dtype=np.float32) * (255.0 / CHARTS)).astype(np.uint8)
    table = cv2.applyColorMap(index[:, None], cv2.COLORMAP_VIRIDIS)[:, 0, ::-1]  # [25, 3] RGB
    charts = np.zeros(result.image_size, np.uint8)
    for person in visible(result):
        charts[person.window] += person.labels  # visible pixels are disjoint
    return np.asarray(table[charts], np.uint8)


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


def _paint_parts(photo: Picture, labels: NDArray[np.uint8], uv: Plane, width: float) -> Picture:
    light = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY) / 255.0
    colour = _table(PART_COLOURS)[labels]
    shade = 0.72 + 0.42 * light  # folds and faces stay visible under the colour
    out = 0.22 * photo + 0.78 * colour * shade[..., None]
    lines = np.maximum(*(_isolines(c, labels, width) for c in uv))
    out += (0.55 * lines)[..., None] * (255 - out)
    border = _borders(labels, width)
    out *= (1 - 0.45 * border)[..., None]
    return out


def _table(colours: NDArray[np.uint8]) -> Picture:
    return colours.astype(np.float32)


def _paint_u(photo: Picture, labels: NDArray[np.uint8], uv: Plane, width: float) -> Picture:
    return _paint_value(photo, labels, uv[0], width)


def _paint_v(photo: Picture, labels: NDArray[np.uint8], uv: Plane, width: float) -> Picture:
    return _paint_value(photo, labels, uv[1], width)


def _paint_value(photo: Picture, labels: NDArray[np.uint8], value: Plane, width: float) -> Picture:
    light = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY) / 255.0
    shade = 0.75 + 0.35 * light
    out = 0.15 * photo + 0.85 * _heat(value) * shade[..., None]
    out *= (1 - 0.5 * _borders(labels, width))[..., None]
    return out


def _paint_contour(photo: Picture, labels: NDArray[np.uint8], uv: Plane, width: float) -> Picture:
    out = photo
    for value in uv:
        line = _isolines(value, labels, 1.3 * width)
        out = out + line[..., None] * (_heat(value) - out)
    return out


_PAINT: dict[str, Callable[[Picture, NDArray[np.uint8], Plane, float], Picture]] = {
    "parts": _paint_parts,
    "u": _paint_u,
    "v": _paint_v,
    "contour": _paint_contour,
}
STYLES = (*_PAINT, "viridis")


def _heat(value: Plane) -> Picture:
    q = np.clip(value * 255, 0, 255).astype(np.uint8)
    return cv2.applyColorMap(q, cv2.COLORMAP_TURBO)[..., ::-1].astype(np.float32)


def _line_width(size: tuple[int, int]) -> float:
    """Pixels: thin on small pictures, and still seen when a large one is shown on a screen."""
    return max(1.0, min(size) / 900)


def _isolines(value: Plane, labels: NDArray[np.uint8], width: float) -> Plane:
    """[h, w] 0..1 coverage of anti-aliased lines where `value` is a multiple of 1 / LINES.

    A pixel's distance to the nearest line is the difference of value over the slope; lines that would lie
    closer than a few widths fade out, so that small people and steep edges do not turn into noise.
    """
    smooth = _smooth(value, labels)
    slope = _slope(smooth, labels)  # value per pixel
    phase = smooth * LINES
    distance = np.abs(phase - np.rint(phase)) / np.maximum(LINES * slope, 1e-6)  # pixels
    gap = 1 / np.maximum(LINES * slope, 1e-6)  # pixels between lines
    line = np.clip(0.5 * width + 0.5 - distance, 0, 1)
    line *= np.clip((gap / width - 2.5) / 2.5, 0, 1)
    return np.where(labels > 0, line, np.float32(0))


def _smooth(value: Plane, labels: NDArray[np.uint8]) -> Plane:
    """Blur within each chart only: neighbours of another chart get no weight."""
    for axis in (0, 1):
        for _ in range(2):
            same = _same(labels, axis)
            total, weight = 2 * value, np.full(value.shape, 2, np.float32)
            a, b = _ends(axis)
            total[a] += value[b] * same
            total[b] += value[a] * same
            weight[a] += same
            weight[b] += same
            value = total / weight
    return value


def _slope(value: Plane, labels: NDArray[np.uint8]) -> Plane:
    """[h, w] length of the gradient per pixel, from differences within the chart."""
    squared = np.zeros(value.shape, np.float32)
    for axis in (0, 1):
        same = _same(labels, axis)
        a, b = _ends(axis)
        step = (value[b] - value[a]) * same
        total, weight = np.zeros(value.shape, np.float32), np.full(value.shape, 1e-6, np.float32)
        for part in (a, b):
            total[part] += step
            weight[part] += same
        squared += (total / weight) ** 2
    return np.sqrt(squared)


def _ends(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """All but the last, and all but the first, along an axis."""
    fill = (slice(None),) * axis
    return (*fill, slice(None, -1)), (*fill, slice(1, None))


def _same(labels: NDArray[np.uint8], axis: int) -> Plane:
    """1 where a pixel and the next one along the axis are of one chart."""
    a, b = _ends(axis)
    return (labels[a] == labels[b]).astype(np.float32)


def _borders(labels: NDArray[np.uint8], width: float) -> Plane:
    """[h, w] 0..1 soft lines where the chart changes."""
    edge = np.zeros(labels.shape, np.float32)
    for axis in (0, 1):
        a, b = _ends(axis)
        change = 1 - _same(labels, axis)
        edge[a] = np.maximum(edge[a], change)
        edge[b] = np.maximum(edge[b], change)
    return np.minimum(cv2.GaussianBlur(edge, (0, 0), 0.6 * width), 1)


def _draw_boxes(out: NDArray[np.uint8], result: Result) -> None:
    """Boxes and scores, in place."""
    thickness = max(1, round(_line_width(result.image_size)))
    for box, score in zip(result.boxes, result.scores, strict=True):
        x1, y1, x2, y2 = (round(float(v)) for v in box)
        cv2.rectangle(out, (x1, y1), (x2 - 1, y2 - 1), (255, 255, 255), thickness, cv2.LINE_AA)
        scale = 0.45 * thickness
        cv2.putText(
            out,
            f"{score:.2f}",
            (x1 + 3, y1 + int(16 * scale / 0.45)),
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            (255, 255, 255),
            thickness,
            cv2.LINE_AA,
        )
