"""Maps of mirror images against the atlas's own mirror rule."""

from __future__ import annotations

import numpy as np
import pytest

import opendensepose as odp
from opendensepose.io.image import read_image
from opendensepose.runtime.mirror import averaged, mirrored
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
