"""Photos in other light: what a version is, and what becomes of those who are missed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.shaken import Shaken, figures, shake, summary


class Predictor:
    """Keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[NDArray[np.uint8]] = []

    def __call__(self, image: NDArray[np.uint8], **options: Any) -> dict[str, Any]:
        self.seen.append(image)
        return options


def ramp() -> NDArray[np.uint8]:
    """Grey from 20 to 220, from left to right."""
    return np.tile(np.linspace(20, 220, 96).astype(np.uint8)[None, :, None], (64, 1, 3))


def test_a_shaken_picture_has_another_gain_and_gamma() -> None:
    image = ramp()
    offsets = []
    for seed in range(20):
        seen = shake(image, np.random.default_rng(seed))
        assert seen.shape == image.shape and seen.dtype == np.uint8
        level, shown = image[..., 0] / 255, np.maximum(seen.mean(2), 1) / 255
        keep = (shown < 0.97).ravel()
        # log shown = log gain + gamma log level, but for the compression
        gamma, gain = np.polyfit(np.log(level.ravel()[keep]), np.log(shown.ravel()[keep]), 1)
        offsets.append((gain, np.log(gamma)))
    assert np.abs(offsets).max() < 0.25
    assert (np.std(offsets, 0) > 0.03).all() and (np.std(offsets, 0) < 0.1).all()


def test_a_version_of_a_photo_is_the_same_for_given_and_own_boxes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), ramp())
    predictor = Predictor()
    shaken = [Shaken(predictor, version) for version in (0, 1)]  # type: ignore[arg-type]
    assert shaken[0](tmp_path / "a.png", boxes=[[0, 0, 5, 5]]) == {"boxes": [[0, 0, 5, 5]]}
    assert shaken[0](tmp_path / "a.png") == {}
    shaken[0](tmp_path / "b.png"), shaken[1](tmp_path / "a.png")
    first, again, other_photo, other_version = predictor.seen
    assert (first == again).all()
    assert (first != other_photo).any() and (first != other_version).any()


def test_the_missed_agree_on_nothing() -> None:
    both = {"PCK10": 0.5, "PCK20": 0.7, "swapped": 0.1, "behind": {"swapped": None}}
    seen = {"own": {"foreground_iou": 0.8, "part_agreement": 0.7}}
    part = {"right_part": 0.6}
    numbers = {
        "coco": {"precision": None, "recall": 0.0, "given_boxes": both, "own_boxes": both},
        "street": {"people": {14: {"own": None}, 17: seen, 18: seen, 19: seen}},
        "annotated_person": {"given": part, "own": part},
    }
    found = figures(numbers)
    assert found["street 14: IoU"] == found["street 14: same part"] == found["precision"] == 0
    assert found["street 17: IoU"] == 0.8 and found["annotated_person, own box"] == 0.6
    assert np.isnan(found["swapped, from behind, own box"])


def test_mean_and_worst() -> None:
    assert summary([0.2, 0.4], min) == pytest.approx({"mean": 0.3, "sd": 0.1, "worst": 0.2})
    assert summary([0.2, float("nan"), 0.4], max)["worst"] == 0.4
