"""Result: slicing, and what it hands over to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opendensepose.core import DenseMap, Result


def make_result() -> Result:
    """The better person at [0:4, 0:3] in chart 1, the other one at [2:6, 1:9], half outside, in chart 2."""
    uv = np.full((2, 4, 3), 0.5, np.float32)
    first = DenseMap(np.ones((4, 3), np.uint8), uv, (0, 0, 3, 4))
    second = DenseMap(np.full((4, 8), 2, np.uint8), np.ones((2, 4, 8), np.float32), (1, 2, 8, 4))
    boxes = np.array([[0, 0, 3, 4], [1, 2, 9, 6]], np.float32)
    return Result(boxes, np.array([0.9, 0.8], np.float32), (first, second), (6, 5))


def test_iuv_has_the_better_person_on_top() -> None:
    expected = np.zeros((6, 5, 3), np.uint8)
    expected[2:6, 1:5] = (2, 255, 255)
    expected[0:4, 0:3] = (1, 127, 127)
    assert np.array_equal(make_result().iuv(), expected)
    assert np.array_equal(make_result()[::-1].iuv(), expected)  # by score, not by place in the list


def test_choosing_people() -> None:
    result = make_result()
    assert len(result[0]) == len(result[-1]) == len(result[result.scores > 0.85]) == 1
    assert result[-1].dense[0].box == (1, 2, 8, 4)
    assert [len(one) for one in result] == [1, 1]
    assert len(result[[]]) == 0
    with pytest.raises(IndexError, match="person 2"):
        result[2]


def test_empty() -> None:
    empty = Result.empty((3, 4))
    assert len(empty) == 0 and empty.boxes.shape == (0, 4)
    assert not empty.iuv().any() and empty.iuv().shape == (3, 4, 3)


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"Result.boxes: expected shape \[2, 4\], got \[1, 4\]"):
        Result(np.zeros((1, 4), np.float32), np.zeros(2, np.float32), (), (1, 1))
    with pytest.raises(ValueError, match=r"DenseMap.labels: expected shape \[4, 3\]"):
        DenseMap(np.zeros((3, 4), np.uint8), np.zeros((2, 4, 3), np.float32), (0, 0, 3, 4))


def test_plot_and_save(tmp_path: Path) -> None:
    result = make_result()
    assert result.plot().shape == (6, 5, 3)
    names = [path.name for path in result.save(tmp_path, "photo")]
    assert names[:3] == ["photo.json", "photo_iuv.png", "photo.npz"]
    assert all((tmp_path / name).is_file() for name in names)
