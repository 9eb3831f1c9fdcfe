from dataclasses import replace

import cv2
import numpy as np
import pytest

from opendensepose.core.types import DenseMap, Result
from opendensepose.core.visible import iuv_image
from opendensepose.surface.parts import PART_COLOURS
from opendensepose.viz import overlay
from opendensepose.viz.overlay import STYLES, draw
from people import people

SIZE = (60, 50)
PHOTO = np.random.default_rng(3).integers(0, 256, (*SIZE, 3), np.uint8)
CROWD = people(
    SIZE, [(4.7, 3.2, 30, 50), (20, -10, 60.5, 35), (-8, 30, 12, 80), (30, 30, 33, 32), (90, 90, 99, 99)]
)
ON_PHOTO = [style for style in STYLES if style != "viridis"]


def whole(labels: np.ndarray, uv: np.ndarray) -> Result:
    """One person whose map covers the whole image."""
    h, w = labels.shape
    dense = DenseMap(labels.astype(np.uint8), uv.astype(np.float32), (0, 0, w, h))
    return Result(np.array([[0, 0, w, h]], np.float32), np.ones(1, np.float32), (dense,), (h, w))


@pytest.mark.parametrize("style", STYLES)
def test_nobody(style: str) -> None:
    out = draw(PHOTO, Result.empty(SIZE), style)
    assert out is not PHOTO and out.dtype == np.uint8
    assert np.array_equal(out, np.full_like(PHOTO, (68, 1, 84)) if style == "viridis" else PHOTO)


@pytest.mark.parametrize("style", ON_PHOTO)
def test_only_people_are_painted_and_the_photo_is_left_alone(style: str) -> None:
    before = PHOTO.copy()
    out = draw(PHOTO, CROWD, style)
    nobody = iuv_image(CROWD)[..., 0] == 0
    assert np.array_equal(PHOTO, before)
    assert np.array_equal(out[nobody], PHOTO[nobody])
    assert (out[~nobody] != PHOTO[~nobody]).any()


def test_viridis_pixel_by_pixel() -> None:
    """As Detectron2's MatrixVisualizer does it: part * (255 / 24), truncated, then OpenCV's colours."""
    charts = iuv_image(CROWD)[..., 0]
    out = draw(PHOTO, CROWD, "viridis")
    for r in range(SIZE[0]):
        for c in range(SIZE[1]):
            value = np.uint8(min(float(charts[r, c]) * 255.0 / 24, 255))
            blue, green, red = cv2.applyColorMap(np.array([[value]]), cv2.COLORMAP_VIRIDIS)[0, 0]
            assert out[r, c].tolist() == [red, green, blue]


def test_viridis_colours_of_known_parts() -> None:
    labels = np.arange(25).reshape(5, 5)
    out = draw(np.zeros((5, 5, 3), np.uint8), whole(labels, np.zeros((2, 5, 5))), "viridis").reshape(25, 3)
    assert out[0].tolist() == [68, 1, 84] and out[24].tolist() == [253, 231, 37]  # the ends of viridis


@pytest.mark.parametrize("style", STYLES)
def test_better_score_is_on_top_whatever_the_order(style: str) -> None:
    out = draw(PHOTO, CROWD, style)
    assert np.array_equal(out, draw(PHOTO, CROWD[np.array([3, 1, 4, 2, 0])], style))
    first = draw(PHOTO, CROWD[0], style)
    mine = np.zeros(SIZE, bool)
    x, y, w, h = CROWD.dense[0].box
    mine[y : y + h, x : x + w] = CROWD.dense[0].labels > 0
    assert np.array_equal(out[mine], first[mine])


