"""Rotations against closed forms."""

import numpy as np
import pytest

from opendensepose.synth.rotations import (
    axis_angle,
    blend,
    cross,
    fraction,
    frame,
    rotation_vector,
    twist_angle,
    unit,
)

RNG = np.random.default_rng(0)
AXES = unit(RNG.standard_normal((50, 3)))
ANGLES = RNG.uniform(1, 175, 50)


@pytest.mark.parametrize(
    ("axis", "point", "expected"),
    [
        ([0, 0, 1], [1, 0, 0], [0, 1, 0]),  # about z: x to y
        ([1, 0, 0], [0, 1, 0], [0, 0, 1]),  # about x: y to z
        ([0, 1, 0], [0, 0, 1], [1, 0, 0]),  # about y: z to x
    ],
)
def test_quarter_turns(axis: list[int], point: list[int], expected: list[int]) -> None:
    np.testing.assert_allclose(axis_angle(axis, 90) @ point, expected, atol=1e-12)


def test_axis_angle_is_a_rotation_that_keeps_its_axis() -> None:
    rotations = axis_angle(AXES, ANGLES)
    np.testing.assert_allclose(
        rotations @ np.swapaxes(rotations, 1, 2), np.tile(np.eye(3), (50, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1)
    np.testing.assert_allclose(np.einsum("nab,nb->na", rotations, AXES), AXES)
    np.testing.assert_allclose(rotation_vector(rotations), AXES * ANGLES[:, None], atol=1e-6)


def test_fractions_multiply_to_the_whole() -> None:
    whole = axis_angle(AXES, ANGLES)
    np.testing.assert_allclose(fraction(whole, 0.3) @ fraction(whole, 0.7), whole, atol=1e-9)
    np.testing.assert_allclose(fraction(np.eye(3)[None], 0.4), np.eye(3)[None])
    one = axis_angle(AXES[::-1], ANGLES)
    np.testing.assert_allclose(blend(one, whole, np.zeros(50)), one, atol=1e-9)
    np.testing.assert_allclose(blend(one, whole, np.ones(50)), whole, atol=1e-9)


def test_twist_is_found_below_any_swing() -> None:
    axis = AXES[0]
    swing_axis = unit(np.cross(axis, AXES[1:]))  # perpendicular to the twist axis
    rotations = axis_angle(swing_axis, ANGLES[1:]) @ axis_angle(axis, 40.0)
    np.testing.assert_allclose(twist_angle(rotations, axis), 40, atol=1e-6)


def test_frames_and_products() -> None:
    made = frame(AXES, AXES[::-1])
    np.testing.assert_allclose(made[..., 0], AXES)
    np.testing.assert_allclose(np.linalg.det(made), 1)
    np.testing.assert_allclose(cross(AXES, AXES[::-1]), np.cross(AXES, AXES[::-1]), atol=1e-12)
