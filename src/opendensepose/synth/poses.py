"""Random poses: an anatomically limited prior with archetypes, and libraries of captured poses.

Angles are degrees of anatomy, zero = standing upright, arms hanging, palms to the body.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from opendensepose.synth.bvh import PoseLibrary
from opendensepose.synth.rig import SIDES, Rig
from opendensepose.synth.rotations import axis_angle, blend, frame, transpose

Angles = dict[str, float]
X, Y, Z = np.eye(3)

# Lowest and highest value of every angle. Angles of limbs occur once per side.
LIMITS: dict[str, tuple[float, float]] = {
    "pitch": (-180, 180),  # of the pelvis: forward is positive
    "roll": (-180, 180),
    "spine_flex": (-35, 75),
    "spine_side": (-35, 35),
    "spine_twist": (-40, 40),
    "neck_flex": (-45, 45),
    "neck_side": (-35, 35),
    "neck_twist": (-70, 70),
    "hip_flex": (-25, 125),
    "hip_abduct": (-20, 60),
    "hip_turn": (-35, 50),  # outward is positive
    "knee": (0, 145),
    "ankle": (-45, 28),  # toes up is positive
    "arm_raise": (0, 178),  # 0 = down, 90 = level, 180 = up
    "arm_front": (-50, 130),  # direction in which it is raised: 0 = to the side, 90 = to the front
    "arm_turn": (-85, 85),  # outward is positive
    "elbow": (3, 148),
    "pronate": (-85, 85),
    "wrist_flex": (-60, 70),
    "wrist_side": (-25, 20),
    "curl": (0, 85),
}
LIMB_ANGLES = tuple(LIMITS)[8:]

Spread = Mapping[str, tuple[float, float]]  # angle -> mean, standard deviation; ".L" or ".R" for one side
COMMON: Spread = {
    "pitch": (3, 4), "roll": (0, 2), "spine_flex": (2, 7), "spine_side": (0, 4), "spine_twist": (0, 7),
    "neck_flex": (4, 12), "neck_side": (0, 6), "neck_twist": (0, 22),
    "hip_flex": (3, 5), "hip_abduct": (4, 4), "hip_turn": (8, 7), "knee": (6, 6), "ankle": (0, 4),
    "wrist_flex": (5, 12), "wrist_side": (0, 7), "curl": (22, 14), "pronate": (10, 20),
}  # fmt: skip

# Trunk and legs. "level" = 1 keeps the soles parallel to the ground.
STANCES: dict[str, tuple[float, Spread]] = {
    "standing": (5, {"level": (1, 0)}),
    "contrapposto": (3, {
        "level": (1, 0), "roll": (-6, 3), "spine_side": (8, 4), "hip_flex.L": (14, 7), "knee.L": (26, 9),
        "hip_abduct.L": (9, 5), "hip_turn.L": (18, 9), "hip_abduct.R": (-3, 2), "knee.R": (2, 2),
    }),
    "wide": (1.5, {"level": (1, 0), "hip_abduct": (18, 6), "hip_turn": (15, 8), "knee": (10, 10)}),
    "walking": (4, {
        "hip_flex.L": (24, 7), "knee.L": (12, 8), "hip_flex.R": (-10, 5), "knee.R": (18, 12), "spine_twist": (-8, 5),
        "ankle.L": (4, 6), "ankle.R": (-12, 8),
    }),
    "running": (2, {
        "pitch": (9, 4), "hip_flex.L": (62, 16), "knee.L": (75, 20), "hip_flex.R": (-14, 6), "knee.R": (35, 25),
        "ankle.R": (-25, 10), "spine_twist": (-12, 7), "spine_flex": (8, 5),
    }),
    "lunging": (1.5, {
        "level": (0.7, 0.2), "hip_flex.L": (75, 14), "knee.L": (80, 15), "hip_flex.R": (-15, 7), "knee.R": (35, 20),
        "spine_flex": (12, 10),
    }),
    "kicking": (1, {
        "pitch": (-8, 6), "hip_flex.L": (82, 18), "knee.L": (22, 18), "knee.R": (12, 8), "spine_flex": (15, 10),
        "hip_abduct.L": (10, 10), "ankle.L": (-20, 15),
    }),
    "one_leg": (1, {"hip_flex.L": (70, 18), "knee.L": (95, 22), "hip_abduct.L": (18, 12), "hip_turn.L": (22, 15)}),
    "jumping": (1, {"hip_flex": (35, 30), "knee": (55, 35), "ankle": (-25, 10), "hip_abduct": (14, 9)}),
    "sitting": (4, {
        "level": (0.9, 0.1), "pitch": (-6, 8), "hip_flex": (84, 8), "knee": (85, 14), "hip_abduct": (9, 7),
        "hip_turn": (3, 7), "spine_flex": (16, 11),
    }),
    "cross_legged": (1, {
        "pitch": (-5, 6), "hip_flex": (88, 8), "hip_abduct": (38, 7), "hip_turn": (38, 7), "knee": (118, 8),
        "spine_flex": (20, 10),
    }),
    "long_sitting": (0.7, {"pitch": (-12, 8), "hip_flex": (80, 8), "knee": (12, 14), "spine_flex": (22, 10)}),
    "crouching": (2, {
        "level": (0.8, 0.2), "pitch": (15, 10), "hip_flex": (108, 10), "knee": (125, 12), "hip_abduct": (17, 9),
        "hip_turn": (14, 9), "spine_flex": (26, 12),
    }),
    "squatting": (1, {
        "level": (1, 0), "pitch": (22, 8), "hip_flex": (75, 15), "knee": (80, 18), "hip_abduct": (17, 8),
        "hip_turn": (14, 8),
    }),
    "kneeling": (1, {"hip_flex": (8, 10), "knee": (95, 10), "ankle": (-35, 8), "hip_abduct": (6, 5)}),
    "half_kneeling": (1, {
        "hip_flex.L": (88, 8), "knee.L": (92, 10), "hip_flex.R": (0, 6), "knee.R": (92, 8), "ankle.R": (-25, 15),
    }),
    "bending": (1.5, {
        "level": (1, 0), "pitch": (45, 15), "hip_flex": (48, 15), "spine_flex": (38, 14), "knee": (14, 12),
        "neck_flex": (-5, 18),
    }),
    "all_fours": (0.7, {
        "pitch": (82, 6), "hip_flex": (80, 8), "knee": (92, 8), "ankle": (-35, 8), "neck_flex": (-25, 12),
        "spine_flex": (5, 6),
    }),
    "supine": (0.8, {"pitch": (-90, 5), "hip_flex": (18, 22), "knee": (28, 28), "hip_turn": (18, 12)}),
    "prone": (0.5, {"pitch": (90, 5), "hip_flex": (0, 6), "knee": (12, 20), "neck_twist": (45, 15), "ankle": (-35, 8)}),
    "on_side": (0.5, {
        "roll": (88, 8), "hip_flex": (45, 25), "knee": (55, 28), "spine_flex": (15, 10), "neck_side": (-5, 10),
    }),
    "leaning_back": (0.8, {"pitch": (-18, 8), "hip_flex": (25, 12), "knee": (25, 15), "level": (1, 0)}),
}  # fmt: skip

# One arm each; both arms share one entry in most poses.
ARMS: dict[str, tuple[float, Spread]] = {
    "hanging": (6, {"arm_raise": (9, 5), "arm_front": (30, 35), "arm_turn": (0, 12), "elbow": (18, 10)}),
    "swung_forward": (2, {"arm_raise": (30, 12), "arm_front": (80, 8), "arm_turn": (-10, 12), "elbow": (55, 28)}),
    "swung_back": (2, {"arm_raise": (32, 12), "arm_front": (-38, 10), "arm_turn": (0, 10), "elbow": (55, 28)}),
    "on_hip": (2.5, {
        "arm_raise": (42, 6), "arm_front": (-22, 9), "arm_turn": (-52, 7), "elbow": (88, 8), "pronate": (-5, 15),
        "wrist_flex": (25, 12),
    }),
    "crossed": (2, {
        "arm_raise": (28, 5), "arm_front": (72, 7), "arm_turn": (-52, 6), "elbow": (98, 6), "pronate": (30, 15),
        "wrist_flex": (0, 6),
    }),
    "folded_low": (1.5, {
        "arm_raise": (22, 6), "arm_front": (62, 12), "arm_turn": (-42, 8), "elbow": (55, 9), "curl": (40, 15),
    }),
    "behind_back": (1, {"arm_raise": (26, 5), "arm_front": (-48, 2), "arm_turn": (-35, 8), "elbow": (45, 10)}),
    "to_the_side": (1.5, {"arm_raise": (85, 18), "arm_front": (5, 18), "arm_turn": (0, 28), "elbow": (15, 16)}),
    "overhead": (2.5, {"arm_raise": (158, 14), "arm_front": (25, 35), "arm_turn": (0, 25), "elbow": (22, 22)}),
    "waving": (2, {"arm_raise": (82, 20), "arm_front": (18, 25), "arm_turn": (72, 12), "elbow": (80, 28)}),
    "pointing": (2, {"arm_raise": (85, 16), "arm_front": (85, 22), "arm_turn": (0, 22), "elbow": (14, 12)}),
    "reaching": (2, {"arm_raise": (60, 20), "arm_front": (78, 20), "arm_turn": (5, 20), "elbow": (42, 24)}),
    "carrying": (3, {"arm_raise": (18, 9), "arm_front": (60, 25), "arm_turn": (-5, 14), "elbow": (85, 14)}),
    "phone": (1.5, {"arm_raise": (26, 8), "arm_front": (72, 14), "arm_turn": (-22, 9), "elbow": (112, 10), "pronate": (-30, 20)}),
    "to_the_face": (1.5, {
        "arm_raise": (45, 10), "arm_front": (78, 14), "arm_turn": (-12, 9), "elbow": (138, 6), "pronate": (0, 25),
    }),
    "behind_head": (1, {"arm_raise": (128, 9), "arm_front": (12, 12), "arm_turn": (55, 12), "elbow": (128, 8)}),
    "on_lap": (0.5, {"arm_raise": (22, 8), "arm_front": (75, 12), "arm_turn": (-15, 10), "elbow": (62, 12), "pronate": (45, 15)}),
    "boxing": (1, {"arm_raise": (38, 12), "arm_front": (68, 14), "arm_turn": (-12, 12), "elbow": (122, 14), "curl": (78, 8)}),
}  # fmt: skip
ARMS_OF_STANCE: dict[str, tuple[tuple[str, str], ...]] = {  # left, right: what such a body usually does
    "walking": (("swung_back", "swung_forward"), ("hanging", "hanging")),
    "running": (("swung_back", "swung_forward"),),
    "sitting": (("on_lap", "on_lap"), ("folded_low", "folded_low"), ("carrying", "carrying")),
    "cross_legged": (("on_lap", "on_lap"),),
    "bending": (("reaching", "reaching"), ("pointing", "hanging")),
    "all_fours": (("pointing", "pointing"),),
    "crouching": (("on_lap", "on_lap"), ("reaching", "reaching"), ("reaching", "on_lap")),
}


def sample_pose(
    rng: np.random.Generator, library: PoseLibrary | None = None, library_share: float = 0.5
) -> NDArray:
    """Local rotations [J, 3, 3] (see `Body.pose`) of a random pose without heading: the pelvis faces -y.

    With a library, `library_share` of the poses come from it (half of them mirrored, all a little varied).
    """
    if library is not None and len(library) and rng.random() < library_share:
        pose = library.sample(rng)
        return mirrored(pose) if rng.random() < 0.5 else pose
    return prior_pose(rng)


def prior_pose(rng: np.random.Generator, tries: int = 6) -> NDArray:
    """Local rotations [J, 3, 3] of the prior; of several tries the first whose arms pass by the trunk."""
    best, least = None, np.inf
    for _ in range(tries):
        rotations = rotations_of(sample_angles(rng))
        depth = intrusion(rotations)
        if depth < least:
            best, least = rotations, depth
        if depth < 0.01:  # metres: flesh gives way
            break
    assert best is not None
    return mirrored(best) if rng.random() < 0.5 else best


def sample_angles(rng: np.random.Generator) -> Angles:
    """All anatomical angles of one random pose, within LIMITS; keys of limbs end in .L and .R."""
    stance = _choose(rng, STANCES)
    if stance in ARMS_OF_STANCE and rng.random() < 0.6:
        options = ARMS_OF_STANCE[stance]
        arms = options[rng.integers(len(options))]
    else:
        left = _choose(rng, ARMS)
        arms = (left, left if rng.random() < 0.55 else _choose(rng, ARMS))
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


def _choose(rng: np.random.Generator, table: Mapping[str, tuple[float, Spread]]) -> str:
    weights = np.array([weight for weight, _ in table.values()])
    return list(table)[rng.choice(len(table), p=weights / weights.sum())]


def rotations_of(angles: Angles) -> NDArray:
    """Local rotations [J, 3, 3] of anatomical angles."""
    rig = Rig.load()
    world = {"root": axis_angle(Y, angles["roll"]) @ axis_angle(X, angles["pitch"])}
    world["spine01"] = world["root"] @ _trunk(angles, "spine")
    world["head"] = world["spine01"] @ _trunk(angles, "neck")
    for side in SIDES:
        limb = {name: angles[name + side] for name in LIMB_ANGLES}
        world |= {name + side: value for name, value in _leg(rig, world["root"], limb, angles, side).items()}
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


def _leg(rig: Rig, root: NDArray, limb: Angles, angles: Angles, side: str) -> dict[str, NDArray]:
    """World rotations of thigh, shin and foot."""
    sign = 1.0 if side == ".L" else -1.0
    straight = frame(-Z, X)  # a leg hanging straight down and the axis of its knee
    thigh = (
        root
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
    raising = np.array(
        [-np.sin(front), -sign * np.cos(front), 0.0]
    )  # axis that lifts the arm in that direction
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


# Half widths of the trunk of a mean adult in metres: bone at its lower end, bone at its upper end, to the side, to the front.
TRUNK = (
    ("root", "spine03", 0.15, 0.11),
    ("spine03", "spine01", 0.125, 0.1),
    ("spine01", "neck01", 0.13, 0.1),
)


def intrusion(rotations: NDArray) -> float:
    """Metres by which forearms and hands enter the trunk or the thighs, or knees each other, about; 0 if they do not."""
    body = Rig.load().body
    transforms = body.transforms(body.joints, rotations)
    place = np.einsum("jab,jb->ja", transforms[:, :, :3], body.joints) + transforms[:, :, 3]
    at = {name: place[k] for k, name in enumerate(body.bones)}
    points = []
    for side in SIDES:
        elbow, wrist, knuckle = (at[name + side] for name in ("lowerarm01", "wrist", "finger3-1"))
        tip = knuckle + (knuckle - wrist)
        points += [0.6 * elbow + 0.4 * wrist, 0.25 * elbow + 0.75 * wrist, knuckle, tip]
    depth = [0.0]
    for low, high, side_width, depth_width in TRUNK:
        world = transforms[body.bone(low), :, :3]
        for point in points:
            depth.append(_inside(point, at[low], at[high], world, (side_width, depth_width)))
    for side in SIDES:
        hip, knee = at["upperleg01" + side], at["lowerleg01" + side]
        world = transforms[body.bone("upperleg01" + side), :, :3]
        other = ".R" if side == ".L" else ".L"
        shin = [
            at["lowerleg01" + other],
            0.5 * (at["lowerleg01" + other] + at["foot" + other]),
            at["foot" + other],
        ]
        depth += [_inside(point, hip, knee, world, (0.075, 0.075)) for point in points + shin]
    return float(max(depth))


def _inside(point: NDArray, low: NDArray, high: NDArray, world: NDArray, half: tuple[float, float]) -> float:
    """How deep a point lies in an elliptic cylinder from low to high, whose side is world x and front world y."""
    axis = high - low
    along = (point - low) @ axis / (axis @ axis)
    if not 0 <= along <= 1:
        return 0.0
    local = transpose(world) @ (point - low - along * axis)
    radius = np.hypot(local[0] / half[0], local[1] / half[1])
    return float(max(0.0, 1 - radius) * min(half))


def sample_clip(rng: np.random.Generator, frames: int, library: PoseLibrary | None = None) -> NDArray:
    """Local rotations [frames, J, 3, 3] of a short motion: captured, or from one pose of the prior to another."""
    if frames < 1:
        raise ValueError(f"frames of a clip: expected at least 1, got {frames}")
    if library is not None and library.has_motion and rng.random() < 0.7:
        clip = library.clip(rng, frames)
        return mirrored(clip) if rng.random() < 0.5 else clip
    stance, arms = _choose(rng, STANCES), [_choose(rng, ARMS) for _ in range(4)]
    start, stop = (rotations_of(draw_angles(rng, stance, (arms[k], arms[k + 1]))) for k in (0, 2))
    time = np.arange(frames) / max(12, frames - 1)  # a dozen frames at least from one pose to the other
    share = 0.5 - 0.5 * np.cos(np.pi * time)
    return blend(start[None], stop[None], share[:, None]).astype(np.float32)
