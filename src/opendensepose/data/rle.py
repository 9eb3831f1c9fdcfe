"""COCO's run-length masks: column-major runs, packed into a short string.

The format is that of the COCO API (`rleToString` of maskApi.c): run lengths of 0s and 1s in turn, down the
columns; from the fourth on each as the difference to the one two before; six bits per character (five of the
number, one that says "more follows"), plus 48. In NumPy, so that writing a data set needs no extra package.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def encode_mask(mask: NDArray[Any]) -> dict[str, Any]:
    """Compressed COCO RLE `{"size": [H, W], "counts": str}` of a mask [H, W] (non-zero = inside)."""
    return encode_labels(mask != 0, 1)[0]


def encode_labels(labels: NDArray[Any], count: int) -> list[dict[str, Any]]:
    """One RLE for each of the labels 1..count of a picture [H, W], all from one walk over the picture."""
    if labels.ndim != 2:
        raise ValueError(f"labels: expected shape [H, W], got {list(labels.shape)}")
    flat = labels.ravel(order="F")
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))[: flat.size]
    ends = np.concatenate([starts[1:], [flat.size]])
    label = flat[starts]
    size = [int(n) for n in labels.shape]
    rles = []
    for number in range(1, count + 1):
        runs = np.stack([starts[label == number], ends[label == number]], axis=1).ravel()
        counts = np.diff(runs, prepend=0, append=flat.size)
        rles.append({"size": size, "counts": pack_counts(counts if counts[-1] else counts[:-1])})
    return rles


def decode_mask(rle: dict[str, Any]) -> NDArray[np.bool_]:
    """Mask [H, W] of a COCO RLE, `counts` a compressed string or a list; ValueError when it is broken."""
    height, width = (int(n) for n in rle["size"])
    counts = rle["counts"]
    runs = unpack_counts(counts) if isinstance(counts, str | bytes) else np.asarray(counts, np.int64)
    if (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(
            f"RLE counts: expected runs that add up to {height} x {width}, got {int(runs.sum())}"
        )
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape((height, width), order="F")


def pack_counts(counts: NDArray[Any] | Sequence[int]) -> str:
    """COCO's string of run lengths."""
    numbers = np.array(counts, np.int64)
    numbers[3:] -= np.array(counts, np.int64)[1:-2]
    places = np.arange(13)  # 13 * 5 bits hold any int64
    rest = numbers[:, None] >> (5 * places)  # [N, 13] arithmetic shift keeps the sign
    bits = rest & 0x1F
    # the last character is the first after which only copies of its own sign bit remain
    finished = (rest >> 5) == -(bits >> 4)
    last = finished.argmax(axis=1)
    kept = places <= last[:, None]
    characters = bits + 48 + 32 * (places < last[:, None])
    return characters[kept].astype(np.uint8).tobytes().decode("ascii")


def unpack_counts(text: str | bytes) -> NDArray[np.int64]:
    """Run lengths [N] of COCO's string."""
    raw = text.encode("ascii", "replace") if isinstance(text, str) else bytes(text)
    codes = np.frombuffer(raw, np.uint8).astype(np.int64) - 48
    if codes.size == 0:
        return np.zeros(0, np.int64)
    last = (codes & 0x20) == 0
    if codes.min() < 0 or codes.max() > 63 or not last[-1]:
        raise ValueError(f"RLE counts: expected a COCO RLE string, got {raw[:20]!r}")
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(codes.size) - np.repeat(starts, ends - starts + 1)
    numbers = np.add.reduceat((codes & 0x1F) << (5 * place), starts)
    negative = (codes[ends] & 0x10) != 0
    numbers[negative] -= np.int64(1) << (5 * (ends - starts + 1))[negative]
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers
