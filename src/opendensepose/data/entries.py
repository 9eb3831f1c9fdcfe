"""Entries of annotation files to and from `Person` and `Sample`.

The file's own units (boxes xywh; points and part masks on a 256 x 256 grid of the box) stay behind this door:
image x = box_x + dp_x * box_w / 255.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.types import CHARTS, SurfacePoints
from opendensepose.data.sample import COARSE_PARTS, GRID, PERSON, RLE, Person, Sample
from opendensepose.io.files import InputError, brief, wrong

_PAIRED = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
KEYPOINTS = ("nose", *(f"{side}_{joint}" for joint in _PAIRED for side in ("left", "right")))
IMAGE_KEYS = {"id", "file_name", "height", "width"}
# the field of a Person -> the keys of the file that it comes from
_KEYS: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "box": ("bbox",),
    "area": ("area",),
    "iscrowd": ("iscrowd",),
    "segmentation": ("segmentation",),
    "keypoints": ("keypoints", "num_keypoints"),
    "parts": ("dp_masks",),
    "points": ("dp_x", "dp_y", "dp_I", "dp_U", "dp_V"),
    "instance": ("odp_instance",),
    "track_id": ("track_id",),
}
_PERSON_KEYS = {"image_id", "category_id", *(key for keys in _KEYS.values() for key in keys)}


def read_person(entry: dict[str, Any], where: str) -> Person:
    """The person of an annotation; raises InputError that names `where` (file and annotation) and the key."""
    x, y, w, h = numbers(entry, "bbox", where, 4)
    box = np.array([x, y, x + w, y + h])
    keypoints = None
    if entry.get("keypoints"):
        keypoints = numbers(entry, "keypoints", where, 3 * len(KEYPOINTS)).astype(np.float32).reshape(-1, 3)
    return Person(
        id=integer(entry, "id", where),
        box=box,
        segmentation=_read_segmentation(entry, where),
        keypoints=keypoints,
        parts=_read_parts(entry, where),
        points=_read_points(entry, box, where),
        area=None if entry.get("area") is None else float(numbers(entry, "area", where, None)),
        iscrowd=bool(entry.get("iscrowd", 0)),
        instance=_optional(entry, "odp_instance", where),
        track_id=_optional(entry, "track_id", where),
        extra={key: value for key, value in entry.items() if key not in _PERSON_KEYS},
    )


def read_sample(
    image: dict[str, Any], people: Iterable[Person], others: Iterable[dict[str, Any]], where: str
) -> Sample:
    """The sample of an image entry; raises InputError that names `where` (file and image) and the key."""
    size = None
    if image.get("height") is not None or image.get("width") is not None:
        size = (integer(image, "height", where), integer(image, "width", where))
        if min(size) < 1:
            raise InputError(f"{where}: keys 'height', 'width': expected numbers above 0, got {size}")
    return Sample(
        image_id=integer(image, "id", where),
        file_name=_field(image, "file_name", str, where),
        size=size,
        people=tuple(people),
        extra={key: value for key, value in image.items() if key not in IMAGE_KEYS},
        others=tuple(others),
    )


def image_entry(sample: Sample) -> dict[str, Any]:
    """The image entry of a sample."""
    entry: dict[str, Any] = {"id": sample.image_id, "file_name": sample.file_name}
    if sample.size is not None:
        entry |= {"height": sample.size[0], "width": sample.size[1]}
    return entry | sample.extra


def person_entry(person: Person, image_id: int) -> dict[str, Any]:
    """The annotation of a person: what is still as it was read is written as it was read."""
    entry = _fresh_entry(person)
    if person.source is not None:
        read = json.loads(person.source)
        was = read_person(read, "")
        same = [name for name in _KEYS if _equal(getattr(person, name), getattr(was, name))]
        for key in (key for name in same for key in _KEYS[name]):
            entry.pop(key, None)
            if key in read:
                entry[key] = read[key]
        category = {"category_id": read["category_id"]} if "category_id" in read else {}
    else:
        category = {"category_id": PERSON}
    return {"id": entry.pop("id"), "image_id": image_id} | category | entry | person.extra


def _fresh_entry(person: Person) -> dict[str, Any]:
    x0, y0, x1, y1 = (float(n) for n in person.box)
    entry: dict[str, Any] = {
        "id": person.id,
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
        side = np.maximum(person.box[2:] - person.box[:2], 1e-9)
        place = (person.points.xy - person.box[:2]) / side * (GRID - 1)
        entry |= {"dp_x": _rounded(place[:, 0], 4), "dp_y": _rounded(place[:, 1], 4)}
        entry["dp_I"] = person.points.chart.astype(int).tolist()
        entry |= {"dp_U": _rounded(person.points.uv[:, 0], 6), "dp_V": _rounded(person.points.uv[:, 1], 6)}
    if person.instance is not None:
        entry["odp_instance"] = int(person.instance)
    if person.track_id is not None:
        entry["track_id"] = int(person.track_id)
    return entry


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, SurfacePoints) and isinstance(b, SurfacePoints):
        return all(np.array_equal(getattr(a, k), getattr(b, k)) for k in ("xy", "chart", "uv"))
    return type(a) is type(b) and bool(a == b)


def _read_segmentation(entry: dict[str, Any], where: str) -> RLE | list[list[float]] | None:
    value = entry.get("segmentation")
    if not value:
        return None
    if isinstance(value, dict) and {"size", "counts"} <= value.keys():
        return value
    if isinstance(value, list) and all(isinstance(polygon, list) for polygon in value):
        return value
    raise InputError(f"{where}: key 'segmentation': expected polygons or an RLE, got {brief(value)}")


def _read_parts(entry: dict[str, Any], where: str) -> tuple[RLE | None, ...] | None:
    masks = entry.get("dp_masks")
    if masks is None:
        return None
    if not isinstance(masks, list):
        raise InputError(f"{where}: key 'dp_masks': expected a list of RLEs, got {brief(masks)}")
    bad = [m for m in masks if m and not (isinstance(m, dict) and {"size", "counts"} <= m.keys())]
    if bad:
        wanted = f"expected {COARSE_PARTS} RLEs or empty lists"
        raise InputError(f"{where}: key 'dp_masks': {wanted}, got {brief(bad[0])}")
    # of more the evaluation takes the first 14; so do we
    return tuple(m or None for m in masks[:COARSE_PARTS]) + (None,) * (COARSE_PARTS - len(masks))


def _read_points(entry: dict[str, Any], box: NDArray[np.float64], where: str) -> SurfacePoints | None:
    if entry.get("dp_x") is None:
        return None
    x, y, chart, u, v = point_columns(entry, where)
    # the evaluation leaves points outside the 24 charts out of everything; so do we
    known = (chart >= 1) & (chart < CHARTS + 1)
    xy = box[:2] + np.stack([x, y], axis=1) * (box[2:] - box[:2]) / (GRID - 1)
    return SurfacePoints(
        xy=xy[known].astype(np.float32),
        chart=chart[known].astype(np.uint8),
        uv=np.stack([u, v], axis=1)[known].astype(np.float32),
    )


def point_columns(entry: dict[str, Any], where: str) -> NDArray[np.float64]:
    """dp_x, dp_y, dp_I, dp_U, dp_V [5, P] as in the file; raises InputError."""
    count = len(entry["dp_x"]) if isinstance(entry["dp_x"], list) else 0
    return np.stack([numbers(entry, f"dp_{key}", where, count) for key in "xyIUV"])


def numbers(entry: dict[str, Any], key: str, where: str, count: int | None) -> NDArray[np.float64]:
    """The list of `count` finite numbers under `key`; without a count the number there."""
    value = entry.get(key)
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError):  # lists of different lengths
        array = np.array(None)
    # text, null, and whole numbers that no float holds have other kinds
    array = array.astype(np.float64) if array.dtype.kind in "biuf" or not array.size else np.array(np.nan)
    if array.shape != (() if count is None else (count,)) or not np.isfinite(array).all():
        wanted = "a finite number" if count is None else f"{count} finite numbers"
        raise wrong(where, key, wanted, entry)
    return array


def integer(entry: dict[str, Any], key: str, where: str) -> int:
    """The whole number under `key`, one of 64 bits."""
    value = _field(entry, key, int, where)
    if isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise wrong(where, key, "int", entry)
    return int(value)


def _optional(entry: dict[str, Any], key: str, where: str) -> int | None:
    return None if entry.get(key) is None else integer(entry, key, where)


def _field(entry: dict[str, Any], key: str, kind: type, where: str) -> Any:
    value = entry.get(key)
    if not isinstance(value, kind):
        raise wrong(where, key, kind.__name__, entry)
    return value


def _rounded(values: Iterable[float], digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]
