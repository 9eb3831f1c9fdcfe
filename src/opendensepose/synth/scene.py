"""Who stands where, among which things, seen by which camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from opendensepose.synth.backdrop import Backdrop
from opendensepose.synth.camera import Camera, frame_face, frame_person
from opendensepose.synth.dress import Outfit
from opendensepose.synth.poses import sample_pose
from opendensepose.synth.props import Props, clutter, in_front, join, prism, seat
from opendensepose.synth.shadow import bounds
from opendensepose.synth.studio import Studio
from opendensepose.synth.things import thing

PEOPLE_SHARE = (0.5, 0.25, 0.12, 0.08, 0.05)  # of pictures with 1, 2, ... 5 people


@dataclass(frozen=True, eq=False)
class Scene:
    """All that a picture shows; the people come first among the things."""

    camera: Camera
    people: tuple[Outfit, ...]  # placed
    headings: tuple[float, ...]  # radians: 0 faces the camera's side (-y), counter-clockwise from above
    props: Props | None
    backdrop: Backdrop

    @property
    def things(self) -> list[Outfit | Props]:
        return [*self.people, *([self.props] if self.props is not None else [])]


def compose(
    rng: np.random.Generator,
    studio: Studio,
    size: tuple[int, int],  # height, width
    *,
    empty: bool = False,
    things: float = 0.0,
    portraits: float = 0.0,
) -> Scene:
    """Dress and pose 1 to 5 people, place them on one floor, and find a natural view of the first of them.

    With `empty` the people have left: the same place, its furniture and what they held in the air. In the
    share `things` of pictures animals, fruit, vehicles stand in the places of people who left, or with them.
    In the share `portraits` the camera is before the first one's face, and most turn to it.
    """
    portrait = portraits > 0 and rng.random() < portraits
    count = 1 + int(rng.choice(len(PEOPLE_SHARE), p=PEOPLE_SHARE))
    people, headings = [], []
    for _ in range(count):
        shape = studio.body.sample_shape(rng)
        rotations = sample_pose(rng, studio.poses, shape=shape)
        heading = rng.uniform(0, 2 * np.pi)  # as many from behind as from the front
        if portrait and rng.random() < 0.9:
            heading = rng.normal(0, 0.5)
        jump = rng.uniform(0.05, 0.5) if rng.random() < 0.04 else 0.0  # metres
        people.append(stand(studio.wardrobe.dress(rng, shape, rotations), heading, jump))
        headings.append(heading)
    low, high = bounds(people[0].vertices, -np.inf)
    if portrait:
        camera = frame_face(rng, people[0].joints[studio.body.bone("head")], size)
    else:
        camera = frame_person(rng, low, high, size)
    distance = float(np.hypot(*camera.position[:2]))
    spots = choose_spots(rng, camera, count)
    if portrait:  # nobody between the first face and the camera
        spots = [np.array([spot[0], abs(spot[1]), 0.0]) for spot in spots]
    people = [move(person, spot) for person, spot in zip(people, spots, strict=True)]
    parts = _furnish(rng, studio, camera, people, headings, distance)
    if things and rng.random() < things:
        tall = float(high[2] - low[2])
        for spot in spots if empty else choose_spots(rng, camera, 2)[1:]:
            lift = rng.uniform(0, 0.6) * tall if rng.random() < 0.25 else 0.0
            parts += thing(
                rng, spot + np.array([0, 0, lift]), tall * np.exp(rng.uniform(np.log(0.5), np.log(1.6)))
            )
    props = join(parts)
    if empty:
        people, headings = [], []
    return Scene(camera, tuple(people), tuple(headings), props, studio.backdrops.draw(rng, camera))


def stand(outfit: Outfit, heading: float, jump: float = 0.0) -> Outfit:
    """Turn a person about the vertical and put them over the origin, `jump` metres above the floor."""
    c, s = np.cos(heading), np.sin(heading)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)
    turned = replace(outfit, vertices=outfit.vertices @ turn.T, joints=outfit.joints @ turn.T)
    lowest = bounds(turned.vertices, -np.inf)[0][2]
    return move(turned, np.array([-turned.joints[0, 0], -turned.joints[0, 1], jump - lowest]))


def move(outfit: Outfit, by: NDArray[np.floating]) -> Outfit:  # [3] metres
    """The same person elsewhere."""
    step = np.asarray(by, np.float32)
    return replace(outfit, vertices=outfit.vertices + step, joints=outfit.joints + step)


def choose_spots(rng: np.random.Generator, camera: Camera, count: int) -> list[NDArray[np.float64]]:
    """Places [3] on the floor: first the origin, then touching one before or scattered in view."""
    spots = [np.zeros(3)]
    distance = float(np.hypot(*camera.position[:2]))
    half_width = camera.size[1] / (2 * camera.focal)
    for _ in range(count - 1):
        for _ in range(8):
            if rng.random() < 0.4:  # arm in arm, one before the other
                angle, gap = rng.normal(0, 0.6) + np.pi * rng.integers(2), rng.uniform(0.25, 0.65)
                spot = spots[rng.integers(len(spots))] + gap * np.array([np.cos(angle), np.sin(angle), 0])
            else:
                y = camera.position[1] + distance * np.exp(rng.uniform(np.log(0.75), np.log(3.5)))
                x = camera.position[0] + (y - camera.position[1]) * half_width * rng.uniform(-0.95, 0.95)
                spot = np.array([x, y, 0.0])
            apart = min(float(np.hypot(*(spot - other)[:2])) for other in spots)
            if apart > 0.25 and spot[1] - camera.position[1] > 0.7:
                spots.append(spot)
                break
        else:
            spots.append(spots[-1] + [rng.choice([-1, 1]) * rng.uniform(0.4, 0.8), 0.3, 0])
    return spots


def _furnish(
    rng: np.random.Generator,
    studio: Studio,
    camera: Camera,
    people: list[Outfit],
    headings: list[float],
    distance: float,
) -> list[Props]:
    """Clutter around, seats under those who sit, things in their hands, and something in front of a few."""
    parts = clutter(rng, distance) if rng.random() < 0.6 else []
    hip, knee = studio.body.bone("upperleg01.L"), studio.body.bone("lowerleg01.L")
    for person, heading in zip(people, headings, strict=True):
        joints, (corner, opposite) = person.joints, bounds(person.vertices, -np.inf)
        low, tall = corner[2], opposite[2] - corner[2]
        sits = joints[hip, 2] - low < 0.45 * tall and joints[hip, 2] - joints[knee, 2] < 0.15
        if sits and joints[hip, 2] - low > 0.25 and rng.random() < 0.75:
            parts += seat(rng, joints[0], heading - np.pi / 2)
        if rng.random() < 0.15:
            wrist = studio.body.locate_keypoints(person.vertices)[9 + rng.integers(2)]
            half = np.exp(rng.uniform(np.log(0.015), np.log(0.12), 3))
            parts.append(
                prism(
                    rng, wrist - np.array([0, 0, 0.08]), half, rng.uniform(0, np.pi), int(rng.choice([4, 10]))
                )
            )
        if rng.random() < 0.2:
            parts += in_front(rng, joints[0] * [1, 1, 0], camera.position)
    return parts
