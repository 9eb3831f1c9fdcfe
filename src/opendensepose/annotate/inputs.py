"""What the functions of the interface take: checked numbers, the body, the user, and what is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi import Path as InPath

from opendensepose.annotate.access import at_least, signed_in
from opendensepose.annotate.project import Project
from opendensepose.annotate.store import User
from opendensepose.annotate.views import ViewSet


@dataclass(frozen=True)
class Loaded:
    """What requests need."""

    project: Project
    views: ViewSet
    pictures: Path  # folder with the views' strips


def _loaded(request: Request) -> Loaded:
    found: Loaded = request.app.state.loaded
    return found


async def _raw(request: Request) -> bytes:
    return await request.body()


Id = Annotated[int, InPath(ge=1, le=2**31 - 1)]  # what every database takes for a number
Small = Annotated[int, InPath(ge=0, le=10_000)]
RawBody = Annotated[bytes, Depends(_raw)]
Use = Annotated[Loaded, Depends(_loaded)]
Anybody = Annotated[User, Depends(signed_in)]
Reviewer = Annotated[User, Depends(at_least("reviewer"))]
Admin = Annotated[User, Depends(at_least("admin"))]
