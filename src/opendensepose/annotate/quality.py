"""How well people annotate: against the truth of gold people, and against each other.

Errors are distances along the surface of the mean body in its rest pose, as the publication measured them.
P points.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from opendensepose.annotate.gold import truth
from opendensepose.annotate.project import Project
from opendensepose.annotate.regions import Box, paint, raster_scale
from opendensepose.annotate.state import State, fold
from opendensepose.annotate.store import Assignment, Person, Photo
from opendensepose.annotate.work import events_of
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.geodesic_atlas import sampled_atlas
from opendensepose.surface.parts import FINE_TO_COARSE
from opendensepose.surface.sampled import SampledSurface

DONE = ("submitted", "accepted")
_MEASURING = Lock()
_SLIVER = 0.002  # of a box: regions smaller than that are not compared
_NEAR = 0.05  # metres: nearer than this along the mesh, the straight line is the better measure


@dataclass(frozen=True)
class Error:
    """One compared point."""

    user: int
    part: int  # 1..14
    at: float  # Unix time at which it was placed
    distance: float  # metres


@dataclass(frozen=True)
class Comparison:
    """An annotation against the truth, or against another annotator's."""

    assignment: int
    user: int
    errors: tuple[Error, ...]
    outside: int  # points that lie on no part of the person in truth
    overlap: dict[int, float]  # part -> intersection over union of the two regions


def measured_surface() -> SampledSurface:
    """The table of distances; computed by one thread while the others wait."""
    with _MEASURING:
        return sampled_atlas()


def surface_distance(
    face_a: NDArray[Any],  # [P]
    bary_a: NDArray[Any],  # [P, 3]
    face_b: NDArray[Any],
    bary_b: NDArray[Any],
) -> NDArray[np.float64]:
    """Distances [P] in metres along the mean body's surface, rest pose.

    Read off the table between samples of the surface, corrected by how far the points lie from their samples.
    The first call ever computes the table (some 30 s).
    """
    atlas, surface = Atlas.load(), measured_surface()
    sample, place = [], []
    for face, bary in ((face_a, bary_a), (face_b, bary_b)):
        sample.append(surface.vertex[surface.closest(*atlas.from_face(face, bary))])
        corners = atlas.vertices[atlas.triangles[face]].astype(np.float64)
        place.append(np.einsum("pk,pkd->pd", np.asarray(bary), corners))
    straight = np.linalg.norm(place[0] - place[1], axis=1)
    of_samples = np.linalg.norm(surface.vertices[sample[0]] - surface.vertices[sample[1]], axis=1)
    along = surface.distance(sample[0], sample[1]).astype(np.float64)
    return np.where(along < _NEAR, straight, np.maximum(along + straight - of_samples, straight))


@lru_cache(maxsize=1024)
def _judge(project: Project, assignment: int, last: int) -> Comparison:
    """A gold annotation against the truth. `last`, its last event's number, makes the cache forget."""
    with project.store.read() as session:
        row = session.get_one(Assignment, assignment)
        person = session.get_one(Person, row.person_id)
        photo = session.get_one(Photo, person.photo_id)
        events = events_of(session, assignment)
    state = fold(events)
    times = {e.data["point"]: e.at for e in events if e.kind == "place"}
    chart, uv = truth(project, photo, person)
    at = np.array([[p["x"], p["y"]] for p in state.points if p["number"] in state.placed]).reshape(-1, 2)
    placed = [p for p in state.points if p["number"] in state.placed]
    column, line = np.clip(at.astype(int), 0, np.array(chart.shape[::-1]) - 1).T
    known = chart[line, column] > 0
    face, bary, _ = Atlas.load().to_face(chart[line, column][known], uv[:, line, column].T[known])
    kept = [p for p, k in zip(placed, known, strict=True) if k]
    gaps = _gaps(state, [p["number"] for p in kept], face, bary)
    errors = tuple(
        Error(row.user_id, p["part"], times.get(p["number"], row.created), gap)
        for p, gap in zip(kept, gaps, strict=True)
    )
    drawn = paint(state.shapes, person.box)
    real = _raster(FINE_TO_COARSE[chart], person.box)
    return Comparison(assignment, row.user_id, errors, int((~known).sum()), overlap(drawn, real))


