"""What an annotator or reviewer can do, as the server accepts it: checked types, ranges and lengths."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Coordinate = Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)]
Place = tuple[Coordinate, Coordinate]  # pixels of the picture
Places = Annotated[list[Place], Field(min_length=1, max_length=5000)]
Part = Annotated[int, Field(ge=1, le=14)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,40}$")]
Note = Annotated[str, Field(max_length=2000)]
PointNumber = Annotated[int, Field(ge=0, le=10_000)]


class _Action(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    key: Key  # a new one per action; sending it again changes nothing
    seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False, strict=False)] = 0.0


class Shape(_Action):
    """A polygon or brush stroke of a part; part 0 erases."""

    kind: Literal["shape"]
    part: Annotated[int, Field(ge=0, le=14)]
    tool: Literal["polygon", "brush"]
    points: Places
    width: Annotated[float, Field(gt=0, le=5000, allow_inf_nan=False)] = 1.0  # of the brush


class Reshape(_Action):
    """Other vertices for a shape."""

    kind: Literal["reshape"]
    shape: Key
    points: Places


class Remove(_Action):
    """Take a shape away."""

    kind: Literal["remove"]
    shape: Key


class Status(_Action):
    """How sure one is of a part."""

    kind: Literal["status"]
    part: Part
    status: Literal["visible", "hidden", "unsure"]


class Undo(_Action):
    """Take back the last action of a stage, or do it again."""

    kind: Literal["undo", "redo"]
    stage: Literal[1, 2]


class Put(_Action):
    """A click in a view of a part's surface: where a point of the photo lies on the body."""

    kind: Literal["place"]
    point: PointNumber
    view: Annotated[int, Field(ge=0, le=5)]
    x: Coordinate  # pixels of the view
    y: Coordinate


class Leave(_Action):
    """Leave a point out ("cannot tell")."""

    kind: Literal["cannot"]
    point: PointNumber


class Step(_Action):
    """Go to the next stage, back to the first, or hand the person in."""

    kind: Literal["parts_done", "parts_reopen", "submit"]


class Verdict(_Action):
    """Skip a person; accept one, or send it back."""

    kind: Literal["skip", "accept", "return"]
    note: Note = ""


Action = Shape | Reshape | Remove | Status | Undo | Put | Leave | Step | Verdict
AnyAction: TypeAdapter[Action] = TypeAdapter(Annotated[Action, Field(discriminator="kind")])
REVIEW = ("accept", "return")  # kinds that only reviewers may do
