"""Points read off maps, who finds whom, and which surface is chosen: against slow loops and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eval_files import surface_file
from opendensepose.eval.points import distances, locate, read_map
from opendensepose.eval.rules import REFERENCE, STRICT, Rules
from opendensepose.eval.scoring import found_by
from opendensepose.eval.surfaces import open_surface
from opendensepose.eval.truth import Annotation, Points
from opendensepose.io.files import InputError
from opendensepose.surface.sampled import SampledSurface, read_sampled


def person(number: int, rng: np.random.Generator, points: int | None) -> Annotation:
    """Random points in a random box; None: no dense annotation."""
    dense = None
    if points is not None:
        chart = rng.integers(0, 25, points).astype(np.uint8)
        dense = Points(rng.uniform(-5, 260, (points, 2)), chart, rng.random((points, 2)))
    x, y, w, h = rng.uniform(0, 30, 2).tolist() + rng.uniform(0, 40, 2).tolist()
    return Annotation(number, (x, y, w, h), w * h, False, False, dense, None, None, None)


@pytest.fixture
def surface(tmp_path: Path) -> SampledSurface:
    return read_sampled(surface_file(tmp_path))


@pytest.mark.parametrize("rules", [REFERENCE, STRICT], ids=["reference", "strict"])
def test_maps_are_read_as_written_down(rules: Rules, surface: SampledSurface) -> None:
    rng = np.random.default_rng(0)
    people = [person(k, rng, n) for k, n in enumerate([40, None, 0, 60, 50])]
    located = locate(people, surface)
    iuv = rng.integers(0, 30, (35, 45, 3)).astype(np.uint8)
    box = (10.3, 5.7, 40.9, 30.2)
    for g, one in enumerate(people):
        which = located.range(g, g + 1)
        got = read_map(iuv, box, located, which, rules)
        expected = []
        counted = [] if one.points is None else np.flatnonzero(one.points.chart)
        for p in counted:
            assert one.points is not None
            (dp_x, dp_y), (x, y, w, h) = one.points.xy[p], one.box
            column, row = dp_x * w / 255 + x - box[0], dp_y * h / 255 + y - box[1]
            if rules.truncate_points:
                column, row = int(column), int(row)  # -0.9 is 0
            else:
                column, row = int(np.floor(column)), int(np.floor(row))
            inside = 0 <= column < 40 and 0 <= row < 30
            expected.append(iuv[row, column].tolist() if inside else [0, 0, 0])
        assert got.tolist() == expected
    assert located.starts[-1] > 80


def test_distances_of_read_points(surface: SampledSurface) -> None:
    # the plane: U and V in steps of 1/4 are 7.5 cm apart, charts 30 cm
    read = np.array([[1, 0, 0], [1, 255, 0], [2, 0, 0], [0, 0, 0], [25, 0, 0], [1, 30, 0]], np.uint8)
    vertex = np.zeros(6, np.int64)  # chart 1, U = V = 0
    expected = [0, 0.3, 0.3, np.inf, np.inf, 0]  # U = 30 / 255 is nearer to 0 than to 1/4
    assert distances(read, vertex, surface) == pytest.approx(expected, abs=1e-6)
    assert np.isinf(distances(read, vertex - 1, surface)).all()  # the annotation has no vertex


def test_who_finds_whom() -> None:
    table = np.array([[0.6, 0.7, 0.0], [0.9, 0.55, 0.0], [0.8, 0.0, 0.49]])
    assert found_by(table).tolist() == [1, 0, -1]  # by score, not the best pairs; 0.49 is too little
    assert found_by(np.zeros((0, 2))).tolist() == [-1, -1]
    assert found_by(np.zeros((2, 0))).tolist() == []


@pytest.mark.parametrize(
    ("atlas", "results", "truth", "says"),
    [
        (None, "odp24", "smpl24", "expected results and annotations of one"),
        ("FILE", "odp24", None, "expected odp24, of which the results are"),
        ("FILE", None, "odp24", "expected odp24, of which the annotations are"),
        ("odp24", "smpl24", None, "expected smpl24, of which the results are"),
        (None, None, None, "do not say theirs"),
        (None, "odp24", None, "do not say theirs"),  # as of an official annotation file
        (None, "smpl24", None, "folder of the official files"),
        ("odp25", None, None, "odp25"),
    ],
)
def test_atlases_are_never_mixed(
    atlas: str | None, results: str | None, truth: str | None, says: str, tmp_path: Path
) -> None:
    chosen = str(surface_file(tmp_path)) if atlas == "FILE" else atlas
    with pytest.raises((ValueError, FileNotFoundError), match=says):
        open_surface(chosen, results, truth)


def test_a_file_called_like_our_atlas_is_not_ours(tmp_path: Path) -> None:
    path = surface_file(tmp_path).rename(tmp_path / "odp24.npz")
    assert open_surface(str(path), None, None).name != "odp24"
    with pytest.raises(ValueError, match="expected odp24"):
        open_surface(str(path), "odp24", "odp24")


def test_surfaces_that_fit(tmp_path: Path) -> None:
    path = str(surface_file(tmp_path))
    assert open_surface(path, "smpl24", None).name == "plane"
    assert open_surface("odp24", "odp24", None).name == open_surface(None, None, "odp24").name == "odp24"
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(InputError):
        open_surface(str(tmp_path / "text.npz"), None, None)
