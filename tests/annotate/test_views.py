"""Views of the surface against rays cast through them, and a scripted annotator who clicks the truth."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from opendensepose.annotate import views as geometry
from opendensepose.annotate.views import INSIDE, SIZE, TURNTABLE_FRAMES, WHOLE, ViewSet, cameras, look
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import FINE_TO_COARSE

LEAST_SEEN = {part: 0.93 if part in (2, 3, 14) else 0.97 for part in range(1, 15)}


def random_points(atlas: Atlas, part: int, count: int, seed: int) -> tuple[NDArray, NDArray]:
    """Faces and barycentrics of points spread evenly over the area of a part."""
    rng = np.random.default_rng([seed, part])
    faces = np.flatnonzero(FINE_TO_COARSE[atlas.face_chart] == part)
    a, b, c = np.moveaxis(atlas.vertices[atlas.triangles[faces]].astype(float), 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return rng.choice(faces, count, p=area / area.sum()), rng.dirichlet([1, 1, 1], count)


def first_hit(atlas: Atlas, faces: NDArray, point: NDArray, towards: NDArray) -> float:
    """How far in front of a point, along `towards`, the last of `faces` is met (Moeller and Trumbore)."""
    a, b, c = np.moveaxis(atlas.vertices[atlas.triangles[faces]].astype(float), 1, 0)
    e1, e2 = b - a, c - a
    p = np.cross(towards, e2)
    det = (e1 * p).sum(1)
    inverse = 1 / np.where(np.abs(det) < 1e-14, np.inf, det)
    s = point - a
    u = (s * p).sum(1) * inverse
    q = np.cross(s, e1)
    v, t = (q @ towards) * inverse, (e2 * q).sum(1) * inverse
    hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (np.abs(det) > 1e-14)
    return float(t[hit].max(initial=-np.inf))


@pytest.mark.parametrize("part", range(1, 15))
def test_six_views_show_the_part(views: ViewSet, part: int) -> None:
    """By rays: the share of the part's area that some view shows, from outside and with nothing before it."""
    atlas = views.atlas
    own = np.flatnonzero(views.part_of_face == part)
    faces, barys = random_points(atlas, part, 150, 1)
    seen = np.zeros(len(faces), bool)
    assert len(views.parts[part]) == 6
    for view in views.parts[part]:
        towards = view.camera.axes[2]
        for k in np.flatnonzero(~seen):
            corners = atlas.vertices[atlas.triangles[faces[k]]].astype(float)
            outward = np.cross(corners[1] - corners[0], corners[2] - corners[0])
            if outward @ towards > 0:
                seen[k] = first_hit(atlas, own, barys[k] @ corners, towards) < 1e-6
    assert seen.mean() >= LEAST_SEEN[part]


@pytest.mark.parametrize("part", range(1, 15))
def test_scripted_annotator(views: ViewSet, part: int) -> None:
    """Clicking the pixel at which the view that shows a point most squarely has it gives that point back."""
    atlas = views.atlas
    faces, barys = random_points(atlas, part, 200, 2)
    truth = np.einsum("pk,pkd->pd", barys, atlas.vertices[atlas.triangles[faces]].astype(float))
    gaps, right, away, found = [], 0, 0, 0
    for face, bary, point in zip(faces, barys, truth, strict=True):
        places = views.places(part, int(face), bary)
        seen = [k for k, spot in enumerate(places) if spot[2]]
        if not seen:
            continue
        a, b, c = atlas.vertices[atlas.triangles[face]].astype(float)
        outward = np.cross(b - a, c - a)
        view = max(seen, key=lambda k: views.parts[part][k].camera.axes[2] @ outward)
        x, y = np.floor(places[view][:2])  # a mouse points at whole pixels
        hit = views.locate(part, view, x + 0.5, y + 0.5)
        if hit is None:  # a pixel of the part's very edge
            continue
        found += 1
        gaps.append(np.linalg.norm(hit[1] @ atlas.vertices[atlas.triangles[hit[0]]] - point))
        if far_from_seams(atlas, views.parts[part][view].faces, int(x), int(y)):
            away += 1
            right += atlas.face_chart[hit[0]] == atlas.face_chart[face]
    assert found >= LEAST_SEEN[part] * len(faces) - 2
    assert np.median(gaps) < 0.005
    assert away > 60 and right / away >= 0.99


