"""What an assignment looks like now, from its events in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from opendensepose.annotate.store import Event

DRAWING = ("shape", "reshape", "remove", "status")  # what undo takes back in stage 1
PLACING = ("place", "cannot")  # and in stage 2
STAGES = ("parts", "points", "submitted", "accepted", "returned", "skipped")
_AFTER = {
    "parts_done": "points",
    "parts_reopen": "parts",
    "submit": "submitted",
    "accept": "accepted",
    "skip": "skipped",
}


@dataclass
class State:
    """Stage, drawing and points of one assignment."""

    stage: str = "parts"
    returned: bool = False  # sent back by a reviewer, and not handed in again yet
    note: str = ""  # the reviewer's last, or why it was skipped
    shapes: dict[str, dict[str, Any]] = field(default_factory=dict)  # by key, in drawing order
    status: dict[int, str] = field(default_factory=dict)  # part -> visible, hidden, unsure
    points: list[dict[str, Any]] = field(default_factory=list)  # number, part, x, y: to be placed
    placed: dict[int, dict[str, Any]] = field(
        default_factory=dict
    )  # by number: face, bary, chart, u, v, view
    left_out: set[int] = field(default_factory=set)  # numbers of points that nobody could tell
    assisted: bool = False  # began with the model's outlines
    seconds: dict[int, float] = field(default_factory=lambda: {1: 0.0, 2: 0.0})  # by stage
    undoable: dict[int, tuple[int, int]] = field(default_factory=dict)  # stage -> how many to undo, to redo

    @property
    def open(self) -> bool:
        """Whether the annotator may still work on it."""
        return self.stage in ("parts", "points")

    @property
    def todo(self) -> list[int]:
        """Numbers of the points that are neither placed nor left out."""
        return [
            p["number"]
            for p in self.points
            if p["number"] not in self.placed and p["number"] not in self.left_out
        ]

    def to_json(self) -> dict[str, Any]:
        """For the pages."""
        return {
            "stage": self.stage,
            "returned": self.returned,
            "note": self.note,
            "shapes": [{"key": key, **shape} for key, shape in self.shapes.items()],
            "status": self.status,
            "points": self.points,
            "placed": self.placed,
            "left_out": sorted(self.left_out),
            "assisted": self.assisted,
            "seconds": self.seconds,
            "undoable": self.undoable,
        }


def fold(events: Iterable[Event]) -> State:
    """The state after `events`, in the order in which they were stored."""
    state = State()
    done: dict[int, list[Event]] = {1: [], 2: []}
    undone: dict[int, list[Event]] = {1: [], 2: []}
    for event in events:
        stage = _stage_of(event, state)
        if event.kind not in ("accept", "return"):
            state.seconds[stage] += event.seconds
        if event.kind in DRAWING + PLACING:
            done[stage].append(event)
            undone[stage].clear()
        elif event.kind == "undo" and done[stage]:
            undone[stage].append(done[stage].pop())
        elif event.kind == "redo" and undone[stage]:
            done[stage].append(undone[stage].pop())
        else:
            _move_on(state, event)
    for event in done[1]:
        _draw(state, event)
    for event in done[2]:
        _place(state, event)
    numbers = {point["number"] for point in state.points}
    state.placed = {n: p for n, p in state.placed.items() if n in numbers}
    state.left_out &= numbers
    state.undoable = {stage: (len(done[stage]), len(undone[stage])) for stage in (1, 2)}
    return state


def _stage_of(event: Event, state: State) -> int:
    if event.kind in ("undo", "redo"):
        return int(event.data["stage"])
    if event.kind in PLACING:
        return 2
    return 2 if state.stage == "points" and event.kind not in DRAWING else 1


def step(stage: str, returned: bool, kind: str) -> tuple[str, bool]:
    """Stage, and whether it is sent back, after an event of a kind."""
    if kind == "return":
        return "points", True
    return _AFTER.get(kind, stage), returned and kind != "submit"


def _move_on(state: State, event: Event) -> None:
    """Everything that undo does not take back."""
    state.stage, state.returned = step(state.stage, state.returned, event.kind)
    if event.kind == "return":
        state.note = event.data.get("note", "")
    elif event.kind == "start":  # what an imported file says
        state.shapes |= event.data.get("shapes", {})
        state.assisted |= bool(event.data.get("assisted"))
        state.points = event.data.get("points", state.points)
        state.placed |= {int(n): p for n, p in event.data.get("placed", {}).items()}
    elif event.kind in _AFTER:
        state.note = event.data.get("note", "") or state.note
        if event.kind == "parts_done":
            state.points = event.data["points"]


def _draw(state: State, event: Event) -> None:
    data = event.data
    if event.kind == "shape":
        shape = {name: data[name] for name in ("part", "tool", "points", "width")}
        state.shapes[event.key] = shape
    elif event.kind == "reshape" and data["shape"] in state.shapes:
        state.shapes[data["shape"]] = {**state.shapes[data["shape"]], "points": data["points"]}
    elif event.kind == "remove":
        state.shapes.pop(data["shape"], None)
    elif event.kind == "status":
        state.status[data["part"]] = data["status"]


def _place(state: State, event: Event) -> None:
    number = event.data["point"]
    state.placed.pop(number, None)
    state.left_out.discard(number)
    if event.kind == "cannot":
        state.left_out.add(number)
    else:
        state.placed[number] = {k: v for k, v in event.data.items() if k != "point"}
