"""Distances along meshes: against the sphere's closed form, a flat sheet, and the exact ones on our body."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from opendensepose.surface.atlas import Atlas
from opendensepose.surface.geodesic import Geodesics, on_demand, refined


@lru_cache
def sphere(longest: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere: an octahedron cut finer and blown up again, until its edges are short."""
    points = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    faces = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])
    limit = 1.0
    while limit >= longest:
        points, faces = refined(points, faces, limit)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        limit /= 2
    return points, faces


@pytest.mark.parametrize(("method", "error"), [("heat", 0.013), ("exact", 0.004)])
def test_great_circles_of_a_sphere(method: str, error: float) -> None:
    points, faces = sphere()
    measured = Geodesics(points, faces, method)  # type: ignore[arg-type]
    for source in (0, 100) if method == "heat" else (100,):
        truth = np.arccos(np.clip(points @ points[source], -1, 1))
        far = truth > 0
        distance = measured.from_vertex(source)
        assert distance[source] == 0
        assert (np.abs(distance - truth)[far] / truth[far]).mean() < error


def test_heat_against_exact_on_our_body() -> None:
    atlas = Atlas.load()
    vertices, triangles = atlas.vertices.astype(float), atlas.triangles.astype(np.int64)
    heat, exact = Geodesics(*refined(vertices, triangles, 0.014)), Geodesics(vertices, triangles, "exact")
    source = 4321
    truth, distance = exact.from_vertex(source), heat.from_vertex(source)[: len(vertices)]
    far = truth > 0
    assert (np.abs(distance - truth)[far] / truth[far]).mean() < 0.01
    assert (truth >= np.linalg.norm(vertices - vertices[source], axis=1) - 1e-9).all()


def test_pieces_that_do_not_touch_are_infinitely_far() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 0, 0], [6, 0, 0], [5, 1, 0], [9, 9, 9]], float)
    for method in ("heat", "exact"):
        distance = Geodesics(points, np.array([[0, 1, 2], [3, 4, 5]]), method).from_vertex(3)  # type: ignore[arg-type]
        assert np.isinf(distance[[0, 1, 2, 6]]).all() and np.isfinite(distance[3:6]).all()
        alone = Geodesics(points, np.array([[0, 1, 2]]), method).from_vertex(6)  # type: ignore[arg-type]
        assert alone[6] == 0 and np.isinf(alone[:6]).all()


def test_pairs_on_demand_are_the_rows() -> None:
    points, faces = sphere(0.3)
    measured = Geodesics(points, faces, "exact")
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, len(points), (2, 40))
    expected = [measured.from_vertex(int(i))[j] for i, j in zip(a, b, strict=True)]
    assert on_demand(measured)(a, b) == pytest.approx(expected, rel=1e-6)
    assert len(on_demand(measured)(a[:0], b[:0])) == 0


def test_refining_keeps_the_surface() -> None:
    atlas = Atlas.load()
    points, faces = refined(atlas.vertices.astype(float), atlas.triangles.astype(np.int64), 0.02)

    def area(p: np.ndarray, f: np.ndarray) -> np.ndarray:
        return np.cross(p[f[:, 1]] - p[f[:, 0]], p[f[:, 2]] - p[f[:, 0]]) / 2

    edges = np.linalg.norm(points[faces] - points[np.roll(faces, -1, axis=1)], axis=2)
    assert edges.max() <= 0.02
    old = area(atlas.vertices.astype(float), atlas.triangles)
    assert np.linalg.norm(area(points, faces), axis=1).sum() == pytest.approx(
        np.linalg.norm(old, axis=1).sum()
    )
    assert area(points, faces).sum(0) == pytest.approx([0, 0, 0], abs=1e-9)  # closed, all faces turned alike
    assert (points[: len(atlas.vertices)] == atlas.vertices).all()
    halves = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], 2).reshape(-1, 2), axis=1)
    assert (np.unique(halves, axis=0, return_counts=True)[1] == 2).all()  # no gaps


@pytest.mark.parametrize(
    ("vertices", "faces", "method", "says"),
    [
        (np.zeros((3, 2)), [[0, 1, 2]], "heat", "vertices"),
        (np.zeros((3, 3)), [[0, 1, 3]], "heat", "0..2"),
        (np.zeros((3, 3)), np.zeros((0, 3)), "heat", "faces"),
        (np.eye(3), [[0, 1, 2]], "magic", "heat"),
    ],
)
def test_errors(vertices: object, faces: object, method: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Geodesics(vertices, faces, method)  # type: ignore[arg-type]
