"""Dense pseudo ground truth: what a teacher makes of a person's annotated points.

The teacher's charts and U, V are bent so that they pass through the points: near a point its chart counts,
and the difference of its U, V to the teacher's is carried on between points. P pixels, G points.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from opendensepose.data.coco import AnnotationFile, Person, Sample, write_annotations
from opendensepose.data.dense import write_dense
from opendensepose.data.images import ImageFolder
from opendensepose.io.image import read_image
from opendensepose.model.losses import SIGMA_FLOOR, read_points
from opendensepose.model.targets import SPARSE
from opendensepose.model.teacher import CANVAS, FILL, Teacher
from opendensepose.surface.parts import FINE_TO_COARSE
from opendensepose.train.augment import person_window
from opendensepose.train.build import saved_model
from opendensepose.train.checkpoint import load_all, load_checkpoint
from opendensepose.train.picture import Picture, crop, only, visible_boxes
from opendensepose.train.sources import UNSURE, file_atlas, from_sample, listed_people
from opendensepose.train.splines import carry_on

SURE, SPREAD = 0.6, 0.25  # see `fill_person`
REACH = 12.0  # a point is near, pixels of the teacher's crop (the person fills 154)
TRUST = 6.0  # what the points of a part can add to the logit of a chart


@dataclass(frozen=True)
class Fill:
    """One person's mask, filled."""

    rows: NDArray[np.int64]  # [P] pixels of the picture
    columns: NDArray[np.int64]  # [P]
    chart: NDArray[np.uint8]  # [P] 1..24
    uv: NDArray[np.float32]  # [P, 2]
    sure: NDArray[np.bool_]  # [P]


def load_teacher(path: str | os.PathLike[str]) -> Teacher:
    """The teacher of a checkpoint, ready for use; FileNotFoundError or ValueError."""
    saved = load_checkpoint(path)
    model = saved_model(saved["config"])
    if not isinstance(model, Teacher):
        raise ValueError(f"teacher {path}: expected a teacher, got a {saved['config']['model']}")
    load_all(model, saved["ema"]["state"], f"teacher {path}")
    return model.eval()


@torch.no_grad()
def fill_person(
    teacher: Teacher, picture: Picture, number: int, *, sure: float = SURE, spread: float = SPREAD
) -> Fill | None:
    """The mask of the person `number` filled, or None for a person too small to be seen.

    A pixel is sure where its chart has a probability of `sure` and, unless points are near, the teacher's
    standard deviation of U, V is at most `spread`.
    """
    alone = only(picture, number)
    boxes, numbers = visible_boxes(alone.instance, pixels=16, side=3)
    if len(numbers) == 0:
        return None
    window = person_window(boxes[0].astype(np.float64), (CANVAS, CANVAS), FILL)
    small = crop(alone, window, (CANVAS, CANVAS))
    images = torch.from_numpy(small.image).permute(2, 0, 1)[None].float()
    maps = teacher(images, torch.from_numpy(small.coarse_labels())[None])
    scale = np.array([CANVAS / window.width, CANVAS / window.height])
    corner = np.array([window.x, window.y])

    rows, columns = np.nonzero(alone.instance)
    at = (np.stack([columns, rows], 1) + 0.5 - corner) * scale
    coarse = alone.coarse_labels()[rows, columns]
    pixels = _read(maps, at, coarse)
    points = alone.points
    if len(points.chart):
        place = (points.xy - corner) * scale
        _bend(
            pixels,
            at,
            coarse,
            place,
            points.chart,
            points.uv,
            _read(maps, place, FINE_TO_COARSE[points.chart]),
        )
    chart = pixels["fine"].argmax(1)
    share = np.exp(pixels["fine"] - pixels["fine"].max(1, keepdims=True))
    likely = 1 / share.sum(1)
    here = np.arange(len(chart))
    uv = np.stack([pixels["u"][here, chart], pixels["v"][here, chart]], 1).clip(0, 1)
    deviation = np.sqrt(np.logaddexp(0, pixels["sigma_2"][here, chart]) + SIGMA_FLOOR)
    known = (likely >= sure) & ((deviation <= spread) | (pixels["near"][here, chart] > 0))
    for x, y, point_chart, point_uv in zip(*points.xy.astype(int).T, points.chart, points.uv, strict=True):
        own = (rows == y) & (columns == x)
        chart[own], uv[own], known[own] = point_chart, point_uv, True
    return Fill(rows, columns, chart.astype(np.uint8), uv.astype(np.float32), known)


def _read(
    maps: dict[str, torch.Tensor], at: NDArray[np.floating], coarse: NDArray[np.uint8]
) -> dict[str, NDArray[np.float64]]:
    """The maps [1, 25, S, S] at places [P, 2] of the crop, without charts that `coarse` [P] rules out."""
    xy = torch.from_numpy(at / CANVAS).float()
    roi = torch.zeros(len(at), dtype=torch.int64)
    read = {name: read_points(plane, roi, xy).double().numpy() for name, plane in maps.items()}
    read["fine"] = np.where(FINE_TO_COARSE[None] == coarse[:, None], read["fine"], -1e4)
    read["near"] = np.zeros_like(read["fine"])
    return read


