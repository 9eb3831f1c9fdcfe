"""Dense truth: round trip, and the channel order that OpenCV sees."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from opendensepose.data import read_dense, write_dense


def random_truth(size: tuple[int, int] = (20, 30)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    chart = rng.integers(0, 25, size).astype(np.uint8)
    uv = rng.random((2, *size)).astype(np.float32)
    return chart, uv, rng.integers(0, 6, size).astype(np.uint8)


def test_round_trip(tmp_path: Path) -> None:
    chart, uv, instance = random_truth()
    write_dense(tmp_path, "a", chart, uv, instance)
    chart2, uv2, instance2 = read_dense(tmp_path, "a")
    assert np.array_equal(chart2, chart) and np.array_equal(instance2, instance)
    assert (chart2.dtype, uv2.dtype, instance2.dtype) == (np.uint8, np.float32, np.uint8)
    assert np.abs(uv2 - uv).max() <= 0.5001 / 65535


def test_channels_as_opencv_reads_them(tmp_path: Path) -> None:
    chart, uv, instance = (
        np.full((2, 3), 7, np.uint8),
        np.zeros((2, 2, 3), np.float32),
        np.ones((2, 3), np.uint8),
    )
    uv[0], uv[1] = 1.0, 0.5
    write_dense(tmp_path, "a", chart, uv, instance)
    picture = cv2.imread(str(tmp_path / "a_iuv.png"), cv2.IMREAD_UNCHANGED)
    assert picture.dtype == np.uint16
    assert picture[0, 0].tolist() == [7, 65535, 32768]


def test_wrong_shapes_are_refused(tmp_path: Path) -> None:
    chart, uv, instance = random_truth()
    with pytest.raises(ValueError, match=r"expected chart \[H, W\].*got"):
        write_dense(tmp_path, "a", chart, uv.transpose(1, 2, 0), instance)


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nobody_iuv\.png"):
        read_dense(tmp_path, "nobody")
    write_dense(tmp_path, "a", *random_truth())
    (tmp_path / "a_iuv.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"a_iuv\.png: expected a PNG"):
        read_dense(tmp_path, "a")
    cv2.imwrite(str(tmp_path / "a_iuv.png"), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="expected 16-bit"):
        read_dense(tmp_path, "a")
