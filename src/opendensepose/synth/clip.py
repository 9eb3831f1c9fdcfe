"""Short sequences in PoseTrack's form: people who move before one backdrop, with constant track ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.data import coco
from opendensepose.synth.camera import Camera, frame_person
from opendensepose.synth.dataset import Recipe, annotate, check_recipe, run_recipe, write_picture
from opendensepose.synth.dress import Clothes, Outfit
from opendensepose.synth.floor import choose_spots, move, stand
from opendensepose.synth.poses import sample_clip
from opendensepose.synth.props import clutter, in_front, join
from opendensepose.synth.sample import Sample, SyntheticPerson, picture
from opendensepose.synth.scene import PEOPLE_SHARE, Scene
from opendensepose.synth.shadow import bounds
from opendensepose.synth.studio import Split, Studio

RATE = 15.0  # frames per second, that of the captured motions
LEAST_AREA, LEAST_VISIBLE = 0.002, 0.2  # of the picture, of the person: below, nobody is asked to annotate


@dataclass(frozen=True, eq=False)
class Actor:
    """One person of a clip. T frames."""

    shape: NDArray[np.floating]  # [K]
    clothes: Clothes
    rotations: NDArray[np.floating]  # [T, J, 3, 3]
    heading: float  # radians
    speed: float  # metres per second, straight ahead

    def at(self, studio: Studio, frame: int) -> Outfit:
        """The dressed person in a frame; the walk begins at the origin."""
        outfit = studio.wardrobe.wear(self.clothes, self.shape, self.rotations[frame])
        way = self.speed * frame / RATE
        ahead = np.array([np.sin(self.heading), -np.cos(self.heading), 0])
        return move(stand(outfit, self.heading), way * ahead)


def make_clip(
    index: int,
    seed: int,
    frames: int,
    assets: Path | None = None,
    size: tuple[int, int] = (240, 320),  # height, width
    *,
    split: Split = "train",
) -> Iterator[Sample]:
    """The frames of clip number `index` of the endless series `seed`; a person keeps the `instance`."""
    studio = Studio.load(assets, split)
    rng = np.random.default_rng([seed, index])
    count = 1 + int(rng.choice(len(PEOPLE_SHARE), p=PEOPLE_SHARE))
    actors = [_cast(rng, studio, frames) for _ in range(count)]
    opening = [actor.at(studio, 0) for actor in actors]
    low, high = bounds(opening[0].vertices, -np.inf)
    camera = frame_person(rng, low, high, size)
    spots = choose_spots(rng, camera, count)
    parts = clutter(rng, float(np.hypot(*camera.position[:2])))
    parts += in_front(rng, spots[0], camera.position) if rng.random() < 0.3 else []
    drift = rng.normal(0, 0.1, 3) * [1, 1, 0.3]  # metres per second
    shake = np.cumsum(rng.normal(0, 0.002, (frames, 3)), 0)  # radians, by hand
    headings = tuple(actor.heading for actor in actors)
    for frame in range(frames):
        people = [move(a.at(studio, frame), spot) for a, spot in zip(actors, spots, strict=True)]
        view = _moved(camera, drift * frame / RATE, shake[frame])
        # the same draws in each frame: one backdrop, one light, one camera
        backdrop = studio.backdrops.draw(np.random.default_rng([seed, index, 1]), view)
        scene = Scene(view, tuple(people), headings, join(parts), backdrop)
        grain = np.random.default_rng([seed, index, 3, frame])
        yield picture(np.random.default_rng([seed, index, 2]), studio, scene, grain)


def _cast(rng: np.random.Generator, studio: Studio, frames: int) -> Actor:
    shape = studio.body.sample_shape(rng)
    return Actor(
        shape,
        studio.wardrobe.choose(rng, shape),
        sample_clip(rng, frames, studio.poses),
        float(rng.uniform(0, 2 * np.pi)),
        float(rng.uniform(0.3, 1.5)) if rng.random() < 0.5 else 0.0,
    )


def _moved(camera: Camera, by: NDArray[np.floating], turn: NDArray[np.floating]) -> Camera:
    """The camera `by` [3] metres further, turned by a small rotation vector [3] in its own axes."""
    rotation = np.asarray(cv2.Rodrigues(turn.astype(np.float64))[0])
    return replace(camera, position=camera.position + by, rotation=rotation @ camera.rotation)


def is_labeled(frame: int, frames: int) -> bool:
    """As in PoseTrack: the middle third, and every fourth frame."""
    return frames // 3 <= frame < frames - frames // 3 or frame % 4 == 0


def write_clips(
    out: Path | str,
    count: int,
    frames: int,
    seed: int = 0,
    assets: Path | str | None = None,
    size: tuple[int, int] = (240, 320),  # height, width
    *,
    workers: int = 1,
    split: Split = "train",
    progress: bool = False,
) -> int:
    """Write `count` clips of `frames` frames to `out` as `write_dataset` does; the number of annotations.

    Pictures are `VID_FRAME.jpg`; unlabelled frames have neither annotations nor dense truth. Raises as
    `write_dataset`.
    """
    recipe = Recipe(count, seed, Path(assets) if assets else None, size, split, frames)
    check_recipe(recipe)
    return run_recipe(Path(out), recipe.info(), count, _Clip(Path(out), recipe), workers, progress)


@dataclass(frozen=True)
class _Clip:
    """Makes and writes one clip."""

    out: Path
    recipe: Recipe

    def __call__(self, number: int) -> list[coco.Sample]:
        recipe = self.recipe
        samples = make_clip(
            number, recipe.seed, recipe.frames, recipe.assets, recipe.size, split=recipe.split
        )
        return [self._write(number, frame, sample) for frame, sample in enumerate(samples)]

    def _write(self, clip: int, frame: int, sample: Sample) -> coco.Sample:
        """One frame's files, and its entry for the annotation file."""
        stem = f"{clip:06d}_{frame:06d}"
        image_id = 10_000_000_000 + clip * 10_000 + frame  # PoseTrack: 1, six digits, four digits
        labelled = is_labeled(frame, self.recipe.frames)
        ignored = [person for person in sample.people if _is_ignored(person, sample)]
        kept = _without(sample, ignored)
        write_picture(self.out, kept, stem, dense=labelled)
        rng = np.random.default_rng([self.recipe.seed, clip, 4, frame])
        people = [
            replace(
                annotate(rng, kept, person, 100 * image_id + person.instance), track_id=person.instance - 1
            )
            for person in kept.people
        ]
        corners = [person.box[[0, 2, 2, 0, 1, 1, 3, 3]].tolist() for person in ignored]
        extra = {
            "vid_id": f"{clip:06d}",
            "frame_id": image_id,
            "nframes": self.recipe.frames,
            "is_labeled": labelled,
            "has_no_densepose": not labelled,
            "ignore_regions_x": [corner[:4] for corner in corners],
            "ignore_regions_y": [corner[4:] for corner in corners],
        }
        shape = sample.chart.shape
        return coco.Sample(image_id, f"{stem}.jpg", shape, tuple(people) if labelled else (), extra)


def _is_ignored(person: SyntheticPerson, sample: Sample) -> bool:
    """Whether a person is too small or too hidden to be annotated."""
    area = np.count_nonzero(sample.instance == person.instance)
    return bool(area < LEAST_AREA * sample.chart.size or person.visible < LEAST_VISIBLE)


def _without(sample: Sample, ignored: list[SyntheticPerson]) -> Sample:
    """The sample without the truth of some people."""
    gone = np.isin(sample.instance, [person.instance for person in ignored])
    return Sample(
        sample.image,
        np.where(gone, 0, sample.chart).astype(np.uint8),
        np.where(gone, 0, sample.uv).astype(np.float32),
        np.where(gone, 0, sample.instance).astype(np.uint8),
        tuple(person for person in sample.people if person not in ignored),
    )
