"""The size rule against the published table, the filter against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from opendensepose.runtime.preprocess import preprocess


@pytest.mark.parametrize(
    ("image", "rule", "expected"),
    [
        ((600, 1116), (320, 1333, True), (320, 595)),  # the reference's street.jpg
        ((600, 1116), (800, 1333, True), (717, 1333)),  # the long side decides
        ((480, 640), (800, 1333, True), (800, 1067)),  # 1066.67 up
        ((480, 640), (800, 1333, False), (480, 640)),  # never enlarged
        ((480, 640), (240, 400, False), (240, 320)),
        ((1, 1), (320, 640, False), (1, 1)),
        ((1, 1), (320, 640, True), (320, 320)),
        ((10000, 1), (320, 640, False), (640, 1)),  # never less than one pixel
        ((8000, 6000), (320, 640, False), (427, 320)),
        ((300, 1000), (400, 500, False), (150, 500)),  # short side smaller than `short`, long one too long
    ],
)
def test_input_size(image: tuple[int, int], rule: tuple[int, int, bool], expected: tuple[int, int]) -> None:
    pixels = np.zeros((*image, 3), np.uint8)
    assert preprocess(pixels, *rule).shape == (*expected, 3)


def test_an_image_of_the_right_size_is_not_touched() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    assert np.array_equal(preprocess(image, 64, 100, False), image)


def test_shrinking_averages_over_a_triangle() -> None:
    """Antialiased: by a factor k the kernel is a triangle 2k wide, in each direction."""
    image = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    small = preprocess(image, 10, 15, False)
    assert small.shape == (10, 15, 3)
    for r, c in ((0, 0), (4, 7), (9, 14), (3, 1)):
        weights = []
        for index, size in ((r, 40), (c, 60)):
            kernel = np.maximum(1 - np.abs((np.arange(size) + 0.5) / 4 - (index + 0.5)), 0)
            weights.append(kernel / kernel.sum())
        expected = np.einsum("i,j,ijk->k", *weights, image.astype(float))
        assert np.abs(small[r, c] - expected).max() <= 1.01  # rounded to whole numbers twice
