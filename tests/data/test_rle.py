"""Run-length masks against pycocotools and by round trip."""

from __future__ import annotations

import numpy as np
import pytest

from opendensepose.data.rle import decode_mask, encode_mask, pack_counts, unpack_counts


def masks() -> list[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    blob = np.hypot(*np.mgrid[-30:34, -40:60]) < 25
    return [
        ("empty", np.zeros((5, 7), bool)),
        ("full: begins with a run of 0 zeros", np.ones((5, 7), bool)),
        ("one pixel", np.ones((1, 1), bool)),
        ("noise: many short runs", rng.random((33, 41)) < 0.5),
        ("rare pixels: long runs, big positive and negative differences", rng.random((400, 500)) < 1e-4),
        ("a disc", blob),
        ("last pixel only", np.eye(1, 4096, 4095, dtype=bool).reshape(64, 64)),
    ]


@pytest.mark.parametrize("name, mask", masks(), ids=[name for name, _ in masks()])
def test_same_as_coco_api(name: str, mask: np.ndarray) -> None:
    api = pytest.importorskip("pycocotools.mask")
    theirs = api.encode(np.asfortranarray(mask.astype(np.uint8)))
    ours = encode_mask(mask)
    assert ours["counts"] == theirs["counts"].decode()
    assert ours["size"] == theirs["size"]
    assert np.array_equal(decode_mask({"size": theirs["size"], "counts": theirs["counts"].decode()}), mask)


@pytest.mark.parametrize("name, mask", masks(), ids=[name for name, _ in masks()])
def test_round_trip(name: str, mask: np.ndarray) -> None:
    assert np.array_equal(decode_mask(encode_mask(mask)), mask)


def test_uncompressed_counts() -> None:
    mask = decode_mask({"size": [2, 3], "counts": [1, 2, 3]})
    assert mask.tolist() == [[False, True, False], [True, False, False]]  # down the columns


def test_counts_keep_any_size() -> None:
    counts = [0, 1, 15, 16, 31, 32, 1023, 1024, 2**31, 0, 5, 2**40]
    assert unpack_counts(pack_counts(counts)).tolist() == counts


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [2, 3], "counts": [1, 2]},  # too short
        {"size": [2, 3], "counts": "\x00\x01"},  # not in COCO's alphabet
        {"size": [2, 3], "counts": "P"},  # the last character says that another follows
    ],
)
def test_broken_counts(rle: dict) -> None:
    with pytest.raises(ValueError, match="RLE counts: expected"):
        decode_mask(rle)
