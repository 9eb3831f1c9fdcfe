"""What an annotation file says, in the form that scoring needs: small, checked, in the order of the file.

The files keep their own units here, as the rules of the evaluation are written in them: boxes are x, y,
width, height; points lie on a grid 0..255 over the box; part masks are 256 x 256 over the box.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.data.sample import COARSE_PARTS, GRID, PERSON
from opendensepose.eval import fields, rle
from opendensepose.eval.fields import Box
from opendensepose.io.files import InputError
from opendensepose.io.image import MAX_PIXELS
from opendensepose.io.jsonstream import read_object

_CHECKED_AT_ONCE = 500  # people whose part masks are checked together


@dataclass(frozen=True, slots=True)
class Points:
    """Annotated surface points of one person."""

    xy: NDArray[np.float64]  # [P, 2] 0..255 over the box
    chart: NDArray[np.uint8]  # [P] 1..24; 0 for every other label
    uv: NDArray[np.float64]  # [P, 2]


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotated person."""

    id: int
    box: Box
    area: float
    crowd: bool
    ignore: bool  # the file's own key
    points: Points | None  # None: no `dp_x`
    parts: tuple[Any, ...] | None  # up to 14 RLEs of 256 x 256, None where a part is absent; None: no key
    segmentation: Any  # as in the file
    keypoints: tuple[float, ...] | None


@dataclass(slots=True)
class TruthImage:
    """One image and its annotations by category, in the order of the file."""

    id: int
    width: int
    height: int
    file_name: str
    ignore_regions: tuple[tuple[Any, Any], ...] = ()  # polygons: x, y
    annotations: dict[int, list[Annotation]] = field(default_factory=dict)


@dataclass(frozen=True)
class Truth:
    """An annotation file: images by id in the order of the file, category ids rising."""

    path: Path
    images: dict[int, TruthImage]
    categories: tuple[int, ...]
    atlas: str | None  # what `info` or the annotations say
    notes: tuple[str, ...] = ()  # what was put right while reading

    @property
    def people(self) -> int:
        return sum(len(a) for image in self.images.values() for a in image.annotations.values())


def read_truth(path: str | os.PathLike[str]) -> Truth:
    """Read a DensePose-COCO or -PoseTrack annotation file as a stream.

    Raises FileNotFoundError, or InputError that names the file, the annotation and the key.
    """
    path = Path(path)
    images: dict[int, TruthImage] = {}
    people: list[tuple[int, int, Annotation]] = []
    categories: set[int] = set()
    atlases: set[str] = set()
    areas = 0
    for key, (value, *_) in read_object(
        path, ("images", "annotations", "categories"), needed=("images", "annotations")
    ):
        if key == "images":
            image = _image(value, f"{path}: image number {len(images)}")
            if image.id in images:
                raise InputError(f"{path}: image {image.id}: expected each id once, got it twice")
            images[image.id] = image
        elif key == "annotations":
            where = f"{path}: annotation {_name(value, len(people))}"
            people.append(_annotation(fields.entry_of(value, where), where))
            areas += "area" not in value
            if len(people) % _CHECKED_AT_ONCE == 0:
                _check_parts(path, people[-_CHECKED_AT_ONCE:])
            atlases |= _atlas(value)
        elif key == "categories":
            categories.add(
                fields.integer(fields.entry_of(value, f"{path}: category"), "id", f"{path}: category")
            )
        elif key == "info" and isinstance(value, dict):
            atlases |= _atlas(value)
    _check_parts(path, people[len(people) - len(people) % _CHECKED_AT_ONCE :])
    _attach(path, images, people)
    atlas = fields.one_atlas(atlases, path)
    notes = (f"{areas} annotations have no 'area': their boxes' is taken",) if areas else ()
    chosen = tuple(sorted(categories)) or (PERSON,)
    return Truth(path, images, chosen, atlas, notes)


def _attach(path: Path, images: dict[int, TruthImage], people: list[tuple[int, int, Annotation]]) -> None:
    """Give each image its annotations."""
    if not images:
        raise InputError(f"{path}: key 'images': expected some, got none")
    ids: set[int] = set()
    for image_id, category, annotation in people:
        where = f"{path}: annotation {annotation.id}"
        if annotation.id in ids:
            raise InputError(f"{where}: expected each id once, got it twice")
        if image_id not in images:
            raise InputError(f"{where}: key 'image_id': expected an image of the file, got {image_id}")
        ids.add(annotation.id)
        images[image_id].annotations.setdefault(category, []).append(annotation)


