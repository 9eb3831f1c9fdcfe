"""Folders of synthetic pictures: images, DensePose-COCO annotations and the dense truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from opendensepose import __version__
from opendensepose.data import coco
from opendensepose.data.dense import write_dense
from opendensepose.data.rle import encode_labels
from opendensepose.io.files import atomic
from opendensepose.surface.parts import FINE_TO_COARSE
from opendensepose.synth.points import choose_points
from opendensepose.synth.sample import Sample, SyntheticPerson, make_sample
from opendensepose.synth.studio import Split

CHUNK = 20  # pictures that one task makes; what a stopped run loses at most per process
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 93)
_PARTS = "annotations.parts"  # annotation files of finished chunks, until all are done


@dataclass(frozen=True)
class Recipe:
    """What determines the bytes of a data set."""

    count: int
    seed: int = 0
    assets: Path | None = None
    size: tuple[int, int] = (240, 320)  # height, width
    split: Split = "train"
    frames: int = 0  # per clip; 0 = single pictures
    empty: float = 0.0  # share of pictures without people
    things: float = 0.0  # share of pictures with an animal, a fruit, a vehicle among or instead of people
    portraits: float = 0.0  # share of pictures that show faces from near
    groups: float = 0.0  # share of the others in which people pose together

    def info(self) -> dict[str, Any]:
        """The `info` of its annotation file."""
        return {
            "description": "opendensepose synthetic people",
            "odp_version": __version__,
            "odp_atlas": "odp24",
            "odp_seed": self.seed,
            "odp_count": self.count,
            "odp_size": list(self.size),
            "odp_assets": self.assets is not None,
            "odp_split": self.split,
            "odp_frames": self.frames,
            "odp_empty": self.empty,
            # data sets of before there were any do not have them, and are the same
            **({"odp_things": self.things} if self.things else {}),
            **({"odp_portraits": self.portraits} if self.portraits else {}),
            **({"odp_groups": self.groups} if self.groups else {}),
        }


def write_dataset(
    out: Path | str,
    count: int,
    seed: int = 0,
    assets: Path | str | None = None,
    size: tuple[int, int] = (240, 320),  # height, width
    *,
    workers: int = 1,
    split: Split = "train",
    empty: float = 0.0,
    things: float = 0.0,
    portraits: float = 0.0,
    groups: float = 0.0,
    progress: bool = False,
) -> int:
    """Write `count` pictures with their truth to `out`; the number of people in them.

    The bytes depend on everything but `workers`. A stopped run goes on where it was. Raises ValueError for a
    folder that holds another data set, FileNotFoundError for missing assets.
    """
    folder = Path(assets) if assets else None
    recipe = Recipe(
        count, seed, folder, size, split, empty=empty, things=things, portraits=portraits, groups=groups
    )
    check_recipe(recipe)
    return run_recipe(
        Path(out), recipe.info(), -(-count // CHUNK), _Chunk(Path(out), recipe), workers, progress
    )


def check_recipe(recipe: Recipe) -> None:
    """Raise ValueError or FileNotFoundError for what cannot be made."""
    count, size = recipe.count, recipe.size
    if count < 1 or min(size) < 16:
        raise ValueError(
            f"synth: expected count >= 1 and a size of 16 pixels or more, got {count} and {size}"
        )
    for name, share in (
        ("empty pictures", recipe.empty),
        ("pictures with things", recipe.things),
        ("portraits", recipe.portraits),
        ("groups", recipe.groups),
    ):
        if not 0 <= share <= 1:
            raise ValueError(f"synth: expected a share of {name} in [0, 1], got {share}")
    if recipe.assets is not None and not recipe.assets.is_dir():
        raise FileNotFoundError(f"{recipe.assets}: expected a folder of assets, got no such folder")


def run_recipe(
    out: Path,
    info: dict[str, Any],
    chunks: int,
    make_chunk: Callable[[int], list[coco.Sample]],
    workers: int,
    progress: bool,
) -> int:
    """Make the chunks that are not there yet, then join their annotations; the number of people."""
    final = out / "annotations.json"
    if final.exists():
        if _info(final) != info:
            raise ValueError(f"{out}: expected an empty folder or this same data set, got another one")
        return sum(len(sample.people) for sample in coco.read_annotations(final))
    for folder in ("images", "dense", _PARTS):
        (out / folder).mkdir(parents=True, exist_ok=True)
    parts = [out / _PARTS / f"{number:06d}.json" for number in range(chunks)]
    missing = [number for number, part in enumerate(parts) if not part.exists() or _info(part) != info]
    with tqdm(
        total=chunks, initial=chunks - len(missing), unit="chunk", disable=None if progress else True
    ) as bar:
        for number, samples in _spread_out(make_chunk, missing, workers):
            coco.write_annotations(parts[number], samples, head={"info": info})
            bar.update()
    joined = [sample for part in parts for sample in coco.read_annotations(part)]
    coco.write_annotations(final, joined, head={"info": info})
    shutil.rmtree(out / _PARTS)
    return sum(len(sample.people) for sample in joined)


def _spread_out(
    make_chunk: Callable[[int], list[coco.Sample]], numbers: list[int], workers: int
) -> Iterator[tuple[int, list[coco.Sample]]]:
    """Chunk numbers with their samples, made here or in worker processes."""
    if workers <= 1 or len(numbers) <= 1:
        for number in numbers:
            yield number, make_chunk(number)
        return
    # spawn: a forked OpenCV or BLAS with running threads may hang
    with ProcessPoolExecutor(min(workers, len(numbers)), get_context("spawn"), _one_thread) as pool:
        yield from zip(numbers, pool.map(make_chunk, numbers), strict=True)


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _info(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["info"])
    except (ValueError, KeyError, TypeError):
        return {}


@dataclass(frozen=True)
class _Chunk:
    """Makes and writes the pictures of one chunk."""

    out: Path
    recipe: Recipe

    def __call__(self, number: int) -> list[coco.Sample]:
        recipe = self.recipe
        indices = range(number * CHUNK, min((number + 1) * CHUNK, recipe.count))
        return [
            write_sample(
                self.out,
                make_sample(
                    index,
                    recipe.seed,
                    recipe.assets,
                    recipe.size,
                    split=recipe.split,
                    empty=recipe.empty,
                    things=recipe.things,
                    portraits=recipe.portraits,
                    groups=recipe.groups,
                ),
                image_id=index + 1,
                stem=f"{index:06d}",
                rng=np.random.default_rng([recipe.seed, index, 1]),
            )
            for index in indices
        ]


def write_sample(
    out: Path, sample: Sample, *, image_id: int, stem: str, rng: np.random.Generator
) -> coco.Sample:
    """Write a picture and its dense truth; its entry for the annotation file."""
    write_picture(out, sample, stem)
    people = tuple(
        annotate(rng, sample, person, 100 * image_id + person.instance) for person in sample.people
    )
    return coco.Sample(image_id, f"{stem}.jpg", sample.chart.shape, people)


def write_picture(out: Path, sample: Sample, stem: str, *, dense: bool = True) -> None:
    """Write `images/STEM.jpg` and, if `dense`, the dense truth below `out`; OSError when that fails."""
    with atomic(out / "images" / f"{stem}.jpg") as beside:
        if not cv2.imwrite(str(beside), sample.image[..., ::-1], _JPEG):
            raise OSError(f"{out}/images/{stem}.jpg: cannot be written")
    if dense:
        write_dense(out / "dense", stem, sample.chart, sample.uv, sample.instance)


def annotate(rng: np.random.Generator, sample: Sample, person: SyntheticPerson, number: int) -> coco.Person:
    """What annotators would give for one person: box, mask, keypoints, part masks and points."""
    x0, y0, x1, y1 = person.box.astype(int)
    inside = sample.instance[y0:y1, x0:x1] == person.instance
    chart = np.where(inside, sample.chart[y0:y1, x0:x1], 0).astype(np.uint8)
    points = choose_points(rng, chart, sample.uv[:, y0:y1, x0:x1])
    points = type(points)(points.xy + np.array([x0, y0], np.float32), points.chart, points.uv)
    mask = np.zeros(sample.chart.shape, np.uint8)
    mask[y0:y1, x0:x1] = inside
    coarse = np.zeros_like(mask)
    coarse[y0:y1, x0:x1] = FINE_TO_COARSE[chart]
    return coco.Person(
        id=number,
        box=person.box.astype(np.float64),
        segmentation=encode_labels(mask, 1)[0],
        keypoints=person.keypoints,
        parts=coco.encode_parts(coarse, person.box),
        points=points,
        area=float(inside.sum()),
        instance=person.instance,
        extra=_extra(person),
    )


def _extra(person: SyntheticPerson) -> dict[str, Any]:
    """What only a renderer knows."""
    return {
        "odp_amodal_box": [round(float(n), 2) for n in person.amodal_box],
        "odp_visible": round(person.visible, 4),
        "odp_heading": round(person.heading, 4),
    }
