"""Handing people to annotators, and storing what they do."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from opendensepose.annotate.actions import REVIEW, Action
from opendensepose.annotate.regions import choose_points, paint
from opendensepose.annotate.state import DRAWING, PLACING, State, fold, step
from opendensepose.annotate.store import (
    Assignment,
    Event,
    Person,
    Setting,
    Store,
    User,
    Withdrawal,
    now,
    setting,
)
from opendensepose.annotate.views import WHOLE, ViewSet

_HOUR = 3600.0
UNDOABLE = (*DRAWING, *PLACING, "undo", "redo")
_OPEN_AT_ONCE = 3  # people that one annotator may have unfinished


class Refused(Exception):
    """An action that is not possible now; the text says why. `status` is the HTTP status."""

    def __init__(self, text: str, status: int = 409) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Summary:
    """An assignment in lists."""

    id: int
    person_id: int
    user_id: int
    stage: str
    returned: bool
    last: float  # Unix time of the last event


def events_of(session: Session, assignment: int, moves: bool = False) -> Sequence[Event]:
    """The events of an assignment, in order; with `moves` only those that move it on."""
    query = select(Event).where(Event.assignment_id == assignment).order_by(Event.id)
    return session.scalars(query.where(Event.kind.not_in(UNDOABLE)) if moves else query).all()


def summaries(session: Session, user: int | None = None) -> list[Summary]:
    """Where every assignment stands (of one user), oldest first."""
    query = select(Assignment).order_by(Assignment.id)
    # kinds alone: what events hold is much, and not needed here
    moves = select(Event.assignment_id, Event.kind).where(Event.kind.not_in(UNDOABLE)).order_by(Event.id)
    latest = select(Event.assignment_id, func.max(Event.at)).group_by(Event.assignment_id)
    if user is not None:
        mine = select(Assignment.id).where(Assignment.user_id == user)
        query = query.where(Assignment.user_id == user)
        moves = moves.where(Event.assignment_id.in_(mine))
        latest = latest.where(Event.assignment_id.in_(mine))
    stands: dict[int, tuple[str, bool]] = {}
    for assignment, kind in session.execute(moves):
        stands[assignment] = step(*stands.get(assignment, ("parts", False)), kind)
    last = {assignment: at for assignment, at in session.execute(latest)}  # noqa: C416
    return [
        Summary(
            row.id,
            row.person_id,
            row.user_id,
            *stands.get(row.id, ("parts", False)),
            last.get(row.id, row.created),
        )
        for row in session.scalars(query)
    ]


def next_assignment(store: Store, user: User) -> int | None:
    """The assignment to go on with: sent back, begun, or a new one; None when there is nothing to do."""
    with store.write() as session:
        # one at a time, or two annotators would get the same person (SQLite has one writer anyway)
        session.scalar(select(Setting).where(Setting.name == "schema").with_for_update())
        mine = summaries(session, user.id)
        waiting = [s for s in mine if s.stage in ("parts", "points")]
        waiting.sort(key=lambda s: (not s.returned, s.id))
        hours = float(setting(session, "hours", "4"))
        alive = [s for s in waiting if s.returned or s.last > now() - hours * _HOUR]
        if alive:
            return alive[0].id
        person = _choose(session, user, mine, hours)
        if person is None:
            return waiting[0].id if waiting else None  # expired, but nobody else is to have it either
        assignment = Assignment(person_id=person.id, user_id=user.id, created=now())
        session.add(assignment)
        session.flush()
        if start := person.entry.get("start"):
            session.add(_event(assignment.id, user.id, "start", f"start-{assignment.id:08d}", 0.0, start))
        return assignment.id


def _choose(session: Session, user: User, mine: list[Summary], hours: float) -> Person | None:
    """A person for this user: now and then a gold one, else the first that needs another annotator."""
    had = [s.person_id for s in mine]
    out = select(Withdrawal.person_id)
    free = select(Person).where(Person.id.not_in(had), Person.id.not_in(out)).order_by(Person.id)
    draw = random.Random(f"gold {user.id} {len(mine)}")
    if draw.random() < float(setting(session, "gold_share", "0.1")):
        gold = session.scalars(free.where(Person.source == "gold")).all()
        if gold:
            return draw.choice(gold)
    free = free.where(Person.source != "gold")
    taken: dict[int, int] = {}
    for s in summaries(session):
        done = s.stage in ("submitted", "accepted")
        alive = s.stage != "skipped" and (s.returned or s.last > now() - hours * _HOUR)
        taken[s.person_id] = taken.get(s.person_id, 0) + int(done or alive)
    fresh = session.scalar(free.where(Person.id.not_in(select(Assignment.person_id))).limit(1))
    begun = select(Person.id, Person.copies).where(Person.id.in_(select(Assignment.person_id)))
    wanting = {person for person, copies in session.execute(begun) if taken[person] < copies}
    wanting -= {*had, *session.scalars(out)}
    first = min(wanting, default=None)
    if first is not None and (fresh is None or first < fresh.id):
        return session.get(Person, first)
    return fresh


def record(
    store: Store, views: ViewSet, user: User, assignment_id: int, action: Action
) -> tuple[Event, bool]:
    """Store an action; the event, and whether it is new (the same key again changes nothing).

    Raises Refused where the user may not do it, or not now.
    """
    with store.read() as session:
        assignment = session.get(Assignment, assignment_id)
        if assignment is None:
            raise Refused("there is no such assignment", 404)
        own = assignment.user_id == user.id
        if action.kind in REVIEW:
            if user.role == "annotator":
                raise Refused("only reviewers may do this", 403)
        elif not own:
            raise Refused("this assignment is somebody else's", 404 if user.role == "annotator" else 403)
        if known := _known(session, assignment_id, action.key):
            return known, False
        # stage and points follow from few events; all are read only where the drawing or placing matters
        every = action.kind in ("parts_done", "submit")
        state = fold(events_of(session, assignment_id, moves=not every))
        data = _details(session, views, assignment, state, action)
    try:
        with store.write() as session:
            event = _event(assignment_id, user.id, action.kind, action.key, action.seconds, data)
            session.add(event)
        return event, True
    except IntegrityError:  # the same action came twice at once
        with store.read() as session:
            known = _known(session, assignment_id, action.key)
        if known is None:
            raise
        return known, False


def start(store: Store, user: User, assignment_id: int, shapes: list[dict[str, Any]]) -> None:
    """Store the model's outlines as the beginning of an assignment in which nothing is drawn yet."""
    with store.write() as session:
        assignment = session.get(Assignment, assignment_id)
        if assignment is None or assignment.user_id != user.id:
            raise Refused("this assignment is somebody else's", 403)
        state = fold(events_of(session, assignment_id))
        if state.stage != "parts" or state.shapes:
            raise Refused("outlines are proposed only where nothing is drawn yet")
        if not shapes:
            raise Refused("the model sees no body parts here", 422)
        keyed = {f"assisted-{number:03d}": shape for number, shape in enumerate(shapes)}
        key = f"assist-{uuid.uuid4().hex}"
        data = {"shapes": keyed, "assisted": True}
        session.add(_event(assignment_id, user.id, "start", key, 0.0, data))


