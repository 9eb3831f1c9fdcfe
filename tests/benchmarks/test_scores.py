"""Scores of boxes: the regression against the weights it was drawn by, the curve against counting."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")  # the constants of the certainty stand beside the net
pytest.importorskip("scipy")

from benchmarks.scores import Seen, curve, regress


def test_the_regression_finds_the_weights() -> None:
    rng = np.random.default_rng(0)
    logits, weights = rng.normal(0, 2, (20_000, 3)), np.array([0.5, 1.0, -0.3, -1.0])
    chance = 1 / (1 + np.exp(-(logits @ weights[:3] + weights[3])))
    assert np.allclose(regress(logits, rng.random(20_000) < chance), weights, atol=0.1)


def test_the_curve_counts() -> None:
    """Two people, one found twice; two empty pictures with a candidate each."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60], [90, 0, 99, 9]], np.float32)
    people = Seen(boxes, np.zeros((4, 3)), boxes[[0, 2]].astype(float))
    empty = [Seen(boxes[:1], np.zeros((1, 3)), np.zeros((0, 4))) for _ in range(2)]
    told = curve([people, *empty], [np.array([0.9, 0.8, 0.3, 0.5]), np.array([0.2]), np.array([0.4])], 1.0)
    # the second box is the first one again; in order: right, wrong (0.5), right
    assert told["recall_at_0.85"] == 0.5 and told["threshold"] == 0.4
    assert told["recall"] == 0.5 and told["precision"] == 0.5
    assert people.fits().tolist() == [True, True, True, False]
