"""Random poses: anatomy holds, symmetry holds, arms stay outside."""

import numpy as np
import pytest

from opendensepose.surface.body import Body
from opendensepose.synth.archetypes import ARMS, LIMB_ANGLES, LIMITS, STANCES
from opendensepose.synth.clearance import Clearance
from opendensepose.synth.poses import (
    draw_angles,
    mirrored,
    prior_pose,
    rotations_of,
    sample_angles,
    sample_clip,
    sample_pose,
)

BODY = Body.load()


def angles_like(**changes: float) -> dict[str, float]:
    """All angles zero but for the given ones; `knee_L` means `knee.L`."""
    zero = {name + side: 0.0 for name in LIMITS for side in ((".L", ".R") if name in LIMB_ANGLES else ("",))}
    return (
        zero
        | {"level": 0.0}
        | {name.replace("_L", ".L").replace("_R", ".R"): v for name, v in changes.items()}
    )


def joints_of(rotations: np.ndarray) -> dict[str, np.ndarray]:
    _, joints = BODY.pose(np.zeros(len(BODY.shape_basis)), rotations)
    return dict(zip(BODY.bones, joints, strict=True))


def direction(joints: dict[str, np.ndarray], start: str, stop: str) -> np.ndarray:
    way = joints[stop] - joints[start]
    return way / np.linalg.norm(way)


@pytest.mark.parametrize(
    ("changes", "bones", "expected"),
    [
        ({}, ("upperleg01.L", "lowerleg01.L"), [0, 0, -1]),  # zero: legs straight down
        ({}, ("upperarm01.R", "lowerarm01.R"), [0, 0, -1]),  # ... and arms
        ({"hip_flex_L": 90}, ("upperleg01.L", "lowerleg01.L"), [0, -1, 0]),  # thigh level to the front
        ({"hip_abduct_R": 30}, ("upperleg01.R", "lowerleg01.R"), [-0.5, 0, -(0.75**0.5)]),  # to its own side
        ({"knee_L": 90}, ("lowerleg01.L", "foot.L"), [0, 1, 0]),  # heel to the back
        ({"arm_raise_L": 90}, ("upperarm01.L", "lowerarm01.L"), [1, 0, 0]),  # to the side
        (
            {"arm_raise_R": 90, "arm_front_R": 90},
            ("upperarm01.R", "lowerarm01.R"),
            [0, -1, 0],
        ),  # to the front
        ({"elbow_L": 90}, ("lowerarm01.L", "wrist.L"), [0, -1, 0]),  # forearm to the front
        ({"elbow_L": 90, "arm_turn_L": 90}, ("lowerarm01.L", "wrist.L"), [1, 0, 0]),  # turned outwards
        ({"elbow_R": 90, "arm_turn_R": 90}, ("lowerarm01.R", "wrist.R"), [-1, 0, 0]),  # right: the other way
        ({"pitch": -90}, ("upperleg01.R", "lowerleg01.R"), [0, -1, 0]),  # on the back, head to +y
    ],
)
def test_angles_mean_what_they_say(
    changes: dict[str, float], bones: tuple[str, str], expected: list[float]
) -> None:
    # the twist bones lie a little off the line between the joints: one degree or two
    joints = joints_of(rotations_of(angles_like(**changes)))
    np.testing.assert_allclose(direction(joints, *bones), expected, atol=0.03)


def test_spine_and_neck_turn_the_head() -> None:
    rest = direction(joints_of(rotations_of(angles_like())), "head", "eye.L")
    turned = direction(joints_of(rotations_of(angles_like(spine_twist=30, neck_twist=60))), "head", "eye.L")
    np.testing.assert_allclose(
        turned, [-rest[1], rest[0], rest[2]], atol=1e-5
    )  # 90 degrees about the vertical


