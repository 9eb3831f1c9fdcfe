"""The official files, by small ones of the same form: the same surface comes out as went in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from opendensepose.cli import main
from opendensepose.io.image import read_image
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.official import OfficialFolder, read_atlas, read_texture
from opendensepose.surface.smpl import read_smpl
from opendensepose.viz.atlas import draw_layout

pytest.importorskip("scipy")

from surface_files import (
    smpl_arrays,
    write_smpl_pickle,
    write_uv,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the official repository lays them out."""
    root = tmp_path_factory.mktemp("official")
    (root / "DensePoseData" / "UV_data").mkdir(parents=True)
    write_uv(root / "DensePoseData" / "UV_data")
    write_smpl_pickle(root / "basicModel_f_lbs_10_207_0_v1.0.0.pkl", protocol=0)
    return root


def test_the_atlas_is_the_one_that_was_written(folder: Path) -> None:
    ours, read = Atlas.load(), Atlas.load(str(folder))
    assert read.name == "smpl24" and len(read.faces) == len(ours.faces)
    rng = np.random.default_rng(0)
    chart, uv = ours.from_face(rng.integers(0, len(ours.faces), 500), rng.dirichlet([1, 1, 1], 500))
    truth = ours.to_xyz(chart, uv)
    assert np.abs(read.to_xyz(chart, uv) - truth).max() < 1e-5
    back_chart, back_uv = read.from_xyz(truth)
    assert (back_chart == chart).mean() > 0.99
    same = back_chart == chart
    assert np.abs(back_uv - uv)[same].max() < 1e-3
    assert np.array_equal(read.orientation, ours.orientation)
    entries = rng.integers(0, len(read.entry_chart), 50)
    assert np.array_equal(read.entry_chart[entries], ours.entry_chart[entries])


def test_the_command_draws_it(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.png"
    done = CliRunner().invoke(main, ["atlas", "--atlas", str(folder), "--out", str(out), "--json"])
    assert done.exit_code == 0 and json.loads(done.output)["atlas"] == "smpl24"
    ours = draw_layout(Atlas.load())
    theirs = read_image(out)[:, : ours.shape[1]]
    assert (np.abs(ours.astype(int) - theirs).max(-1) > 60).mean() < 0.01
    none = CliRunner().invoke(main, ["atlas", "--atlas", str(tmp_path), "--out", str(tmp_path / "x.png")])
    assert none.exit_code != 0 and "expected UV_Processed.mat in it" in none.output


def test_faces_are_seen_from_outside(folder: Path) -> None:
    read = read_atlas(folder)
    a, b, c = (read.vertices[read.triangles[:, k]].astype(float) for k in range(3))
    assert np.einsum("fd,fd->", a, np.cross(b, c)) / 6 == pytest.approx(0.06, abs=0.03)  # cubic metres


def test_the_mirror_goes_over_the_mesh(folder: Path) -> None:
    """Our own body is an exact mirror, so its closed form is the truth."""
    ours, read = Atlas.load(), read_atlas(folder)
    rng = np.random.default_rng(1)
    chart, uv = ours.from_face(rng.integers(0, len(ours.faces), 200), rng.dirichlet([1, 1, 1], 200))
    partner, mirrored = read.flip(np.append(chart, 0), np.append(uv, [[0.5, 0.5]], axis=0))
    expected, at = ours.flip(chart, uv)
    assert np.array_equal(partner[:-1], expected) and partner[-1] == 0
    assert np.abs(mirrored[:-1] - at).max() < 1e-3
    vertices = ours.vertices[ours.mirror] * [-1, 1, 1]
    assert np.abs(read.vertices[read.mirror] - vertices * [-1, 1, 1]).max() < 1e-5


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_smpl_pickles(tmp_path: Path, protocol: int) -> None:
    write_smpl_pickle(tmp_path / "smpl.pkl", protocol)
    body = read_smpl(tmp_path / "smpl.pkl")
    assert np.abs(body.vertices - Atlas.load().vertices).max() < 1e-6
    assert np.array_equal(body.faces, Atlas.load().triangles)
    assert body.more["J_regressor"].shape == (24, len(body.vertices)) and body.more["J_regressor"].sum() == 24
    assert body.more["weights"].shape[1] == 24


def test_smpl_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "smpl.npz", **smpl_arrays(), odd=np.array([{}], object))  # of objects: never read
    body = read_smpl(tmp_path / "smpl.npz")
    assert np.abs(body.vertices - Atlas.load().vertices).max() < 1e-6


