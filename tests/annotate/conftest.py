"""A project with two photos, its views, and a client that is signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import opendensepose as odp
from opendensepose.annotate.access import COOKIE, add_token, add_user
from opendensepose.annotate.drawing import load_views
from opendensepose.annotate.project import Project
from opendensepose.annotate.server import make_app
from opendensepose.annotate.views import ViewSet
from opendensepose.io.image import read_image, write_image

BOX = (40.0, 20.0, 200.0, 300.0)


@pytest.fixture(scope="session")
def drawn() -> tuple[ViewSet, Path]:
    return load_views()


@pytest.fixture(scope="session")
def views(drawn: tuple[ViewSet, Path]) -> ViewSet:
    return drawn[0]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two photos with one person each, nobody twice, no gold."""
    made = Project.open(tmp_path / "project", double_share=0.0, gold_share=0.0)
    image = read_image(odp.SAMPLE_IMAGE)
    for number in range(2):
        write_image(tmp_path / f"{number}.png", image[:, number:])
        made.add_photo((tmp_path / f"{number}.png").read_bytes(), f"sub/{number}.png", [BOX], "drawn")
    yield made
    made.store.close()


Sign = Callable[..., TestClient]


@pytest.fixture
def sign_in(project: Project, drawn: tuple[ViewSet, Path]) -> Sign:
    """sign_in(name, role): a client with that user's cookie and protection against other sites."""
    app = make_app(project, *drawn)

    def sign(name: str, role: str = "annotator") -> TestClient:
        token = add_token(project.store, add_user(project.store, name, role))
        client = TestClient(app, base_url="http://127.0.0.1", cookies={COOKIE: token})  # type: ignore[arg-type]
        client.headers["X-CSRF-Token"] = client.get("/api/me").json()["csrf"]
        return client

    return sign
