"""Several opinions in one, against odds worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from opendensepose.runtime.odds import agreed


def test_odds_are_multiplied() -> None:
    first, second = np.float32([0.9, 0.2, 0.5]), np.float32([0.5, 0.8, 0.5])  # odds 9, 1/4, 1 and 1, 4, 1
    assert agreed(first, second) == pytest.approx([3 / 4, 1 / 2, 1 / 2])
    assert agreed(first, second, 1.0) == pytest.approx(first)
    assert agreed(first, second, 0.25) == pytest.approx([9**0.25 / (1 + 9**0.25), 2 / 3, 1 / 2])


def test_who_is_certain_is_believed() -> None:
    got = agreed(np.float32([0, 1, 0]), np.float32([0.5, 0.5, 1]))
    assert got[:2].tolist() == [0, 1] and np.isfinite(got[2])
