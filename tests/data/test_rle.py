"""Run-length masks against a slow loop, by round trip, and what pycocotools would not survive."""

from __future__ import annotations

import numpy as np
import pytest

from opendensepose.data.rle import decode_mask, encode_labels, encode_mask, polygon_mask, unpack_counts


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


def runs(mask: np.ndarray) -> list[int]:
    """Lengths of the runs of 0s and 1s in turn, down the columns, counted one pixel at a time."""
    counts, value = [0], False
    for pixel in mask.T.ravel():
        if pixel != value:
            counts.append(0)
            value = not value
        counts[-1] += 1
    return counts


@pytest.mark.parametrize("name, mask", masks(), ids=[name for name, _ in masks()])
def test_runs_are_those_of_a_slow_loop(name: str, mask: np.ndarray) -> None:
    rle = encode_mask(mask)
    assert rle["size"] == list(mask.shape)
    assert unpack_counts(rle["counts"]).tolist() == runs(mask)
    assert np.array_equal(decode_mask({"size": rle["size"], "counts": runs(mask)}), mask)


def test_every_label_at_once() -> None:
    labels = np.random.default_rng(0).integers(0, 5, (20, 30)).astype(np.uint8)
    for number, rle in enumerate(encode_labels(labels, 5), start=1):
        assert np.array_equal(decode_mask(rle), labels == number)


@pytest.mark.parametrize("name, mask", masks(), ids=[name for name, _ in masks()])
def test_round_trip(name: str, mask: np.ndarray) -> None:
    assert np.array_equal(decode_mask(encode_mask(mask)), mask)


def test_uncompressed_counts() -> None:
    mask = decode_mask({"size": [2, 3], "counts": [1, 2, 3]})
    assert mask.tolist() == [[False, True, False], [True, False, False]]  # down the columns


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [2, 3], "counts": [1, 2]},  # too short: pycocotools would give unset memory
        {"size": [2, 3], "counts": "12"},  # the same, compressed
        {"size": [2, 3], "counts": ""},
        {"size": [2, 3], "counts": [7]},  # too long
        {"size": [2, 3], "counts": [-1, 7]},
        {"size": [2, 3], "counts": [[6]]},
        {"size": [2, 3], "counts": "\x00\x01"},  # not in COCO's alphabet
        {"size": [2, 3], "counts": "P"},  # the last character says that another follows
    ],
)
def test_broken_counts(rle: dict) -> None:
    with pytest.raises(ValueError, match="RLE counts: expected"):
        decode_mask(rle)


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [10**6, 10**6], "counts": [10**12]},  # a small file that would fill the memory
        {"size": [-1, -6], "counts": [6]},
        {"size": [2], "counts": [6]},
        {"size": None, "counts": [6]},
        {"size": [2, 3]},
        {"size": [2, 3], "counts": None},
        {"size": [2, 3], "counts": [2**70]},
    ],
)
def test_broken_sizes(rle: dict) -> None:
    with pytest.raises(ValueError, match="RLE"):
        decode_mask(rle)


def test_polygons() -> None:
    square = [2.0, 3.0, 8.0, 3.0, 8.0, 7.0, 2.0, 7.0]
    mask = polygon_mask([square, [0, 0, 1, 1]], (10, 12))
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 6, 2, 7)
    assert mask.sum() == 4 * 6
    far = [[-1e12, -1e12, 1e12, -1e12, 1e12, 1e12, -1e12, 1e12]]
    assert polygon_mask(far, (10, 12)).all()
    assert not polygon_mask([[1, 2, 3, 4]], (10, 12)).any()  # fewer than 3 corners
    for size in ((-1, 5), (2**31, 2**31)):
        with pytest.raises(ValueError, match="size of a mask"):
            polygon_mask([square], size)
    for broken in ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, float("nan")], ["a"] * 6, [[1, 2], [3, 4]]):
        with pytest.raises(ValueError, match="polygon: expected pairs of finite numbers"):
            polygon_mask([broken], (10, 12))