def _known(session: Session, assignment: int, key: str) -> Event | None:
    return session.scalar(select(Event).where(Event.assignment_id == assignment, Event.key == key))


def _event(assignment: int, user: int, kind: str, key: str, seconds: float, data: dict[str, Any]) -> Event:
    return Event(
        assignment_id=assignment, user_id=user, key=key, kind=kind, at=now(), seconds=seconds, data=data
    )


def _details(
    session: Session, views: ViewSet, assignment: Assignment, state: State, action: Action
) -> dict[str, Any]:
    """What is stored with the action; Refused where it does not fit the state."""
    data = action.model_dump(exclude={"kind", "key", "seconds"})
    kind = action.kind
    if kind in REVIEW:
        if state.stage != "submitted":
            raise Refused(f"only a person that is handed in can be reviewed; this one is {state.stage}")
    elif not state.open:
        raise Refused(f"this person is {state.stage}")
    if kind in PLACING and state.stage != "points":
        raise Refused("points are placed after the parts are drawn")
    if kind == "place":
        return data | _surface(views, state, data)
    if kind == "cannot":
        _point(state, data["point"])
    if kind == "parts_done":
        return {"points": _points(session, assignment, state)}
    if kind == "submit" and (state.stage != "points" or state.todo):
        raise Refused(f"{len(state.todo)} points are neither placed nor left out")
    return data


def _point(state: State, number: int) -> dict[str, Any]:
    for point in state.points:
        if point["number"] == number:
            return point
    raise Refused(f"there is no point {number}", 404)


def _surface(views: ViewSet, state: State, click: dict[str, Any]) -> dict[str, Any]:
    """Part, face, barycentrics, chart, u and v of a click."""
    part = _point(state, click["point"])["part"]
    found = views.locate(part, click["view"], click["x"], click["y"])
    if found is None:
        raise Refused("there is nothing of this part at that place of the view", 422)
    face, bary = found
    chart, uv = views.atlas.from_face([face], bary[None])
    return {
        "part": part,
        "face": face,
        "bary": [round(float(b), 6) for b in bary],
        "chart": int(chart[0]),
        "u": round(float(uv[0, 0]), 6),
        "v": round(float(uv[0, 1]), 6),
    }


def _points(session: Session, assignment: Assignment, state: State) -> list[dict[str, Any]]:
    """Points for stage 2; those of another annotator of the same person where possible, to be compared."""
    person = session.get_one(Person, assignment.person_id)
    labels = paint(state.shapes, person.box)
    if not labels.any():
        raise Refused("no part is drawn yet", 422)
    kept = state.points or _points_of_others(session, assignment)
    return choose_points(labels, person.box, seed=assignment.person_id, kept=kept)


def _points_of_others(session: Session, assignment: Assignment) -> list[dict[str, Any]]:
    others = (
        select(Event)
        .join(Assignment, Event.assignment_id == Assignment.id)
        .where(Assignment.person_id == assignment.person_id, Assignment.id != assignment.id)
        .where(Event.kind == "parts_done")
        .order_by(Event.id)
    )
    event = session.scalars(others).first()
    return event.data["points"] if event else []


def places(views: ViewSet, state: State, number: int) -> dict[str, Any] | None:
    """Where a placed point shows: in the six views of its part, and on the turntable; None if not placed."""
    placed = state.placed.get(number)
    if placed is None:
        return None
    return surface_places(views, _point(state, number)["part"], placed["face"], placed["bary"])


def surface_places(views: ViewSet, part: int, face: int, bary: list[float]) -> dict[str, Any]:
    """Where a point of the surface shows: in the six views of a part, and on the turntable."""
    return {"views": views.places(part, face, bary), "turntable": views.places(WHOLE, face, bary)}
