import numpy as np
import pytest

from opendensepose.viz.isolines import borders, edge_distance, isolines

ROW, COLUMN = np.mgrid[:120, :150].astype(np.float64)
ONE_CHART = np.ones((120, 150), np.uint8)


@pytest.mark.parametrize("angle", [0, 20, 45, 90, 135])
@pytest.mark.parametrize("width", [1.0, 2.5])
def test_straight_lines_have_the_closed_form(angle: float, width: float) -> None:
    """A plane u = n . x / 200 has parallel lines 25 pixels apart; their distance is known at each pixel."""
    along = ROW * np.sin(np.deg2rad(angle)) + COLUMN * np.cos(np.deg2rad(angle)) + 300
    (line,) = isolines((along / 200).astype(np.float32)[None], ONE_CHART, 8, width)
    distance = np.abs(along - 25 * np.rint(along / 25))
    expected = np.clip(width / 2 + 0.5 - distance, 0, 1)
    inner = (slice(3, -3),) * 2  # at the rim the diffusion has neighbours on one side only
    assert np.abs(line - expected)[inner].max() < 0.02


def test_each_coordinate_has_its_own_lines() -> None:
    u, v = isolines(np.stack([ROW / 200, COLUMN / 200]).astype(np.float32), ONE_CHART, 8, 1)
    assert u[25, 60] == 1 and u[30, 60] == 0 and u[30, 50] == 0
    assert v[60, 25] == 1 and v[60, 30] == 0 and v[50, 30] == 0


def test_8_bit_values_give_the_same_lines() -> None:
    u = (ROW / 110 * 0.9).astype(np.float32)
    exact = isolines(u[None], ONE_CHART, 8, 1)
    coarse = isolines((np.trunc(u * 255) / np.float32(255))[None], ONE_CHART, 8, 1)
    strong = exact[0] > 0.9
    moved = np.maximum(coarse[0][:-1], coarse[0][1:])  # trunc moves a line by a pixel at most
    assert moved[strong[:-1]].min() > 0.5


def test_no_lines_where_charts_meet() -> None:
    labels = np.where(COLUMN < 75, 3, 9).astype(np.uint8)
    u = np.where(COLUMN < 75, 0.3, 0.8).astype(np.float32)  # between them lie 3/8, ..., 6/8
    assert not isolines(u[None], labels, 8, 1).any()


@pytest.mark.parametrize("value", [0.0, 0.3, 0.5, 1.0])
def test_flat_places_have_no_lines(value: float) -> None:
    assert not isolines(np.full((1, 120, 150), value, np.float32), ONE_CHART, 8, 1).any()


def test_lines_too_close_to_each_other_fade() -> None:
    (wide,) = isolines((ROW / 80).astype(np.float32)[None], ONE_CHART, 8, 1)  # 10 pixels apart
    (close,) = isolines((ROW / 16).astype(np.float32)[None], ONE_CHART, 8, 1)  # 2 pixels apart
    assert wide[3:-3].max() == 1 and not close[3:-3].any()


def test_background_has_none() -> None:
    labels = np.where(COLUMN < 75, 3, 0).astype(np.uint8)
    (line,) = isolines((ROW / 200).astype(np.float32)[None], labels, 8, 1)
    assert line[:, :75].any() and not line[:, 75:].any()


@pytest.mark.parametrize("sigma", [1.2, 3.0])
def test_distance_from_a_straight_edge(sigma: float) -> None:
    distance = edge_distance((COLUMN >= 75).astype(np.uint8), sigma)
    true = np.arange(150) + 0.5 - 75
    near = np.abs(true) < 0.8 * sigma
    assert np.abs(distance[60] - true)[near].max() < 0.15 * sigma
    assert (np.diff(distance[60]) > -1e-6).all()


def test_borders_lie_between_charts() -> None:
    labels = np.where(COLUMN < 75, 3, 9).astype(np.uint8)
    line = borders(labels, 1)
    assert (line[:, 74:76] > 0.7).all() and line[:, :70].max() < 0.01 and line[:, 80:].max() < 0.01