def test_neutral_before_others(tmp_path: Path) -> None:
    for name in ("basicModel_f.pkl", "SMPL_NEUTRAL.pkl", "SMPL_subdiv.mat", "Pdist_matrix.pkl"):
        (tmp_path / name).write_bytes(b"")
    assert OfficialFolder(tmp_path).smpl() == tmp_path / "SMPL_NEUTRAL.pkl"
    assert OfficialFolder(tmp_path).find("smpl_SUBDIV.mat") == tmp_path / "SMPL_subdiv.mat"


def test_what_is_missing_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="expected the folder of the official files"):
        read_atlas(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match=r"expected UV_Processed\.mat in it for the charts"):
        read_atlas(tmp_path)
    shutil.copy(folder / "DensePoseData/UV_data/UV_Processed.mat", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"expected SMPL_NEUTRAL\.pkl.* for points in 3D, got none"):
        read_atlas(tmp_path)
    with pytest.raises(ValueError, match="expected 'odp24' or the folder of the official files, got 'x'"):
        Atlas.load("x")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"All_Faces": [[1, 2, 99999]]}, "numbers that do not fit"),
        ({"All_FaceIndices": [[1]]}, "numbers that do not fit"),
        ({"All_vertices": [[0, 1]]}, "numbers that do not fit"),
        ({"All_vertices": None}, "no 'All_vertices'"),
        ({"All_U_norm": "text"}, "expected a MATLAB file"),
    ],
)
def test_broken_charts(folder: Path, tmp_path: Path, change: dict, message: str) -> None:
    from scipy.io import loadmat, savemat

    content = loadmat(folder / "DensePoseData/UV_data/UV_Processed.mat") | change
    savemat(
        tmp_path / "UV_Processed.mat", {k: v for k, v in content.items() if v is not None and k[0] != "_"}
    )
    shutil.copy(folder / "basicModel_f_lbs_10_207_0_v1.0.0.pkl", tmp_path)
    with pytest.raises(ValueError, match=message):
        read_atlas(tmp_path)


def test_damaged_files(folder: Path, tmp_path: Path) -> None:
    """Cut anywhere, or other files of that name."""
    whole = (folder / "DensePoseData/UV_data/UV_Processed.mat").read_bytes()
    shutil.copy(folder / "basicModel_f_lbs_10_207_0_v1.0.0.pkl", tmp_path)
    for content in (
        b"",
        b"hello",
        whole[:100],
        whole[:200],
        whole[: len(whole) // 2],
        b"\x89HDF\r\n" + whole,
    ):
        (tmp_path / "UV_Processed.mat").write_bytes(content)
        with pytest.raises(ValueError, match=r"UV_Processed\.mat: expected a MATLAB file"):
            read_atlas(tmp_path)
    for name, content in (("smpl.npz", b"PK\x03\x04"), ("smpl.npz", b""), ("smpl.pkl", b"hello")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=r"smpl\.\w+: expected"):
            read_smpl(tmp_path / name)
    for change in (
        {"v_template": np.zeros((3, 2))},
        {"f": np.array([[0, 1, 10**6]])},
        {"f": np.zeros((0, 3))},
    ):
        np.savez(tmp_path / "smpl.npz", **(smpl_arrays() | change))
        with pytest.raises(ValueError, match=r"smpl\.npz: .*expected"):
            read_smpl(tmp_path / "smpl.npz")


def test_texture(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (60, 40, 3)).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "t.png")
    charts = read_texture(tmp_path / "t.png")
    assert charts.shape == (24, 10, 10, 3)
    for chart in range(1, 25):
        column, row = divmod(chart - 1, 6)
        cell = picture[10 * row : 10 * row + 10, 10 * column : 10 * column + 10]
        assert np.array_equal(charts[chart - 1], cell)
    Image.fromarray(picture[:50]).save(tmp_path / "t.png")
    with pytest.raises(ValueError, match="expected 4 x 6 square cells, got 40 x 50 pixels"):
        read_texture(tmp_path / "t.png")
