"""DensePose-COCO annotation files, read into and written from one small type per image.

Everything inside is in pixels of the image: boxes xyxy, keypoints, surface points. The file's own units
(boxes xywh; points and part masks on a 256 x 256 grid of the box) stay behind this door:
image x = box_x + dp_x * box_w / 255.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.core.types import CHARTS, SurfacePoints
from opendensepose.data.rle import decode_mask, encode_labels
from opendensepose.io.files import InputError, atomic

GRID = 256  # side of the part masks
COARSE_PARTS = 14
PERSON = 1  # category id
_PAIRED = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
KEYPOINTS = ("nose", *(f"{side}_{joint}" for joint in _PAIRED for side in ("left", "right")))
RLE = dict[str, Any]  # {"size": [H, W], "counts": str | list[int]}
_IMAGE_KEYS = {"id", "file_name", "height", "width"}
_PERSON_KEYS = {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", "keypoints"} | {
    *("num_keypoints", "dp_masks", "dp_x", "dp_y", "dp_I", "dp_U", "dp_V", "odp_instance", "track_id")
}


@dataclass(frozen=True)
class Person:
    """One annotated person; what the file does not say is None."""

    id: int
    box: NDArray[np.float64]  # [4] xyxy, pixels
    segmentation: RLE | list[list[float]] | None = (
        None  # as in the file: an RLE or polygons x0, y0, x1, y1, ...
    )
    keypoints: NDArray[np.float32] | None = (
        None  # [17, 3] x, y, visibility (0 not labelled, 1 hidden, 2 visible)
    )
    parts: tuple[RLE | None, ...] | None = (
        None  # 14 RLEs of 256 x 256 over the box, in the order of ATLAS part 1..14
    )
    points: SurfacePoints | None = None
    area: float | None = None  # pixels; None: the box's
    iscrowd: bool = False
    instance: int | None = None  # number in the dense truth's instance picture
    track_id: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)  # keys that we do not interpret, kept as they are

    def mask(self, size: tuple[int, int]) -> NDArray[np.bool_] | None:
        """Segmentation [H, W] in an image of `size` (H, W), or None when the file has none."""
        if not self.segmentation:
            return None
        if isinstance(self.segmentation, dict):
            return decode_mask(self.segmentation)
        # four times as fine, then the pixel centres: fillPoly also fills every pixel that the outline touches
        canvas = np.zeros((4 * size[0], 4 * size[1]), np.uint8)
        for polygon in self.segmentation:
            corners = np.rint(4 * np.reshape(polygon, (-1, 2)) - 0.5).astype(np.int32)
            cv2.fillPoly(canvas, [corners], 1)
        return canvas[2::4, 2::4].astype(bool)

    def part_labels(self) -> NDArray[np.uint8] | None:
        """Coarse labels [256, 256] (0 background, 1..14) over the box, or None when the file has none."""
        if self.parts is None:
            return None
        labels = np.zeros((GRID, GRID), np.uint8)
        for number, rle in enumerate(self.parts, start=1):
            if rle is not None:
                labels[decode_mask(rle)] = number
        return labels


@dataclass(frozen=True)
class Sample:
    """One image of an annotation file and its people."""

    image_id: int
    file_name: str
    size: tuple[int, int]  # height, width
    people: tuple[Person, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)  # further keys of the image, e.g. PoseTrack's vid_id


def encode_parts(labels: NDArray[np.uint8], box: NDArray[Any]) -> tuple[RLE | None, ...]:
    """The 14 part masks of one person from coarse labels [H, W] (0..14) of the image and its box [4] xyxy."""
    height, width = labels.shape
    x0, y0, x1, y1 = (float(n) for n in box)
    grid = np.arange(GRID) / (GRID - 1)
    columns = np.clip(np.floor(x0 + grid * (x1 - x0)), 0, min(width, np.ceil(x1)) - 1).astype(int)
    rows = np.clip(np.floor(y0 + grid * (y1 - y0)), 0, min(height, np.ceil(y1)) - 1).astype(int)
    patch = labels[rows[:, None], columns]
    present = np.bincount(patch.ravel(), minlength=COARSE_PARTS + 1)[1:] > 0
    rles = encode_labels(patch, COARSE_PARTS)
    return tuple(rle if here else None for rle, here in zip(rles, present, strict=True))


def read_annotations(path: str | os.PathLike[str]) -> list[Sample]:
    """Images with their people (category 1), in the order of the file.

    Raises FileNotFoundError, or InputError that names the file, the annotation and the key.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: expected an annotation file in JSON, got {error}") from None
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise InputError(f"{path}: expected the keys 'images' and 'annotations', got {_brief(content)}")
    people: dict[int, list[Person]] = {
        _field(image, "id", int, f"{path}: image number {n}"): [] for n, image in enumerate(content["images"])
    }
    for number, entry in enumerate(content["annotations"]):
        where = f"{path}: annotation {entry.get('id', f'number {number}')}"
        if entry.get("category_id", PERSON) != PERSON:
            continue
        image_id = _field(entry, "image_id", int, where)
        if image_id not in people:
            raise InputError(
                f"{where}: key 'image_id': expected the id of an image of the file, got {image_id}"
            )
        people[image_id].append(_read_person(entry, where))
    return [_read_sample(image, people[image["id"]], path) for image in content["images"]]


