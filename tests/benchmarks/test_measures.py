"""What the benchmarks count, against cases small enough to count by hand."""

from __future__ import annotations

import numpy as np

import opendensepose as odp
from benchmarks import measures
from opendensepose.core.types import DenseMap
from opendensepose.data.coco import KEYPOINTS


def test_match_is_greedy_by_score() -> None:
    truth = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [50, 50, 60, 60]], float)
    found = np.array([[0, 0, 10, 9], [0, 0, 10, 10], [20, 0, 30, 4]], float)
    # the better score takes the first person though the second box fits better; IoU 0.4 is too little
    assert measures.match(found, truth).tolist() == [0, -1, -1]
    assert measures.match(np.zeros((0, 4)), truth).tolist() == [-1, -1, -1]
    assert measures.match(found, np.zeros((0, 4))).tolist() == []


def test_match_gives_the_second_box_the_second_person() -> None:
    truth = np.array([[0, 0, 10, 10], [2, 0, 12, 10]], float)
    found = np.array([[2, 0, 12, 10], [2, 0, 12, 10]], float)
    assert measures.match(found, truth).tolist() == [1, 0]


def test_map_is_read_at_the_pixel_that_holds_the_point() -> None:
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    uv = np.stack([labels / 10, labels / 20]).astype(np.float32)
    dense = DenseMap(labels, uv, (10, 20, 3, 2))
    xy = np.array([[11.0, 21.0], [11.99, 21.99], [9.99, 20], [13.0, 20], [10, 22]])
    chart, coordinates = measures.read_map(dense, xy)
    assert chart.tolist() == [4, 4, 0, 0, 0]
    assert np.allclose(coordinates[:2], [[0.4, 0.2]] * 2)
    assert measures.read_map(None, xy)[0].tolist() == [0] * 5


def test_distance_of_nobody_is_infinite() -> None:
    a, b = np.array([[0, 0, 0], [np.nan] * 3]), np.array([[3, 4, 0], [0, 0, 0]])
    assert measures.distance(a, b).tolist() == [5, np.inf]


def test_surface_points_off_chart_and_off_body() -> None:
    atlas = odp.Atlas.load("odp24")
    points = measures.surface_points(
        atlas, np.array([1, 0, 1]), np.array([[0.5, 0.5], [0.5, 0.5], [1.7, -3.0]])
    )
    assert np.isnan(points[1]).all()
    assert np.isfinite(points[[0, 2]]).all()
    assert 0.02 < points[0, 1] < 0.3  # the back, behind the middle of the body


def test_partners() -> None:
    assert measures.PARTNER[0] == 0
    for k, name in enumerate(KEYPOINTS[1:], start=1):
        assert {name.split("_")[0], KEYPOINTS[measures.PARTNER[k]].split("_")[0]} == {"left", "right"}
        assert measures.PARTNER[measures.PARTNER[k]] == k
    assert len(measures.LIMBS) == 12


def test_swapped_limbs() -> None:
    template = np.zeros((17, 3))
    template[:, 2] = (np.arange(17) + 1) // 2
    template[:, 0] = [0, *([1, -1] * 8)]  # left at x = 1
    points = template.copy()
    assert not measures.swapped(points, template).any()
    points[9, 0] = -0.1  # the left wrist, just over the middle
    points[3, 0] = -1  # an ear is no limb
    points[12] = np.nan  # background is no swap
    assert np.flatnonzero(measures.swapped(points, template)).tolist() == [9]


def person(face: int, left: float, right: float) -> np.ndarray:
    keypoints = np.zeros((17, 3))
    keypoints[:3, 2] = face
    keypoints[measures.LEFT_SHOULDER] = left, 50, 2
    keypoints[measures.RIGHT_SHOULDER] = right, 50, 2
    return keypoints


def test_seen_from_behind() -> None:
    assert measures.seen_from_behind(person(0, 10, 40))
    assert not measures.seen_from_behind(
        person(0, 40, 10)
    )  # shoulders as from the front: face turned or hidden
    assert not measures.seen_from_behind(person(2, 10, 40))  # looks over the shoulder
    assert not measures.seen_from_behind(np.zeros((17, 3)))  # nothing labelled
