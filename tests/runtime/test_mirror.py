"""Maps of mirror images against the atlas's own mirror rule."""

from __future__ import annotations

import numpy as np
import pytest

import opendensepose as odp
from opendensepose.io.image import read_image
from opendensepose.io.modelfile import CERTAINTY
from opendensepose.runtime.mirror import averaged, mirrored
from opendensepose.runtime.predictor import TRUST
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import FINE_TO_COARSE, MIRROR_CHART


def one_hot(labels: np.ndarray, count: int) -> np.ndarray:
    return np.moveaxis(np.eye(count, dtype=np.float32)[labels], -1, 0)[None]


def maps_of(chart: np.ndarray, uv: np.ndarray, channels: int) -> dict[str, np.ndarray]:
    """Maps [1, C, S, T] of a picture of charts [S, T] and U, V [S, T, 2]."""
    fine = one_hot(chart, 25)
    coarse = one_hot(FINE_TO_COARSE[chart] if channels == 15 else (chart > 0).astype(int), channels)
    return {"coarse": coarse, "fine": fine, "u": fine * uv[..., 0], "v": fine * uv[..., 1]}


@pytest.mark.parametrize("channels", [2, 15])
def test_maps_of_the_mirror_image_say_the_same(channels: int) -> None:
    rng = np.random.default_rng(0)
    chart = rng.integers(1, 25, (12, 9)).astype(np.uint8)
    uv = rng.random((12, 9, 2)).astype(np.float32)
    partner, turned = Atlas.load("odp24").flip(chart.ravel(), uv.reshape(-1, 2))
    flipped = partner.reshape(chart.shape)[:, ::-1], turned.reshape(uv.shape)[:, ::-1]
    expected, got = maps_of(chart, uv, channels), mirrored(maps_of(*flipped, channels))
    own = one_hot(chart, 25) > 0  # U, V of the other charts say nothing
    for name in ("coarse", "fine"):
        assert np.array_equal(got[name], expected[name])
    for name in ("u", "v"):
        np.testing.assert_allclose(got[name][own], expected[name][own], atol=1e-6)


def test_confidences_turn_with_their_chart() -> None:
    rng = np.random.default_rng(1)
    names = ("sigma_2", "kappa_u", "kappa_v")
    maps = {name: rng.normal(size=(2, 25, 4, 3)).astype(np.float32) for name in names}
    got = mirrored(maps)
    assert np.array_equal(got["sigma_2"][:, 3], maps["sigma_2"][:, 4, :, ::-1])
    assert np.array_equal(got["kappa_u"][:, 3], -maps["kappa_u"][:, 4, :, ::-1])  # hands: U turns
    assert np.array_equal(got["kappa_v"][:, 3], maps["kappa_v"][:, 4, :, ::-1])
    assert np.array_equal(got["kappa_v"][:, 1], -maps["kappa_v"][:, 1, :, ::-1])  # the torso: V turns
    again = mirrored(got)
    assert all(np.array_equal(again[name], maps[name]) for name in names)
    assert np.array_equal(averaged(maps, again)["sigma_2"], maps["sigma_2"])


def test_a_mirrored_photo_gives_the_mirrored_result() -> None:
    predictor = odp.load("small", device="cpu")
    photo = read_image(odp.SAMPLE_IMAGE)
    width = photo.shape[1]
    x1, y1, x2, y2 = predictor(photo).boxes[0].round()
    (dense,) = predictor(photo, boxes=[[x1, y1, x2, y2]]).dense
    (other,) = predictor(np.ascontiguousarray(photo[:, ::-1]), boxes=[[width - x2, y1, width - x1, y2]]).dense
    same = MIRROR_CHART[other.labels[:, ::-1]] == dense.labels
    assert (dense.labels > 0).mean() > 0.2 and same.mean() > 0.97


def test_the_mirror_image_is_asked_whether_somebody_is_there() -> None:
    predictor = odp.load("small", device="cpu")
    photo = read_image(odp.SAMPLE_IMAGE)
    assert predictor._finder is not None and predictor._looks is not None
    boxes, detected = predictor._finder(photo, 0.06)
    _, crops, maps = predictor._looks(photo, boxes, fit=True)
    mirror = predictor._dense.run({"crops": np.ascontiguousarray(crops[:, :, ::-1])})[CERTAINTY]
    logits = [np.log(p.astype(float) / (1 - p.astype(float))) for p in (detected, maps[CERTAINTY], mirror)]
    expected = 1 / (1 + np.exp(-(TRUST * logits[0] + (1 - TRUST) * (logits[1] + logits[2]) / 2)))
    alone = 1 / (1 + np.exp(-(TRUST * logits[0] + (1 - TRUST) * logits[1])))
    found = predictor(photo)
    assert len(found) > 2
    for box, score in zip(found.boxes, found.scores, strict=True):
        (number,) = np.flatnonzero((boxes == box).all(1))
        assert score == pytest.approx(expected[number], abs=1e-3)
    assert np.abs(expected - alone).max() > 0.01


def test_who_is_not_asked_stays_as_they_are() -> None:
    predictor = odp.load("small", device="cpu")
    assert predictor._looks is not None
    photo = read_image(odp.SAMPLE_IMAGE)
    _, crops, maps = predictor._looks(photo, predictor(photo).boxes, fit=False)
    before = {name: values.copy() for name, values in maps.items()}
    asked = np.arange(len(crops)) % 2 == 0
    predictor._looks.ask_mirror(crops, maps, asked)
    for name, values in maps.items():
        assert np.array_equal(values[~asked], before[name][~asked]), name
        assert all(
            not np.array_equal(new, old) for new, old in zip(values[asked], before[name][asked], strict=True)
        )
