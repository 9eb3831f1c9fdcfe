"""The tables of parts agree with their own names."""

import numpy as np

from opendensepose.surface.parts import COARSE_NAMES, FINE_TO_COARSE, MIRROR_CHART, PART_COLOURS, PART_NAMES


def swapped(name: str) -> str:
    return name.replace("left", "*").replace("right", "left").replace("*", "right")


def test_lengths() -> None:
    assert len(PART_NAMES) == len(FINE_TO_COARSE) == len(MIRROR_CHART) == len(PART_COLOURS) == 25
    assert len(COARSE_NAMES) == 15


def test_a_coarse_part_is_named_like_the_charts_in_it() -> None:
    for name, coarse in zip(PART_NAMES, FINE_TO_COARSE, strict=True):
        assert set(COARSE_NAMES[coarse].split()) - {"right", "left"} <= set(name.split())
        if coarse != 14:  # the coarse head has no sides
            assert ("left" in name, "right" in name) == (
                "left" in COARSE_NAMES[coarse],
                "right" in COARSE_NAMES[coarse],
            )


def test_mirroring_swaps_left_and_right_in_the_names() -> None:
    for chart, partner in enumerate(MIRROR_CHART):
        assert PART_NAMES[partner] == swapped(PART_NAMES[chart])
        assert MIRROR_CHART[partner] == chart


def test_colours_are_distinct() -> None:
    distance = np.abs(PART_COLOURS[:, None].astype(int) - PART_COLOURS[None]).max(-1)
    assert distance[~np.eye(25, dtype=bool)].min() >= 20
