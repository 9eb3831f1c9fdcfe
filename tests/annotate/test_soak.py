"""Many annotators at once, the server killed in between: nothing is lost, nothing is stored twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

import opendensepose as odp
from annotate.soak import Annotator, run_all
from benchmarks.annotate_server import Server
from opendensepose.annotate.access import add_token, add_user
from opendensepose.annotate.project import Project
from opendensepose.annotate.state import fold
from opendensepose.annotate.store import Assignment, Event
from opendensepose.annotate.views import ViewSet
from opendensepose.annotate.work import events_of

BOX = (100.0, 20.0, 190.0, 230.0)


def soak(
    folder: Path, count: int, seconds: float, kills: int, database: str | None = None
) -> list[Annotator]:
    """Run it; every annotator's account of what was stored is compared with the store."""
    project = Project.open(folder / "project", database, double_share=0.3, gold_share=0.0)
    content = odp.SAMPLE_IMAGE.read_bytes()
    project.add_photo(content, "a.jpg", [BOX] * (int(count * seconds / 3) + 2 * count), "drawn")
    options = () if database is None else ("--database", database)
    server = Server(folder / "project", *options)
    people = []
    for number in range(count):
        user = add_user(project.store, f"user {number}", "annotator")
        people.append(Annotator(user.name, add_token(project.store, user), server.port))

    def kill() -> None:
        nonlocal server
        for _ in range(kills):
            time.sleep(seconds / (kills + 1))
            server.stop(signal.SIGKILL)
            server = Server(folder / "project", *options, port=server.port)

    try:
        run_all(people, seconds, kill)
    finally:
        server.stop()
    compare(project, people)
    project.store.close()
    return people


def compare(project: Project, people: list[Annotator]) -> None:
    """Counts and contents of the store against what the annotators were told."""
    assert [a.trouble for a in people if a.trouble] == []
    told = {key: fields for a in people for key, fields in a.stored.items()}
    with project.store.read() as session:
        rows = {e.key: e for e in session.scalars(select(Event))}
        assert set(rows) == set(told)
        for key, fields in told.items():
            row = rows[key]
            assert (row.assignment_id, row.kind) == (fields["assignment"], fields["kind"])
            sent = {k: v for k, v in fields.items() if k not in ("assignment", "kind")}
            assert {k: row.data[k] for k in sent} == sent
        pairs: dict[int, set[int]] = {}
        for assignment in session.scalars(select(Assignment)):
            pairs.setdefault(assignment.person_id, set()).add(assignment.user_id)
            state = fold(events_of(session, assignment.id))
            placed = [f for f in told.values() if f["assignment"] == assignment.id and f["kind"] == "place"]
            assert set(state.placed) == {f["point"] for f in placed}
        assert max(map(len, pairs.values())) <= 2
    times = np.percentile([t for a in people for t in a.slow], [50, 95]) * 1000
    print(
        f"{len(told)} actions of {len(people)} annotators, median {times[0]:.0f} ms, 95 % {times[1]:.0f} ms"
    )
    submitted = sum(f["kind"] == "submit" for f in told.values())
    assert submitted == sum(a.people for a in people)


def test_five_annotators(views: ViewSet, tmp_path: Path) -> None:
    people = soak(tmp_path, 5, 20, kills=1)
    assert sum(a.people for a in people) >= 3 and sum(a.retries for a in people) > 0


@pytest.mark.slow
def test_fifty_annotators_for_five_minutes(views: ViewSet, tmp_path: Path) -> None:
    people = soak(tmp_path, 50, 300, kills=3)
    assert sum(a.people for a in people) >= 20 and sum(a.retries for a in people) > 0


def _tool(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")) if os.name == "posix" else []
    return str(found[-1]) if found else shutil.which(name)


@pytest.fixture
def postgresql() -> Iterator[str]:
    """The URL of an empty PostgreSQL database of its own."""
    if not (_tool("initdb") and _tool("pg_ctl")):
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    pytest.importorskip("psycopg")
    # not tmp_path: only its owner may enter that, and PostgreSQL refuses to run as root
    with tempfile.TemporaryDirectory(prefix="odp-pg-") as name:
        folder = Path(name)
        as_user: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            as_user = ["runuser", "-u", "postgres", "--"]

        def run(*command: Any) -> None:
            subprocess.run([*as_user, *map(str, command)], check=True, capture_output=True, cwd="/")

        data, port = folder / "data", 54000 + os.getpid() % 1000
        run(_tool("initdb"), "-D", data, "-U", "tester", "--auth=trust", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -p {port} -c listen_addresses= -c fsync=off"
        run(_tool("pg_ctl"), "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield f"postgresql+psycopg://tester@/postgres?host={folder}&port={port}"
        finally:
            run(_tool("pg_ctl"), "-D", data, "-m", "immediate", "stop")


def test_postgresql(views: ViewSet, tmp_path: Path, postgresql: str) -> None:
    people = soak(tmp_path, 5, 15, kills=1, database=postgresql)
    assert sum(a.people for a in people) >= 3


@pytest.mark.slow
def test_fifty_annotators_on_postgresql(views: ViewSet, tmp_path: Path, postgresql: str) -> None:
    people = soak(tmp_path, 50, 300, kills=3, database=postgresql)
    assert sum(a.people for a in people) >= 20 and sum(a.retries for a in people) > 0