@pytest.mark.parametrize("stance", STANCES)
def test_hinges_bend_only_the_right_way(stance: str) -> None:
    """Elbow and knee, measured on joints: the bend about the limb's own hinge is that of the angle drawn."""
    rng = np.random.default_rng(0)
    for arm in ARMS:
        angles = draw_angles(rng, stance, (arm, arm))
        rotations = rotations_of(angles)
        joints = joints_of(rotations)
        for side in (".L", ".R"):
            for name, chain in (
                ("knee", ("upperleg01", "lowerleg01", "foot")),
                ("elbow", ("upperarm01", "lowerarm01", "wrist")),
            ):
                upper = direction(joints, chain[0] + side, chain[1] + side)
                lower = direction(joints, chain[1] + side, chain[2] + side)
                bend = np.rad2deg(np.arccos(np.clip(upper @ lower, -1, 1)))
                assert bend == pytest.approx(angles[name + side], abs=2)
                assert LIMITS[name][0] - 2 <= bend <= LIMITS[name][1] + 2
            # the shin lies behind the thigh: on the side away from where the knee cap looks
            world = np.eye(3)
            for bone in ("root", f"pelvis{side}", f"upperleg01{side}", f"upperleg02{side}"):
                world = world @ rotations[BODY.bone(bone)]
            forward = world @ [0, -1, 0]
            shin = direction(joints, f"lowerleg01{side}", f"foot{side}")
            thigh = direction(joints, f"upperleg01{side}", f"lowerleg01{side}")
            assert (shin - thigh) @ forward < 0.1


def test_drawn_angles_stay_within_the_limits() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        for key, value in sample_angles(rng).items():
            low, high = LIMITS.get(key.removesuffix(".L").removesuffix(".R"), (-1, 2))
            assert low <= value <= high, key


def test_mirrored_is_the_mirror_image() -> None:
    rotations = prior_pose(np.random.default_rng(2))
    shape = np.zeros(len(BODY.shape_basis))
    posed, other = BODY.pose(shape, rotations)[0], BODY.pose(shape, mirrored(rotations))[0]
    assert np.abs(other[BODY.mirror] * [-1, 1, 1] - posed)[:13380].max() < 0.01
    np.testing.assert_array_equal(mirrored(mirrored(rotations)), rotations)


def test_rotations_are_rotations_and_repeat_with_the_seed() -> None:
    one, two = (sample_pose(np.random.default_rng([7, 3])) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (len(BODY.bones), 3, 3)
    np.testing.assert_allclose(one @ np.swapaxes(one, 1, 2), np.tile(np.eye(3), (len(one), 1, 1)), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(one), 1, atol=1e-5)


def test_clearance_sees_a_hand_in_the_belly() -> None:
    clearance = Clearance.of()
    inside = rotations_of(angles_like(arm_raise_L=25, arm_front_L=0, arm_turn_L=-80, elbow_L=110))
    assert clearance.intrusion(inside) > 0.02
    assert clearance.intrusion(rotations_of(angles_like(arm_raise_L=90, arm_raise_R=90))) == 0


def test_prior_keeps_arms_out_of_the_trunk() -> None:
    rng = np.random.default_rng(5)
    shape = BODY.sample_shape(rng)
    depths = [Clearance.of(shape).intrusion(prior_pose(rng, shape)) for _ in range(40)]
    assert np.mean(np.array(depths) > 0.01) < 0.1


def test_clips_move_smoothly() -> None:
    clip = sample_clip(np.random.default_rng(6), 12)
    assert clip.shape == (12, len(BODY.bones), 3, 3)
    steps = np.swapaxes(clip[:-1], -1, -2) @ clip[1:]
    degrees = np.rad2deg(np.arccos(np.clip((np.trace(steps, axis1=-2, axis2=-1) - 1) / 2, -1, 1)))
    assert 0 < degrees.max() < 30
    with pytest.raises(ValueError, match="expected at least 1, got 0"):
        sample_clip(np.random.default_rng(6), 0)
