"""The built-in atlas: every chart a flat disc without overlaps, and the look-ups exact."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from opendensepose.surface.atlas import Atlas
from opendensepose.surface.body import Body

CHARTS = range(1, 25)
SEEN = (
    1,
    2,
    3,
    6,
    7,
    9,
    11,
    13,
    16,
    18,
    20,
    22,
    23,
)  # the right half; the left is shown to be its mirror image


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return Atlas.load()


def samples(atlas: Atlas, count: int, margin: float = 0.0) -> tuple[NDArray, NDArray]:
    """Random faces [P] and barycentric coordinates [P, 3], each above `margin`."""
    rng = np.random.default_rng(5)
    bary = rng.dirichlet([1, 1, 1], count) * (1 - 3 * margin) + margin
    return rng.integers(0, len(atlas.faces), count), bary


def points(atlas: Atlas, face: NDArray, bary: NDArray) -> NDArray:
    """[P, 3] by hand, in float64."""
    corners = atlas.vertices.astype(np.float64)[atlas.entry_vertex[atlas.faces[face]]]
    return (corners * bary[..., None]).sum(1)


def doubled_areas(atlas: Atlas) -> NDArray:
    a, b, c = (atlas.entry_uv[atlas.faces[:, k]].astype(float) for k in range(3))
    return np.cross(np.pad(b - a, ((0, 0), (0, 1))), np.pad(c - a, ((0, 0), (0, 1))))[:, 2]


def inside(triangles: NDArray, at: NDArray) -> NDArray:
    """[P, F] which triangles [F, 3, 2] hold which points [P, 2], by the signs of three areas."""
    signs = []
    for k in range(3):
        a, b = triangles[:, k], triangles[:, (k + 1) % 3]
        signs.append(
            np.outer(at[:, 1], b[:, 0] - a[:, 0])
            - np.outer(at[:, 0], b[:, 1] - a[:, 1])
            + (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
        )
    stacked = np.stack(signs)
    return (stacked > 0).all(0) | (stacked < 0).all(0)


def test_every_face_of_the_body_is_in_one_chart(atlas: Atlas) -> None:
    body = Body.load()
    ours = np.sort(atlas.base[atlas.triangles], axis=1)
    theirs = np.sort(body.faces, axis=1)
    assert np.array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])
    assert np.array_equal(atlas.vertices, body.vertices[atlas.base])
    assert np.array_equal(atlas.base[atlas.mirror], body.mirror[atlas.base])
    assert set(atlas.face_chart.tolist()) == set(CHARTS)
    assert np.array_equal(atlas.entry_chart[atlas.faces], np.repeat(atlas.face_chart[:, None], 3, 1))
    assert (np.diff(atlas.face_chart.astype(int)) >= 0).all()


def test_triangles_turn_outwards_on_the_body(atlas: Atlas) -> None:
    a, b, c = (atlas.vertices[atlas.triangles[:, k]].astype(float) for k in range(3))
    volume = (a * np.cross(b, c)).sum() / 6
    assert 0.05 < volume < 0.1  # cubic metres of an adult


def test_triangles_of_a_chart_turn_one_way_and_fill_the_square(atlas: Atlas) -> None:
    area = doubled_areas(atlas)
    assert (area * atlas.orientation[atlas.face_chart] > 0).all()
    for chart in CHARTS:
        uv = atlas.entry_uv[atlas.entry_chart == chart]
        assert uv.min(0).tolist() == [0, 0] and uv.max(0).tolist() == [1, 1]


@pytest.mark.parametrize("chart", CHARTS)
def test_chart_is_one_disc(atlas: Atlas, chart: int) -> None:
    faces = atlas.faces[atlas.face_chart == chart]
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    assert count.max() == 2
    assert len(np.unique(faces)) - len(unique) + len(faces) == 1  # Euler characteristic of a disc
    following: dict[int, list[int]] = {}
    for a, b in unique[count == 1].tolist():
        following.setdefault(a, []).append(b)
        following.setdefault(b, []).append(a)
    assert all(len(ends) == 2 for ends in following.values())
    start = before = next(iter(following))
    at, length = following[start][0], 1
    while at != start:
        at, before = next(n for n in following[at] if n != before), at
        length += 1
    assert length == len(following)  # one loop holds every border vertex


@pytest.mark.parametrize("chart", SEEN)
def test_chart_does_not_overlap_itself(atlas: Atlas, chart: int) -> None:
    triangles = atlas.entry_uv[atlas.faces[atlas.face_chart == chart]].astype(float)
    for part in np.array_split(np.arange(len(triangles)), len(triangles) // 400 + 1):
        assert (
            inside(triangles, triangles[part].mean(1)).sum(1) == 1
        ).all()  # each centre is in its own only


def test_flip_is_the_mirror_map_of_the_mesh(atlas: Atlas) -> None:
    face, bary = samples(atlas, 4000)
    number = {tuple(sorted(t)): f for f, t in enumerate(atlas.triangles.tolist())}
    other = np.array([number[tuple(sorted(t))] for t in atlas.mirror[atlas.triangles[face]].tolist()])
    # weights follow their vertices
    match = atlas.triangles[other][:, :, None] == atlas.mirror[atlas.triangles[face]][:, None]
    chart, uv = atlas.from_face(other, (match * bary[:, None]).sum(2))
    flipped = atlas.flip(*atlas.from_face(face, bary))
    assert np.array_equal(flipped[0], chart)
    assert np.allclose(flipped[1], uv, atol=1e-6)
    reflected = points(atlas, face, bary) * [-1, 1, 1]
    assert np.allclose(atlas.to_xyz(*flipped), reflected, atol=1e-5)


def test_flip_twice_is_the_identity(atlas: Atlas) -> None:
    rng = np.random.default_rng(0)
    chart, uv = rng.integers(0, 25, 500), rng.random((500, 2))
    again = atlas.flip(*atlas.flip(chart, uv))
    assert np.array_equal(again[0], chart) and np.allclose(again[1], uv)


def test_round_trip(atlas: Atlas) -> None:
    face, bary = samples(atlas, 1500, margin=0.03)
    chart, uv = atlas.from_face(face, bary)
    xyz = atlas.to_xyz(chart, uv.astype(np.float32))
    assert np.abs(xyz - points(atlas, face, bary)).max() < 2e-6
    back_chart, back_uv = atlas.from_xyz(xyz)
    # eyelids and lips touch: there another point of the surface may be as near
    same = (back_chart == chart) & (np.abs(back_uv - uv).max(1) < 1e-3)
    assert same.mean() > 0.998
    assert np.linalg.norm(atlas.to_xyz(back_chart, back_uv) - xyz, axis=1).max() < 1e-6


def test_vertices_round_trip_in_any_pose(atlas: Atlas) -> None:
    vertex = np.arange(0, len(atlas.vertices), 7)
    chart, uv = atlas.from_vertex(vertex)
    posed = atlas.vertices[:, [2, 0, 1]] * 3 + 1
    assert np.allclose(atlas.to_xyz(chart, uv, posed), posed[vertex], atol=1e-4)


def test_to_face_agrees_with_a_search_over_all_triangles(atlas: Atlas) -> None:
    rng = np.random.default_rng(2)
    for chart in (2, 3, 5, 9, 24):
        uv = rng.uniform(-0.05, 1.05, (150, 2))
        face, bary, distance = atlas.to_face(np.full(150, chart), uv)
        triangles = atlas.entry_uv[atlas.faces[atlas.face_chart == chart]].astype(float)
        truth = np.full(150, np.inf)
        for k in range(3):
            a, along = triangles[:, k], triangles[:, (k + 1) % 3] - triangles[:, k]
            t = np.clip(((uv[:, None] - a) * along).sum(2) / (along**2).sum(1), 0, 1)
            truth = np.minimum(truth, np.linalg.norm(uv[:, None] - a - t[..., None] * along, axis=2).min(1))
        truth[inside(triangles, uv).any(1)] = 0
        assert np.array_equal(face >= 0, truth <= 0.1)
        found = face >= 0
        assert np.allclose(distance[found], truth[found], atol=1e-6)
        _, landed = atlas.from_face(face[found], bary[found])
        assert np.allclose(np.linalg.norm(landed - uv[found], axis=1), truth[found], atol=1e-6)
        assert (atlas.face_chart[face[found]] == chart).all() and (bary[found] >= 0).all()


def test_points_without_a_face(atlas: Atlas) -> None:
    chart = [0, 1, 1, 1]  # background, not a number, far off, on the chart
    uv = [[0.5, 0.5], [np.nan, 0.5], [3.0, 3.0], [0.5, 0.5]]
    face, bary, distance = atlas.to_face(chart, uv)
    assert face[:3].tolist() == [-1, -1, -1] and face[3] >= 0
    assert np.isnan(bary[:3]).all() and distance[3] == 0
    assert np.isnan(atlas.to_xyz(chart, uv)[:3]).all()
    empty = atlas.from_face(face, bary)
    assert empty[0].tolist() == [0, 0, 0, 1] and np.isnan(empty[1][:3]).all()
    assert len(atlas.to_face([], np.zeros((0, 2)))[0]) == 0 and len(atlas.from_xyz(np.zeros((0, 3)))[0]) == 0
    assert atlas.to_face([1], [[3.0, 3.0]], tolerance=np.inf)[0][0] >= 0


def test_nearest_is_nearer_than_any_sample(atlas: Atlas) -> None:
    rng = np.random.default_rng(4)
    query = rng.uniform([-0.6, -0.4, 0], [0.6, 0.3, 1.8], (60, 3))
    face, bary, distance = atlas.nearest(query)
    assert np.allclose(np.linalg.norm(points(atlas, face, bary) - query, axis=1), distance, atol=1e-6)
    cloud = points(atlas, *samples(atlas, 20000))
    by_cloud = np.linalg.norm(query[:, None] - cloud, axis=2).min(1)
    assert (distance <= by_cloud).all() and (distance > by_cloud - 0.02).all()


def test_wrong_input_is_named(atlas: Atlas) -> None:
    with pytest.raises(ValueError, match=r"expected 'odp24' or the folder of the official files, got 'smpl'"):
        Atlas.load("smpl")
    with pytest.raises(ValueError, match=r"expected shapes \[P\] and \[P, 2\]"):
        atlas.to_face([1, 2], [[0.5, 0.5]])
    with pytest.raises(ValueError, match=r"expected 0\.\.24, got 25\.\.25"):
        atlas.to_xyz([25], [[0.5, 0.5]])
    with pytest.raises(ValueError, match="vertices: expected shape"):
        atlas.to_xyz([1], [[0.5, 0.5]], np.zeros((4, 3)))


def test_atlas_needs_numpy_only() -> None:
    code = (
        "import sys, opendensepose.surface.atlas as a; a.Atlas.load().to_face([1], [[0.5, 0.5]]); "
        "print({'numba', 'scipy', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
