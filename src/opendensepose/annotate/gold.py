"""Gold people: dressed synthetic ones whose truth is known at every pixel, mixed in unannounced."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from opendensepose.annotate.project import Project, add_person
from opendensepose.annotate.store import GOLD, Person, Photo
from opendensepose.data.dense import read_dense, write_dense

SIZE = (480, 640)  # H, W of the pictures
_LEAST_HEIGHT = 220  # pixels: smaller people are hard to annotate
_LEAST_VISIBLE = 0.75  # share that nothing hides
_TRIES = 12  # pictures per person wanted, at most
_QUALITY = 92


def add_gold(project: Project, count: int, tell: Callable[[str], object], seed: int | None = None) -> int:
    """Add gold people until the project has `count`; how many it has then.

    `seed` is secret by default, so that nobody can know the pictures.
    """
    from opendensepose.surface.geodesic_atlas import sampled_atlas
    from opendensepose.synth.sample import make_sample

    seed = secrets.randbelow(2**31) if seed is None else seed
    for index in range(_TRIES * count):
        with project.store.read() as session:
            have = int(session.scalar(select(func.count(Person.id)).where(Person.source == "gold")) or 0)
        if have >= count:
            tell("measuring the body (once)")
            sampled_atlas()
            return have
        sample = make_sample(index, seed, None, SIZE, split="test")
        fit = [
            person
            for person in sample.people
            if person.visible >= _LEAST_VISIBLE and person.box[3] - person.box[1] >= _LEAST_HEIGHT
        ]
        if fit:
            tell(f"gold person {have + 1} of {count}")
            _add(project, sample, max(fit, key=lambda p: p.box[3] - p.box[1]))
    raise RuntimeError(f"gold: expected {count} people of use, got fewer in {_TRIES * count} pictures")


def _add(project: Project, sample: object, person: object) -> None:
    """One picture with its truth, and one person of it."""
    from opendensepose.synth.sample import Sample, SyntheticPerson

    assert isinstance(sample, Sample) and isinstance(person, SyntheticPerson)
    options = (cv2.IMWRITE_JPEG_QUALITY, _QUALITY)
    content = cv2.imencode(".jpg", sample.image[..., ::-1], options)[1].tobytes()
    digest = hashlib.sha256(content).hexdigest()
    (project.folder / "gold").mkdir(exist_ok=True)
    write_dense(project.folder / "gold", digest[:32], sample.chart, sample.uv, sample.instance)
    photo = project.store_photo(content, f"{GOLD}{digest[:12]}.jpg", digest, SIZE)
    with project.store.write() as session:
        session.add(photo)
        session.flush()
        added = add_person(session, photo, person.box.tolist(), "gold", instance=person.instance)
        assert added is not None


def truth(project: Project, photo: Photo, person: Person) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Chart [H, W] (0 off the person) and U, V [2, H, W] of a gold person's picture."""
    chart, uv, instance = read_dense(project.folder / "gold", photo.digest[:32])
    return np.where(instance == person.instance, chart, 0).astype(np.uint8), uv
