"""Pictures of the atlas against U, V by hand; likeness to the usual picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import PART_COLOURS
from opendensepose.viz.atlas import draw_body, draw_layout, likeness, silhouettes

OFFICIAL = Path(__file__).parents[2] / ".." / "shared" / "reference" / "official_atlas_layout.png"


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return Atlas.load()


@pytest.fixture(scope="module")
def layout(atlas: Atlas) -> np.ndarray:
    return draw_layout(atlas, 100)


def test_texels_lie_where_to_face_finds_a_face(atlas: Atlas, layout: np.ndarray) -> None:
    row, column = np.mgrid[:100, :100].reshape(2, -1)
    masks = silhouettes(atlas, 100)
    for chart in (1, 8, 24):
        uv = np.stack([column / 99, 1 - row / 99], 1)
        on_chart = atlas.to_face(np.full(len(uv), chart), uv, tolerance=0)[0] >= 0
        assert (masks[chart - 1].reshape(-1) == on_chart).mean() > 0.985  # but for texels cut by the border
        y, x = (chart - 1) % 6 * 100, (chart - 1) // 6 * 100
        cell = layout[y : y + 100, x : x + 100].reshape(-1, 3).astype(int)
        # the hue of the part, darker where a mesh line passes
        lit = cell.max(1) > 60
        assert (lit == on_chart).mean() > 0.97
        share = cell[lit] / np.maximum(cell[lit].max(1, keepdims=True), 1)
        assert np.abs(np.median(share, 0) - PART_COLOURS[chart] / PART_COLOURS[chart].max()).max() < 0.05


def test_a_drawn_atlas_is_like_itself(atlas: Atlas) -> None:
    picture = draw_layout(atlas, 100)
    assert likeness(atlas, picture).min() > 0.93
    assert likeness(atlas, picture[:, ::-1]).mean() < 0.8


def test_wrong_picture_is_named(atlas: Atlas) -> None:
    with pytest.raises(ValueError, match="expected 4 x 6 square cells, got 30 x 20 pixels"):
        likeness(atlas, np.zeros((20, 30, 3), np.uint8))


def test_body_shows_front_and_back(atlas: Atlas) -> None:
    picture = draw_body(atlas, 300)
    assert picture.shape[0] == 300 and picture.dtype == np.uint8
    half = picture.shape[1] // 2
    hue = PART_COLOURS / np.maximum(PART_COLOURS.max(1, keepdims=True), 1)
    # the middle of the head, but for its mid-line: seen from the front the person's right (23) is on the left
    for start, left, right in ((0, 23, 24), (half, 24, 23)):
        columns = start + half // 2 + np.array([-6, 6])
        for column, chart in zip(columns, (left, right), strict=True):
            pixel = picture[24:28, column].mean(0)
            assert np.abs(pixel / pixel.max() - hue[chart]).max() < 0.06
    for start, chart in ((0, 2), (half, 1)):  # chest, back
        pixel = picture[95, start + half // 2 + 9].astype(float)
        assert np.abs(pixel / pixel.max() - hue[chart]).max() < 0.06


@pytest.mark.skipif(not OFFICIAL.exists(), reason="needs the official picture of the atlas in ../shared")
def test_charts_are_shaped_like_the_official_ones(atlas: Atlas) -> None:
    official = cv2.imread(str(OFFICIAL))[:, :, ::-1]
    iou = likeness(atlas, official)
    assert np.median(iou) > 0.8 and iou.min() > 0.6
