"""Poses from BVH files: MakeHuman's skeleton by bone names, captured ones by the places of their joints."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opendensepose.io.files import InputError
from opendensepose.synth.rig import Rig, main_frames
from opendensepose.synth.rotations import axis_angle, blend, transpose, twist_angle

AXES = {"X": 0, "Y": 1, "Z": 2}
# Where the joints that we need are in a Reallusion CC skeleton.
CC_PLACES = {
    "waist": "Spine01", "chest": "Spine02", "neck": "NeckTwist01", "head": "Head",
    "eye": "Eye", "shoulder": "Upperarm", "elbow": "Forearm", "wrist": "Hand",
    "middle": "Mid1", "index": "Index1", "pinky": "Pinky1",
    "hip": "Thigh", "knee": "Calf", "ankle": "Foot", "toe": "ToeBase",
}  # fmt: skip
# The spine of these skeletons is curved: of walking people, its lower part leans 27 degrees forward, its
# upper part 17 back (medians over subjects 2, 3, 6, 7). Degrees forward that put them about upright.
CC_LEAN = {"root": -23.0, "spine01": 17.0}
MIDDLE = ("waist", "chest", "neck", "head")
FINGERS = {"Thumb": 1, "Index": 2, "Mid": 3, "Ring": 4, "Pinky": 5}


@dataclass(frozen=True, eq=False)
class Motion:
    """One BVH file: J joints, T frames; local rotations and, of the root only, translations."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: NDArray  # [J, 3]
    rotations: NDArray  # [T, J, 3, 3]
    translation: NDArray  # [T, 3] of the root
    seconds: float  # per frame

    def places(self) -> NDArray:
        """World places of the joints [T, J, 3] by forward kinematics, in the units and axes of the file."""
        world, place = np.empty_like(self.rotations), np.empty((*self.rotations.shape[:2], 3))
        for j, parent in enumerate(self.parents):
            if parent < 0:
                world[:, j], place[:, j] = self.rotations[:, j], self.offsets[j] + self.translation
            else:
                world[:, j] = world[:, parent] @ self.rotations[:, j]
                place[:, j] = place[:, parent] + world[:, parent] @ self.offsets[j]
        return place


def read_bvh(path: Path) -> Motion:
    """Reads a BVH file; InputError if it is not one."""
    words = Path(path).read_text(errors="replace").split()
    if "HIERARCHY" not in words or "MOTION" not in words:
        raise InputError(f"{path}: expected a BVH file with HIERARCHY and MOTION, got neither or one")
    motion = words.index("MOTION")
    try:
        names, parents, offsets, channels = _hierarchy(words[:motion])
        seconds, start = float(words[motion + 5]), motion + 6
        values = np.array(words[start:], float).reshape(int(words[motion + 2]), -1)
        rotations, translation = _local(values, channels)
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: expected a readable BVH file, got {error}") from None
    return Motion(tuple(names), tuple(parents), np.array(offsets), rotations, translation, seconds)


def _hierarchy(words: list[str]) -> tuple[list[str], list[int], list[list[float]], list[list[str]]]:
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[list[str]] = []
    stack = [-1]
    for k, word in enumerate(words):
        if word in ("ROOT", "JOINT"):
            names.append(words[k + 1])
            parents.append(stack[-1])
            stack.append(len(names) - 1)
            channels.append([])
        elif word == "End":
            stack.append(-2)  # an end site has an offset, but is no joint
        elif word == "OFFSET" and stack[-1] >= 0:
            offsets.append([float(value) for value in words[k + 1 : k + 4]])
        elif word == "CHANNELS":
            channels[stack[-1]] = words[k + 2 : k + 2 + int(words[k + 1])]
        elif word == "}":
            stack.pop()
    return names, parents, offsets, channels


def _local(values: NDArray, channels: list[list[str]]) -> tuple[NDArray, NDArray]:
    """Local rotations [T, J, 3, 3] and the root's translation [T, 3] from channel values [T, C]."""
    if values.shape[1] != sum(len(names) for names in channels):
        raise ValueError(f"{values.shape[1]} numbers a frame for {sum(map(len, channels))} channels")
    axes = np.zeros((3, len(channels), 3))  # of the first, second and third rotation of each joint
    column_of = np.zeros((3, len(channels)), int)
    translation = np.zeros((len(values), 3))
    column = 0
    for joint, names in enumerate(channels):
        turns = [k for k, name in enumerate(names) if name.endswith("rotation")]
        for order, k in enumerate(turns):
            axes[order, joint, AXES[names[k][0]]] = 1
            column_of[order, joint] = column + k
        for k in set(range(len(names))) - set(turns):
            if joint == 0:
                translation[:, AXES[names[k][0]]] = values[:, column + k]
        column += len(names)
    # in the order of the file: R = R_first R_second R_third; a missing one has no axis and turns nothing
    first, second, third = (axis_angle(axes[k], values[:, column_of[k]] * axes[k].any(-1)) for k in range(3))
    return first @ second @ third, translation


