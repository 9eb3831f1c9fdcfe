"""Handing out: one person each, two where wanted, expiry, skipping, gold; and what a file brings in."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, select, text

import opendensepose as odp
from opendensepose.annotate.export import export
from opendensepose.annotate.project import Project
from opendensepose.annotate.store import Event, Person, Setting, Store
from opendensepose.cli import main
from opendensepose.core.types import SurfacePoints
from opendensepose.data.coco import Sample, encode_parts, read_annotations, write_annotations
from opendensepose.data.sample import Person as Annotated
from opendensepose.io.image import read_image

BOX = np.array([40.0, 20.0, 200.0, 220.0])


def take(client: Any) -> int | None:
    number: int | None = client.post("/api/next").json()["assignment"]
    return number


def act(client: Any, number: int, kind: str, **fields: Any) -> Any:
    body = {"kind": kind, "key": uuid.uuid4().hex, **fields}
    return client.post(f"/api/assignments/{number}/events", json=body)


def person_of(project: Project, number: int) -> int:
    with project.store.read() as session:
        found = session.execute(text(f"select person_id from assignments where id = {number}")).scalar_one()
    return int(found)


def test_everybody_gets_another_person(sign_in: Any, project: Project) -> None:
    first, second, third = (take(sign_in(name)) for name in ("a", "b", "c"))
    assert first and second and person_of(project, first) != person_of(project, second)
    assert third is None  # two people, one annotator each


def test_the_same_user_goes_on(sign_in: Any) -> None:
    ann = sign_in("a")
    assert take(ann) == take(ann)


def test_two_annotators_where_wanted(sign_in: Any, project: Project) -> None:
    with project.store.write() as session:
        for person in session.scalars(select(Person)):
            person.copies = 2
    numbers = [take(sign_in(name)) for name in "abcde"]
    assert numbers[4] is None and all(numbers[:4])
    people = [person_of(project, n) for n in numbers[:4] if n]
    assert sorted(people) == [1, 1, 2, 2]


def test_idle_assignments_expire_and_late_work_is_kept(sign_in: Any, project: Project) -> None:
    a, b = sign_in("a"), sign_in("b")
    first = take(a)
    assert first
    act(a, first, "shape", part=1, tool="brush", points=[[60, 60]], width=9.0)
    take(b)
    with project.store.write() as session:
        session.merge(Setting(name="hours", value="0.0"))
    c = sign_in("c")
    handed = take(c)
    assert handed and person_of(project, handed) == person_of(project, first)
    answer = act(a, first, "shape", part=1, tool="brush", points=[[70, 70]], width=9.0)
    assert answer.status_code == 200  # whoever comes late loses nothing


def test_skipped_people_go_to_others(sign_in: Any, project: Project) -> None:
    a, b = sign_in("a"), sign_in("b")
    first = take(a)
    assert first
    act(a, first, "skip", note="too blurred")
    again = take(a)
    assert again and person_of(project, again) != person_of(project, first)
    other = take(b)
    assert other and person_of(project, other) == person_of(project, first)


def test_withdrawn_people_are_not_handed_out(sign_in: Any) -> None:
    admin = sign_in("root", "admin")
    for number in (1, 2):
        assert admin.post(f"/api/people/{number}/withdraw").status_code == 200
    assert take(sign_in("a")) is None
    made = admin.post("/api/photos/1/people", json={"box": [10.0, 10.0, 90.0, 150.0]}).json()
    assert made["box"] == [10.0, 10.0, 90.0, 150.0]
    assert take(sign_in("b"))
    assert admin.post("/api/photos/1/people", json={"box": [10.0, 10.0, 12.0, 150.0]}).status_code == 422


def test_nothing_is_ever_changed(sign_in: Any, project: Project) -> None:
    """Undo, corrections and review only add rows."""
    a = sign_in("a")
    number = take(a)
    assert number
    rows: list[Any] = []
    for kind, fields in (
        ("shape", {"part": 1, "tool": "brush", "points": [[60, 60]], "width": 30.0}),
        ("undo", {"stage": 1}),
        ("redo", {"stage": 1}),
        ("parts_done", {}),
        ("cannot", {"point": 0}),
        ("parts_reopen", {}),
    ):
        assert act(a, number, kind, **fields).status_code == 200
        with project.store.read() as session:
            now = [
                (e.id, e.kind, e.at, json.dumps(e.data))
                for e in session.scalars(select(Event).order_by(Event.id))
            ]
        assert now[: len(rows)] == rows and len(now) == len(rows) + 1
        rows = now


def annotated_file(folder: Path) -> Path:
    """A DensePose-COCO file of one frame of a video, with parts and points."""
    (folder / "images").mkdir(parents=True)
    shutil.copy(odp.SAMPLE_IMAGE, folder / "images" / "frame.jpg")
    height, width = read_image(odp.SAMPLE_IMAGE).shape[:2]
    labels = np.zeros((height, width), np.uint8)
    labels[60:140, 80:160], labels[20:60, 100:140] = 1, 14
    points = SurfacePoints(
        np.array([[100.5, 90.5], [120.0, 40.0]], np.float32),
        np.array([2, 23], np.uint8),
        np.array([[0.5, 0.5], [0.6, 0.4]], np.float32),
    )
    person = Annotated(
        id=77, box=BOX, parts=encode_parts(labels, BOX), points=points, track_id=3, extra={"odp_custom": 1}
    )
    extra = {"vid_id": "000042", "frame_id": 10000420001, "nframes": 9, "is_labeled": True}
    path = folder / "annotations.json"
    write_annotations(path, [Sample(5, "frame.jpg", (height, width), (person,), extra)])
    return path


def test_import_correct_export(sign_in: Any, project: Project, tmp_path: Path) -> None:
    """What a file says is where the annotator begins; keys of tracks and frames come out again."""
    source = annotated_file(tmp_path / "set")
    assert project.add_annotated(source, lambda name: None) == []
    admin = sign_in("root", "admin")
    for number in (1, 2):
        admin.post(f"/api/people/{number}/withdraw")
    a = sign_in("a")
    number = take(a)
    assert number
    state = a.get(f"/api/assignments/{number}").json()["state"]
    assert {s["part"] for s in state["shapes"]} == {1, 14} and len(state["points"]) == 2
    points = act(a, number, "parts_done").json()["state"]["points"]
    kept = [p for p in points if p["number"] in (0, 1)]
    assert [(p["part"], p["x"], p["y"]) for p in kept] == [(1, 100.5, 90.5), (14, 120.0, 40.0)]
    for point in points:
        if point["number"] > 1:
            act(a, number, "cannot", point=point["number"])
    assert act(a, number, "submit").status_code == 200
    export(project, tmp_path / "out.json")
    (was,), (now,) = read_annotations(source), read_annotations(tmp_path / "out.json")
    assert (now.image_id, now.extra, now.file_name) == (5, was.extra, "frame.jpg")
    assert now.people[0].track_id == 3 and now.people[0].id == 77 and now.people[0].extra["odp_custom"] == 1
    assert now.people[0].points is not None and was.people[0].points is not None
    np.testing.assert_allclose(now.people[0].points.uv, was.people[0].points.uv, atol=2e-6)
    np.testing.assert_array_equal(now.people[0].points.chart, was.people[0].points.chart)
    labels = [s.people[0].part_labels() for s in (was, now)]
    assert (labels[0] == labels[1]).mean() > 0.99


def test_a_store_of_another_version(tmp_path: Path) -> None:
    Store.in_folder(tmp_path).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'annotations.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("update settings set value = '99' where name = 'schema'"))
    engine.dispose()
    with pytest.raises(ValueError, match="expected a store of version 1, got version 99"):
        Store.in_folder(tmp_path)


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        (["--images", "absent"], "absent: expected a folder of photos", 2),
        (["--images", "absent.json"], "absent.json", 2),
        (["--host", "0.0.0.0"], "--unencrypted", 2),
        (["--add-user", "ann"], "expected NAME:ROLE", 2),
        (["--add-user", "ann:king"], "expected one of annotator, reviewer, admin", 2),
        (["--boxes", "absent.json", "--images", "."], "absent.json", 2),
        (["--database", "nonsense://"], "expected a database that opens", 1),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["annotate", "--project", "p", "--export", "x.json", *options])
    assert done.exit_code == code and said in done.output
    assert len(done.output.strip().splitlines()) <= 4 and "Traceback" not in done.output


def test_broken_photos_are_listed_and_the_others_added(tmp_path: Path) -> None:
    photos = tmp_path / "photos" / "sub"
    photos.mkdir(parents=True)
    shutil.copy(odp.SAMPLE_IMAGE, photos / "good.jpg")
    (photos / "broken.jpg").write_bytes(odp.SAMPLE_IMAGE.read_bytes()[:2000])
    (photos / "empty.png").touch()
    arguments = [
        "annotate",
        "--project",
        str(tmp_path / "p"),
        "--images",
        str(photos.parent),
        "--boxes",
        "draw",
    ]
    done = CliRunner().invoke(main, [*arguments, "--export", str(tmp_path / "x.json"), "--json", "--quiet"])
    assert done.exit_code == 1 and "broken" in done.output and "empty" in done.output
    summary = json.loads(done.output[done.output.index("{") : done.output.index("}\n}") + 3])
    assert summary["photos"] == 1 and summary["people"] == 0
