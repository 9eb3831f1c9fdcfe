"""The part of the interface for reviewers and admins: review, photos and boxes, users, export."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from opendensepose.annotate.access import at_least
from opendensepose.annotate.store import User

api = APIRouter(prefix="/api")
Admin = Annotated[User, Depends(at_least("admin"))]
