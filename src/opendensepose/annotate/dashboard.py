"""The numbers of the dashboard."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from sqlalchemy import select

from opendensepose.annotate import quality
from opendensepose.annotate.project import Project
from opendensepose.annotate.state import State, fold
from opendensepose.annotate.store import Assignment, Event, Person, User, Withdrawal
from opendensepose.annotate.work import summaries

_BIN = 20  # points: the error over time is averaged over so many


def dashboard(project: Project) -> dict[str, Any]:
    """Progress, time per stage and point, error per part and annotator, agreement."""
    with project.store.read() as session:
        users = {u.id: u for u in session.scalars(select(User).order_by(User.id))}
        people = {p.id: p for p in session.scalars(select(Person))}
        gone = set(session.scalars(select(Withdrawal.person_id)))
        every = summaries(session)
        by_assignment: dict[int, list[Event]] = {}
        for event in session.scalars(select(Event).order_by(Event.id)):
            by_assignment.setdefault(event.assignment_id, []).append(event)
        owner = {a.id: a.user_id for a in session.scalars(select(Assignment))}
    states = {number: fold(events) for number, events in by_assignment.items()}
    gold, agreed = quality.gold_comparisons(project), quality.agreements(project)
    done = [s for s in every if s.stage in quality.DONE]
    wanted = {p.id: p.copies for p in people.values() if not p.gold and p.id not in gone}
    finished = Counter(s.person_id for s in done if s.person_id in wanted)
    return {
        "progress": {
            "wanted": sum(wanted.values()),
            "done": sum(min(n, wanted[p]) for p, n in finished.items()),
            "accepted": sum(s.stage == "accepted" for s in every),
            "waiting": sum(s.stage == "submitted" for s in every),
            "returned": sum(s.returned for s in every),
            "skipped": sum(s.stage == "skipped" for s in every),
            "people": len(wanted),
            "gold": sum(p.gold for p in people.values()),
        },
        "annotators": [
            _annotator(
                user, [states[n] for n, u in owner.items() if u == number and n in states], gold, agreed
            )
            for number, user in users.items()
            if any(u == number for u in owner.values())
        ],
        "parts": _parts(gold, agreed),
    }


def _annotator(
    user: User, states: list[State], gold: list[quality.Comparison], agreed: list[quality.Comparison]
) -> dict[str, Any]:
    """One row: how much, how fast, how well."""
    done = [s for s in states if s.stage in quality.DONE]
    own = [c for c in gold if c.user == user.id]
    errors = sorted((e for c in own for e in c.errors), key=lambda e: e.at)
    points = sum(len(s.placed) + len(s.left_out) for s in states)
    bins = [errors[k : k + _BIN] for k in range(0, len(errors), _BIN)]
    return {
        "name": user.name,
        "done": len(done),
        "points": sum(len(s.placed) for s in states),
        "left_out": sum(len(s.left_out) for s in states),
        "seconds_parts": _median([s.seconds[1] for s in done]),
        "seconds_points": _median([s.seconds[2] for s in done]),
        "seconds_point": sum(s.seconds[2] for s in states) / points if points else None,
        "gold_people": len(own),
        "error": quality.centimetres(e.distance for e in errors),
        "error_parts": {
            part: quality.centimetres(e.distance for e in errors if e.part == part) for part in range(1, 15)
        },
        "error_time": [[b[0].at, quality.centimetres(e.distance for e in b)["mean"]] for b in bins],
        "outside": sum(c.outside for c in own),
        "overlap": _mean([v for c in own for v in c.overlap.values()]),
        "agreement": quality.centimetres(e.distance for c in agreed if c.user == user.id for e in c.errors),
    }


def _parts(gold: list[quality.Comparison], agreed: list[quality.Comparison]) -> list[dict[str, Any]]:
    """One row per part, over all annotators."""
    return [
        {
            "part": part,
            "error": quality.centimetres(e.distance for c in gold for e in c.errors if e.part == part),
            "overlap": _mean([c.overlap[part] for c in gold if part in c.overlap]),
            "agreement": quality.centimetres(e.distance for c in agreed for e in c.errors if e.part == part),
            "agreement_overlap": _mean([c.overlap[part] for c in agreed if part in c.overlap]),
        }
        for part in range(1, 15)
    ]


def _median(values: list[float]) -> float | None:
    return float(np.median(values)) if values else None


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
