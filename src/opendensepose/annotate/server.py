"""The web application: pages, sign-in, and the interface that the pages talk to."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Body, FastAPI, HTTPException, Query, Request, Response
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from pydantic import ValidationError

from opendensepose.annotate import manage, work
from opendensepose.annotate.access import COOKIE, Guard, csrf_token, find_user
from opendensepose.annotate.actions import AnyAction
from opendensepose.annotate.inputs import Anybody, Id, Loaded, RawBody, Small, Use
from opendensepose.annotate.project import MAX_UPLOAD, Project
from opendensepose.annotate.state import State, fold
from opendensepose.annotate.store import Assignment, Person, Photo, User
from opendensepose.annotate.tiles import TILE, Crop, tile_file
from opendensepose.annotate.views import SIZE, TURNTABLE_FRAMES, TURNTABLE_SIZE, ViewSet
from opendensepose.surface.parts import COARSE_NAMES, PART_COLOURS

STATIC = Path(__file__).parent / "static"
PAGES = ("index", "parts", "points", "review", "dashboard", "admin", "guide")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
}
UPLOADS = "/api/photos"
_PART_CHART = (0, 2, 3, 4, 5, 6, 9, 10, 13, 14, 15, 16, 19, 20, 23)  # whose colour a part has
api = APIRouter(prefix="/api")


def make_app(project: Project, views: ViewSet, pictures: Path, hosts: list[str] | None = None) -> Guard:
    """The ASGI application for a project; `hosts`: names under which it may be reached, ["*"] for any."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.project = project
    app.state.loaded = Loaded(project, views, pictures)
    app.include_router(api)
    app.include_router(manage.api)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(work.Refused, _refused)
    app.add_api_route("/", _index, methods=["GET"])
    app.add_api_route("/{page}.html", _page, methods=["GET"])
    app.add_api_route("/static/{name}", _static, methods=["GET"])
    return Guard(app, hosts or ["127.0.0.1", "localhost", "::1"], UPLOADS, MAX_UPLOAD)


def _invalid(_: Request, error: Exception) -> JSONResponse:
    """One line without what was sent: that may be of any size, and not even be text."""
    assert isinstance(error, (RequestValidationError, ValidationError))
    first = error.errors()[0]
    where = ".".join(str(part) for part in first.get("loc", ()) if str(part).isascii())[:80]
    return JSONResponse({"detail": f"{where}: {first['type']}"}, 422)


def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, work.Refused)
    return JSONResponse({"detail": str(error)}, error.status)


def _index() -> FileResponse:
    return _page("index")


def _page(page: str) -> FileResponse:
    if page not in PAGES:
        raise HTTPException(404, "no such page")
    return FileResponse(STATIC / f"{page}.html", media_type=TYPES[".html"], headers=_fresh())


@lru_cache
def _names() -> frozenset[str]:
    return frozenset(p.name for p in STATIC.iterdir() if p.suffix in TYPES)


def _static(name: str) -> FileResponse:
    if name not in _names():  # names that we ship, nothing else
        raise HTTPException(404, "no such file")
    return FileResponse(STATIC / name, media_type=TYPES[Path(name).suffix], headers=_fresh())


def _fresh() -> dict[str, str]:
    return {"Cache-Control": "no-cache"}  # asks each time; unchanged files are not sent again


@api.post("/login")
def login(request: Request, use: Use, token: Annotated[str, Body(embed=True, max_length=200)]) -> Response:
    """Trade a secret for a cookie."""
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "expected a page of this server")
    if find_user(use.project.store, token) is None:
        raise HTTPException(401, "this token is not known, or no longer valid")
    response = JSONResponse({"ok": True})
    response.set_cookie(COOKIE, token, max_age=90 * 86400, httponly=True, samesite="strict", path="/")
    return response


@api.post("/logout")
def logout(_: Anybody) -> Response:
    """Forget the cookie."""
    response = JSONResponse({"ok": True})
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


@api.get("/me")
def me(request: Request, use: Use, user: Anybody) -> dict[str, Any]:
    """Who is signed in, and what pages need to know."""
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "csrf": csrf_token(use.project.store, request.cookies.get(COOKIE, "")),
        "parts": [
            {"number": k, "name": COARSE_NAMES[k], "colour": PART_COLOURS[_PART_CHART[k]].tolist()}
            for k in range(1, 15)
        ],
    }


@api.get("/work")
def my_work(use: Use, user: Anybody) -> dict[str, Any]:
    """The user's assignments."""
    with use.project.store.read() as session:
        mine = work.summaries(session, user.id)
    return {"assignments": [vars(s) | {"user_id": None, "person_id": None} for s in mine]}


@api.post("/next")
def next_person(use: Use, user: Anybody) -> dict[str, Any]:
    """The assignment to go on with."""
    return {"assignment": work.next_assignment(use.project.store, user)}