def _bend(
    pixels: dict[str, NDArray[np.float64]],
    at: NDArray[np.floating],  # [P, 2]
    coarse: NDArray[np.uint8],  # [P]
    place: NDArray[np.floating],  # [G, 2]
    chart: NDArray[np.uint8],  # [G]
    uv: NDArray[np.float32],  # [G, 2]
    said: dict[str, NDArray[np.float64]],  # the teacher's maps at the points
) -> None:
    """Change the teacher's values at the pixels so that they agree with the points.

    Charts: each point of the part votes by its distance (Shepard's weights). U, V: a smooth surface
    through the points of a chart, with the teacher's as its form where that helps (`splines.carry_on`).
    """
    for number in np.unique(FINE_TO_COARSE[chart]):
        part = np.flatnonzero(coarse == number)
        points = np.flatnonzero(FINE_TO_COARSE[chart] == number)
        square = ((at[part, None] - place[None, points]) ** 2).sum(2)
        vote = 1 / (square + 1) ** 2
        vote /= vote.sum(1, keepdims=True)
        for label in np.unique(chart[points]):
            own = chart[points] == label
            mine = points[own]
            pixels["fine"][part, label] += TRUST * vote[:, own].sum(1)
            pixels["near"][part, label] = square[:, own].min(1) < REACH**2
            theirs = np.stack([said[name][mine, label] for name in "uv"], 1)
            drawn = np.stack([pixels[name][part, label] for name in "uv"], 1)
            values = carry_on(place[mine], uv[mine], at[part], theirs, drawn)
            pixels["u"][part, label], pixels["v"][part, label] = values.T


@dataclass(frozen=True)
class Inpainted:
    """What `inpaint` made."""

    people: int  # that were filled
    pixels: int  # of their masks
    filled: int  # of these, with a chart


def inpaint(
    annotations: str | os.PathLike[str],
    teacher: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    images: str | None = None,
    sure: float = SURE,
    spread: float = SPREAD,
    progress: bool = False,
) -> Inpainted:
    """Write a folder for `densepose train --data`: images, annotations, and dense maps filled by the teacher.

    Annotated points are kept as they are, in the annotations and in their pixels; where the teacher is unsure
    (`fill_person`) nothing is said. Raises FileNotFoundError, InputError, or ValueError.
    """
    file, where, net = AnnotationFile(annotations), ImageFolder(images, annotations), load_teacher(teacher)
    target = Path(out)
    if (target / "annotations.json").exists():
        raise ValueError(f"{out}: expected a folder without annotations.json, got one with it")
    for name in ("images", "dense"):
        (target / name).mkdir(parents=True, exist_ok=True)
    counts = np.zeros(3, np.int64)

    def samples() -> Iterator[Sample]:
        for sample in tqdm(file, disable=not progress, unit="image"):
            if any(p.points is not None and len(p.points.chart) for p in sample.people):
                made, own = _fill_image(net, sample, where, target, sure, spread)
                counts[:] += own
                yield made

    info = {**(file.head.get("info") or {}), "odp_filled": True, "odp_atlas": file_atlas(file)}
    write_annotations(target / "annotations.json", samples(), head={**file.head, "info": info})
    return Inpainted(*counts.tolist())


def _fill_image(
    net: Teacher, sample: Sample, where: ImageFolder, out: Path, sure: float, spread: float
) -> tuple[Sample, NDArray[np.int64]]:
    """Write one image and its maps; its entry, and counts as `Inpainted`."""
    source = where.find(sample.file_name)
    picture = from_sample(sample, read_image(source))
    chart = np.where(picture.instance > 0, UNSURE + picture.coarse_labels(), 0).astype(np.uint8)
    uv = np.zeros((2, *chart.shape), np.float32)
    counts = np.zeros(3, np.int64)
    for number, person in picture.people.items():
        fill = fill_person(net, picture, number, sure=sure, spread=spread) if person.kind == SPARSE else None
        if fill is not None:
            rows, columns = fill.rows[fill.sure], fill.columns[fill.sure]
            chart[rows, columns] = fill.chart[fill.sure]
            uv[:, rows, columns] = fill.uv[fill.sure].T
            counts += (1, len(fill.rows), len(rows))
    stem = f"{sample.image_id:012d}"  # names may repeat in sub-folders
    suffix = source.suffix.lower()
    _copy(source, out / "images" / f"{stem}{suffix}", picture.image)
    write_dense(out / "dense", stem, chart, uv, picture.instance)
    people: dict[int, Person] = {id(p): p for p in sample.people}
    for number, person_entry in enumerate(listed_people(sample), start=1):
        people[id(person_entry)] = replace(person_entry, instance=number)
    return replace(
        sample, file_name=f"{stem}{suffix}", size=chart.shape, people=tuple(people.values())
    ), counts


def _copy(source: Path, target: Path, image: NDArray[np.uint8]) -> None:
    """The file itself where OpenCV reads from it what we read, else the pixels as PNG bytes of that name."""
    seen = cv2.imread(str(source), cv2.IMREAD_COLOR_RGB)
    if seen is not None and np.array_equal(seen, image):
        shutil.copyfile(source, target)
    else:
        ok, packed = cv2.imencode(".png", image[..., ::-1])
        if not ok:
            raise OSError(f"{target}: cannot be written")
        target.write_bytes(packed.tobytes())
