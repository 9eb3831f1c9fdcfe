"""One synthetic picture with its exact ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.raster import NEAR
from opendensepose.synth.camera import Camera
from opendensepose.synth.effects import develop
from opendensepose.synth.render import Buffers, draw_buffers, owned_pixels, render
from opendensepose.synth.scene import Scene, compose
from opendensepose.synth.shadow import bounds
from opendensepose.synth.studio import Split, Studio

# metres that a keypoint may lie behind the visible surface and count as seen: face, then the rest
_SEEN_DEPTH = np.array(
    [0.05] * 3 + [0.06] * 2 + [0.14] * 2 + [0.1] * 2 + [0.08] * 2 + [0.2] * 2 + [0.13] * 2 + [0.12] * 2
)
_FACE = 5  # the first keypoints: nose, eyes, ears


@dataclass(frozen=True, eq=False)
class SyntheticPerson:
    """One person of a picture."""

    instance: int  # number in `Sample.instance`, from 1
    box: NDArray[np.float32]  # [4] xyxy of the visible pixels
    amodal_box: NDArray[np.float32]  # [4] xyxy of the whole person, may leave the picture
    keypoints: NDArray[np.float32]  # [17, 3] x, y, visibility (0 not labelled, 1 hidden, 2 visible)
    visible: float  # share of the person's pixels in the picture that nothing hides
    heading: float  # radians: 0 faces the camera's side, pi is seen from behind

    @property
    def from_behind(self) -> bool:
        """Whether the camera sees the back rather than the front."""
        return bool(np.cos(self.heading) < 0)


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture, what each pixel shows, and who is in it."""

    image: NDArray[np.uint8]  # [H, W, 3] sRGB
    chart: NDArray[np.uint8]  # [H, W] 0..24, 0 = no person
    uv: NDArray[np.float32]  # [2, H, W] in [0, 1]
    instance: NDArray[np.uint8]  # [H, W] k > 0 = the person with that number
    people: tuple[SyntheticPerson, ...]


def make_sample(
    index: int,
    seed: int,
    assets: Path | None = None,
    size: tuple[int, int] = (240, 320),  # height, width
    *,
    split: Split = "train",
    empty: float = 0.0,
    things: float = 0.0,
    portraits: float = 0.0,
    groups: float = 0.0,
) -> Sample:
    """Sample number `index` of the endless series `seed`: the same on every machine, whoever asks for it.

    Without `assets` everything is procedural; with them clothes, skins, panoramas and poses are of `split`.
    `empty` is the share of pictures without people, `things` of those with an animal, a fruit, a vehicle,
    `portraits` of those that show faces from near, `groups` of others of people who pose together.
    """
    rng = np.random.default_rng([seed, index])
    nobody = bool(np.random.default_rng([seed, index, 2]).random() < empty)
    studio = Studio.load(assets, split)
    scene = compose(rng, studio, size, empty=nobody, things=things, portraits=portraits, groups=groups)
    return picture(rng, studio, scene)


def picture(
    rng: np.random.Generator, studio: Studio, scene: Scene, grain: np.random.Generator | None = None
) -> Sample:
    """Draw a scene and note the truth of each pixel; `grain` as in `develop`."""
    fine = draw_buffers(scene.camera.doubled(), scene.things)
    buffers = fine.centres()
    chart, uv, instance = dense_truth(studio, scene, buffers)
    image = develop(rng, render(scene.camera, scene.things, scene.backdrop, fine), grain)
    shown = np.bincount(instance.ravel(), minlength=len(scene.people) + 1)[1:] > 0
    people = [_describe(studio, scene, fine, buffers, instance, int(k)) for k in np.flatnonzero(shown)]
    return Sample(image, chart, uv, instance, tuple(people))


def dense_truth(
    studio: Studio, scene: Scene, buffers: Buffers
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]:
    """Chart [H, W], uv [2, H, W] and instance [H, W] (person k of the scene is k + 1)."""
    shape = buffers.owner.shape
    chart, uv = np.zeros(shape, np.uint8), np.zeros((2, *shape), np.float32)
    instance = np.zeros(shape, np.uint8)
    for number, person in enumerate(scene.people):
        rows, columns, face, bary = owned_pixels(buffers.owner, number, buffers.face, buffers.bary)
        chart[rows, columns], place = studio.atlas.from_face(*studio.truth.locate(person, face, bary))
        uv[:, rows, columns] = np.asarray(place).T
        instance[rows, columns] = number + 1
    return chart, uv, instance


def _describe(
    studio: Studio, scene: Scene, fine: Buffers, buffers: Buffers, instance: NDArray[np.uint8], number: int
) -> SyntheticPerson:
    """Box, keypoints and visibility of person `number` from 0, of whom some pixel shows."""
    outfit, camera = scene.people[number], scene.camera
    low, high = bounds(camera.project(outfit.vertices), NEAR)
    return SyntheticPerson(
        instance=number + 1,
        box=_extent(instance, number + 1),
        amodal_box=np.concatenate([low[:2], high[:2]]),
        keypoints=_keypoints(camera, studio.body.locate_keypoints(outfit.vertices), buffers, number),
        visible=fine.share(number),
        heading=scene.headings[number],
    )


def _keypoints(
    camera: Camera, places: NDArray[np.floating], buffers: Buffers, number: int
) -> NDArray[np.float32]:  # places: [17, 3] metres
    """Keypoints [17, 3]: hidden ones are marked 1, those of the face and all outside the picture 0."""
    height, width = camera.size
    out = camera.project(np.asarray(places, np.float32))
    x, y, depth = out.T.copy()
    inside = (depth > 0.05) & (x >= 0) & (y >= 0) & (x < width) & (y < height)
    column, row = np.where(inside, x, 0).astype(int), np.where(inside, y, 0).astype(int)
    shown = (buffers.owner[row, column] == number) & (depth - buffers.depth[row, column] < _SEEN_DEPTH)
    out[:, 2] = np.where(shown, 2, np.where(np.arange(len(out)) < _FACE, 0, 1))
    out[~inside | (out[:, 2] == 0)] = 0
    return out


def _extent(instance: NDArray[np.uint8], number: int) -> NDArray[np.float32]:
    """Box [4] xyxy round the pixels with `number`."""
    inside = instance == number
    columns, rows = np.flatnonzero(inside.any(0)), np.flatnonzero(inside.any(1))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
