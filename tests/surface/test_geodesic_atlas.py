"""Our atlas with geodesic distances: against exact ones, its symmetry, its cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opendensepose.surface import geodesic_atlas
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.geodesic import Geodesics
from opendensepose.surface.geodesic_atlas import sampled_atlas
from opendensepose.surface.sampled import KAPPA_2019


def test_distances_are_within_a_percent_of_the_exact_ones() -> None:
    surface, atlas = sampled_atlas(), Atlas.load()
    # of the samples that are vertices of the atlas itself, whose mesh is small enough for the exact method
    numbers = {tuple(at): k for k, at in enumerate(atlas.vertices.tolist())}
    known = [(s, numbers[at]) for s, at in enumerate(map(tuple, surface.vertices.tolist())) if at in numbers]
    samples, vertices = np.array(known).T
    assert len(samples) > 2000
    source = 1234
    exact = Geodesics(atlas.vertices, atlas.triangles, "exact").from_vertex(int(vertices[source]))[vertices]
    distance = surface.distance(np.full(len(samples), samples[source]), samples)
    others = np.arange(len(samples)) != source
    assert distance[source] == 0
    assert (np.abs(distance - exact)[others] / exact[others]).mean() < 0.01
    assert (surface.distance(samples, np.full(len(samples), samples[source])) == distance).all()


def test_every_place_has_an_entry_nearby() -> None:
    surface, atlas = sampled_atlas(), Atlas.load()
    rng = np.random.default_rng(0)
    face = rng.integers(0, len(atlas.faces), 3000)
    chart, uv = atlas.from_face(face, rng.dirichlet((1, 1, 1), 3000))
    entry = surface.closest(chart, uv)
    assert (surface.chart[entry] == chart).all()
    gap = np.linalg.norm(surface.vertices[surface.vertex[entry]] - atlas.to_xyz(chart, uv), axis=1)
    assert gap.mean() < 0.007 and np.quantile(gap, 0.99) < 0.015


def test_left_and_right_are_alike() -> None:
    surface = sampled_atlas()
    mirrored = surface.vertices * [-1, 1, 1]
    order = np.lexsort(surface.vertices.T), np.lexsort(mirrored.T)
    other = np.empty(len(mirrored), int)
    other[order[1]] = order[0]
    assert np.array_equal(surface.vertices[other], mirrored.astype(np.float32))
    a, b = np.random.default_rng(0).integers(0, len(other), (2, 500))
    assert surface.distance(a, b) == pytest.approx(surface.distance(other[a], other[b]), abs=6e-5)


def test_normalisation_is_like_the_published_one() -> None:
    kappa = sampled_atlas().kappa
    assert kappa[0] == 0 and kappa[3] == kappa[4] and kappa[7] == kappa[10]
    assert (np.abs(kappa[1:] / KAPPA_2019[1:] - 1) < 0.25).all()


def test_the_cache_is_made_once_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENDENSEPOSE_CACHE", str(tmp_path))
    monkeypatch.setattr(geodesic_atlas, "SPACING", 0.08)  # few samples
    rows: list[int] = []

    def watch(numbers: object) -> object:
        for number in numbers:  # type: ignore[attr-defined]
            rows.append(number)
            yield number

    fresh = sampled_atlas.__wrapped__("odp24", watch)  # past the memory of this process
    (file,) = tmp_path.iterdir()
    measured = len(rows)
    assert measured > 50
    again = sampled_atlas.__wrapped__("odp24", watch)
    assert len(rows) == measured
    a, b = np.random.default_rng(0).integers(0, len(fresh.vertices), (2, 50))
    distance = fresh.distance(a, b)
    assert (distance == again.distance(a, b)).all()
    half = file.read_bytes()[:1000]
    file.unlink()  # it is still mapped: not to be shortened in place
    file.write_bytes(half)
    mended = sampled_atlas.__wrapped__("odp24", watch)
    assert len(rows) == 2 * measured
    assert (distance == mended.distance(a, b)).all()
    assert [f.name for f in tmp_path.iterdir()] == [file.name]