def write_annotations(
    path: str | os.PathLike[str], samples: Iterable[Sample], *, info: dict[str, Any] | None = None
) -> None:
    """Write a DensePose-COCO file; the same samples give the same bytes."""
    images, annotations = [], []
    for sample in samples:
        height, width = sample.size
        image = {"id": sample.image_id, "file_name": sample.file_name, "height": height, "width": width}
        images.append(image | sample.extra)
        annotations += [_person_entry(person, sample.image_id) for person in sample.people]
    category = {"id": PERSON, "name": "person", "supercategory": "person", "keypoints": list(KEYPOINTS)}
    content = {"info": info or {}, "images": images, "annotations": annotations, "categories": [category]}
    with atomic(path) as beside:
        beside.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")


def _read_sample(image: dict[str, Any], people: list[Person], path: Path) -> Sample:
    where = f"{path}: image {image['id']}"
    return Sample(
        image_id=image["id"],
        file_name=_field(image, "file_name", str, where),
        size=(_field(image, "height", int, where), _field(image, "width", int, where)),
        people=tuple(people),
        extra={key: value for key, value in image.items() if key not in _IMAGE_KEYS},
    )


def _read_person(entry: dict[str, Any], where: str) -> Person:
    x, y, w, h = _numbers(entry, "bbox", where, 4)
    box = np.array([x, y, x + w, y + h])
    keypoints = None
    if entry.get("keypoints"):
        keypoints = _numbers(entry, "keypoints", where, 3 * len(KEYPOINTS)).astype(np.float32).reshape(-1, 3)
    return Person(
        id=_field(entry, "id", int, where),
        box=box,
        segmentation=entry.get("segmentation") or None,
        keypoints=keypoints,
        parts=_read_parts(entry, where),
        points=_read_points(entry, box, where),
        area=float(entry["area"]) if "area" in entry else None,
        iscrowd=bool(entry.get("iscrowd", 0)),
        instance=entry.get("odp_instance"),
        track_id=entry.get("track_id"),
        extra={key: value for key, value in entry.items() if key not in _PERSON_KEYS},
    )


def _read_parts(entry: dict[str, Any], where: str) -> tuple[RLE | None, ...] | None:
    masks = entry.get("dp_masks")
    if masks is None:
        return None
    bad = [m for m in masks if m and not (isinstance(m, dict) and {"size", "counts"} <= m.keys())]
    if bad or len(masks) > COARSE_PARTS:
        got = _brief(bad[0]) if bad else f"{len(masks)} masks"
        raise InputError(f"{where}: key 'dp_masks': expected {COARSE_PARTS} RLEs or empty lists, got {got}")
    return tuple(m or None for m in masks) + (None,) * (COARSE_PARTS - len(masks))


def _read_points(entry: dict[str, Any], box: NDArray[np.float64], where: str) -> SurfacePoints | None:
    if "dp_x" not in entry:
        return None
    count = len(entry["dp_x"])
    x, y, chart, u, v = (_numbers(entry, f"dp_{key}", where, count) for key in "xyIUV")
    # the evaluation leaves points outside the 24 charts out of everything; so do we
    known = (chart >= 1) & (chart <= CHARTS)
    xy = box[:2] + np.stack([x, y], axis=1) * (box[2:] - box[:2]) / (GRID - 1)
    return SurfacePoints(
        xy=xy[known].astype(np.float32),
        chart=chart[known].astype(np.uint8),
        uv=np.stack([u, v], axis=1)[known].astype(np.float32),
    )


def _person_entry(person: Person, image_id: int) -> dict[str, Any]:
    x0, y0, x1, y1 = (float(n) for n in person.box)
    entry: dict[str, Any] = {
        "id": person.id,
        "image_id": image_id,
        "category_id": PERSON,
        "bbox": _rounded([x0, y0, x1 - x0, y1 - y0], 4),
        "area": round((x1 - x0) * (y1 - y0) if person.area is None else float(person.area), 4),
        "iscrowd": int(person.iscrowd),
    }
    if person.segmentation is not None:
        entry["segmentation"] = person.segmentation
    if person.keypoints is not None:
        entry["keypoints"] = _rounded(person.keypoints.ravel(), 2)
        entry["num_keypoints"] = int((person.keypoints[:, 2] > 0).sum())
    if person.parts is not None:
        entry["dp_masks"] = [[] if rle is None else rle for rle in person.parts]
    if person.points is not None:
        place = (person.points.xy - person.box[:2]) / (person.box[2:] - person.box[:2]) * (GRID - 1)
        entry |= {"dp_x": _rounded(place[:, 0], 4), "dp_y": _rounded(place[:, 1], 4)}
        entry["dp_I"] = person.points.chart.astype(int).tolist()
        entry |= {"dp_U": _rounded(person.points.uv[:, 0], 6), "dp_V": _rounded(person.points.uv[:, 1], 6)}
    if person.instance is not None:
        entry["odp_instance"] = int(person.instance)
    if person.track_id is not None:
        entry["track_id"] = int(person.track_id)
    return entry | person.extra


def _numbers(entry: dict[str, Any], key: str, where: str, count: int) -> NDArray[np.float64]:
    """The list of `count` finite numbers under `key`."""
    value = entry.get(key)
    try:
        numbers = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise InputError(f"{where}: key {key!r}: expected {count} finite numbers, got {_brief(value)}")
    return numbers


def _field(entry: dict[str, Any], key: str, kind: type, where: str) -> Any:
    value = entry.get(key)
    if not isinstance(value, kind):
        raise InputError(f"{where}: key {key!r}: expected {kind.__name__}, got {_brief(value)}")
    return value


def _rounded(values: Iterable[float], digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]


def _brief(value: Any) -> str:
    text = f"{type(value).__name__} with keys {sorted(value)[:8]}" if isinstance(value, dict) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
