"""Surface PCK of a perfect map and of a mirrored one, on synthetic people whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.real_photos import Template, compare_with_official, surface_pck
from opendensepose.core.types import DenseMap
from opendensepose.data import Person
from opendensepose.synth.sample import Sample, make_sample

SIZE = (160, 200)


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [make_sample(index, 77, None, SIZE) for index in range(12)]


def rows(samples: list[Sample], *, mirrored: bool) -> list[dict[str, Any]]:
    template, found = Template(), []
    for sample in samples:
        for person in sample.people:
            chart = np.where(sample.instance == person.instance, sample.chart, 0).astype(np.uint8)
            uv = sample.uv.copy()
            if mirrored:
                body = chart > 0
                chart[body], flipped = template.atlas.flip(chart[body], uv[:, body].T)
                uv[:, body] = flipped.T
            dense = DenseMap(chart, uv, (0, 0, SIZE[1], SIZE[0]))
            found += template.rows(Person(id=1, box=person.box, keypoints=person.keypoints), dense)
    return found


def test_true_maps_reach_the_ceiling(samples: list[Sample]) -> None:
    """The joint lies inside the body: .79 and .95 were measured for the true surface on real photos."""
    pck = surface_pck(rows(samples, mirrored=False))
    assert pck["keypoints"] > 50
    assert 0.6 < pck["PCK10"] < pck["PCK20"] and pck["PCK20"] > 0.9
    assert pck["on_body"] == 1.0 and pck["swapped"] < 0.05


def test_mirrored_maps_are_swapped(samples: list[Sample]) -> None:
    pck = surface_pck(rows(samples, mirrored=True))
    assert pck["swapped"] > 0.9
    assert pck["PCK20_sides_ignored"] > 0.9
    assert pck["PCK20"] < 0.6


def test_missed_people_are_misses(samples: list[Sample]) -> None:
    person = samples[0].people[0]
    lost = Template().rows(Person(id=1, box=person.box, keypoints=person.keypoints), None)
    pck = surface_pck(lost)
    assert pck["PCK20"] == 0 and pck["on_body"] == 0 and pck["swapped"] is None


def test_agreement_with_an_official_output() -> None:
    """A map that is right on the left half of the mask: IoU and agreement 1/2, correlations 1 and -1."""
    mask = np.zeros((40, 60), bool)
    mask[5:35, 10:50] = True
    rows_, columns = np.indices(mask.shape)
    official = np.stack([np.full(mask.shape, 2), columns, rows_], axis=2).astype(np.uint8)
    labels = np.where(columns[5:35, 10:50] < 30, 2, 0).astype(np.uint8)
    uv = np.stack([columns, 40 - rows_])[:, 5:35, 10:50].astype(np.float32) / 255
    answer = compare_with_official(DenseMap(labels, uv, (10, 5, 40, 30)), mask, official)
    assert answer is not None
    assert answer["foreground_iou"] == answer["part_agreement"] == 0.5
    assert answer["charts"][2]["pixels"] == 600
    assert (answer["charts"][2]["U"], answer["charts"][2]["V"]) == (pytest.approx(1), pytest.approx(-1))
