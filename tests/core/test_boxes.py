"""Boxes against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from opendensepose.core.boxes import as_boxes, distinct, iou


def test_iou() -> None:
    a = np.array([[0, 0, 2, 2], [5, 5, 5, 5]], np.float32)
    b = np.array([[1, 0, 3, 2], [0, 0, 2, 2], [5, 5, 5, 5]], np.float32)
    np.testing.assert_allclose(iou(a, b), [[2 / 6, 1, 0], [0, 0, 0]])
    assert iou(a, np.zeros((0, 4), np.float32)).shape == (2, 0)


@pytest.mark.parametrize(
    ("boxes", "text"),
    [
        ([[1, 2, 3]], r"expected shape \[N, 4\]"),
        ([[3, 0, 1, 5]], "x1 <= x2"),  # right of left
        ([[0, 0, 1, 1], [0, 0, float("nan"), 1]], "row 1"),
        ([[0, 0, float("inf"), 1]], "finite"),
        ("abc", "4 numbers"),
        ([[1, 2, 3, 4], [1, 2]], "4 numbers"),  # ragged
        (5, "shape"),
    ],
)
def test_bad_boxes(boxes: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        as_boxes(boxes)  # type: ignore[arg-type]


def test_one_box_and_none() -> None:
    assert as_boxes([1, 2, 3, 4]).shape == (1, 4)
    assert as_boxes([]).shape == (0, 4)
    assert as_boxes(np.zeros((0, 4))).dtype == np.float32


def test_of_boxes_that_overlap_the_best_is_kept() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [0, 0, 10, 5], [21, 0, 31, 10]], float)
    # the second is 0.9 of the first; the fourth is half of it; the last is 9/11 of the third
    assert distinct(boxes, 0.5).tolist() == [0, 2]
    assert distinct(boxes, 0.6).tolist() == [0, 2, 3]
    assert distinct(boxes, 0.95).tolist() == [0, 1, 2, 3, 4]
    assert distinct(boxes[:0], 0.5).tolist() == []


def test_a_box_that_only_meets_a_dropped_one_is_kept() -> None:
    boxes = np.array([[0, 0, 10, 1], [3, 0, 13, 1], [6, 0, 16, 1]], float)
    assert distinct(boxes, 0.5).tolist() == [0, 2]
