"""A project folder: the copied photos, the store, the truth of gold people, tiles."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from opendensepose.annotate.access import ensure_secret
from opendensepose.annotate.store import Person, Photo, Setting, Store, now, setting
from opendensepose.data.coco import Sample, read_annotations
from opendensepose.io.files import InputError, atomic, expand_inputs
from opendensepose.io.image import read_image
from opendensepose.surface.atlas import Atlas

MAX_UPLOAD = 40 << 20  # bytes of one photo
_DEFAULTS = {"double_share": "0.1", "gold_share": "0.1", "hours": "4"}
_LEAST_BOX = 8.0  # pixels
Detector = Callable[[str, Any], Any]  # name, image [H, W, 3] -> boxes [N, 4] xyxy


@dataclass(frozen=True)
class Project:
    """An open project."""

    folder: Path
    store: Store

    @staticmethod
    def open(folder: Path, database: str | None = None, **settings: float | None) -> Project:
        """Open or make a project; `settings` (double_share, gold_share, hours) hold from now on.

        Raises ValueError for a store of another version, OSError for one that does not open.
        """
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder}: expected a project folder, got a file")
        (folder / "photos").mkdir(parents=True, exist_ok=True)
        project = Project(folder, Store.in_folder(folder, database))
        with project.store.write() as session:
            for name, default in _DEFAULTS.items():
                given = settings.get(name)
                if given is not None or session.get(Setting, name) is None:
                    session.merge(Setting(name=name, value=default if given is None else str(given)))
            ensure_secret(session)
        return project

    def path(self, photo: Photo) -> Path:
        """Where a photo lies."""
        return self.folder / photo.file

    def add_photo(
        self, content: bytes, name: str, boxes: Iterable[Sequence[float]] | Detector, source: str
    ) -> tuple[int, int]:
        """Copy a photo in, with the people in `boxes` (xyxy) or those that a detector finds.

        Its number and how many people were added; a photo of this name that is there already stays as it is
        (0 added). Raises InputError for what is no photo or another photo of the same name.
        """
        digest = hashlib.sha256(content).hexdigest()
        with self.store.read() as session:
            known = session.scalar(select(Photo).where(Photo.name == name))
        if known is not None:
            if known.digest != digest:
                raise InputError(f"{name}: expected the photo that has this name already, got another")
            return known.id, 0
        image = read_image(content)
        found = boxes(name, image) if callable(boxes) else boxes
        photo = self.store_photo(content, name, digest, image.shape[:2])
        with self.store.write() as session:
            session.add(photo)
            session.flush()
            added = [add_person(session, photo, box, source) for box in found]
        return photo.id, sum(person is not None for person in added)

    def store_photo(
        self,
        content: bytes,
        name: str,
        digest: str,
        size: tuple[int, int],
        extra: dict[str, Any] | None = None,
    ) -> Photo:
        """Write the file; the row, not yet in the store."""
        suffix = Path(name).suffix.lower()
        file = f"photos/{digest[:32]}{suffix if suffix[1:].isalnum() and len(suffix) < 6 else ''}"
        if not (self.folder / file).exists():
            with atomic(self.folder / file) as beside:
                beside.write_bytes(content)
        return Photo(
            name=name,
            file=file,
            width=size[1],
            height=size[0],
            digest=digest,
            extra=extra or {},
            created=now(),
        )

    def add_folder(self, source: Path, detect: Detector, progress: Callable[[str], object]) -> list[str]:
        """Add the photos of a folder (or one file); the problems, one line each."""
        problems = []
        inputs = expand_inputs([source])
        for entry in inputs:
            if entry.path is None or entry.is_video:
                continue
            name = entry.path.relative_to(source).as_posix() if source.is_dir() else entry.path.name
            progress(name)
            try:
                self.add_photo(_read_bytes(entry.path), name, detect, "detector")
            except (InputError, OSError) as error:
                problems.append(str(error))
        return problems

    def add_annotated(self, path: Path, progress: Callable[[str], object]) -> list[str]:
        """Add the photos and people of a DensePose-COCO file, with what is annotated; the problems.

        Photos are looked for beside the file and in `images/` beside it.
        """
        problems = []
        for sample in read_annotations(path):
            progress(sample.file_name)
            try:
                self._add_sample(sample, _find_photo(path, sample.file_name))
            except (InputError, OSError) as error:
                problems.append(str(error))
        return problems

    def _add_sample(self, sample: Sample, file: Path) -> None:
        with self.store.read() as session:
            if session.scalar(select(Photo.id).where(Photo.name == sample.file_name)) is not None:
                return
        content = _read_bytes(file)
        size = read_image(content).shape[:2]
        if sample.size not in (None, size):
            expected = f"{size[1]} x {size[0]} pixels as the photo has, got {sample.size} (H, W)"
            raise InputError(f"{sample.file_name}: expected {expected}")
        extra = {"id": sample.image_id, **sample.extra}
        digest = hashlib.sha256(content).hexdigest()
        photo = self.store_photo(content, sample.file_name, digest, size, extra)
        with self.store.write() as session:
            session.add(photo)
            session.flush()
            for person in sample.people:
                if person.iscrowd:
                    continue
                entry: dict[str, Any] = {"id": person.id, "track_id": person.track_id, "extra": person.extra}
                entry["keypoints"] = None if person.keypoints is None else person.keypoints.ravel().tolist()
                add_person(session, photo, person.box.tolist(), "file", entry | _annotated(person))


def _annotated(person: Any) -> dict[str, Any]:
    """What a file says of parts and points, as the first event of each assignment."""
    start: dict[str, Any] = {}
    if person.parts is not None:
        start["shapes"] = {
            f"imported-{part}": {"part": part, "tool": "mask", "points": [], "width": 1.0, "rle": rle}
            for part, rle in enumerate(person.parts, start=1)
            if rle is not None
        }
    if person.points is not None:
        start |= _placed(person.points)
    return {"start": start} if start else {}


def _placed(points: Any) -> dict[str, Any]:
    from opendensepose.surface.parts import FINE_TO_COARSE

    face, bary, _ = Atlas.load().to_face(points.chart, points.uv)
    listed, placed = [], {}
    for number in range(len(face)):
        x, y = (round(float(n), 2) for n in points.xy[number])
        part = int(FINE_TO_COARSE[points.chart[number]])
        listed.append({"number": number, "part": part, "x": x, "y": y})
        if face[number] >= 0:
            placed[str(number)] = {
                "face": int(face[number]),
                "bary": [float(n) for n in bary[number]],
                "chart": int(points.chart[number]),
                "u": float(points.uv[number, 0]),
                "v": float(points.uv[number, 1]),
                "view": None,
            }
    return {"points": listed, "placed": placed}


def add_person(
    session: Session,
    photo: Photo,
    box: Sequence[float],  # xyxy, pixels
    source: str,
    entry: dict[str, Any] | None = None,
    instance: int = 0,
) -> Person | None:
    """Add a person, clipped to the picture; None where next to nothing is left of the box."""
    x0, x1 = (min(max(float(x), 0.0), float(photo.width)) for x in (box[0], box[2]))
    y0, y1 = (min(max(float(y), 0.0), float(photo.height)) for y in (box[1], box[3]))
    if not (x1 - x0 >= _LEAST_BOX and y1 - y0 >= _LEAST_BOX):
        return None
    share = float(setting(session, "double_share", _DEFAULTS["double_share"]))
    person = Person(
        photo_id=photo.id, x0=x0, y0=y0, x1=x1, y1=y1, source=source, copies=1, instance=instance,
        entry=entry or {}, created=now(),
    )  # fmt: skip
    session.add(person)
    session.flush()
    person.copies = 2 if random.Random(f"double {person.id}").random() < share else 1
    return person


def _find_photo(annotations: Path, name: str) -> Path:
    for folder in (annotations.parent / "images", annotations.parent):
        path = folder / name
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            return path
    raise InputError(f"{name}: expected this photo beside {annotations.name} or in images/, got no such file")


def _read_bytes(path: Path) -> bytes:
    if path.is_file() and path.stat().st_size > 10 * MAX_UPLOAD:
        raise InputError(f"{path}: expected a photo of at most {10 * MAX_UPLOAD >> 20} MB, got a larger file")
    if not path.exists():
        raise InputError(f"{path}: expected a photo or a folder of photos, got no such file")
    if path.is_dir():
        raise InputError(f"{path}: expected photos in it, got a folder without any")
    return path.read_bytes()
