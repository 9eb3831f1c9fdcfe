"""The official surface of the evaluation, by small files of the same form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opendensepose.surface.atlas import Atlas
from opendensepose.surface.official_sampled import condensed, memory_mapped, official_surface
from opendensepose.surface.sampled import KAPPA_2019

pytest.importorskip("scipy")

from surface_files import sampled, write_distances, write_subdivided


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENDENSEPOSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "official"


@pytest.fixture
def folder(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A folder as the official repository has it, and all distances [V, V]."""
    (tmp_path / "eval_data").mkdir()
    vertices = write_subdivided(tmp_path / "eval_data")
    return tmp_path, write_distances(tmp_path / "eval_data" / "Pdist_matrix.pkl", vertices)


def test_entries_and_distances(folder: tuple[Path, np.ndarray]) -> None:
    surface = official_surface(folder[0])
    atlas, (entries, vertex) = Atlas.load(), sampled()
    assert surface.name == "smpl24" and surface.distance_kind.startswith("geodesic")
    assert np.array_equal(surface.vertex, vertex) and np.array_equal(
        surface.chart, atlas.entry_chart[entries]
    )
    assert np.abs(surface.vertices[vertex] - atlas.vertices[atlas.entry_vertex[entries]]).max() < 1e-6
    assert np.array_equal(surface.kappa, KAPPA_2019)
    found = surface.closest(surface.chart, surface.uv)
    assert np.array_equal(surface.uv[found], surface.uv)
    count = len(folder[1])
    a, b = np.divmod(np.arange(count * count), count)
    # numbers of pairs far above 65535: in the file's own uint16 they would overflow
    assert count * (count - 1) // 2 > 2**16
    assert np.array_equal(surface.distance(a, b).reshape(count, count), folder[1])


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_the_matrix_is_converted_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    path = tmp_path / "Pdist_matrix.pkl"
    full = write_distances(path, np.random.default_rng(0).random((30, 3)), protocol)
    first = memory_mapped(path)
    monkeypatch.setattr("opendensepose.surface.official_sampled.load_pickle", None)
    second = memory_mapped(path)
    assert len(list(cache.iterdir())) == 1 and np.array_equal(first, second)
    assert isinstance(second.base, np.memmap) or isinstance(second, np.memmap)
    distance = condensed(second, 30, path)
    assert distance(np.array([3, 7, 7]), np.array([7, 3, 7])).tolist() == [full[7, 3], full[7, 3], 0]


def test_without_the_matrix_by_heat(folder: tuple[Path, np.ndarray]) -> None:
    pytest.importorskip("igl")
    (folder[0] / "eval_data" / "Pdist_matrix.pkl").unlink()
    surface = official_surface(folder[0])
    assert surface.distance_kind == "geodesic (by heat)" and surface.faces is not None
    assert surface.faces.shape[1] == 3 and surface.faces.max() < len(surface.vertices)


def test_what_is_missing_or_does_not_fit(folder: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    from scipy.io import loadmat, savemat

    place = folder[0] / "eval_data"
    write_distances(place / "Pdist_matrix.pkl", np.random.default_rng(0).random((30, 3)))
    with pytest.raises(ValueError, match=r"Pdist_matrix\.pkl: expected the pairs of \d+ vertices, got 435"):
        official_surface(folder[0])
    content = loadmat(place / "SMPL_subdiv.mat")
    kept = {k: v for k, v in content.items() if k in ("U_subdiv", "V_subdiv", "Part_ID_subdiv")}
    savemat(place / "SMPL_subdiv.mat", kept)
    (place / "Pdist_matrix.pkl").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"expected Pdist_matrix\.pkl in it, as SMPL_subdiv\.mat has no"
    ):
        official_surface(folder[0])
    savemat(
        place / "SMPL_subdiv.mat",
        {k: v for k, v in content.items() if k[0] != "_"} | {"faces": [[0], [1], [2]]},
    )
    with pytest.raises(ValueError, match=r"SMPL_subdiv\.mat: key 'faces': expected numbers 1\.\.700"):
        official_surface(folder[0])
    savemat(place / "SMPL_SUBDIV_TRANSFORM.mat", {"index": np.array([[0, 1]])})
    with pytest.raises(ValueError, match="key 'index': expected numbers 1"):
        official_surface(folder[0])
    (place / "SMPL_SUBDIV_TRANSFORM.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected SMPL_SUBDIV_TRANSFORM\.mat in it"):
        official_surface(folder[0])


def test_no_code_of_a_matrix_runs(tmp_path: Path) -> None:
    (tmp_path / "Pdist_matrix.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ValueError, match=r"the name os\.system"):
        memory_mapped(tmp_path / "Pdist_matrix.pkl")
