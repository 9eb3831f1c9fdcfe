"""Annotations out: DensePose-COCO JSON, and the photos beside it where a folder is asked for."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from opendensepose import __version__
from opendensepose.annotate.project import Project
from opendensepose.annotate.regions import paint
from opendensepose.annotate.state import State, fold
from opendensepose.annotate.store import Assignment, Person, Photo
from opendensepose.annotate.work import events_of
from opendensepose.core.types import SurfacePoints
from opendensepose.data import coco
from opendensepose.data.rle import encode_mask
from opendensepose.data.sample import RLE
from opendensepose.io.files import atomic

DONE = ("submitted", "accepted")


def export(project: Project, out: Path, *, only_accepted: bool = False) -> dict[str, Any]:
    """Write what is handed in (or accepted) to a JSON file, or to a folder: annotations.json and images/.

    Of people whom two annotators did, the accepted annotation is taken, else the first one. Gold people are
    left out. Returns how many photos, people and points were written.
    """
    samples, files = collect(project, ("accepted",) if only_accepted else DONE)
    target = out if out.suffix.lower() == ".json" else out / "annotations.json"
    if target != out:
        for name, file in files.items():
            with atomic(out / "images" / name) as beside:
                shutil.copyfile(file, beside)
    info = {"description": "annotated with opendensepose", "odp_version": __version__, "odp_atlas": "odp24"}
    coco.write_annotations(target, samples, head={"info": info})
    people = [person for sample in samples for person in sample.people]
    points = sum(len(person.points.chart) for person in people if person.points is not None)
    return {"file": str(target), "photos": len(samples), "people": len(people), "points": points}


def collect(project: Project, stages: tuple[str, ...]) -> tuple[list[coco.Sample], dict[str, Path]]:
    """Photos with annotated people in one of `stages`, and where their files lie, by name."""
    samples, files = [], {}
    with project.store.read() as session:
        people = session.scalars(select(Person).where(Person.source != "gold").order_by(Person.id))
        by_photo: dict[int, list[coco.Person]] = {}
        photos = {photo.id: photo for photo in session.scalars(select(Photo).order_by(Photo.id))}
        for person in people:
            found = _best(session, person, stages)
            if found is not None:
                assignment, state = found
                entry = as_person(person, state, photos[person.photo_id], assignment.user_id)
                by_photo.setdefault(person.photo_id, []).append(entry)
    for number, entries in sorted(by_photo.items()):
        photo = photos[number]
        extra = dict(photo.extra)
        image_id = int(extra.pop("id", 1_000_000_000 + photo.id))  # imported photos keep theirs
        samples.append(coco.Sample(image_id, photo.name, (photo.height, photo.width), tuple(entries), extra))
        files[photo.name] = project.path(photo)
    return samples, files


def _best(session: Session, person: Person, stages: tuple[str, ...]) -> tuple[Assignment, State] | None:
    """The annotation of a person to use."""
    found = []
    query = select(Assignment).where(Assignment.person_id == person.id).order_by(Assignment.id)
    for assignment in session.scalars(query):
        state = fold(events_of(session, assignment.id))
        if state.stage in stages:
            found.append((assignment, state))
    return min(found, key=lambda pair: pair[1].stage, default=None)  # "accepted" before "submitted"


def as_person(person: Person, state: State, photo: Photo, user: int) -> coco.Person:
    """One annotation in the form of `data.coco`."""
    labels = paint(state.shapes, person.box)
    known = person.entry
    extra = dict(known.get("extra") or {})
    extra |= {
        "odp_annotator": user,
        "odp_assisted": state.assisted,
        "odp_unsure": sorted(part for part, status in state.status.items() if status == "unsure"),
        "odp_seconds": [round(state.seconds[stage], 1) for stage in (1, 2)],
    }
    keypoints = known.get("keypoints")
    whole = _in_picture(labels > 0, person, photo)
    return coco.Person(
        id=int(known.get("id", 1_000_000_000 + person.id)),
        box=np.array(person.box),
        segmentation=encode_mask(whole),
        keypoints=None if keypoints is None else np.array(keypoints, np.float32).reshape(-1, 3),
        parts=_grid(labels),
        points=_points(state),
        area=float(whole.sum()),
        track_id=known.get("track_id"),
        extra=extra,
    )


def _grid(labels: NDArray[np.uint8]) -> tuple[RLE | None, ...]:
    """The 14 masks over the box from its raster."""
    height, width = labels.shape
    return coco.encode_parts(labels, np.array([0, 0, width, height], np.float64))


def _in_picture(mask: NDArray[np.bool_], person: Person, photo: Photo) -> NDArray[np.uint8]:
    """A mask of the box's raster [h, w] as one of the photo [H, W]: what its pixel centres show."""
    whole = np.zeros((photo.height, photo.width), np.uint8)
    x0, y0, x1, y1 = person.box
    column, row = (np.arange(int(a), int(np.ceil(b))) for a, b in ((x0, x1), (y0, y1)))
    height, width = mask.shape
    x = np.clip((column + 0.5 - x0) / (x1 - x0) * width, 0, width - 1).astype(np.float32)
    y = np.clip((row + 0.5 - y0) / (y1 - y0) * height, 0, height - 1).astype(np.float32)
    whole[row[0] : row[-1] + 1, column[0] : column[-1] + 1] = mask[np.ix_(y.astype(int), x.astype(int))]
    return whole


def _points(state: State) -> SurfacePoints:
    placed = [(p, state.placed[p["number"]]) for p in state.points if p["number"] in state.placed]
    return SurfacePoints(
        np.array([[p["x"], p["y"]] for p, _ in placed], np.float32).reshape(-1, 2),
        np.array([s["chart"] for _, s in placed], np.uint8),
        np.array([[s["u"], s["v"]] for _, s in placed], np.float32).reshape(-1, 2),
    )
