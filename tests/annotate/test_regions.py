"""Painting against a slow test of every pixel, and the points of stage 2."""

from __future__ import annotations

from typing import Any

import numpy as np

from opendensepose.annotate.regions import POINTS_PER_PART, RASTER, choose_points, paint, raster_scale
from opendensepose.data.rle import encode_mask

BOX = (10.0, 20.0, 110.0, 70.0)


def shape(part: int, tool: str, points: list[tuple[float, float]], width: float = 1.0) -> dict[str, Any]:
    return {"part": part, "tool": tool, "points": points, "width": width}


def inside(polygon: list[tuple[float, float]], x: float, y: float) -> bool:
    odd = False
    for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            odd = not odd
    return odd


def test_polygons_like_a_slow_test_of_pixel_centres() -> None:
    star = [(15.0, 25.0), (100.0, 30.0), (60.0, 45.0), (90.0, 68.0), (30.5, 60.25)]
    labels = paint({"a": shape(3, "polygon", star)}, BOX)
    (height, width), scale = raster_scale(BOX)
    assert labels.shape == (height, width) == (RASTER // 2, RASTER)
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, height, 3000), rng.integers(0, width, 3000)
    places = (np.stack([columns, rows], 1) + 0.5) / scale + BOX[:2]
    truth = np.array([inside(star, x, y) for x, y in places])
    assert (truth == (labels[rows, columns] == 3)).mean() > 0.997  # a hair's breadth along the outline


def test_brush_is_all_within_half_its_width() -> None:
    labels = paint({"a": shape(2, "brush", [(30, 40), (80, 50)], 8)}, BOX)
    (height, width), scale = raster_scale(BOX)
    y, x = np.mgrid[:height, :width] + 0.5
    x, y = x / scale[0] + BOX[0] - 30, y / scale[1] + BOX[1] - 40
    t = np.clip((x * 50 + y * 10) / 2600, 0, 1)
    gap = np.hypot(x - 50 * t, y - 10 * t)
    assert (labels[gap < 3.8] == 2).all() and (labels[gap > 4.2] == 0).all()


def test_later_shapes_cover_earlier_ones_and_part_0_erases() -> None:
    square = [(20.0, 30.0), (60.0, 30.0), (60.0, 60.0), (20.0, 60.0)]
    right = [(40.0, 20.0), (100.0, 20.0), (100.0, 70.0), (40.0, 70.0)]
    labels = paint({"a": shape(1, "polygon", square), "b": shape(7, "polygon", right)}, BOX)
    _, scale = raster_scale(BOX)

    def at(x: float, y: float) -> int:
        return int(labels[int((y - BOX[1]) * scale[1]), int((x - BOX[0]) * scale[0])])

    assert (at(30, 45), at(50, 45), at(15, 45)) == (1, 7, 0)
    shapes = {"b": shape(7, "polygon", right), "a": shape(1, "polygon", square)}
    shapes["c"] = shape(0, "brush", [(50, 45)], 10)
    labels = paint(shapes, BOX)
    assert (at(50, 58), at(50, 45), at(80, 45)) == (1, 0, 7)


def test_imported_masks_and_shapes_far_outside() -> None:
    mask = np.zeros((256, 256), bool)
    mask[:, 128:] = True
    shapes = {
        "i": {**shape(5, "mask", []), "rle": encode_mask(mask)},
        "far": shape(6, "polygon", [(-9e4, -9e4), (9e4, -9e4), (9e4, -5e4)]),
    }
    labels = paint(shapes, BOX)
    assert (labels[:, : RASTER // 2 - 2] == 0).all() and (labels[:, RASTER // 2 + 2 :] == 5).all()


def test_points_are_inside_their_part_and_spread_out() -> None:
    labels = np.zeros(raster_scale(BOX)[0], np.uint8)
    labels[50:350, 50:400] = 1
    labels[50:60, 500:510] = 9  # one or two pixels of the photo
    points = choose_points(labels, BOX, seed=4)
    assert points == choose_points(labels, BOX, seed=4)
    torso = np.array([[p["x"], p["y"]] for p in points if p["part"] == 1])
    assert len(torso) == POINTS_PER_PART and sum(p["part"] == 9 for p in points) == 1
    assert len({p["number"] for p in points}) == len(points) == POINTS_PER_PART + 1
    _, scale = raster_scale(BOX)
    for p in points:
        column, row = ((np.array([p["x"], p["y"]]) - BOX[:2]) * scale).astype(int)
        assert labels[row, column] == p["part"]
    gaps = np.linalg.norm(torso[:, None] - torso[None], axis=2) + 1e9 * np.eye(len(torso))
    # equidistant: a square grid of 14 points on this area has a spacing of 11.3
    spacing = np.sqrt(300 * 350 / scale.prod() / POINTS_PER_PART)
    assert gaps.min() > 0.5 * spacing and gaps.min(1).max() < 1.6 * spacing


def test_kept_points_keep_their_numbers() -> None:
    labels = np.zeros(raster_scale(BOX)[0], np.uint8)
    labels[50:350, 50:400] = 1
    first = choose_points(labels, BOX, seed=4)
    labels[:, 200:] = 0  # drawn smaller
    second = choose_points(labels, BOX, seed=5, kept=first)
    _, scale = raster_scale(BOX)
    still = [p for p in first if (p["x"] - BOX[0]) * scale[0] < 200]
    assert [p for p in second if p in still] == still
    new = [p for p in second if p not in still]
    assert new and not {p["number"] for p in new} & {p["number"] for p in first}