def far_from_seams(atlas: Atlas, shown: NDArray, column: int, row: int) -> bool:
    """Whether one chart fills the pixel's neighbours."""
    around = shown[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    return bool((around >= 0).all()) and len(np.unique(atlas.face_chart[around])) == 1


def test_a_place_shows_in_the_other_views(views: ViewSet) -> None:
    """Where another view says that it shows the point, a click there gives it back."""
    atlas = views.atlas
    faces, barys = random_points(atlas, 14, 60, 3)
    checked = 0
    for face, bary in zip(faces, barys, strict=True):
        point = bary @ atlas.vertices[atlas.triangles[face]]
        for k, (x, y, seen) in enumerate(views.places(14, int(face), bary)):
            hit = views.locate(14, k, x, y) if seen else None
            if hit is not None:
                checked += 1
                assert np.linalg.norm(hit[1] @ atlas.vertices[atlas.triangles[hit[0]]] - point) < 0.012
    assert checked > 80


def test_hidden_places_are_known(views: ViewSet) -> None:
    """The nose is seen from the front, not from the back, in views and on the turntable."""
    front = views.parts[14][0]
    assert front.name == "front"
    nose = [k for k in np.unique(front.faces[200:300, 200:280]) if k >= 0]
    tip = min(nose, key=lambda f: views.atlas.vertices[views.atlas.triangles[f], 1].mean())
    places = views.places(14, int(tip), [1 / 3] * 3)
    names = [view.name for view in views.parts[14]]
    assert places[names.index("front")][2] and not places[names.index("back")][2]
    turntable = views.places(WHOLE, int(tip), [1 / 3] * 3)
    assert turntable[0][2] and not turntable[TURNTABLE_FRAMES // 2][2]


def test_clicks_beside_the_part(views: ViewSet) -> None:
    assert views.locate(1, 0, 1, 1) is None
    assert views.locate(1, 0, -1, 10) is None
    assert views.locate(1, 0, SIZE, 10) is None
    for view in views.parts[1]:  # looking into the neck or the arm holes gives nothing
        rows, columns = np.nonzero(view.faces == INSIDE)
        for row, column in list(zip(rows, columns, strict=True))[:3]:
            assert view.locate(views.atlas, column + 0.5, row + 0.5) is None


def test_left_views_mirror_right_ones(views: ViewSet) -> None:
    for right, left in ((2, 3), (5, 4), (6, 7), (8, 9), (11, 10), (13, 12)):
        ours = sorted(round(float(v.camera.axes[2] @ [1, 0, 0]), 6) for v in views.parts[right])
        theirs = sorted(round(-float(v.camera.axes[2] @ [1, 0, 0]), 6) for v in views.parts[left])
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_cameras() -> None:
    axes = look(np.array([0, 0, 1.0]), 90, 0)
    np.testing.assert_allclose(axes, [[0, 1, 0], [0, 0, 1], [1, 0, 0]], atol=1e-12)  # from the person's left
    names = [geometry.view_name(*step) for step in ((90, 0), (-30, 0), (0, 90))]
    assert names == ["left", "front right", "from above"]
    _, camera = cameras(Atlas.load(), 1)[0]
    np.testing.assert_allclose(camera.project(camera.centre), [SIZE / 2, SIZE / 2, 0])
    found = camera.project(camera.centre + np.array([0.1, 0, 0.2]))  # their left is on the viewer's right
    expected = [SIZE / 2 + 0.1 * camera.scale, SIZE / 2 - 0.2 * camera.scale, 0]
    np.testing.assert_allclose(found, expected, atol=1e-9)
