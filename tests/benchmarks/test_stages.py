"""The stage table: every call is counted once, in its stage; the operations are those of the net."""

from pathlib import Path

import numpy as np
import pytest

import tiny_model
from benchmarks.stages import STAGES, given_boxes, measure, measured_peak, operations, watched
from opendensepose.runtime import load
from opendensepose.zoo import SMALL


def test_watched_counts_each_call(tmp_path: Path) -> None:
    predictor = load(tiny_model.write(tmp_path / "m.odp"))
    ticks = iter(range(1000))
    calls: dict[str, list[float]] = {name: [] for name in STAGES}
    with watched(predictor, calls, lambda: next(ticks)):
        predictor(np.full((64, 80, 3), 200, np.uint8), boxes=given_boxes(9, 64, 80))
    assert {name: len(times) for name, times in calls.items()} == {
        **{"read": 1, "resize": 1, "detector": 1, "decoder": 0},
        **{"dense": 2, "decode": 2},  # nine people go in two parts
    }
    assert all(time == 1 for times in calls.values() for time in times)


def test_measure_and_peak(tmp_path: Path) -> None:
    row = measure(load(tiny_model.write(tmp_path / "m.odp")), (60, 80), 2, 2)
    assert 0 <= sum(row["stages_s"].values()) <= 1.5 * row["processor_s"] + 0.01
    assert measured_peak(64) > 0


def test_operations_of_an_official_net() -> None:
    """The dense head alone has 139 GFLOP for five people; the published predictor's maps come on top."""
    pytest.importorskip("torch")
    counts = operations({"architecture": "R_50_FPN_s1x"}, 240, 320, 5)
    head = 5 * 784 * 9 * 2 * (256 * 512 + 7 * 512 * 512) / 1e9
    maps = 5 * 784 * 16 * 2 * 512 * 77 / 1e9
    assert head == pytest.approx(139, abs=1) and counts["dense"] == pytest.approx(head + maps, rel=0.01)
    small = operations({}, 256, 352, 1)
    assert small["decoder"] == 0 and small["dense"] == pytest.approx(SMALL.gflops_person, abs=0.01)