def _open(use: Loaded, user: User, assignment: int) -> tuple[Assignment, Person, Photo]:
    """An assignment that the user may see: their own, or any for reviewers."""
    with use.project.store.read() as session:
        found = session.get(Assignment, assignment)
        if found is None or (found.user_id != user.id and user.role == "annotator"):
            raise HTTPException(404, "no such assignment")
        person = session.get_one(Person, found.person_id)
        return found, person, session.get_one(Photo, person.photo_id)


def _state(use: Loaded, assignment: int) -> State:
    with use.project.store.read() as session:
        return fold(work.events_of(session, assignment))


@api.get("/assignments/{assignment}")
def assignment_page(use: Use, user: Anybody, assignment: Id) -> dict[str, Any]:
    """What the pages need to show an assignment; nothing tells a gold person from another."""
    found, person, photo = _open(use, user, assignment)
    crop = Crop.around(person.box, (photo.height, photo.width))
    return {
        "id": found.id,
        "own": found.user_id == user.id,
        "box": person.box,
        "crop": {"x": crop.x, "y": crop.y, "width": crop.width, "height": crop.height},
        "tile": TILE,
        "levels": crop.levels,
        "state": _state(use, assignment).to_json(),
    }


@api.post("/assignments/{assignment}/events")
def act(use: Use, user: Anybody, assignment: Id, content: RawBody) -> dict[str, Any]:
    """Store one action; answered when it is stored."""
    try:
        action = AnyAction.validate_json(content)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None
    event, new = work.record(use.project.store, use.views, user, assignment, action)
    answer: dict[str, Any] = {"stored": event.id, "new": new}
    if event.kind == "place":
        answer["placed"] = {k: v for k, v in event.data.items() if k != "point"}
        where = event.data["part"], event.data["face"], event.data["bary"]
        answer["places"] = work.surface_places(use.views, *where)
    elif event.kind in ("parts_done", "parts_reopen", "undo", "redo", "return", "cannot"):
        answer["state"] = _state(use, assignment).to_json()
    return answer


@api.post("/assignments/{assignment}/assist")
def assist(use: Use, user: Anybody, assignment: Id) -> dict[str, Any]:
    """Begin with the model's outlines; only where nothing is drawn yet."""
    from opendensepose.annotate.assist import propose

    _, person, photo = _open(use, user, assignment)
    work.start(use.project.store, user, assignment, propose(use.project, photo, person))
    return {"state": _state(use, assignment).to_json()}


@api.get("/assignments/{assignment}/places")
def all_places(use: Use, user: Anybody, assignment: Id) -> dict[str, Any]:
    """Where every placed point shows in the views of its part and on the turntable."""
    _open(use, user, assignment)
    state = _state(use, assignment)
    return {str(number): work.places(use.views, state, number) for number in state.placed}


@api.get("/assignments/{assignment}/tiles/{level}/{column}/{row}")
def tile(use: Use, user: Anybody, assignment: Id, level: Small, column: Small, row: Small) -> FileResponse:
    """One tile of the person's crop."""
    _, person, photo = _open(use, user, assignment)
    crop = Crop.around(person.box, (photo.height, photo.width))
    file = tile_file(use.project.folder / "tiles", use.project.path(photo), crop, level, column, row)
    if file is None:
        raise HTTPException(404, "no such tile")
    return FileResponse(file, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})


@api.get("/views")
def views_page(use: Use, user: Anybody) -> dict[str, Any]:
    """Names of the views of each part, and the sizes of their pictures."""
    return {
        "size": SIZE,
        "turntable": {"width": TURNTABLE_SIZE[1], "height": TURNTABLE_SIZE[0], "frames": TURNTABLE_FRAMES},
        "names": {
            str(part): [view.name for view in views] for part, views in use.views.parts.items() if part
        },
    }


@api.get("/views/{part}")
def views_picture(use: Use, user: Anybody, part: Small) -> FileResponse:
    """The views of a part side by side; part 0: the frames of the turntable."""
    if part not in use.views.parts:
        raise HTTPException(404, "no such part")
    headers = {"Cache-Control": "private, max-age=86400"}
    return FileResponse(use.pictures / f"part_{part}.jpg", media_type="image/jpeg", headers=headers)


@api.get("/locate/{part}/{view}")
def locate(
    use: Use,
    user: Anybody,
    part: Annotated[int, InPath(ge=1, le=14)],
    view: Annotated[int, InPath(ge=0, le=5)],
    x: Annotated[float, Query(ge=0, lt=SIZE, allow_inf_nan=False)],
    y: Annotated[float, Query(ge=0, lt=SIZE, allow_inf_nan=False)],
) -> dict[str, Any]:
    """Where a place of a view shows in the others, while somebody drags; stores nothing."""
    found = use.views.locate(part, view, x, y)
    places = None if found is None else work.surface_places(use.views, part, found[0], found[1].tolist())
    return {"places": places}


@api.get("/assignments/{assignment}/thumb")
def thumb(use: Use, user: Anybody, assignment: Id) -> FileResponse:
    """The person's crop, small."""
    _, person, photo = _open(use, user, assignment)
    crop = Crop.around(person.box, (photo.height, photo.width))
    return tile(use, user, assignment, crop.levels - 1, 0, 0)