def _image(value: Any, where: str) -> TruthImage:
    entry = fields.entry_of(value, where)
    where = f"{where} (id {entry.get('id')})"
    width, height = fields.integer(entry, "width", where), fields.integer(entry, "height", where)
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        expected = f"1..{MAX_PIXELS} pixels"
        raise InputError(f"{where}: 'width' and 'height': expected {expected}, got {width} x {height}")
    xs, ys = entry.get("ignore_regions_x") or [], entry.get("ignore_regions_y") or []
    if not (isinstance(xs, list) and isinstance(ys, list) and len(xs) == len(ys)):
        raise InputError(f"{where}: 'ignore_regions_x', '_y': expected two lists of polygons, got others")
    regions = []
    for number in range(len(xs)):
        named = {"ignore_regions_x": xs[number], "ignore_regions_y": ys[number]}
        x = fields.numbers(named, "ignore_regions_x", where)
        regions.append((x, fields.numbers(named, "ignore_regions_y", where)))
        if len(x) != len(regions[-1][1]):
            raise InputError(f"{where}: 'ignore_regions_x', '_y': expected as many x as y, got others")
    name = entry.get("file_name")
    return TruthImage(
        id=fields.integer(entry, "id", where),
        width=width,
        height=height,
        file_name=name if isinstance(name, str) else "",
        ignore_regions=tuple(regions),
    )


def _annotation(entry: Mapping[str, Any], where: str) -> tuple[int, int, Annotation]:
    """Image id, category id and the annotation."""
    box = fields.box(entry, where)
    annotation = Annotation(
        id=fields.integer(entry, "id", where),
        box=box,
        area=fields.number(entry, "area", where) if "area" in entry else box[2] * box[3],
        crowd=bool(entry.get("iscrowd", 0)),
        ignore=bool(entry.get("ignore", 0)),
        points=_points(entry, where),
        parts=_parts(entry, where),
        segmentation=entry.get("segmentation"),
        keypoints=_keypoints(entry, where),
    )
    category = fields.integer(entry, "category_id", where) if "category_id" in entry else PERSON
    return fields.integer(entry, "image_id", where), category, annotation


def _points(entry: Mapping[str, Any], where: str) -> Points | None:
    if "dp_x" not in entry:
        return None
    x = fields.numbers(entry, "dp_x", where)
    y, label, u, v = (fields.numbers(entry, f"dp_{key}", where, len(x)) for key in "yIUV")
    known = (label >= 1) & (label <= 24) & (label == np.floor(label))
    return Points(
        xy=np.stack([x, y], axis=1),
        chart=np.where(known, label, 0).astype(np.uint8),
        uv=np.stack([u, v], axis=1),
    )


def _parts(entry: Mapping[str, Any], where: str) -> tuple[Any, ...] | None:
    masks = entry.get("dp_masks")
    if masks is None:
        return None
    if not isinstance(masks, list):
        raise fields.wrong(where, "dp_masks", f"a list of {COARSE_PARTS} RLEs or []", entry)
    where = f"{where}: key 'dp_masks'"
    return tuple(rle.pack(mask, (GRID, GRID), where) if mask else None for mask in masks[:COARSE_PARTS])


def _check_parts(path: Path, people: list[tuple[int, int, Annotation]]) -> None:
    """Refuse part masks whose runs do not add up: pycocotools trusts them."""
    owners = [a.id for _, _, a in people for part in a.parts or () if part is not None]
    good = rle.fit([part for _, _, a in people for part in a.parts or () if part is not None])
    if not good.all():
        bad = owners[int(np.argmin(good))]
        raise InputError(f"{path}: annotation {bad}: key 'dp_masks': expected whole RLEs, got a broken one")


def _keypoints(entry: Mapping[str, Any], where: str) -> tuple[float, ...] | None:
    if not entry.get("keypoints"):
        return None
    return tuple(fields.numbers(entry, "keypoints", where).tolist())


def _atlas(entry: Any) -> set[str]:
    """What `info` or an annotation says of its atlas; whatever this package made is on its own."""
    name = entry.get("odp_atlas")
    if isinstance(name, str):
        return {name}
    return {"odp24"} if "odp_version" in entry else set()


def _name(value: Any, position: int) -> str:
    return str(value["id"]) if isinstance(value, dict) and "id" in value else f"number {position}"
