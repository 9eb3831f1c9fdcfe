"""Entries of a surface: the nearest one against a slow loop, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opendensepose.io.files import InputError
from opendensepose.surface.sampled import KAPPA_2019, SampledSurface, euclidean, read_sampled


def surface(entries: int = 400, seed: int = 0) -> SampledSurface:
    """Random entries on a coarse grid, so that ties and equal (U, V) are many."""
    rng = np.random.default_rng(seed)
    vertices = rng.random((60, 3)).astype(np.float32)
    return SampledSurface(
        name="random",
        chart=rng.integers(1, 24, entries),  # no entry in chart 24
        uv=rng.integers(0, 9, (entries, 2)) / 8,
        vertex=rng.integers(0, 60, entries),
        vertices=vertices,
        distance=euclidean(vertices),
        kappa=KAPPA_2019,
    )


def slow_closest(s: SampledSurface, chart: int, u: float, v: float) -> int:
    best, found = np.inf, -1
    for e in range(len(s.chart)):
        if s.chart[e] == chart:
            gap = np.sqrt((s.uv[e, 0] - u) ** 2 + (s.uv[e, 1] - v) ** 2)
            if gap < best:
                best, found = gap, e
    return found


def test_the_first_nearest_entry_of_the_chart() -> None:
    s = surface()
    rng = np.random.default_rng(1)
    chart = rng.integers(0, 27, 500)
    uv = rng.choice([*np.arange(17) / 16, -3.0, 9.0, 0.3], (500, 2))
    expected = [slow_closest(s, int(c), *at) for c, at in zip(chart, uv, strict=True)]
    assert s.closest(chart, uv).tolist() == expected
    assert -1 in expected


def test_nothing_is_nearest_to_nan() -> None:
    assert surface().closest(np.array([1, 2]), np.array([[np.nan, 0], [0, np.inf]])).tolist() == [-1, -1]


def test_straight_distances_are_single_roots_of_double_sums() -> None:
    s = surface()
    a, b = np.array([0, 5, 7]), np.array([1, 5, 30])
    for i, j, d in zip(a, b, s.distance(a, b), strict=True):
        dx, dy, dz = (float(s.vertices[i, k]) - float(s.vertices[j, k]) for k in range(3))
        assert d == np.float32(np.sqrt(dx * dx + dy * dy + dz * dz)) and d.dtype == np.float32


def test_published_normalisation() -> None:
    assert KAPPA_2019[[0, 1, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 24]].tolist() == [
        *(0, 0.351, 0.351, 0.107, 0.126, 0.237, 0.237, 0.173, 0.173),
        *(0.142, 0.142, 0.128, 0.128, 0.150, 0.150),
    ]
    one = surface().with_kappa(0.255).kappa
    assert one[0] == 0 and (one[1:] == 0.255).all()


def arrays() -> dict[str, np.ndarray]:
    return {
        "vertices_xyz": np.eye(3, dtype=np.float32),
        "U_subdiv": np.array([0.0, 0.5, 1.0]),
        "V_subdiv": np.array([0.0, 0.5, 1.0]),
        "Part_ID_subdiv": np.array([1, 2, 24], np.int32),
        "index": np.array([3, 1, 2], np.uint16),
    }


def test_a_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", **arrays())
    s = read_sampled(tmp_path / "s.npz")
    assert s.vertex.tolist() == [2, 0, 1] and s.vertex.dtype == np.int64
    assert s.distance(np.array([0]), np.array([1])) == np.float32(np.sqrt(2))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("index", np.array([0, 1, 2])),  # numbers begin at 1
        ("index", np.array([1, 2, 4])),
        ("index", np.array([1, 2])),
        ("Part_ID_subdiv", np.array([0, 1, 2])),
        ("Part_ID_subdiv", np.array([1, 2, 25])),
        ("U_subdiv", np.array([0, np.nan, 1])),
        ("vertices_xyz", np.zeros((2, 2))),
        ("vertices_xyz", np.array([object()])),  # a pickle
        ("V_subdiv", None),
    ],
)
def test_broken_files(key: str, value: np.ndarray | None, tmp_path: Path) -> None:
    content = arrays() | ({key: value} if value is not None else {})
    if value is None:
        del content[key]
    np.savez(tmp_path / "s.npz", **content)
    with pytest.raises(InputError, match="expected a surface"):
        read_sampled(tmp_path / "s.npz")


def test_no_file_and_no_npz(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_sampled(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(InputError, match="expected a surface"):
        read_sampled(tmp_path / "text.npz")
