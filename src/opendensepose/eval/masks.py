"""Masks of annotated people and of detections, cut to what of them lies in the image, and their IoU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opendensepose.data.sample import GRID
from opendensepose.eval import fields, rle
from opendensepose.eval.fields import Box
from opendensepose.eval.truth import Annotation, TruthImage
from opendensepose.io.files import InputError


class Mask(NamedTuple):
    """The pixels of a mask from column `x`, row `y` of the image on; what is beside them is empty."""

    x: int
    y: int
    inside: NDArray[np.bool_]  # [h, w]
    area: int


EMPTY = Mask(0, 0, np.zeros((0, 0), bool), 0)


def paste_window(
    shape: tuple[int, ...],  # h, w of the mask
    box: Box,
    size: tuple[int, int],  # height, width of the image
) -> tuple[slice, slice] | None:
    """Which rows and columns of a mask laid at (int x, int y) come into the image; None: none.

    Columns of the image from max(int x, 0) to min(int(x + w), width, int x + mask width): int(x + w), which
    may be one more or less than int(x) + int(w). A box wholly outside the image gives None.
    """
    slices = []
    for start, length, limit, mask in zip(box[1::-1], box[:1:-1], size, shape, strict=True):
        first = int(start)
        low, high = max(first, 0), min(int(start + length), limit, first + mask)
        if high <= low:
            return None
        slices.append(slice(low - first, high - first))
    return slices[0], slices[1]


def detection_mask(labels: NDArray[np.uint8], box: Box, size: tuple[int, int]) -> Mask:
    """The mask of a map's part labels [h, w]: every label but 0, those above 24 too."""
    window = paste_window(labels.shape, box, size)
    if window is None:
        return EMPTY
    inside = labels[window] > 0
    x, y = int(box[0]) + window[1].start, int(box[1]) + window[0].start
    return Mask(x, y, inside, int(np.count_nonzero(inside)))


def stretched(
    union: NDArray[np.bool_],  # [256, 256] part masks over the box
    box: Box,
    size: tuple[int, int],
) -> Mask:
    """The mask of part masks: stretched corner to corner to round(h) x round(w) pixels, linear, > 0.5."""
    width, height = (round(max(length, 1.0)) for length in box[2:])
    window = paste_window((height, width), box, size)
    if window is None:
        return EMPTY
    inside = _interpolate(union, (height, width), window)
    x, y = int(box[0]) + window[1].start, int(box[1]) + window[0].start
    return Mask(x, y, inside, int(np.count_nonzero(inside)))


def _interpolate(
    grid: NDArray[np.bool_], shape: tuple[int, int], window: tuple[slice, slice]
) -> NDArray[np.bool_]:
    """Rows and columns `window` of the grid stretched to `shape` by linear interpolation, > 0.5.

    As `scipy.ndimage.zoom(grid, order=1, prefilter=False) > 0.5`, to the last bit: where the four
    neighbours differ, weights are multiplied and summed in its order.
    """
    (y0, y1, wy, valid_y), (x0, x1, wx, valid_x) = (
        _places(n, w, g) for n, w, g in zip(shape, window, grid.shape, strict=True)
    )
    cells = grid.view(np.uint8)
    columns_first = cells.T  # pycocotools' masks lie column by column
    across = np.ascontiguousarray((columns_first.take(x0, axis=0) + columns_first.take(x1, axis=0)).T)
    neighbours = across.take(y0, axis=0) + across.take(y1, axis=0)  # how many of the four are inside
    inside = neighbours == 4
    rows, columns = np.divmod(np.flatnonzero((neighbours - 1) < 3), len(x0))  # 1..3; 0 wraps to 255
    v, u = wy[rows], wx[columns]
    top, bottom, left, right = y0[rows], y1[rows], x0[columns], x1[columns]
    total = cells[top, left] * (1 - v) * (1 - u)
    total += cells[top, right] * (1 - v) * u
    total += cells[bottom, left] * v * (1 - u)
    total += cells[bottom, right] * v * u
    inside[rows, columns] = total > 0.5
    inside[~valid_y], inside[:, ~valid_x] = False, False
    return inside


