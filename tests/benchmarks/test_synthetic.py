"""What the benchmark on synthetic people tells apart."""

import numpy as np
import pytest

from benchmarks.synthetic import NO_PIXELS, Pixels, joined, to_another_label
from opendensepose.surface.parts import PART_NAMES


def test_the_way_to_another_label_against_all_pairs_of_pixels() -> None:
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 4, (5, 6)), np.ones((7, 7))).astype(np.uint8)
    places = np.argwhere(labels >= 0)
    found = to_another_label(labels)
    for y, x in places[::5]:
        others = places[labels[places[:, 0], places[:, 1]] != labels[y, x]]
        expected = np.hypot(*(others - (y, x)).T).min() - 0.5  # a border runs between two pixels
        assert abs(found[y, x] - expected) < 0.8, (y, x)


def test_pixels_near_a_border_and_inside_are_all_of_them() -> None:
    rng = np.random.default_rng(1)
    true, predicted = rng.integers(1, 4, (2, 50)).astype(np.uint8)
    near = rng.random(50) < 0.4
    pixels = Pixels(true, predicted, np.where(true == predicted, 0.01, 0.3), near)
    parts = [pixels.chosen(near), pixels.chosen(~near)]
    shares = [part.summary()["right_part"] * part.summary()["pixels"] for part in parts]
    assert sum(shares) == (true == predicted).sum() and 0 < len(parts[0].true) == near.sum()
    assert joined([*parts, NO_PIXELS]).summary() == pixels.summary()


@pytest.mark.parametrize(
    ("true", "predicted", "kind"),
    [
        ("left foot", "right foot", "other_side"),
        ("left upper leg front", "right upper leg back", "other_side"),
        ("left head", "right head", "other_side"),
        ("left upper leg front", "left upper leg back", "other_face"),
        ("torso back", "torso front", "other_face"),
        ("left hand", "left foot", None),
        ("left foot", "background", None),
        ("torso back", "torso back", None),
    ],
)
def test_wrong_pixels_by_their_kind(true: str, predicted: str, kind: str | None) -> None:
    charts = np.array([[PART_NAMES.index(name)] for name in (true, predicted)], np.uint8)
    summary = Pixels(*charts, np.array([0.2]), np.array([False])).summary()
    assert {k: summary[k] for k in ("other_side", "other_face")} == {
        k: float(k == kind) for k in ("other_side", "other_face")
    }
