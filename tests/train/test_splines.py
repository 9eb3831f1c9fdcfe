import numpy as np
import pytest

from opendensepose.train.splines import _inverse, carry_on


def points(count=14, seed=0):
    return np.random.default_rng(seed).uniform(0, 60, (count, 2))


def wavy(at):
    x, y = at.T / 60
    return np.stack([0.3 * x + 0.2 * y + 0.1 * np.sin(3 * x), 0.8 - 0.5 * y + 0.2 * x * y], 1)


def test_planes_are_continued_exactly():
    place, at = points(), points(50, 1) * 2
    plane = lambda xy: np.stack([0.01 * xy[:, 0] - 0.3, 0.5 - 0.02 * xy[:, 1]], 1)  # noqa: E731
    nothing = np.zeros((14, 2)), np.zeros((50, 2))
    assert np.allclose(carry_on(place, plane(place), at, *nothing), plane(at), atol=1e-5)


def test_smooth_surfaces_better_than_the_nearest_point():
    place, at = points(), points(200, 1)
    got = carry_on(place, wavy(place), at, np.zeros((14, 2)), np.zeros((200, 2)))
    nearest = wavy(place)[((at[:, None] - place) ** 2).sum(2).argmin(1)]
    assert np.median(np.abs(got - wavy(at))) < 0.2 * np.median(np.abs(nearest - wavy(at)))


def test_a_right_guess_is_kept_and_a_wrong_one_dropped():
    place, at = points(8), points(200, 1)
    ripples = lambda xy: np.sin(xy / 4)  # noqa: E731 # far finer than the points
    right = carry_on(place, ripples(place), at, ripples(place), ripples(at))
    assert np.allclose(right, ripples(at), atol=1e-6)
    wrong = carry_on(place, wavy(place), at, ripples(place), ripples(at))
    alone = carry_on(place, wavy(place), at, np.zeros((8, 2)), np.zeros((200, 2)))
    assert np.allclose(wrong, alone)


def test_leaving_out_in_one_go_is_leaving_out_in_turn():
    place, value = points(9) / 60, wavy(points(9))
    inverse = _inverse(place, 0.01)
    fast = (inverse[:9, :9] @ value) / np.diag(inverse)[:9, None]
    for k in range(9):
        others = np.arange(9) != k
        weights = _inverse(place[others], 0.01)[:, :8] @ value[others]
        square = ((place[k] - place[others]) ** 2).sum(1)
        row = np.concatenate([0.5 * square * np.log(square), [1], place[k]])
        assert np.allclose(value[k] - row @ weights, fast[k], atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_few_points_move_the_guess(count):
    place, at = points(count), points(30, 1)
    got = carry_on(place, wavy(place) + 0.1, at, wavy(place), wavy(at))
    assert np.allclose(got, wavy(at) + 0.1)


def test_points_in_line_and_points_twice():
    place = np.array([[0.0, 0], [10, 0], [20, 0], [30, 0], [40, 0], [40, 0]])
    value = place / 40
    got = carry_on(place, value, np.array([[15.0, 0], [25, 0]]), np.zeros((6, 2)), np.zeros((2, 2)))
    assert np.allclose(got[:, 0], [0.375, 0.625], atol=1e-3)
