"""Boxes against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from opendensepose.core.boxes import as_boxes, iou


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
