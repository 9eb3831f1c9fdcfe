"""People found at several sizes, with a detector whose answers are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from opendensepose.runtime.finder import Finder
from opendensepose.runtime.preprocess import preprocess

SIZE = {"short": 256, "long": 512, "upscale": False}
PARTS = {  # of width, height
    "huge": (0.1, 0.0, 0.4, 1.0),
    "large": (0.45, 0.3, 0.6, 1.0),
    "small": (0.6, 0.05, 0.7, 0.25),
}
# of people in images up to 200 pixels high, up to 350, and higher
Scores = dict[str, tuple[float, float, float]]
SCORES: Scores = {"huge": (0.5, 0.9, 0.8), "large": (0.85, 0.7, 0.95), "small": (0.9, 0.4, 0.6)}


class Detector:
    """Sees people with scores that depend on the size, the same place a pixel aside, and an empty box."""

    def __init__(self, scores: Scores) -> None:
        self.scores = scores
        self.seen: list[tuple[int, ...]] = []

    def run(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        height, width = inputs["image"].shape[:2]
        column = (height > 200) + (height > 350)
        boxes = np.array([PARTS[name] for name in self.scores], np.float32) * ([width, height] * 2)
        scores = [values[column] for values in self.scores.values()]
        boxes[:, 0] += len(self.seen)
        self.seen.append((height, width))
        nothing = [[width / 2, height / 2, width / 2, height]]
        return {
            "boxes": np.concatenate([boxes, nothing]).astype(np.float32),
            "scores": np.array([*scores, 0.99], np.float32),
        }


def find(
    height: int, width: int, *, least: float = 0.1, most: int = 9, scores: Scores = SCORES
) -> tuple[Any, Any, Detector]:
    detector = Detector(scores)
    finder = Finder(detector, SIZE, most, 0.5)  # type: ignore[arg-type]
    return *finder(np.zeros((height, width, 3), np.uint8), least), detector


def test_people_of_each_size_are_taken_from_images_that_show_them_neither_huge_nor_tiny() -> None:
    boxes, scores, detector = find(1024, 768)
    assert detector.seen == [(171, 128), (341, 256), (512, 384)]
    # heights in these: huge 171, 341, 512; large 120, 239, 358; small 34, 68, 102; wanted: 96..256, or 0..256
    # where a smaller image is there as well
    assert scores.tolist() == pytest.approx([0.85, 0.6, 0.5])
    for name, box, image in zip(("large", "small", "huge"), boxes, (0, 2, 0), strict=True):
        whole = np.array(PARTS[name]) * [768, 1024, 768, 1024]
        whole[0] += image * 768 / detector.seen[image][1]
        np.testing.assert_allclose(box, whole, rtol=1e-5)


@pytest.mark.parametrize("size", [(3000, 4000), (2003, 1501), (1600, 5003)])
def test_images_of_large_photos_are_as_if_shrunk_at_once(size: tuple[int, int]) -> None:
    y, x = np.mgrid[: size[0], : size[1]]
    waves = [np.sin(x / 40) + np.cos(y / 70), np.sin((x + y) / 55), np.cos(x / 300) * np.sin(y / 35)]
    photo = (128 + 60 * np.stack(waves, 2)).astype(np.uint8)
    images = Finder(Detector(SCORES), SIZE, 9, 0.5).images(photo)  # type: ignore[arg-type]
    for image, factor in zip(images, (0.5, 1, 1.5), strict=True):
        at_once = preprocess(photo, int(256 * factor), int(512 * factor), False).astype(float)
        assert image.shape == at_once.shape
        assert np.abs(image - at_once).mean() < 0.5 and np.abs(image - at_once).max() <= 4


def test_the_better_of_two_sizes_is_taken() -> None:
    boxes, scores, _ = find(1024, 768, scores={"large": (0.3, 0.7, 0.95)})
    assert scores.tolist() == pytest.approx([0.7]) and len(boxes) == 1


def test_a_small_photo_is_seen_as_it_is_and_smaller() -> None:
    _, scores, detector = find(280, 210)  # a larger image of it would show nothing new
    assert detector.seen == [(171, 128), (280, 210)]
    assert scores.tolist() == pytest.approx([0.85, 0.5, 0.4])


def test_who_fills_a_tiny_photo_is_found_in_its_only_image() -> None:
    boxes, scores, detector = find(150, 112)
    assert detector.seen == [(150, 112)]
    assert scores.tolist() == pytest.approx([0.9, 0.85, 0.5]) and len(boxes) == 3


@pytest.mark.parametrize(("least", "most", "people"), [(0.55, 9, 2), (0.8, 9, 1), (0.9, 9, 0), (0.1, 1, 1)])
def test_least_score_and_most_people(least: float, most: int, people: int) -> None:
    boxes, scores, _ = find(1024, 768, least=least, most=most)
    assert boxes.shape == (people, 4) and len(scores) == people
