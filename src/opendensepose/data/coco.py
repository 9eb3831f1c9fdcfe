"""Annotation files of DensePose-COCO and DensePose-PoseTrack: opened, read and written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from opendensepose.data.entries import (
    KEYPOINTS,
    image_entry,
    integer,
    person_entry,
    read_person,
    read_sample,
)
from opendensepose.data.sample import PERSON, Person, Sample, encode_parts
from opendensepose.data.scan import LISTS, scan
from opendensepose.io.cache import cache_folder
from opendensepose.io.files import InputError, atomic
from opendensepose.io.jsonstream import read_item

__all__ = [
    "KEYPOINTS",
    "AnnotationFile",
    "Person",
    "Sample",
    "encode_parts",
    "read_annotations",
    "write_annotations",
]

SMALL = 1 << 22  # bytes: such a file is faster read than its index
_VERSION = 1  # of the index


@dataclass(frozen=True)
class _Index:
    """Where the entries of a file stand. M images in the order of the file, N annotations by their images."""

    image_ids: NDArray[np.int64]  # [M]
    images: NDArray[np.int64]  # [M, 2] first and last byte
    annotations: NDArray[np.int64]  # [N, 2] first and last byte
    starts: NDArray[np.int64]  # [M + 1] annotations of image m: starts[m] .. starts[m + 1]
    head: NDArray[np.uint8]  # the top level less images and annotations, as JSON


class AnnotationFile(Sequence[Sample]):
    """The images of an annotation file with their people, each read when it is asked for.

    The first time a file is walked through once, and where its entries stand is kept in the user's cache
    folder (`io.cache`) under its size and hash; later that is read. `head` is the rest of the file: info,
    licenses, categories, ...
    Raises FileNotFoundError, or InputError that names the file, the annotation and the key; what is wrong
    within an entry is found when that is read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._index = _open_index(self.path)
        self.head: dict[str, Any] = json.loads(self._index.head.tobytes())
        self._row = {int(number): row for row, number in enumerate(self._index.image_ids)}

    def __len__(self) -> int:
        return len(self._index.image_ids)

    @overload
    def __getitem__(self, row: int) -> Sample: ...
    @overload
    def __getitem__(self, row: slice) -> list[Sample]: ...
    def __getitem__(self, row: int | slice) -> Sample | list[Sample]:
        if isinstance(row, slice):
            return list(self._read(range(len(self))[row]))
        return next(self._read([range(len(self))[row]]))

    def __iter__(self) -> Iterator[Sample]:
        return self._read(range(len(self)))

    def of_image(self, image_id: int) -> Sample:
        """The image of this id; KeyError where there is none."""
        return self[self._row[image_id]]

    @property
    def people(self) -> int:
        """Annotations of the file, of all categories."""
        return len(self._index.annotations)

    def _read(self, rows: Iterable[int]) -> Iterator[Sample]:
        index = self._index
        with self.path.open("rb") as file:

            def entry(span: NDArray[np.int64]) -> bytes:
                file.seek(int(span[0]))
                return file.read(int(span[1] - span[0]))

            for row in rows:
                image = read_item(file, *index.images[row].tolist())
                sources = map(entry, index.annotations[index.starts[row] : index.starts[row + 1]])
                where = f"{self.path}: image {image['id']}"
                yield read_sample(image, *self._people(sources), where)

    def _people(self, sources: Iterable[bytes]) -> tuple[list[Person], list[dict[str, Any]]]:
        people, others = [], []
        for source in sources:
            entry = json.loads(source)
            if entry.get("category_id", PERSON) == PERSON:
                person = read_person(entry, f"{self.path}: annotation {entry.get('id')}")
                people.append(replace(person, source=source))
            else:
                others.append(entry)
        return people, others


def read_annotations(path: str | os.PathLike[str]) -> list[Sample]:
    """All images with their people (category 1), in the order of the file; errors as `AnnotationFile`."""
    return list(AnnotationFile(path))


def write_annotations(
    path: str | os.PathLike[str], samples: Iterable[Sample], *, head: dict[str, Any] | None = None
) -> None:
    """Write an annotation file, image by image; the same samples give the same bytes.

    `head`: the other top-level keys, as `AnnotationFile.head` has them; without categories there the one of
    people is written. What was read from a file and not changed is written as it was.
    """
    category = {"id": PERSON, "name": "person", "supercategory": "person", "keypoints": list(KEYPOINTS)}
    head = {"categories": [category]} | ({"info": {}} if head is None else head)
    with atomic(path) as beside, beside.open("w", encoding="utf-8") as out, _spool() as people:
        out.write(_json(head)[:-1] + ',"images":[')
        comma = first = ""
        for sample in samples:
            out.write(first + _json(image_entry(sample)))
            first = ","
            entries = [person_entry(person, sample.image_id) for person in sample.people]
            for entry in [*entries, *sample.others]:
                people.write(comma + _json(entry))
                comma = ","
        people.seek(0)
        out.write('],"annotations":[')
        shutil.copyfileobj(people, out)
        out.write("]}")


def _spool() -> Any:
    return tempfile.SpooledTemporaryFile(1 << 24, "w+", encoding="utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _open_index(path: Path) -> _Index:
    """The index of a file: from the cache where it is there."""
    if not path.is_file() or path.stat().st_size <= SMALL:
        return _make_index(path)
    with path.open("rb") as file:
        key = hashlib.file_digest(file, hashlib.sha256).hexdigest()[:32]
    cached = cache_folder() / "annotations" / f"{path.stat().st_size}-{key}-{_VERSION}.npz"
    try:
        with np.load(cached) as arrays:
            return _Index(**{name: arrays[name] for name in arrays.files})
    # none yet, or a broken one
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        index = _make_index(path)
    try:
        with atomic(cached) as beside, beside.open("wb") as file:
            np.savez(file, **vars(index))
    except OSError:
        pass  # no cache: the next opening walks through the file again
    return index


def _make_index(path: Path) -> _Index:
    head: dict[str, Any] = {}
    spans: dict[str, list[tuple[int, int]]] = {key: [] for key in LISTS}
    rows: dict[int, int] = {}  # image id -> its row
    of_image: list[int] = []
    for key, value, start, end in scan(path):
        if key not in LISTS:
            head[key] = value
            continue
        number = len(spans[key])
        spans[key].append((start, end))
        if key == "images":
            image_id = integer(value, "id", f"{path}: image number {number}")
            if rows.setdefault(image_id, number) != number:
                raise InputError(f"{path}: image {image_id}: expected an id of its own, got one used twice")
        else:
            of_image.append(integer(value, "image_id", f"{path}: annotation {_name(value, number)}"))
    row = np.array([rows.get(image_id, -1) for image_id in of_image], np.int64)
    annotations = np.array(spans["annotations"], np.int64).reshape(-1, 2)
    if len(row) and row.min() < 0:
        number = int(row.argmin())
        with path.open("rb") as file:
            entry = read_item(file, *annotations[number].tolist())
        expected = "expected the id of an image of the file"
        where = f"{path}: annotation {_name(entry, number)}"
        raise InputError(f"{where}: key 'image_id': {expected}, got {of_image[number]}")
    order = np.argsort(row, kind="stable")
    return _Index(
        np.array(list(rows), np.int64),
        np.array(spans["images"], np.int64).reshape(-1, 2),
        annotations[order],
        np.searchsorted(row[order], np.arange(len(rows) + 1)),
        np.frombuffer(_json(head).encode(), np.uint8),
    )


def _name(entry: dict[str, Any], number: int) -> str:
    return str(entry["id"]) if isinstance(entry.get("id"), int) else f"number {number}"