@pytest.mark.parametrize("width", [1.0, 4.0])
@pytest.mark.parametrize("style", ON_PHOTO)
def test_bands_leave_no_trace(style: str, width: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (300, 400, 3), np.uint8)
    row, column = np.mgrid[:300, :400]
    result = whole((row // 50 + column // 60) % 7, np.stack([row / 300, column / 400]))
    monkeypatch.setattr(overlay, "_line_width", lambda size: width)
    monkeypatch.setattr(overlay, "BAND", 10_000)
    once = draw(photo, result, style)
    monkeypatch.setattr(overlay, "BAND", 37)
    assert np.array_equal(draw(photo, result, style), once)


@pytest.mark.parametrize("chart", range(1, 25))
def test_parts_are_told_apart_by_their_colours(chart: int) -> None:
    labels = np.full((40, 40), chart)
    out = draw(np.full((40, 40, 3), 128, np.uint8), whole(labels, np.full((2, 40, 40), 0.3)), "parts")
    seen = out[10:30, 10:30].reshape(-1, 3).mean(0)
    expected = 0.82 * PART_COLOURS.astype(float) + 0.18 * 128  # on a plain grey photo
    assert np.abs(expected - seen).sum(1).argmin() == chart


@pytest.mark.parametrize(("style", "axis"), [("u", 0), ("v", 1)])
def test_u_and_v_are_colours_of_their_own_coordinate(style: str, axis: int) -> None:
    uv = np.full((2, 40, 40), 0.9)
    uv[axis] = 0.1
    out = draw(np.full((40, 40, 3), 128, np.uint8), whole(np.ones((40, 40)), uv), style)
    blue, green, red = (
        int(v) for v in cv2.applyColorMap(np.array([[25]], np.uint8), cv2.COLORMAP_TURBO)[0, 0]
    )
    assert np.abs(out[20, 20] - (0.85 * np.array([red, green, blue]) + 0.15 * 128)).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 2)])
@pytest.mark.parametrize("style", ["parts", "u", "v", "viridis"])
def test_people_of_a_few_pixels_are_seen(size: tuple[int, int], style: str) -> None:
    photo = np.full((20, 20, 3), 90, np.uint8)
    h, w = size
    dense = DenseMap(np.full(size, 3, np.uint8), np.full((2, *size), 0.2, np.float32), (7, 8, w, h))
    result = Result(np.array([[7, 8, 7 + w, 8 + h]], np.float32), np.ones(1, np.float32), (dense,), (20, 20))
    out = draw(photo, result, style).astype(int)
    assert (np.abs(out - photo)[8 : 8 + h, 7 : 7 + w].max(2) > 20).all()


def test_contour_draws_lines_only() -> None:
    photo = np.full((200, 200, 3), 90, np.uint8)
    row, column = np.mgrid[:200, :200]
    out = draw(photo, whole(np.ones((200, 200)), np.stack([row / 200, column / 200])), "contour")
    changed = (out != photo).any(2)
    assert changed[25, 10] and changed[10, 25]  # u = 1/8 runs along a row, v = 1/8 along a column
    assert not changed[12, 12] and 0.05 < changed.mean() < 0.35


def test_boxes_and_scores() -> None:
    photo = np.zeros((80, 80, 3), np.uint8)
    result = replace(people((80, 80), [(10, 20, 70, 60)]), scores=np.array([0.9], np.float32))
    bare, boxed = draw(photo, result), draw(photo, result, boxes=True)
    assert (boxed[20, 10:70] > 200).all() and (boxed[59, 10:70] > 200).all()  # pixels 10..69 are inside
    changed = (bare != boxed).any(2)
    changed[20:60, 10:70] = False
    assert not changed.any()
    around = people((80, 80), [(-50, -50, 200, 200)])
    assert (draw(photo, around, boxes=True) != draw(photo, around)).any()  # the score is still seen


def test_wrong_use() -> None:
    with pytest.raises(ValueError, match="style: expected one of parts, u, v, contour, viridis, got 'heat'"):
        draw(PHOTO, CROWD, "heat")
    with pytest.raises(ValueError, match=r"image: expected shape \[60, 50, 3\] uint8, got \[50, 60, 3\]"):
        draw(PHOTO.transpose(1, 0, 2), CROWD)
    with pytest.raises(ValueError, match="float64"):
        draw(PHOTO / 255, CROWD)
