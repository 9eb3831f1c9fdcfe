"""One synthetic picture with its exact ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.jit import njit
from opendensepose.synth.camera import Camera
from opendensepose.synth.effects import develop
from opendensepose.synth.render import Buffers, draw_buffers, render
from opendensepose.synth.scene import Scene, compose
from opendensepose.synth.studio import Split, Studio

# how far behind the visible surface a keypoint of an adult may lie to count as seen, metres: face, then the rest
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
    from_behind: bool


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
) -> Sample:
    """Sample number `index` of the endless series `seed`: the same on every machine, whoever asks for it.

    Without `assets` everything is procedural; with them clothes, skins, panoramas and poses are of `split`.
    """
    rng = np.random.default_rng([seed, index])
    studio = Studio.load(assets, split)
    return picture(rng, studio, compose(rng, studio, size))


def picture(rng: np.random.Generator, studio: Studio, scene: Scene) -> Sample:
    """Draw a scene and note the truth of each pixel."""
    buffers = draw_buffers(scene.camera, scene.things)
    chart, uv, instance = dense_truth(studio, scene, buffers)
    image = develop(rng, render(scene.camera, scene.things, scene.backdrop))
    people = [
        person
        for number in range(len(scene.people))
        if (person := _describe(studio, scene, buffers, instance, number))
    ]
    return Sample(image, chart, uv, instance, tuple(people))


def dense_truth(
    studio: Studio, scene: Scene, buffers: Buffers
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]:
    """Chart [H, W], uv [2, H, W] and instance [H, W] (person k of the scene is k + 1)."""
    shape = buffers.owner.shape
    chart, uv = np.zeros(shape, np.uint8), np.zeros((2, *shape), np.float32)
    instance = np.where((buffers.owner >= 0) & (buffers.owner < len(scene.people)), buffers.owner + 1, 0)
    rows, columns = np.nonzero(instance)
    face, bary = buffers.face[rows, columns], buffers.bary[rows, columns]
    owner = instance[rows, columns]
    for number, person in enumerate(scene.people, start=1):
        own = owner == number
        if own.any():
            where = studio.truth.locate(person, face[own], bary[own])
            chart[rows[own], columns[own]], place = studio.atlas.from_face(*where)
            uv[:, rows[own], columns[own]] = np.asarray(place).T
    return chart, uv, instance.astype(np.uint8)


def _describe(
    studio: Studio, scene: Scene, buffers: Buffers, instance: NDArray[np.uint8], number: int
) -> SyntheticPerson | None:
    """Box, keypoints and visibility of person `number` from 0; None when no pixel shows it."""
    count, left, top, right, bottom = _extent(instance, number + 1)
    if count == 0:
        return None
    outfit, camera = scene.people[number], scene.camera
    projected = camera.project(outfit.vertices)
    ahead = projected[projected[:, 2] > 0.05, :2]
    low, high = ahead.min(0), ahead.max(0)
    return SyntheticPerson(
        instance=number + 1,
        box=np.array([left, top, right + 1, bottom + 1], np.float32),
        amodal_box=np.concatenate([low, high]).astype(np.float32),
        keypoints=_keypoints(camera, studio.body.locate_keypoints(outfit.vertices), buffers, number),
        visible=count / max(int(buffers.alone[number]), 1),
        heading=scene.headings[number],
        from_behind=bool(np.cos(scene.headings[number]) < 0),
    )


def _keypoints(
    camera: Camera, places: NDArray[np.floating], buffers: Buffers, number: int
) -> NDArray[np.float32]:  # places: [17, 3] metres
    """Keypoints [17, 3]: hidden ones of the body are marked 1; hidden ones of the face and all outside the picture 0."""
    height, width = camera.size
    out = camera.project(np.asarray(places, np.float32))
    x, y, depth = out.T.copy()
    inside = (depth > 0.05) & (x >= 0) & (y >= 0) & (x < width) & (y < height)
    column, row = np.where(inside, x, 0).astype(int), np.where(inside, y, 0).astype(int)
    shown = (buffers.owner[row, column] == number) & (depth - buffers.depth[row, column] < _SEEN_DEPTH)
    out[:, 2] = np.where(shown, 2, np.where(np.arange(len(out)) < _FACE, 0, 1))
    out[~inside | (out[:, 2] == 0)] = 0
    return out


@njit(cache=True, nogil=True)
def _extent(instance, number):  # type: ignore[no-untyped-def]
    """Count of pixels with `number`, and the first and last column and row: count, left, top, right, bottom."""
    count, left, top, right, bottom = 0, instance.shape[1], instance.shape[0], -1, -1
    for i in range(instance.shape[0]):
        for j in range(instance.shape[1]):
            if instance[i, j] == number:
                count += 1
                left, top, right, bottom = min(left, j), min(top, i), max(right, j), max(bottom, i)
    return count, left, top, right, bottom
