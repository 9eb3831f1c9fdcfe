"""Who stands where, among which things, seen by which camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opendensepose.synth.backdrop import Backdrop
from opendensepose.synth.camera import Camera, frame_face, frame_person
from opendensepose.synth.dress import Outfit
from opendensepose.synth.floor import choose_spots, extent, move, stand
from opendensepose.synth.group import line_up
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
    groups: float = 0.0,
) -> Scene:
    """Dress and pose people, place them on one floor, and find a natural view of them.

    With `empty` the people have left: the same place, its furniture and what they held in the air. In the
    share `things` of pictures animals, fruit, vehicles stand in the places of people who left, or with them.
    In the share `portraits` the camera is before the first one's face, and most turn to it; in the share
    `groups` of the others 2 to 7 people pose together.
    """
    portrait = portraits > 0 and rng.random() < portraits
    grouped = groups > 0 and not portrait and bool(rng.random() < groups)
    if grouped:
        people, headings, parts = line_up(rng, studio)
        low, high = extent(people)
        shown = rng.uniform(0.35, 0.8) if rng.random() < 0.4 else 1.0  # from the chest, waist or knees up
        floor = np.array([*low[:2], high[2] - shown * (high[2] - low[2])])
        camera = frame_person(rng, floor, high, size)
        spots = [person.joints[0] * [1.0, 1.0, 0.0] for person in people]
    else:
        people, headings, parts = [], [], []
        for _ in range(1 + int(rng.choice(len(PEOPLE_SHARE), p=PEOPLE_SHARE))):
            person, heading = _somebody(rng, studio, portrait)
            people.append(person)
            headings.append(heading)
        low, high = extent(people[:1])
        if portrait:
            camera = frame_face(rng, people[0].joints[studio.body.bone("head")], size)
        else:
            camera = frame_person(rng, low, high, size)
        spots = choose_spots(rng, camera, len(people))
        if portrait:  # nobody between the first face and the camera
            spots = [np.array([spot[0], abs(spot[1]), 0.0]) for spot in spots]
        people = [move(person, spot) for person, spot in zip(people, spots, strict=True)]
    parts = parts + _furnish(rng, studio, camera, people, headings, grouped=grouped)
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


def _somebody(rng: np.random.Generator, studio: Studio, portrait: bool) -> tuple[Outfit, float]:
    """A dressed and posed person over the origin, and which way they face."""
    shape = studio.body.sample_shape(rng)
    rotations = sample_pose(rng, studio.poses, shape=shape)
    heading = rng.uniform(0, 2 * np.pi)  # as many from behind as from the front
    if portrait and rng.random() < 0.9:
        heading = rng.normal(0, 0.5)
    jump = rng.uniform(0.05, 0.5) if rng.random() < 0.04 else 0.0  # metres
    return stand(studio.wardrobe.dress(rng, shape, rotations), heading, jump), heading


def _furnish(
    rng: np.random.Generator,
    studio: Studio,
    camera: Camera,
    people: list[Outfit],
    headings: list[float],
    *,
    grouped: bool,  # who have what they sit on
) -> list[Props]:
    """Clutter around, seats under those who sit, things in their hands, and something in front of a few."""
    parts = clutter(rng, float(np.hypot(*camera.position[:2]))) if rng.random() < 0.6 else []
    hip, knee = studio.body.bone("upperleg01.L"), studio.body.bone("lowerleg01.L")
    for person, heading in zip(people, headings, strict=True):
        joints, (corner, opposite) = person.joints, bounds(person.vertices, -np.inf)
        low, tall = corner[2], opposite[2] - corner[2]
        sits = joints[hip, 2] - low < 0.45 * tall and joints[hip, 2] - joints[knee, 2] < 0.15
        if not grouped and sits and joints[hip, 2] - low > 0.25 and rng.random() < 0.75:
            parts += seat(rng, joints[0], heading - np.pi / 2)
        if rng.random() < 0.15:
            wrist = studio.body.locate_keypoints(person.vertices)[9 + rng.integers(2)]
            half = np.exp(rng.uniform(np.log(0.015), np.log(0.12), 3))
            parts.append(
                prism(
                    rng, wrist - np.array([0, 0, 0.08]), half, rng.uniform(0, np.pi), int(rng.choice([4, 10]))
                )
            )
        if rng.random() < (0.06 if grouped else 0.2):
            parts += in_front(rng, joints[0] * [1, 1, 0], camera.position)
    return parts
