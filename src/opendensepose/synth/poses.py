"""Random poses: an anatomically limited prior with archetypes, and libraries of captured poses."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from opendensepose.synth.archetypes import ARMS, ARMS_OF_STANCE, COMMON, LIMB_ANGLES, LIMITS, STANCES, Spread
from opendensepose.synth.bvh import PoseLibrary
from opendensepose.synth.clearance import Clearance
from opendensepose.synth.rig import SIDES, Rig
from opendensepose.synth.rotations import axis_angle, blend, frame, transpose

Angles = dict[str, float]
X, Y, Z = np.eye(3)


def sample_pose(
    rng: np.random.Generator,
    library: PoseLibrary | None = None,
    *,
    library_share: float = 0.5,
    shape: NDArray | None = None,  # [K]; the mean adult by default
) -> NDArray:
    """Local rotations [J, 3, 3] (see `Body.pose`) of a random pose without heading: the pelvis faces -y.

    With a library, `library_share` of the poses come from it (half of them mirrored, all a little varied).
    """
    if library is not None and len(library) and rng.random() < library_share:
        pose = library.sample(rng)
        return mirrored(pose) if rng.random() < 0.5 else pose
    return prior_pose(rng, shape)


def prior_pose(rng: np.random.Generator, shape: NDArray | None = None, tries: int = 6) -> NDArray:
    """Local rotations [J, 3, 3] of the prior; of several tries the first whose arms pass by the trunk."""
    best = clear_pose(lambda: sample_angles(rng), shape, tries)
    return mirrored(best) if rng.random() < 0.5 else best


def clear_pose(draw: Callable[[], Angles], shape: NDArray | None = None, tries: int = 6) -> NDArray:
    """Local rotations [J, 3, 3] of the first angles drawn whose arms pass by the trunk, or of the best."""
    clearance = Clearance.of(shape)
    best, least = None, np.inf
    for _ in range(tries):
        rotations = rotations_of(draw())
        depth = clearance.intrusion(rotations)
        if depth < least:
            best, least = rotations, depth
        if depth < 0.01:  # metres: flesh gives way
            break
    assert best is not None
    return best


def sample_angles(rng: np.random.Generator) -> Angles:
    """All anatomical angles of one random pose, within LIMITS; keys of limbs end in .L and .R."""
    stance = choose_entry(rng, STANCES)
    if stance in ARMS_OF_STANCE and rng.random() < 0.6:
        options = ARMS_OF_STANCE[stance]
        arms = options[rng.integers(len(options))]
    else:
        left = choose_entry(rng, ARMS)
        arms = (left, left if rng.random() < 0.55 else choose_entry(rng, ARMS))
    return draw_angles(rng, stance, arms)


def draw_angles(rng: np.random.Generator, stance: str, arms: tuple[str, str]) -> Angles:
    """Angles of a named stance and a named arm pose for left and right."""
    trunk = {**COMMON, **STANCES[stance][1]}
    angles = {"level": _normal(rng, trunk.get("level", (0, 0)))}
    for name, (low, high) in LIMITS.items():
        for side, arm in zip(SIDES, arms, strict=True):
            spread = {**trunk, **ARMS[arm][1]}
            key = name + side if name in LIMB_ANGLES else name
            if key not in angles:
                value = _normal(rng, spread.get(key, spread.get(name, (0, 0))))
                angles[key] = float(np.clip(value, low, high))
    return angles


def _normal(rng: np.random.Generator, spread: tuple[float, float]) -> float:
    return float(spread[0] + spread[1] * np.clip(rng.standard_normal(), -2.2, 2.2))


def choose_entry(rng: np.random.Generator, table: Mapping[str, tuple[float, Spread]]) -> str:
    """A name of STANCES or ARMS, by their weights."""
    weights = np.array([weight for weight, _ in table.values()])
    return list(table)[rng.choice(len(table), p=weights / weights.sum())]


def rotations_of(angles: Angles) -> NDArray:
    """Local rotations [J, 3, 3] of anatomical angles."""
    rig = Rig.load()
    world = {"root": axis_angle(Y, angles["roll"]) @ axis_angle(X, angles["pitch"])}
    world["spine01"] = world["root"] @ _trunk(angles, "spine")
    world["head"] = world["spine01"] @ _trunk(angles, "neck")
    # who stands tilts the pelvis between the legs and not the legs with the pelvis
    hips = axis_angle(Y, (1 - angles["level"]) * angles["roll"]) @ axis_angle(X, angles["pitch"])
    for side in SIDES:
        limb = {name: angles[name + side] for name in LIMB_ANGLES}
        world |= {name + side: value for name, value in _leg(rig, hips, limb, angles, side).items()}
        world |= {name + side: value for name, value in _arm(rig, world["spine01"], limb, side).items()}
    rotations = rig.solve({name: value[None] for name, value in world.items()})[0]
    for side in SIDES:
        _curl(rotations, rig, angles["curl" + side], side)
    return rotations.astype(np.float32)


def _trunk(angles: Angles, part: str) -> NDArray:
    return (
        axis_angle(Z, angles[part + "_twist"])
        @ axis_angle(X, angles[part + "_flex"])
        @ axis_angle(Y, angles[part + "_side"])
    )


def _leg(rig: Rig, hips: NDArray, limb: Angles, angles: Angles, side: str) -> dict[str, NDArray]:
    """World rotations of thigh, shin and foot."""
    sign = 1.0 if side == ".L" else -1.0
    straight = frame(-Z, X)  # a leg hanging straight down and the axis of its knee
    thigh = (
        hips
        @ axis_angle(X, -limb["hip_flex"])
        @ axis_angle(Y, -sign * limb["hip_abduct"])
        @ axis_angle(Z, sign * limb["hip_turn"])
    )
    shin = thigh @ axis_angle(X, limb["knee"])
    level = angles["level"] * (limb["knee"] + angles["pitch"] - limb["hip_flex"])
    low, high = LIMITS["ankle"]
    tilt = np.clip(angles["level"] * limb["hip_abduct"], -20, 20)
    foot = shin @ axis_angle(X, -np.clip(level + limb["ankle"], low, high)) @ axis_angle(Y, sign * tilt)
    return {
        "upperleg01": thigh @ straight @ transpose(rig.rest["upperleg01" + side]),
        "lowerleg01": shin @ straight @ transpose(rig.rest["lowerleg01" + side]),
        "foot": foot,
    }


def _arm(rig: Rig, chest: NDArray, limb: Angles, side: str) -> dict[str, NDArray]:
    """World rotations of upper arm, forearm and hand."""
    sign = 1.0 if side == ".L" else -1.0
    straight = frame(-Z, -X)  # an arm hanging straight down and the axis of its elbow
    front = np.deg2rad(limb["arm_front"])
    raising = np.array([-np.sin(front), -sign * np.cos(front), 0.0])  # axis that lifts the arm that way
    upper = chest @ axis_angle(raising, limb["arm_raise"]) @ axis_angle(Z, sign * limb["arm_turn"])
    fore = upper @ axis_angle(X, -limb["elbow"])
    fore_world = fore @ straight @ transpose(rig.rest["lowerarm01" + side])
    _, across, normal = rig.rest["wrist" + side].T
    hand = (
        axis_angle(rig.rest["lowerarm01" + side][:, 0], sign * limb["pronate"])
        @ axis_angle(across, -sign * limb["wrist_flex"])
        @ axis_angle(normal, sign * limb["wrist_side"])
    )
    return {
        "upperarm01": upper @ straight @ transpose(rig.rest["upperarm01" + side]),
        "lowerarm01": fore_world,
        "wrist": fore_world @ hand,
    }


def _curl(rotations: NDArray, rig: Rig, degrees: float, side: str) -> None:
    """Bends the fingers [J, 3, 3] in place towards the palm."""
    sign = 1.0 if side == ".L" else -1.0
    axis = -sign * rig.rest["wrist" + side][:, 1]
    shares = {f"finger{k}-{j}": share for k in range(2, 6) for j, share in ((1, 0.8), (2, 1.0), (3, 0.6))}
    shares |= {"finger1-2": 0.3, "finger1-3": 0.3}
    bones = [rig.body.bone(name + side) for name in shares]
    rotations[bones] = axis_angle(axis, np.array(list(shares.values())) * degrees)


def mirrored(rotations: NDArray) -> NDArray:
    """The pose [..., J, 3, 3] seen in a mirror: left and right change roles."""
    body = Rig.load().body
    swap = {".L": ".R", ".R": ".L"}
    other = [body.bone(name[:-2] + swap[name[-2:]] if name[-2:] in swap else name) for name in body.bones]
    flip = np.diag([-1.0, 1.0, 1.0]).astype(rotations.dtype)
    return flip @ rotations[..., other, :, :] @ flip


def sample_clip(rng: np.random.Generator, frames: int, library: PoseLibrary | None = None) -> NDArray:
    """Local rotations [frames, J, 3, 3] of a short motion: captured, or from one random pose to another."""
    if frames < 1:
        raise ValueError(f"frames of a clip: expected at least 1, got {frames}")
    if library is not None and library.has_motion and rng.random() < 0.7:
        clip = library.clip(rng, frames)
        return mirrored(clip) if rng.random() < 0.5 else clip
    stance, arms = choose_entry(rng, STANCES), [choose_entry(rng, ARMS) for _ in range(4)]
    start, stop = (rotations_of(draw_angles(rng, stance, (arms[k], arms[k + 1]))) for k in (0, 2))
    time = np.arange(frames) / max(12, frames - 1)  # a dozen frames at least from one pose to the other
    share = 0.5 - 0.5 * np.cos(np.pi * time)
    return blend(start[None], stop[None], share[:, None]).astype(np.float32)
