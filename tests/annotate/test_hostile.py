"""A thousand hostile requests: nothing outside the project, no error 500, nobody else's work touched."""

from __future__ import annotations

import hashlib
import json
import re
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from annotate.hostile import Attack, attacks
from benchmarks.annotate_server import Server
from opendensepose.annotate.access import COOKIE, add_token, add_user
from opendensepose.annotate.project import Project
from opendensepose.annotate.store import Event, Person, User, Withdrawal
from opendensepose.annotate.views import ViewSet

SECRET_TEXT = b"SQLite format 3"


class Client:
    """Raw HTTP, so that odd paths and headers go out as they are."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.csrf = self.send(Attack("GET", "/api/me"))[1]["csrf"]

    def send(self, attack: Attack) -> tuple[int, Any, bytes]:
        """Status, JSON if it is any, and the body; status 0 where the server hung up."""
        headers = {
            "cookie": f"{COOKIE}={self.token}",
            "x-csrf-token": getattr(self, "csrf", ""),
            "content-type": "application/json",
        }
        headers |= attack.headers
        # who announces a longer body than comes is not answered: the server goes on waiting for the rest
        patience = 0.5 if attack.headers.keys() & {"content-length", "transfer-encoding"} else 30
        connection = HTTPConnection("127.0.0.1", self.port, timeout=patience)
        try:
            connection.putrequest(attack.method, "", skip_host="host" in headers)
            # the path as it is, whatever the library thinks of it
            connection._buffer[0] = f"{attack.method} {attack.path} HTTP/1.1".encode()  # type: ignore[attr-defined]
            for name, value in ({"content-length": str(len(attack.body))} | headers).items():
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders(attack.body)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException):
            return 0, None, b""
        finally:
            connection.close()
        try:
            return answer.status, json.loads(body), body
        except ValueError:
            return answer.status, None, body


def digest(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and "sqlite" not in p.name and "tiles" not in p.parts and p.suffix != ".log"
    }


def test_a_thousand_hostile_requests(project: Project, views: ViewSet) -> None:
    folder = project.folder
    (folder.parent / "outside.txt").write_text("outside")
    tokens = {
        name: add_token(project.store, add_user(project.store, name, "annotator")) for name in ("eve", "ann")
    }
    server = Server(folder)
    try:
        ann, eve = (Client(server.port, tokens[name]) for name in ("ann", "eve"))
        others, own = (c.send(Attack("POST", "/api/next", b"{}"))[1]["assignment"] for c in (ann, eve))
        for number in range(3):
            shape = {
                "kind": "shape",
                "key": f"honest-{number:04d}",
                "part": 1,
                "tool": "brush",
                "points": [[60, 60]],
                "width": 5.0,
            }
            assert (
                ann.send(Attack("POST", f"/api/assignments/{others}/events", json.dumps(shape).encode()))[0]
                == 200
            )
        before, files = facts(project, others), digest(folder.parent)
        statuses = []
        for attack in attacks(0, 1000, own, others):
            status, _, body = eve.send(attack)
            statuses.append(status)
            assert status < 500, (status, attack)
            assert SECRET_TEXT not in body and b"root:" not in body and b"outside" not in body
            if f"/api/assignments/{others}" in attack.path:
                assert status in (0, 403, 404, 405, 422), (status, attack)
        assert facts(project, others) == before
        assert digest(folder.parent) == files
        assert statuses.count(200) < 400 and statuses.count(0) < 120
        assert ann.send(Attack("GET", "/api/me"))[0] == 200
    finally:
        server.stop()


def facts(project: Project, assignment: int) -> Any:
    """Users, people, withdrawals, and the events of an assignment."""
    with project.store.read() as session:
        events = session.scalars(select(Event).where(Event.assignment_id == assignment).order_by(Event.id))
        return (
            [(e.id, e.key, e.kind, e.data) for e in events],
            [(u.name, u.role) for u in session.scalars(select(User).where(User.name != "owner"))],
            [(p.id, p.box) for p in session.scalars(select(Person))],
            session.scalars(select(Withdrawal)).all(),
        )


@pytest.mark.parametrize("name", ["../x.jpg", "..\\..\\x.jpg", "/etc/x.jpg", "a/b/x.jpg"])
def test_uploads_go_nowhere_else(sign_in: Any, project: Project, name: str) -> None:
    admin = sign_in("root", "admin")
    photo = next((project.folder / "photos").iterdir()).read_bytes()
    before = digest(project.folder.parent)
    answer = admin.post("/api/photos", params={"name": name}, content=photo)
    assert answer.status_code == 200
    assert admin.get("/api/photos").json()["photos"][-1]["name"] == "x.jpg"
    new = set(digest(project.folder.parent)) - set(before)
    assert all(re.fullmatch(r"project/photos/[0-9a-f]{32}\.jpg", path) for path in new)


@pytest.mark.parametrize("content", [b"", b"no photo", b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_uploads_that_are_no_photos(sign_in: Any, content: bytes) -> None:
    answer = sign_in("root", "admin").post("/api/photos", params={"name": "x.png"}, content=content)
    assert answer.status_code == 422 and "expected" in answer.json()["detail"]


def test_changes_need_the_page(sign_in: Any) -> None:
    """Another site may make a browser send the cookie, but not the page's own token."""
    ann = sign_in("ann")
    del ann.headers["X-CSRF-Token"]
    assert ann.post("/api/next").status_code == 403
    assert ann.get("/api/me").status_code == 200
    assert (
        ann.post("/api/login", json={"token": "x"}, headers={"origin": "https://evil.example"}).status_code
        == 403
    )
