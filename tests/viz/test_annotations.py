"""Pictures of annotations: everything lies where its numbers say, in the colour of its value."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from opendensepose.core.types import SurfacePoints
from opendensepose.data.rle import encode_mask
from opendensepose.data.sample import Person
from opendensepose.surface.parts import FINE_TO_COARSE, PART_COLOURS
from opendensepose.viz.annotations import (
    COARSE_COLOURS,
    View,
    captioned,
    coordinates,
    draw_parts,
    draw_points,
    heat,
    paint_labels,
    panels,
    view_of,
)

TURBO = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_TURBO)[:, 0, ::-1]


def test_a_whole_number_of_times_larger() -> None:
    """Pixel k of the image becomes pixels s k .. s k + s - 1 of the view."""
    image = np.zeros((6, 8, 3), np.uint8)
    image[2, 5] = 255
    out = View(0, 0, 8, 6, 5).crop(image)
    assert out.shape == (30, 40, 3)
    rows, columns = np.nonzero(out[..., 0] > 127)
    assert (rows.mean(), columns.mean()) == (12, 27)  # the middle of rows 10..14, columns 25..29
    assert np.array_equal(View(0, 0, 8, 6, 1).crop(image), image)


def test_views_keep_their_shape_and_stay_in_the_image() -> None:
    view = view_of(np.array([90.0, 20, 98, 80]), 300, 0.5, size=(100, 100))
    assert view.height * view.scale == pytest.approx(300) and view.width == pytest.approx(view.height / 2)
    assert view.x + view.width == pytest.approx(100)
    assert view.x <= 90 and view.y <= 20 and view.y + view.height >= 80
    whole = view_of(np.array([0.0, 0, 100, 100]), 100, size=(100, 100))  # no margin beyond the image
    assert (whole.x, whole.y, whole.width, whole.height) == (0, 0, 100, 100)
    around = view_of(np.array([0.0, 0, 100, 100]), 100, 1.0, size=(100, 100))  # all of one shape, for grids
    assert around.x == pytest.approx(-8) and around.width == pytest.approx(116)


def test_points_are_discs_at_their_places() -> None:
    picture = np.full((40, 60, 3), 255, np.uint8)
    draw_points(
        picture, np.array([[20.25, 10.5], [59.5, 39.0], [500, 7], [np.nan, 3]]), heat(np.ones(4)), 4.0
    )
    coloured = (picture == TURBO[255]).all(-1)
    rows, columns = np.nonzero(coloured[:, :40])
    assert rows.mean() + 0.5 == pytest.approx(10.5, abs=0.1)
    assert columns.mean() + 0.5 == pytest.approx(20.25, abs=0.1)
    dark = 255 - picture[:, :40].astype(float).min(-1)
    assert (dark > 0).sum() == pytest.approx(np.pi * 5.5**2, rel=0.15)  # radius, rim, half a soft pixel
    assert coloured[39, 59]


def test_colours_of_values() -> None:
    assert np.array_equal(heat(np.array([0.0, 0.5, 1.0, 7.0, -1.0])), TURBO[[0, 127, 255, 255, 0]])


def person(**fields: object) -> Person:
    points = SurfacePoints(
        xy=np.array([[30.5, 20.5], [30.5, 60.5]], np.float32),
        chart=np.array([2, 14], np.uint8),
        uv=np.array([[0.0, 1.0], [1.0, 0.5]], np.float32),
    )
    return Person(id=1, box=np.array([10.0, 5, 50, 95]), points=points, **fields)  # type: ignore[arg-type]


def test_u_and_v_of_points() -> None:
    photo = np.full((100, 60, 3), 90, np.uint8)
    by_u, by_v = coordinates(photo, [person()], View(0, 0, 60, 100, 1))
    assert by_u[20, 30].tolist() == TURBO[0].tolist() and by_u[60, 30].tolist() == TURBO[255].tolist()
    assert by_v[20, 30].tolist() == TURBO[255].tolist() and by_v[60, 30].tolist() == TURBO[127].tolist()


def test_masks_cover_their_part_of_the_box() -> None:
    picture = np.full((400, 240, 3), 250, np.uint8)
    labels = np.zeros((256, 256), np.uint8)
    labels[:128] = 1
    paint_labels(picture, labels, np.array([10.0, 5, 50, 95]), View(0, 0, 60, 100, 4), COARSE_COLOURS, 1.0)
    painted = (picture == COARSE_COLOURS[1]).all(-1)
    truth = np.zeros((400, 240), bool)
    truth[20:200, 40:200] = True
    changed = (picture != 250).any(-1)  # with the dark line around it, half of which is outside
    assert (changed & truth).sum() / (changed | truth).sum() > 0.9
    assert not (painted & ~truth).any() and painted.sum() > 0.9 * truth.sum()


def test_parts_by_mask_or_by_points() -> None:
    mask = np.zeros((256, 256), bool)
    mask[:, :200] = True
    photo = np.full((100, 60, 3), 90, np.uint8)
    view = View(0, 0, 60, 100, 1)
    with_masks = draw_parts(photo, [person(parts=(encode_mask(mask), *[None] * 13))], view, (100, 60))
    pale = draw_parts(photo, [], view, (100, 60))[0, 0].astype(float)
    assert np.abs(with_masks[50, 20] - (pale + 0.72 * (COARSE_COLOURS[1] - pale))).max() < 2
    without = draw_parts(photo, [person()], view, (100, 60))
    assert without[20, 30].tolist() == PART_COLOURS[2].tolist()
    assert without[60, 30].tolist() == PART_COLOURS[14].tolist()


def test_a_segmentation_alone() -> None:
    square = [[10.0, 20, 50, 20, 50, 60, 10, 60]]
    one = Person(id=1, box=np.array([10.0, 20, 50, 60]), segmentation=square)
    photo = np.full((200, 120, 3), 90, np.uint8)
    out = draw_parts(photo, [one], View(0, 0, 60, 100, 2), (100, 60))
    changed = (out != out[0, 0]).any(-1)
    assert changed[41:119, 21:99].all() and not changed[:38].any() and not changed[122:].any()
    assert not changed[:, :18].any() and not changed[:, 102:].any()


def test_each_part_has_the_colour_of_one_of_its_charts() -> None:
    for chart in range(1, 25):
        own = [c for c in range(1, 25) if FINE_TO_COARSE[c] == FINE_TO_COARSE[chart]]
        assert COARSE_COLOURS[FINE_TO_COARSE[chart]].tolist() in PART_COLOURS[own].tolist()


def test_panels_side_by_side() -> None:
    photo = np.full((100, 60, 3), 90, np.uint8)
    view = View(0, 0, 60, 100, 2)
    four = panels(photo, [person()], view)
    sheet = captioned(four)
    assert [p.shape for p in four] == [(200, 120, 3)] * 4
    assert np.array_equal(sheet[8:208, 8:128], four[0]) and np.array_equal(sheet[8:208, 136:256], four[1])
    assert (sheet[212:, 136:256] != 255).any() and (sheet[:8] == 255).all()
    assert np.array_equal(four[0], np.full((200, 120, 3), 90))
