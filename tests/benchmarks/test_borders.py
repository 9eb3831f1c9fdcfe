"""What moves by chance do to charts, on a plane in stripes, where it is known in closed form."""

import math

import numpy as np
import pytest

from benchmarks.borders import moved
from opendensepose.surface.atlas import Atlas

WIDTH = 0.1  # metres, of a stripe


class Stripes:
    """A plane z = 0 whose charts 1..24 are endless stripes along y; U is across, V along, metres."""

    def to_xyz(self, chart: np.ndarray, uv: np.ndarray, tolerance: float) -> np.ndarray:
        return np.stack([(chart - 1 + uv[:, 0]) * WIDTH, uv[:, 1], np.zeros(len(uv))], 1)

    def from_xyz(self, xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        across = xyz[:, 0] / WIDTH
        chart = np.clip(np.floor(across) + 1, 1, 24)
        return chart.astype(np.uint8), np.stack([across - (chart - 1), xyz[:, 1]], 1)


@pytest.mark.parametrize("spread", [0.02, 0.05, 0.1])
def test_moves_across_stripes(spread: float) -> None:
    rng = np.random.default_rng(0)
    count = 40_000
    chart, uv = rng.integers(5, 20, count).astype(np.uint8), rng.random((count, 2))
    start = Stripes().to_xyz(chart, uv, np.inf)
    move, kept = moved(Stripes(), chart, start, spread, rng)  # type: ignore[arg-type]
    a = WIDTH / spread  # the mean, over a stripe, of the chance that a normal move ends in it
    expected = math.erf(a / math.sqrt(2)) - math.sqrt(2 / math.pi) / a * (1 - math.exp(-(a**2) / 2))
    assert kept.mean() == pytest.approx(expected, abs=0.01)
    assert np.median(move) == pytest.approx(spread * math.sqrt(2 * math.log(2)), rel=0.02)


def test_who_does_not_move_stays_in_the_chart() -> None:
    rng = np.random.default_rng(1)
    atlas = Atlas.load("odp24")
    chart, uv = atlas.from_xyz(rng.normal(scale=0.5, size=(300, 3)))
    move, kept = moved(atlas, chart, atlas.to_xyz(chart, uv), 0, rng)
    assert np.median(move) < 1e-3
    assert kept.mean() > 0.95  # the nearest points of many a place lie on a border
