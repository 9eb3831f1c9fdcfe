"""The interface that the pages talk to: both stages, sent twice, refused, exported and read back."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from opendensepose.annotate.export import export
from opendensepose.annotate.project import Project
from opendensepose.annotate.views import ViewSet
from opendensepose.data.coco import read_annotations

TORSO = [[60.0, 60.0], [160.0, 60.0], [160.0, 160.0], [60.0, 160.0]]


def send(client: TestClient, assignment: int, kind: str, **fields: Any) -> Any:
    body = {"kind": kind, "key": uuid.uuid4().hex, "seconds": 1.5, **fields}
    return client.post(f"/api/assignments/{assignment}/events", json=body)


def draw_torso(client: TestClient) -> int:
    assignment = client.post("/api/next").json()["assignment"]
    send(client, assignment, "shape", part=1, tool="polygon", points=TORSO).raise_for_status()
    return assignment


def place_all(client: TestClient, assignment: int, views: ViewSet) -> dict[int, tuple[int, float, float]]:
    """Clicks into the middle of the part of the first view, a little apart; point -> (view, x, y)."""
    points = send(client, assignment, "parts_done").json()["state"]["points"]
    clicks = {}
    for point in points:
        shown = views.parts[point["part"]][0].faces
        rows, columns = np.nonzero(shown >= 0)
        k = len(rows) // 2 + 37 * point["number"]
        clicks[point["number"]] = (0, columns[k] + 0.5, rows[k] + 0.5)
        answer = send(
            client, assignment, "place", point=point["number"], view=0, x=columns[k] + 0.5, y=rows[k] + 0.5
        )
        assert answer.status_code == 200
    return clicks


def test_both_stages_and_export(sign_in: Any, project: Project, views: ViewSet, tmp_path: Path) -> None:
    ann = sign_in("ann")
    assignment = draw_torso(ann)
    clicks = place_all(ann, assignment, views)
    assert len(clicks) == 14
    assert send(ann, assignment, "cannot", point=3).json()["state"]["left_out"] == [3]
    assert send(ann, assignment, "submit").status_code == 200
    done = export(project, tmp_path / "out")
    assert done == {"file": str(tmp_path / "out/annotations.json"), "photos": 1, "people": 1, "points": 13}
    (sample,) = read_annotations(tmp_path / "out" / "annotations.json")
    assert (tmp_path / "out" / "images" / sample.file_name).is_file() and sample.file_name == "sub/0.png"
    (person,) = sample.people
    labels = person.part_labels()
    assert labels is not None and set(np.unique(labels)) == {0, 1}
    # 100 of 160 columns, 100 of 280 rows of the box
    np.testing.assert_allclose((labels == 1).mean(), 100 * 100 / (160 * 280), rtol=0.02)
    np.testing.assert_allclose(person.area, 10_000, rtol=0.01)
    assert person.points is not None
    kept = [number for number in clicks if number != 3]
    for number, chart, uv in zip(kept, person.points.chart, person.points.uv, strict=True):
        found = views.locate(1, *clicks[number])
        assert found is not None
        truth = found[1] @ views.atlas.vertices[views.atlas.triangles[found[0]]]
        np.testing.assert_allclose(views.atlas.to_xyz([chart], uv[None])[0], truth, atol=1e-5)
    assert person.extra["odp_seconds"][0] >= 1.5


def test_the_same_action_twice_is_stored_once(sign_in: Any) -> None:
    ann = sign_in("ann")
    assignment = draw_torso(ann)
    first = send(ann, assignment, "shape", part=2, tool="brush", points=[[70, 70]], width=9.0, key="k" * 12)
    again = send(ann, assignment, "shape", part=2, tool="brush", points=[[70, 70]], width=9.0, key="k" * 12)
    assert (
        first.json()["new"] and not again.json()["new"] and first.json()["stored"] == again.json()["stored"]
    )
    assert len(ann.get(f"/api/assignments/{assignment}").json()["state"]["shapes"]) == 2


def test_undo_redo_and_editing(sign_in: Any) -> None:
    ann = sign_in("ann")
    assignment = draw_torso(ann)

    def shapes() -> list[Any]:
        return ann.get(f"/api/assignments/{assignment}").json()["state"]["shapes"]

    (torso,) = shapes()
    moved = [[50.0, 60.0], *TORSO[1:]]
    send(ann, assignment, "reshape", shape=torso["key"], points=moved)
    assert shapes()[0]["points"] == moved
    send(ann, assignment, "undo", stage=1)
    assert shapes()[0]["points"] == TORSO
    send(ann, assignment, "redo", stage=1)
    assert shapes()[0]["points"] == moved
    send(ann, assignment, "remove", shape=torso["key"])
    assert shapes() == []
    send(ann, assignment, "undo", stage=1)
    send(ann, assignment, "status", part=4, status="hidden")
    state = send(ann, assignment, "redo", stage=1).json()["state"]  # nothing to redo after a new action
    assert len(state["shapes"]) == 1 and state["status"] == {"4": "hidden"}


@pytest.mark.parametrize(
    ("kind", "fields", "status"),
    [
        ("submit", {}, 409),  # before the points
        ("place", {"point": 0, "view": 0, "x": 200.0, "y": 200.0}, 409),
        ("accept", {}, 403),  # reviewers only
        ("shape", {"part": 15, "tool": "polygon", "points": TORSO}, 422),
        ("shape", {"part": 1, "tool": "polygon", "points": []}, 422),
        ("shape", {"part": 1, "tool": "polygon", "points": [[1, float("1e9")]]}, 422),
        ("shape", {"part": 1, "tool": "polygon", "points": TORSO, "extra": 1}, 422),
        ("start", {}, 422),  # only the server's own
    ],
)
def test_refused(sign_in: Any, kind: str, fields: dict[str, Any], status: int) -> None:
    ann = sign_in("ann")
    assignment = draw_torso(ann)
    answer = send(ann, assignment, kind, **fields)
    assert answer.status_code == status and "\n" not in answer.json()["detail"]


def test_review(sign_in: Any, views: ViewSet) -> None:
    ann, rev = sign_in("ann"), sign_in("rev", "reviewer")
    assignment = draw_torso(ann)
    assert send(rev, assignment, "accept").status_code == 409
    place_all(ann, assignment, views)
    send(ann, assignment, "submit")
    assert send(ann, assignment, "cannot", point=1).status_code == 409  # handed in is handed in
    state = send(rev, assignment, "return", note="the <b>left</b> arm").json()["state"]
    assert state["returned"] and state["note"] == "the <b>left</b> arm" and state["stage"] == "points"
    assert ann.post("/api/next").json()["assignment"] == assignment  # first what was sent back
    send(ann, assignment, "submit")
    assert send(rev, assignment, "accept").status_code == 200
    assert rev.get(f"/api/assignments/{assignment}").json()["state"]["stage"] == "accepted"


def test_pages_and_pictures(sign_in: Any) -> None:
    ann = sign_in("ann")
    assignment = draw_torso(ann)
    for path in ("/", "/parts.html", "/points.html", "/static/style.css", "/static/parts.js"):
        answer = ann.get(path)
        assert answer.status_code == 200 and "default-src 'none'" in answer.headers["content-security-policy"]
    assert ann.get(f"/api/assignments/{assignment}/tiles/0/0/0").headers["content-type"] == "image/jpeg"
    assert ann.get(f"/api/assignments/{assignment}/tiles/0/7/0").status_code == 404
    assert ann.get("/api/views/3").headers["content-type"] == "image/jpeg"


def test_what_is_exported_is_checked_and_trained_on(
    sign_in: Any, project: Project, views: ViewSet, tmp_path: Path
) -> None:
    """`data check` finds nothing wrong, `train` takes a step."""
    pytest.importorskip("torch")
    ann = sign_in("ann")
    assignment = draw_torso(ann)
    place_all(ann, assignment, views)
    send(ann, assignment, "submit")
    export(project, tmp_path / "set")
    annotations, images = tmp_path / "set" / "annotations.json", tmp_path / "set" / "images"
    run = "from opendensepose.cli import main; main()"
    options = ["--annotations", str(annotations), "--images", str(images), "--out", str(tmp_path / "run")]
    step = ["--steps", "1", "--workers", "0", "--batch-size", "1", "--quiet"]
    check = ["data", "check", str(annotations), "--images", str(images)]
    for arguments in (check, ["train", *options, *step]):
        done = subprocess.run([sys.executable, "-c", run, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "best.pt").is_file()
