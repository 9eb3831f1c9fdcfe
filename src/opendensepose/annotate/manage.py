"""The part of the interface for reviewers and admins: review, dashboard, photos and boxes, users, export."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import cv2
from fastapi import APIRouter, Body, HTTPException, Query, Response
from sqlalchemy import func, select

from opendensepose.annotate import work
from opendensepose.annotate.access import add_token, add_user
from opendensepose.annotate.dashboard import dashboard
from opendensepose.annotate.export import export
from opendensepose.annotate.inputs import Admin, Id, Loaded, RawBody, Reviewer, Use
from opendensepose.annotate.project import add_person
from opendensepose.annotate.store import GOLD, Person, Photo, User, Withdrawal, now
from opendensepose.io.files import InputError
from opendensepose.io.image import read_image

api = APIRouter(prefix="/api")
PREVIEW = 1280  # pixels of the longer side
PAGE = 24  # photos
_Number = Annotated[float, Body(ge=-1e5, le=1e5, allow_inf_nan=False)]


@api.get("/review")
def review(use: Use, user: Reviewer) -> dict[str, Any]:
    """What is handed in or reviewed, the oldest first."""
    with use.project.store.read() as session:
        names = {u.id: u.name for u in session.scalars(select(User))}
        found = [s for s in work.summaries(session) if s.stage in ("submitted", "accepted") or s.returned]
    return {"assignments": [vars(s) | {"annotator": names[s.user_id]} for s in found]}


@api.get("/dashboard")
def numbers(use: Use, user: Reviewer) -> dict[str, Any]:
    """Progress, times, errors."""
    return dashboard(use.project)


@api.get("/users")
def users(use: Use, user: Admin) -> dict[str, Any]:
    """Everybody of the project."""
    with use.project.store.read() as session:
        rows = session.scalars(select(User).order_by(User.id))
        return {"users": [{"id": u.id, "name": u.name, "role": u.role} for u in rows]}


@api.post("/users")
def make_user(
    use: Use,
    user: Admin,
    name: Annotated[str, Body(max_length=64)],
    role: Annotated[str, Body(max_length=16)],
) -> dict[str, Any]:
    """Add a user; their token is shown this once."""
    try:
        made = add_user(use.project.store, name, role)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    return {"id": made.id, "token": add_token(use.project.store, made)}


@api.post("/users/{number}/tokens")
def make_token(use: Use, user: Admin, number: Id) -> dict[str, Any]:
    """One more token for a user."""
    with use.project.store.read() as session:
        found = session.get(User, number)
    if found is None:
        raise HTTPException(404, "no such user")
    return {"token": add_token(use.project.store, found)}


@api.get("/photos")
def photos(use: Use, user: Admin, page: Annotated[int, Query(ge=0, le=100_000)] = 0) -> dict[str, Any]:
    """Photos with their boxes, some at a time."""
    with use.project.store.read() as session:
        own = ~Photo.name.startswith(GOLD)
        rows = session.scalars(
            select(Photo).where(own).order_by(Photo.id).offset(page * PAGE).limit(PAGE)
        ).all()
        gone = set(session.scalars(select(Withdrawal.person_id)))
        people = session.scalars(select(Person).where(Person.photo_id.in_([p.id for p in rows]))).all()
        total = session.scalar(select(func.count(Photo.id)).where(own))
    boxes: dict[int, list[dict[str, Any]]] = {p.id: [] for p in rows}
    for person in people:
        if person.id not in gone:
            boxes[person.photo_id].append({"id": person.id, "box": person.box})
    listed = [
        {"id": p.id, "name": p.name, "width": p.width, "height": p.height, "people": boxes[p.id]}
        for p in rows
    ]
    return {"photos": listed, "total": total, "page": page, "size": PAGE}


@api.post("/photos")
def upload(
    use: Use, user: Admin, content: RawBody, name: Annotated[str, Query(max_length=1000)]
) -> dict[str, Any]:
    """Add a photo, without people: draw them."""
    name = name.replace("\\", "/").split("/")[-1].strip()
    if not name or name.startswith(".") or not name.isprintable():
        raise HTTPException(422, "expected a file name")
    try:
        number, _ = use.project.add_photo(content, name[-200:], [], "drawn")
    except InputError as error:
        raise HTTPException(422, str(error)) from None
    return {"id": number}


@api.get("/photos/{number}/preview")
def preview(use: Use, user: Admin, number: Id) -> Response:
    """A photo, small."""
    photo = _photo(use, number)
    image = read_image(use.project.path(photo))
    scale = min(1.0, PREVIEW / max(image.shape[:2]))
    if scale < 1:
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    data = cv2.imencode(".jpg", image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes()
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})


def _photo(use: Loaded, number: int) -> Photo:
    with use.project.store.read() as session:
        found = session.get(Photo, number)
    if found is None:
        raise HTTPException(404, "no such photo")
    return found


@api.post("/photos/{number}/people")
def draw_person(
    use: Use,
    user: Admin,
    number: Id,
    box: Annotated[tuple[_Number, _Number, _Number, _Number], Body(embed=True)],
) -> dict[str, Any]:
    """Add a person by a box, xyxy in pixels of the photo."""
    photo = _photo(use, number)
    with use.project.store.write() as session:
        person = add_person(session, photo, box, "drawn")
        if person is None:
            raise HTTPException(422, "expected a box of at least 8 pixels in the photo")
    return {"id": person.id, "box": person.box}


@api.post("/people/{number}/withdraw")
def withdraw(use: Use, user: Admin, number: Id) -> dict[str, Any]:
    """Hand a person out no more; what is annotated stays."""
    with use.project.store.write() as session:
        if session.get(Person, number) is None:
            raise HTTPException(404, "no such person")
        if session.get(Withdrawal, number) is None:
            session.add(Withdrawal(person_id=number, user_id=user.id, created=now()))
    return {"ok": True}


@api.get("/export")
def download(use: Use, user: Admin, accepted: bool = False) -> Response:
    """The annotations as DensePose-COCO JSON."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "annotations.json"
        export(use.project, file, only_accepted=accepted)
        data = file.read_bytes()
    headers = {"Content-Disposition": 'attachment; filename="annotations.json"'}
    return Response(data, media_type="application/json", headers=headers)