def _gaps(state: State, numbers: list[int], face: NDArray[Any], bary: NDArray[Any]) -> list[float]:
    """Metres between placed points and surface points."""
    if not numbers:
        return []
    placed = [state.placed[n] for n in numbers]
    mine = np.array([p["face"] for p in placed]), np.array([p["bary"] for p in placed])
    return [float(d) for d in surface_distance(*mine, face, bary)]


def _raster(labels: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Labels of a picture [H, W], read at the pixels of a box's raster."""
    (height, width), scale = raster_scale(box)
    columns = np.clip((np.arange(width) + 0.5) / scale[0] + box[0], 0, labels.shape[1] - 1).astype(int)
    rows = np.clip((np.arange(height) + 0.5) / scale[1] + box[1], 0, labels.shape[0] - 1).astype(int)
    return labels[rows[:, None], columns]


def overlap(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> dict[int, float]:
    """Intersection over union of each part that either has more than a sliver of."""
    both = np.bincount(a.ravel() * 16 + b.ravel(), minlength=256).reshape(16, 16)
    union = both.sum(0) + both.sum(1) - both.diagonal()
    least = _SLIVER * a.size
    return {part: float(both[part, part] / union[part]) for part in range(1, 15) if union[part] > least}


def gold_comparisons(project: Project) -> list[Comparison]:
    """Every finished annotation of a gold person against the truth."""
    return [_judge(project, a, last) for a, last, _ in _finished(project, gold=True)]


def agreements(project: Project) -> list[Comparison]:
    """Every pair of finished annotations of one person: the second against the first."""
    by_person: dict[int, list[tuple[int, int]]] = {}
    for assignment, last, person in _finished(project, gold=False):
        by_person.setdefault(person, []).append((assignment, last))
    pairs = [pair for group in by_person.values() for pair in combinations(group, 2)]
    return [_compare(project, *first, *second) for first, second in pairs]


@lru_cache(maxsize=1024)
def _compare(project: Project, first: int, last_first: int, second: int, last_second: int) -> Comparison:
    with project.store.read() as session:
        row = session.get_one(Assignment, second)
        person = session.get_one(Person, row.person_id)
        one, two = fold(events_of(session, first)), fold(events_of(session, second))
    where = {p["number"]: (p["part"], p["x"], p["y"]) for p in one.points}
    shared = [
        p
        for p in two.points
        if where.get(p["number"]) == (p["part"], p["x"], p["y"])
        and p["number"] in one.placed
        and p["number"] in two.placed
    ]
    theirs = [one.placed[p["number"]] for p in shared]
    face, bary = np.array([p["face"] for p in theirs], int), np.array([p["bary"] for p in theirs])
    gaps = _gaps(two, [p["number"] for p in shared], face, bary)
    errors = tuple(
        Error(row.user_id, p["part"], row.created, gap) for p, gap in zip(shared, gaps, strict=True)
    )
    both = paint(one.shapes, person.box), paint(two.shapes, person.box)
    return Comparison(second, row.user_id, errors, 0, overlap(*both))


def _finished(project: Project, gold: bool) -> list[tuple[int, int, int]]:
    """Assignment, number of its last event and person of what is handed in."""
    found = []
    with project.store.read() as session:
        query = select(Assignment, Person).join(Person, Assignment.person_id == Person.id)
        for assignment, person in session.execute(query.order_by(Assignment.id)):
            if person.gold != gold or (not gold and person.copies < 2):
                continue
            events = events_of(session, assignment.id)
            if events and fold(events).stage in DONE:
                found.append((assignment.id, events[-1].id, person.id))
    return found


def centimetres(distances: Iterable[float]) -> dict[str, Any]:
    """Count, mean and median in cm, for the dashboard."""
    values = np.array(list(distances)) * 100
    if not len(values):
        return {"count": 0, "mean": None, "median": None}
    mean, median = float(values.mean()), float(np.median(values))
    return {"count": len(values), "mean": round(mean, 2), "median": round(median, 2)}
