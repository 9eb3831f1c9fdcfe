"""Crops of people against pixels whose place is known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from opendensepose.core.crops import person_window
from opendensepose.runtime.preprocess import GREY, cut_out

CANVAS = (160, 128)


def ramp(height: int, width: int) -> np.ndarray:
    """Red grows with x, green with y."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, 0 * x], 2).astype(np.uint8)


@pytest.mark.parametrize("window", [(20, 10, 64, 80), (33, 21, 100, 125), (0, 0, 256, 256)])
def test_pixels_come_from_their_place(window: tuple[int, int, int, int]) -> None:
    x, y, w, h = window
    out = cut_out(ramp(256, 256), window, CANVAS).astype(float)
    columns = x + (np.arange(CANVAS[1]) + 0.5) * w / CANVAS[1] - 0.5
    rows = y + (np.arange(CANVAS[0]) + 0.5) * h / CANVAS[0] - 0.5
    inner = np.s_[4:-4, 4:-4]  # the filter is cut off at the border
    assert np.abs(out[..., 0] - columns)[inner].max() <= 0.51
    assert np.abs(out[..., 1] - rows[:, None])[inner].max() <= 0.51


@pytest.mark.parametrize("window", [(200, 100, 640, 800), (331, 57, 1001, 1251), (-300, -200, 1600, 2000)])
def test_from_large_images_they_come_from_their_place_too(window: tuple[int, int, int, int]) -> None:
    y, x = np.mgrid[:1600, :1280]
    image = np.stack([x / 6, y / 7, 0 * x], 2).round().astype(np.uint8)
    x0, y0, w, h = window
    out = cut_out(image, window, CANVAS).astype(float)
    columns = x0 + (np.arange(CANVAS[1]) + 0.5) * w / CANVAS[1] - 0.5
    rows = y0 + (np.arange(CANVAS[0]) + 0.5) * h / CANVAS[0] - 0.5
    step = w / CANVAS[1]
    there = np.s_[  # the filter is cut off at the image's border
        np.flatnonzero((rows > 4 * step) & (rows < 1600 - 4 * step)),
        np.flatnonzero((columns > 4 * step) & (columns < 1280 - 4 * step)),
    ]
    assert min(len(part) for part in there) > 60
    assert np.abs(out[..., 0] - columns / 6)[np.ix_(*there)].max() <= 1
    assert np.abs(out[..., 1] - rows[:, None] / 7)[np.ix_(*there)].max() <= 1


def test_inside_the_image_it_is_pillows_resizing() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    out = cut_out(image, (37, 11, 250, 280), CANVAS)
    expected = Image.fromarray(image).resize(CANVAS[::-1], Image.Resampling.BILINEAR, box=(37, 11, 287, 291))
    assert np.array_equal(out, np.asarray(expected))


def test_outside_the_image_it_is_grey() -> None:
    out = cut_out(np.full((100, 50, 3), 250, np.uint8), (-50, 20, 150, 200), (100, 75))  # 2 pixels for 1
    assert (out[:40, 25:50] == 250).all()
    assert (out[:, :25] == GREY).all() and (out[:, 50:] == GREY).all() and (out[40:] == GREY).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_odd_images(size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 7, np.uint8)
    window = person_window((0, 0, size[1], size[0]), CANVAS, 0.9)
    out = cut_out(image, window, CANVAS)
    assert out.shape == (*CANVAS, 3) and set(np.unique(out)) <= {7, GREY}


def test_a_window_beside_the_image_shows_nothing() -> None:
    assert (cut_out(np.zeros((20, 20, 3), np.uint8), (100, 100, 50, 50), (10, 10)) == GREY).all()