def retarget(motion: Motion) -> NDArray:
    """Our local rotations [T, J, 3, 3] of a file, with its captured heading.

    MakeHuman's skeleton shares our rest axes, so rotations apply by name. Captured skeletons have no known
    rest pose: the body is aligned to the places of their joints.
    """
    rig = Rig.load()
    if "upperleg01.L" in motion.names:
        rotations = np.tile(np.eye(3), (len(motion.rotations), len(rig.body.bones), 1, 1))
        for k, name in enumerate(rig.body.bones):
            if name in motion.names:
                rotations[:, k] = motion.rotations[:, motion.names.index(name)]
        return rotations
    places = _named_places(motion)
    frames = main_frames(_straighter(places))
    for name, degrees in CC_LEAN.items():
        frames[name] = frames[name] @ axis_angle([1, 0, 0], degrees)
    world = {name: frames[name] @ transpose(rig.rest[name]) for name in frames}
    return rig.solve(world)


def _straighter(places: dict[str, NDArray]) -> dict[str, NDArray]:
    """Legs a little less bent: the captured skeleton stands upright with its knees 15 to 30 degrees bent."""
    places = dict(places)
    for side in (".L", ".R"):
        hip, knee, ankle = (places[name + side] for name in ("hip", "knee", "ankle"))
        off = (hip + ankle) / 2 - knee  # [T, 3]
        bend = np.linalg.norm(off, axis=1) / np.linalg.norm(hip - ankle, axis=1)
        # by 60 % when nearly straight, not at all from about 70 degrees of flexion on
        places["knee" + side] = knee + off * (0.6 * np.clip((0.35 - bend) / 0.25, 0, 1))[:, None]
    return places


def _named_places(motion: Motion) -> dict[str, NDArray]:
    """Places [T, 3] of the joints that `main_frames` wants, z up."""
    x, y, z = np.moveaxis(motion.places(), -1, 0)
    place = np.stack([x, -z, y], -1)  # captured: y up, facing +z
    names = {name.removeprefix("CC_Base_"): k for k, name in enumerate(motion.names)}
    wanted = {
        ours + side: names.get((f"{side[-1]}_" if side else "") + theirs)
        for ours, theirs in CC_PLACES.items()
        for side in (("",) if ours in MIDDLE else (".L", ".R"))
    }
    missing = [name for name, index in wanted.items() if index is None]
    if missing:
        raise InputError(
            f"skeleton: expected MakeHuman's or Reallusion's, got one without {', '.join(missing)}"
        )
    places = {name: place[:, index] for name, index in wanted.items() if index is not None}
    places["hips"] = (places["hip.L"] + places["hip.R"]) / 2
    places["eyes"] = (places["eye.L"] + places["eye.R"]) / 2
    return places


@dataclass(frozen=True, eq=False)
class PoseLibrary:
    """Captured poses of our body, file by file."""

    motions: tuple[NDArray, ...]  # each [T, J, 3, 3] float32
    seconds: tuple[float, ...]  # per frame

    def __len__(self) -> int:
        """Number of poses."""
        return sum(len(motion) for motion in self.motions)

    @property
    def has_motion(self) -> bool:
        """Whether any file has more than one frame."""
        return any(len(motion) > 1 for motion in self.motions)

    def sample(self, rng: np.random.Generator) -> NDArray:
        """A pose [J, 3, 3] without heading, each joint varied by a few degrees."""
        # longer files count more, but not in proportion: many of their frames are alike
        weight = np.sqrt([len(motion) for motion in self.motions])
        motion = self.motions[rng.choice(len(self.motions), p=weight / weight.sum())]
        pose = without_heading(motion[rng.integers(len(motion)) :][:1])[0]
        noise = rng.standard_normal((len(pose), 3))
        angle = np.linalg.norm(noise, axis=1)
        return (pose @ axis_angle(noise / angle[:, None], np.minimum(1.2 * angle, 4))).astype(np.float32)

    def clip(self, rng: np.random.Generator, frames: int, rate: float = 15.0) -> NDArray:
        """Consecutive poses [frames, J, 3, 3] at `rate` per second; back and forth if the file is short."""
        moving = [k for k, motion in enumerate(self.motions) if len(motion) > 1]
        chosen = moving[rng.integers(len(moving))]
        motion, last = self.motions[chosen], len(self.motions[chosen]) - 1
        time = rng.uniform(0, last) + np.arange(frames) / (rate * self.seconds[chosen])
        time = last - np.abs(last - time % (2 * last))
        low = np.minimum(time.astype(int), last - 1)
        return without_heading(blend(motion[low], motion[low + 1], (time - low)[:, None])).astype(np.float32)


def without_heading(rotations: NDArray) -> NDArray:
    """Poses [T, J, 3, 3] turned about the vertical, all by the same angle, so that the first faces -y."""
    turned = np.array(rotations)
    heading = twist_angle(turned[0, 0], [0, 0, 1])
    turned[:, 0] = axis_angle([0, 0, 1], -heading) @ turned[:, 0]
    return turned


def load_poses(files: Iterable[Path]) -> PoseLibrary:
    """Reads and retargets BVH files, in the given order."""
    motions = [read_bvh(Path(path)) for path in files]
    return PoseLibrary(
        tuple(retarget(motion).astype(np.float32) for motion in motions),
        tuple(motion.seconds for motion in motions),
    )