def _places(
    n: int, window: slice, grid: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Where outputs `window` of n read a grid: lower and upper neighbour, weight of the upper, and if inside.

    The last one is at (n - 1) * ((grid - 1) / (n - 1)), which rounding may put behind the grid's last: then
    SciPy takes it as outside, and it is empty.
    """
    at = np.arange(window.start, window.stop) * ((grid - 1) / (n - 1) if n > 1 else 1.0)
    low = np.floor(at).astype(np.int64)
    return np.minimum(low, grid - 1), np.minimum(low + 1, grid - 1), at - low, at <= grid - 1


def part_union(annotation: Annotation) -> NDArray[np.bool_]:
    """The union of a person's part masks [256, 256], column by column."""
    from pycocotools import mask as coco

    parts = [part for part in annotation.parts or () if part is not None]
    if not parts:
        return np.zeros((GRID, GRID), bool)
    union: NDArray[np.bool_] = coco.decode(coco.merge(parts)).view(bool)
    return union


def segmentation_rle(annotation: Annotation, image: TruthImage, where: str) -> dict[str, Any] | None:
    """`segmentation` as one RLE of the image: polygons (their union), an RLE as list or string.

    None where it is missing, or covers nothing: [], an RLE of another size than the image's, polygons of
    fewer than three points.
    """
    from pycocotools import mask as coco

    value, size = annotation.segmentation, (image.height, image.width)
    if not value:
        return None
    place = f"{where}: annotation {annotation.id}: 'segmentation'"
    if isinstance(value, list):
        shapes = polygons([(p[::2], p[1::2]) for p in _flat(value, place)], size, place)
        return coco.merge(shapes) if shapes else None
    packed = rle.pack(value, None, place)
    if not rle.fit([packed]).all():
        raise InputError(f"{place}: expected an RLE of its size, got a broken one")
    return packed if tuple(packed["size"]) == size else None


def of_rle(packed: dict[str, Any] | None) -> Mask:
    """The mask of an RLE of the image; None: empty."""
    from pycocotools import mask as coco

    if packed is None:
        return EMPTY
    x, y, w, h = (int(n) for n in coco.toBbox(packed))
    inside = coco.decode(packed)[y : y + h, x : x + w].astype(bool)
    return Mask(x, y, inside, int(np.count_nonzero(inside)))


def to_rle(mask: Mask, size: tuple[int, int]) -> dict[str, Any]:
    """The mask as COCO's RLE of an image of (height, width)."""
    from pycocotools import mask as coco

    canvas = np.zeros(size, np.uint8, order="F")
    h, w = mask.inside.shape
    canvas[mask.y : mask.y + h, mask.x : mask.x + w] = mask.inside
    packed: dict[str, Any] = coco.encode(canvas)
    return packed


def _flat(value: list[Any], where: str) -> list[NDArray[np.float64]]:
    """Polygons as arrays x0, y0, x1, y1, ..."""
    shapes = []
    for polygon in value:
        corners = fields.numbers({"segmentation": polygon}, "segmentation", where)
        if len(corners) % 2:
            raise InputError(f"{where}: expected polygons x0, y0, x1, y1, ..., got {len(corners)} numbers")
        shapes.append(corners)
    return shapes


def polygons(
    shapes: Sequence[tuple[Any, Any]],  # x [P], y [P] of each
    size: tuple[int, int],  # height, width of the image
    where: str,
) -> list[dict[str, Any]]:
    """RLEs of polygons in an image; those of fewer than three points are left out.

    Raises InputError for corners so far away that drawing them would take forever.
    """
    from pycocotools import mask as coco

    whole = [np.stack([x, y], axis=1) for x, y in shapes if len(x) >= 3]
    far = 10 * (max(size) + 1000)
    if any((np.abs(corners) > far).any() for corners in whole):
        raise InputError(f"{where}: expected corners in or near the image, got some beyond {far} pixels")
    return coco.frPyObjects([corners.ravel().tolist() for corners in whole], *size) if whole else []


def overlap(detection: Mask, annotation: Mask, crowd: bool) -> float:
    """IoU; of a crowd the intersection by the detection's own area. Empty masks give 0."""
    x0, x1 = max(detection.x, annotation.x), min(_right(detection), _right(annotation))
    y0, y1 = max(detection.y, annotation.y), min(_bottom(detection), _bottom(annotation))
    if x1 <= x0 or y1 <= y0:
        return 0.0
    a = detection.inside[y0 - detection.y : y1 - detection.y, x0 - detection.x : x1 - detection.x]
    b = annotation.inside[y0 - annotation.y : y1 - annotation.y, x0 - annotation.x : x1 - annotation.x]
    both = int(np.count_nonzero(a & b))
    if both == 0:
        return 0.0
    return both / (detection.area if crowd else detection.area + annotation.area - both)


def _right(mask: Mask) -> int:
    return mask.x + mask.inside.shape[1]


def _bottom(mask: Mask) -> int:
    return mask.y + mask.inside.shape[0]
