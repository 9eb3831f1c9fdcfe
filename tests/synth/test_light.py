"""Spherical harmonics against integrals over the sphere."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from opendensepose.synth import light as lighting
from opendensepose.synth.backdrop import panorama_view
from opendensepose.synth.camera import look
from opendensepose.synth.effects import tone

PANORAMAS = Path(__file__).parents[2] / ".." / "shared" / "assets" / "panoramas"


def directions(count, seed=0):
    points = np.random.default_rng(seed).normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_a_lobe_is_nearly_a_clamped_cosine():
    towards = np.array([0.6, 0.0, 0.8])
    normals = directions(500)
    approximate = lighting.polynomials(normals) @ lighting.lobe(towards, np.ones(3))
    exact = np.maximum(normals @ towards, 0)
    assert np.abs(approximate[:, 0] - exact).max() < 0.1  # order 2 keeps 99 % of the energy
    assert np.abs(approximate[:, 0].mean() - 0.25) < 0.02


def test_turning_the_light_is_turning_the_normals():
    sh = np.random.default_rng(1).normal(size=(9, 3))
    axes = lighting.panorama_axes(0.7)
    normals = directions(50, 2)
    np.testing.assert_allclose(
        lighting.polynomials(normals) @ lighting.turn(sh, axes),
        lighting.polynomials(normals @ axes.T) @ sh,
        atol=1e-5,
    )


def test_balanced_lights_have_the_brightness_of_photos():
    for seed in range(20):
        light = lighting.procedural_light(np.random.default_rng(seed))
        irradiance = lighting.polynomials(directions(400)) @ light.sh
        assert 0.5 < irradiance.mean() < 1.5
        assert np.isclose(np.linalg.norm(light.key), 1, atol=1e-5) and light.key[2] > 0


@pytest.mark.parametrize("longitude", [0.0, 1.2, -2.5])
def test_the_bright_side_of_a_panorama_lights_that_side(longitude):
    """A lamp to the right of the camera is seen on the right and lights what faces right."""
    sun = longitude + np.pi / 6  # 30 degrees to the right of the view
    panorama = np.zeros((64, 128, 3), np.uint8)
    panorama[28:36, int((sun / (2 * np.pi) + 0.5) * 128) % 128] = 255
    x, y = np.cos(sun), np.sin(sun)
    coefficients = np.zeros((9, 3))
    coefficients[[0, 3, 1]] = [[1.0], [x], [y]]
    camera = look(np.array([0, -3, 1.0]), 0, 0, np.deg2rad(70), (60, 120))
    backdrop = panorama_view(np.random.default_rng(0), panorama, coefficients.tolist(), camera, longitude)
    column = np.average(np.arange(120), weights=backdrop.radiance.sum((0, 2)))
    assert abs(column - (60 + camera.focal * np.tan(np.pi / 6))) < 3
    right = lighting.polynomials(np.array([1.0, 0, 0])) @ backdrop.light.sh
    left = lighting.polynomials(np.array([-1.0, 0, 0])) @ backdrop.light.sh
    ahead = lighting.polynomials(np.array([0, 1.0, 0])) @ backdrop.light.sh
    assert (right > left).all() and (ahead > right).all()  # 30 degrees: more ahead than aside


@pytest.mark.skipif(not PANORAMAS.is_dir(), reason="needs ../shared/assets")
def test_stored_irradiance_is_read_in_the_right_convention():
    """Against the integral over a panorama without bright lamps, which tone mapping has hardly changed."""
    name = "potsdamer_platz_1k"
    stored = json.loads((PANORAMAS / "irradiance_sh.json").read_text())["irradiance_sh"][name]
    image = cv2.resize(cv2.imread(str(PANORAMAS / f"{name}.jpg")), (64, 32), interpolation=cv2.INTER_AREA)
    radiance = (image[..., ::-1] / 255.0) ** 2.2
    longitude = ((np.arange(64) + 0.5) / 64 - 0.5) * 2 * np.pi
    latitude = (0.5 - (np.arange(32) + 0.5) / 32)[:, None] * np.pi
    sphere = np.stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude) + 0 * longitude,
        ],
        -1,
    )
    normals = directions(200, 3)
    weight = np.maximum(np.einsum("nk,hwk->nhw", normals, sphere), 0) * np.cos(latitude)
    integral = np.einsum("nhw,hwc->nc", weight, radiance)[:, 1]
    ours = lighting.polynomials(normals) @ (np.array(stored) * lighting.SCALE[:, None])
    assert np.corrcoef(integral, ours[:, 1])[0, 1] > 0.99


def test_tone_is_srgb_below_the_shoulder_and_monotonic_above():
    values = np.linspace(0, 8, 2000, dtype=np.float32).reshape(1, -1, 1).repeat(3, 2)
    out = tone(values)[0, :, 0]
    low = values[0, :, 0] < 0.7
    linear = values[0, low, 0]
    exact = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    assert np.abs(out[low] - exact).max() < 0.7
    assert (np.diff(out) >= 0).all() and out.max() <= 255
