"""Errors on gold people and agreement of two annotators, who click known distances beside the truth."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from sqlalchemy import select
from starlette.testclient import TestClient

from opendensepose.annotate import gold, quality
from opendensepose.annotate.assist import outlines
from opendensepose.annotate.project import Project
from opendensepose.annotate.store import Person, Photo, Setting
from opendensepose.annotate.views import ViewSet
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import FINE_TO_COARSE

TORSO = [[60.0, 60.0], [160.0, 60.0], [160.0, 160.0], [60.0, 160.0]]


def send(client: TestClient, assignment: int, kind: str, **fields: Any) -> dict[str, Any]:
    body = {"kind": kind, "key": uuid.uuid4().hex, "seconds": 2.0, **fields}
    answer = client.post(f"/api/assignments/{assignment}/events", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def best_view(views: ViewSet, part: int, face: int, bary: Any) -> tuple[int, float, float] | None:
    """The view that shows a surface point most squarely, and where."""
    places = views.places(part, face, bary)
    a, b, c = views.atlas.vertices[views.atlas.triangles[face]].astype(float)
    outward = np.cross(b - a, c - a)
    seen = [k for k, spot in enumerate(places) if spot[2]]
    if not seen:
        return None
    view = max(seen, key=lambda k: views.parts[part][k].camera.axes[2] @ outward)
    return view, places[view][0], places[view][1]


def test_distances_lie_between_straight_lines_and_paths_along_edges() -> None:
    atlas = Atlas.load()
    a, b = atlas.triangles.ravel(), np.roll(atlas.triangles, -1, axis=1).ravel()
    length = np.linalg.norm(atlas.vertices[a] - atlas.vertices[b], axis=1)
    one_way = a < b
    graph = coo_array((length[one_way], (a[one_way], b[one_way])), shape=(len(atlas.vertices),) * 2).tocsr()
    rng = np.random.default_rng(0)
    faces = rng.integers(0, len(atlas.faces), (2, 80))
    corner = np.eye(3)[np.zeros(80, int)]  # the first corner of each face: a vertex
    found = quality.surface_distance(faces[0], corner, faces[1], corner)
    start, end = atlas.triangles[faces[0], 0], atlas.triangles[faces[1], 0]
    path = dijkstra(graph, directed=False, indices=start)[np.arange(80), end]
    straight = np.linalg.norm(atlas.vertices[start] - atlas.vertices[end], axis=1)
    assert (found >= straight - 1e-6).all() and (found <= path + 0.01).all()
    assert (found > straight * 1.02).mean() > 0.5  # round the body, not through it


def test_the_same_point_is_at_no_distance() -> None:
    face, third = np.arange(0, 24000, 500), np.full((48, 3), 1 / 3)
    np.testing.assert_array_equal(quality.surface_distance(face, third, face, third), 0)


def test_overlap() -> None:
    a, b = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    a[:, :2], b[:, 1:3], b[0, 0] = 3, 3, 7
    found = quality.overlap(a, b)
    assert set(found) == {3, 7}
    assert found[3] == pytest.approx(4 / 12) and found[7] == 0


def test_gold_people(sign_in: Any, project: Project, views: ViewSet) -> None:
    """One who clicks the truth has next to no error; one who clicks a little lower has that as the error."""
    assert gold.add_gold(project, 1, lambda text: None, seed=7) == 1
    with project.store.write() as session:
        session.merge(Setting(name="gold_share", value="1"))
    with project.store.read() as session:
        person = session.scalars(select(Person).where(Person.source == "gold")).one()
        photo = session.get_one(Photo, person.photo_id)
    chart, uv = gold.truth(project, photo, person)
    for name, shift in (("exact", 0.0), ("low", 40.0)):
        ann = sign_in(name)
        number = ann.post("/api/next").json()["assignment"]
        shown = ann.get(f"/api/assignments/{number}").json()
        assert "gold" not in str(shown) and shown["box"] == list(person.box)
        x0, y0, x1, y1 = map(int, person.box)
        for shape in outlines(FINE_TO_COARSE[chart[y0:y1, x0:x1]], (x0, y0)):
            send(ann, number, "shape", **shape)
        points = send(ann, number, "parts_done")["state"]["points"]
        expected = [place(ann, number, views, p, chart, uv, shift) for p in points]
        send(ann, number, "submit")
        (found,) = [c for c in quality.gold_comparisons(project) if c.assignment == number]
        known = [e for e in expected if e is not None]
        assert len(found.errors) == len(known) > 40
        np.testing.assert_allclose([e.distance for e in found.errors], known, atol=0.012)
        assert np.median([e.distance for e in found.errors]) < 0.004 or shift
        assert np.mean(list(found.overlap.values())) > 0.75
    assert np.median([e.distance for e in found.errors]) > 0.02
    rows = sign_in("rev", "reviewer").get("/api/dashboard").json()
    exact, low = rows["annotators"]
    assert exact["error"]["median"] < 0.4 and low["error"]["median"] > 2 and exact["gold_people"] == 1
    assert exact["seconds_points"] > 0 and rows["progress"]["gold"] == 1


def place(
    ann: TestClient, number: int, views: ViewSet, point: dict[str, Any], chart: Any, uv: Any, shift: float
) -> float | None:
    """Click where the truth says, `shift` view pixels lower; how far that is, None where left out."""
    row, column = int(point["y"]), int(point["x"])
    face, bary, _ = views.atlas.to_face([chart[row, column]], uv[:, row, column][None])
    spot = None
    if chart[row, column] and FINE_TO_COARSE[chart[row, column]] == point["part"]:
        spot = best_view(views, point["part"], int(face[0]), bary[0])
    hit = None if spot is None else views.locate(point["part"], spot[0], spot[1], spot[2] + shift)
    if spot is None or hit is None:
        send(ann, number, "cannot", point=point["number"])
        return None
    send(ann, number, "place", point=point["number"], view=spot[0], x=spot[1], y=spot[2] + shift)
    truth = bary[0] @ views.atlas.vertices[views.atlas.triangles[face[0]]]
    return float(np.linalg.norm(hit[1] @ views.atlas.vertices[views.atlas.triangles[hit[0]]] - truth))


def test_agreement_of_two(sign_in: Any, project: Project, views: ViewSet) -> None:
    """Two annotators get the same points; their distance is that of their clicks."""
    with project.store.write() as session:
        for person in session.scalars(select(Person)):
            person.copies = 2
    seen = []
    for name, y in (("one", 240.0), ("two", 260.0)):
        ann = sign_in(name)
        number = ann.post("/api/next").json()["assignment"]
        send(ann, number, "shape", part=1, tool="polygon", points=TORSO)
        points = send(ann, number, "parts_done")["state"]["points"]
        seen.append([(p["number"], p["x"], p["y"]) for p in points])
        for point in points:
            send(ann, number, "place", point=point["number"], view=0, x=240.0, y=y)
        send(ann, number, "submit")
    assert seen[0] == seen[1]
    (found,) = quality.agreements(project)
    clicks = [views.locate(1, 0, 240.0, y) for y in (240.0, 260.0)]
    ends = [bary @ views.atlas.vertices[views.atlas.triangles[face]] for face, bary in filter(None, clicks)]
    np.testing.assert_allclose(
        [e.distance for e in found.errors], np.linalg.norm(ends[0] - ends[1]), atol=0.004
    )
    assert len(found.errors) == 14 and found.overlap == {1: 1.0}
