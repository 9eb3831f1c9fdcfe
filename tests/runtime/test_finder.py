"""People found at two sizes, with a detector whose answers are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from opendensepose.runtime.finder import Finder

SIZE = {"short": 100, "long": 200, "upscale": False}
LARGE, SMALL = (0.1, 0.1, 0.4, 0.9), (0.6, 0.5, 0.7, 0.7)  # parts of width, height


class Detector:
    """Sees the large person better from afar, the small one from near only, and never an empty box."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def run(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        height, width = inputs["image"].shape[:2]
        self.seen.append((height, width))
        near = height > 100
        parts = [LARGE, SMALL] if near else [LARGE, (0.2, 0.2, 0.2, 0.3)]
        scores = [0.6, 0.7] if near else [0.9, 0.8]
        boxes = np.array(parts, np.float32) * np.array([width, height] * 2, np.float32)
        if near:
            boxes[0] += 1  # about the same place
        return {"boxes": boxes, "scores": np.array(scores, np.float32)}


def find(height: int, width: int, least: float = 0.1, most: int = 9) -> tuple[Any, Any, Detector]:
    detector = Detector()
    finder = Finder(detector, SIZE, most, 0.5)  # type: ignore[arg-type]
    return *finder(np.zeros((height, width, 3), np.uint8), least), detector


def test_a_large_photo_is_seen_twice_and_everybody_found_once() -> None:
    boxes, scores, detector = find(300, 400)
    assert detector.seen == [(100, 133), (150, 200)]
    assert scores.tolist() == pytest.approx([0.9, 0.7])
    np.testing.assert_allclose(boxes[0], np.array(LARGE) * [400, 300, 400, 300], rtol=1e-5)
    np.testing.assert_allclose(boxes[1], np.array(SMALL) * [400, 300, 400, 300], rtol=1e-5)


def test_a_small_photo_is_seen_once() -> None:
    boxes, scores, detector = find(110, 130)  # a larger image of it would show nothing new
    assert detector.seen == [(100, 118)]
    assert len(boxes) == 1 and scores.tolist() == pytest.approx([0.9])


@pytest.mark.parametrize(("least", "most", "people"), [(0.65, 9, 2), (0.75, 9, 1), (0.95, 9, 0), (0.1, 1, 1)])
def test_least_score_and_most_people(least: float, most: int, people: int) -> None:
    boxes, scores, _ = find(300, 400, least, most)
    assert boxes.shape == (people, 4) and len(scores) == people
