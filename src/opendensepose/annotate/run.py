"""What the command does: fill a project, write its annotations, serve it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from opendensepose.annotate.access import add_token, add_user
from opendensepose.annotate.project import Detector, Project
from opendensepose.annotate.store import GOLD, Person, Photo, User

Tell = Callable[[str], None]
OWNER = "owner"  # the user that a project always has


def prepare(
    folder: Path,
    *,
    tell: Tell,
    images: str | None,
    boxes: str,
    gold: int,
    users: tuple[str, ...],
    exported: str | None,
    database: str | None,
    double: float | None,
    gold_share: float | None,
    hours: float | None,
    **_: Any,
) -> tuple[dict[str, Any], list[str]]:
    """Do everything but serve; a summary, and the problems with single inputs, one line each."""
    project = Project.open(folder, database, double_share=double, gold_share=gold_share, hours=hours)
    problems: list[str] = []
    if images is not None:
        problems += _add(project, Path(images), boxes, tell)
    if gold:
        from opendensepose.annotate.gold import add_gold

        add_gold(project, gold, tell)
    links = {
        name: add_token(project.store, add_user(project.store, name, role))
        for name, role in map(_user, users)
    }
    with project.store.read() as session:
        summary: dict[str, Any] = {
            "project": str(folder),
            "photos": session.scalar(select(func.count(Photo.id)).where(~Photo.name.startswith(GOLD))),
            "people": session.scalar(select(func.count(Person.id)).where(Person.source != "gold")),
            "gold": session.scalar(select(func.count(Person.id)).where(Person.source == "gold")),
            "tokens": links,
            "serves": exported is None,
        }
    if exported is not None:
        from opendensepose.annotate.export import export

        summary["exported"] = export(project, Path(exported))
    tell(f"{folder}: {summary['photos']} photos, {summary['people']} people, {summary['gold']} gold people")
    for name, token in links.items():
        tell(f"{name} signs in with the token {token}")
    project.store.close()
    return summary, problems


def serve(folder: Path, database: str | None, host: str, port: int, *, tell: Tell) -> None:
    """Serve the project until interrupted."""
    import uvicorn

    from opendensepose.annotate.drawing import load_views
    from opendensepose.annotate.server import make_app

    project = Project.open(folder, database)
    views, pictures = load_views(lambda part: tell(f"drawing the body, part {part} of 14 (once)"))
    hosts = None if host in ("127.0.0.1", "localhost", "::1") else ["*"]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
        # inherited by its connections: else the second half of an answer waits 40 ms for an acknowledgement
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        expected = f"--host {host} --port {port}: expected an address to listen on"
        raise OSError(f"{expected}, got: {error.strerror or error}") from None
    shown = f"[{host}]" if ":" in host else host
    token = add_token(project.store, _owner(project), days=30)
    tell(f"open http://{shown}:{listening.getsockname()[1]}/#{token}\nstop with Ctrl-C; nothing is lost")
    config = uvicorn.Config(
        make_app(project, views, pictures, hosts),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    with suppress(KeyboardInterrupt):  # how one is meant to stop it
        uvicorn.Server(config).run([listening])
    project.store.close()


def _owner(project: Project) -> User:
    with project.store.read() as session:
        found = session.scalar(select(User).where(User.name == OWNER))
    return found or add_user(project.store, OWNER, "admin")


def _user(text: str) -> tuple[str, str]:
    name, colon, role = text.rpartition(":")
    if not colon:
        raise ValueError(f"--add-user: expected NAME:ROLE such as ann:annotator, got {text!r}")
    return name, role


def _add(project: Project, source: Path, boxes: str, tell: Tell) -> list[str]:
    if source.suffix.lower() == ".json":
        return project.add_annotated(source, lambda name: tell(f"adding {name}"))
    if not source.exists():
        raise FileNotFoundError(
            f"{source}: expected a folder of photos or an annotation file, got no such file"
        )
    return project.add_folder(source, _boxes(boxes), lambda name: tell(f"adding {name}"))


def _boxes(kind: str) -> Detector:
    """What finds the people of a photo."""
    if kind == "draw":
        return lambda name, image: []
    if kind == "detect":
        from opendensepose.runtime import load

        predictor = load()
        return lambda name, image: predictor(image).boxes.tolist()
    from opendensepose.data.boxes import GivenBoxes

    given = GivenBoxes(kind)
    return lambda name, image: given.of(name).tolist()
