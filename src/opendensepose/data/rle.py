"""COCO's run-length masks and polygons, by pycocotools; what it would not survive is refused before.

A run-length mask is `{"size": [H, W], "counts": ...}`, the lengths of the runs of 0s and 1s in turn, down the
columns: a list, or COCO's compressed string. pycocotools is imported when a mask is, so that predicting from
given boxes needs none of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.io.image import MAX_PIXELS


def encode_mask(mask: NDArray[Any]) -> dict[str, Any]:
    """Compressed COCO RLE `{"size": [H, W], "counts": str}` of a mask [H, W] (non-zero = inside)."""
    if mask.ndim != 2:
        raise ValueError(f"mask: expected shape [H, W], got {list(mask.shape)}")
    return _encode((mask != 0)[..., None])[0]


def encode_labels(labels: NDArray[Any], count: int) -> list[dict[str, Any]]:
    """One RLE for each of the labels 1..count of a picture [H, W]."""
    if labels.ndim != 2:
        raise ValueError(f"labels: expected shape [H, W], got {list(labels.shape)}")
    return _encode(labels[..., None] == np.arange(1, count + 1, dtype=labels.dtype))


def read_runs(rle: dict[str, Any]) -> tuple[tuple[int, int], NDArray[np.int64]]:
    """Size (H, W) and runs [N] of a COCO RLE; ValueError when it is broken or its runs do not fill it."""
    counts: Any = rle.get("counts")
    try:
        height, width = (int(n) for n in rle.get("size", ()))
        runs = None if isinstance(counts, str | bytes) else np.asarray(counts, np.int64)
    except (ValueError, TypeError, OverflowError):
        got = f"size {str(rle.get('size'))[:40]} and counts {str(counts)[:40]}"
        raise ValueError(f"RLE: expected size [H, W] and runs, got {got}") from None
    runs = unpack_counts(counts) if runs is None else runs
    if not (height >= 0 and width >= 0 and height * width <= MAX_PIXELS):
        raise ValueError(f"RLE size: expected at most {MAX_PIXELS} pixels, got {height} x {width}")
    if runs.ndim != 1 or (runs < 0).any() or runs.sum() != height * width:
        total = int(runs.sum())
        raise ValueError(f"RLE counts: expected runs that add up to {height} x {width}, got {total}")
    return (height, width), runs


def decode_mask(rle: dict[str, Any]) -> NDArray[np.bool_]:
    """Mask [H, W] of a COCO RLE, `counts` a compressed string or a list; ValueError when it is broken."""
    from pycocotools import mask as api

    # checked before: pycocotools would give unset memory for the pixels that no run covers
    (height, width), runs = read_runs(rle)
    if height * width == 0:
        return np.zeros((height, width), bool)
    size, counts = [height, width], rle["counts"]
    if isinstance(counts, str | bytes):
        packed = {"size": size, "counts": counts.encode("ascii") if isinstance(counts, str) else counts}
    else:
        packed = api.frPyObjects({"size": size, "counts": runs.tolist()}, height, width)
    return np.asarray(api.decode(packed)).astype(bool)


def polygon_mask(polygons: list[Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Mask [H, W] of the union of polygons [x0, y0, x1, y1, ...]; those of fewer than 3 corners are left out.

    Raises ValueError for corners that are no pairs of finite numbers.
    """
    from pycocotools import mask as api

    height, width = size
    if not (height >= 0 and width >= 0 and height * width <= MAX_PIXELS):
        raise ValueError(f"size of a mask: expected at most {MAX_PIXELS} pixels, got {height} x {width}")
    outlines = []
    for polygon in polygons:
        try:
            corners = np.asarray(polygon, np.float64)
        except (TypeError, ValueError):
            corners = np.full(1, np.nan)
        if corners.ndim != 1 or len(corners) % 2 or not np.isfinite(corners).all():
            raise ValueError(f"polygon: expected pairs of finite numbers, got {str(polygon)[:60]}")
        if len(corners) >= 6:  # far corners would cost as many steps as they are pixels away
            limit = np.array([width, height], np.float64)
            outlines.append(np.clip(corners.reshape(-1, 2), -limit, 2 * limit).ravel().tolist())
    if not outlines or height * width == 0:
        return np.zeros(size, bool)
    return np.asarray(api.decode(api.merge(api.frPyObjects(outlines, height, width)))).astype(bool)


def unpack_counts(text: str | bytes) -> NDArray[np.int64]:
    """Run lengths [N] of COCO's string: five bits of a number per character, one that says "more follows";
    from the fourth on each as the difference to the one two before (`rleFrString` of the COCO API)."""
    raw = text.encode("ascii", "replace") if isinstance(text, str) else bytes(text)
    codes = np.frombuffer(raw, np.uint8).astype(np.int64) - 48
    if codes.size == 0:
        return np.zeros(0, np.int64)
    last = (codes & 0x20) == 0
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    if codes.min() < 0 or codes.max() > 63 or not last[-1] or (ends - starts).max() > 9:
        raise ValueError(f"RLE counts: expected a COCO RLE string, got {raw[:20]!r}")
    place = np.arange(codes.size) - np.repeat(starts, ends - starts + 1)
    numbers = np.add.reduceat((codes & 0x1F) << (5 * place), starts)
    negative = (codes[ends] & 0x10) != 0
    numbers[negative] -= np.int64(1) << (5 * (ends - starts + 1))[negative]
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers


def _encode(planes: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """RLEs of the planes of [H, W, N]."""
    from pycocotools import mask as api

    size = [int(n) for n in planes.shape[:2]]
    packed = api.encode(np.asfortranarray(planes.astype(np.uint8)))
    return [{"size": size, "counts": rle["counts"].decode("ascii")} for rle in packed]
