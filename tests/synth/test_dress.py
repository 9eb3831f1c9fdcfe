"""Dressed people: whole meshes, exact ground truth, splits, determinism."""

from pathlib import Path

import numpy as np
import pytest

from opendensepose.surface.body import Body
from opendensepose.synth.dress import KINDS, Outfit, Wardrobe
from opendensepose.synth.paint import Cloth, noise
from opendensepose.synth.pieces import lengthened, split_files
from opendensepose.synth.template import (
    ALONG,
    ARM_LEFT,
    ARM_RIGHT,
    BACK,
    LEG_LEFT,
    LEG_RIGHT,
    LIMB,
    SIDE,
    load_template,
)
from opendensepose.synth.trims import Trim

ASSETS = Path(__file__).parents[2] / ".." / "shared" / "assets"
BODY = Body.load()


@pytest.fixture(scope="module", params=["painted", "assets"])
def wardrobe(request: pytest.FixtureRequest) -> Wardrobe:
    if request.param == "painted":
        return Wardrobe()
    if not (ASSETS / "makehuman").is_dir():
        pytest.skip("needs the MakeHuman assets beside the checkout")
    return Wardrobe(ASSETS)


def pose(rng: np.random.Generator) -> np.ndarray:
    """Small random rotations [J, 3, 3] of all bones."""
    axis = rng.normal(size=(len(BODY.bones), 3)) * 0.1
    cross = np.zeros((len(axis), 3, 3))
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -axis[:, 2], axis[:, 1], -axis[:, 0]
    cross -= cross.transpose(0, 2, 1)
    q, r = np.linalg.qr(np.eye(3) + cross)
    return q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]


def dress(wardrobe: Wardrobe, seed: int) -> Outfit:
    rng = np.random.default_rng(seed)
    return wardrobe.dress(
        rng, BODY.sample_shape(np.random.default_rng(seed)), pose(np.random.default_rng(seed))
    )


def test_outfits_are_whole_and_finite(wardrobe: Wardrobe) -> None:
    seen = set()
    for seed in range(12):
        outfit = dress(wardrobe, seed)
        count = len(outfit.vertices)
        for array in (outfit.vertices, outfit.truth, outfit.keep, outfit.look.place):
            assert len(array) == count
            assert np.isfinite(array).all()
        assert outfit.faces.min() >= 0
        assert outfit.faces.max() < count
        assert len(outfit.faces) == len(outfit.kind) == len(outfit.body_face) == len(outfit.look.uv)
        assert ((outfit.kind == 0) == (outfit.body_face >= 0)).all()
        # nothing explodes: every vertex that is drawn lies within reach of the body
        drawn = outfit.vertices[np.unique(outfit.faces)]
        low, high = outfit.vertices[:13380].min(0) - 0.25, outfit.vertices[:13380].max(0) + 0.25
        assert ((drawn > low) & (drawn < high)).all()
        seen |= {KINDS[number] for number in np.unique(outfit.kind)}
    assert {"skin", "eye", "garment", "shoe", "hair"} <= seen


def test_bare_faces_are_the_body_posed_by_its_own_skinning(wardrobe: Wardrobe) -> None:
    outfit = dress(wardrobe, 3)
    posed, joints = BODY.pose(BODY.sample_shape(np.random.default_rng(3)), pose(np.random.default_rng(3)))
    np.testing.assert_allclose(outfit.vertices[:13380], posed[:13380], atol=1e-5)
    np.testing.assert_allclose(outfit.joints, joints, atol=1e-5)
    bare = outfit.body_face >= 0
    np.testing.assert_array_equal(outfit.faces[bare], BODY.faces[outfit.body_face[bare]])
    np.testing.assert_array_equal(outfit.truth[:13380], BODY.vertices[:13380])


def test_ground_truth_keeps_left_and_right(wardrobe: Wardrobe) -> None:
    regions = load_template(BODY).regions
    wrong = total = 0
    for seed in range(8):
        outfit = dress(wardrobe, seed)
        cloth = np.unique(outfit.faces[outfit.kind != 0])
        piece_vertex = cloth[cloth >= 14992]
        place, vertex = outfit.look.place[piece_vertex], outfit.truth_vertex[piece_vertex]
        side = regions[vertex][:, [ARM_LEFT, LEG_LEFT]].sum(1) - regions[vertex][
            :, [ARM_RIGHT, LEG_RIGHT]
        ].sum(1)
        far = np.abs(place[:, 5]) > 0.02  # metres from the mid-line, on the mean body
        wrong += np.sum(far & (side * np.sign(place[:, 5]) < -0.5))
        total += np.sum(far)
        assert np.linalg.norm(outfit.truth[piece_vertex] - place[:, 5:], axis=1).max() < 0.2
    assert wrong < 0.002 * total


def test_truth_is_the_nearest_point_of_the_surface() -> None:
    template = load_template(BODY)
    rng = np.random.default_rng(0)
    points = BODY.vertices[rng.choice(np.unique(BODY.faces), 20)] + rng.normal(0, 0.01, (20, 3)).astype(
        np.float32
    )
    vertex, spot = template.nearest(points)
    corners = BODY.vertices[BODY.faces]  # dense samples of all triangles as the slow truth
    grid = [(i / 6, j / 6, 1 - (i + j) / 6) for i in range(7) for j in range(7 - i)]
    least = np.min(
        [
            np.linalg.norm(np.einsum("k,fkc->fc", weights, corners)[None] - points[:, None], axis=2).min(1)
            for weights in grid
        ],
        axis=0,
    )
    found = np.linalg.norm(spot - points, axis=1)
    assert (
        found < least + 1e-4
    ).mean() >= 0.9  # the faces round the nearest vertex hold the nearest point nearly always
    assert (found < least + 3e-3).all()
    np.testing.assert_allclose(
        np.linalg.norm(BODY.vertices[vertex] - points, axis=1),
        np.linalg.norm(BODY.vertices[np.unique(BODY.faces)][None] - points[:, None], axis=2).min(1),
        atol=1e-6,
    )


def test_limb_coordinate_grows_from_sole_to_finger_tip() -> None:
    template = load_template(BODY)
    limb = template.attributes[:, LIMB]
    for bone, value in (("lowerleg01.L", -2), ("upperleg01.R", -1), ("lowerarm01.L", 2), ("wrist.R", 3)):
        joint = BODY.joints[BODY.bone(bone)]
        near = np.argsort(np.linalg.norm(BODY.vertices[:13380] - joint, axis=1))[:30]
        assert abs(np.median(limb[near]) - value) < 0.25
    np.testing.assert_allclose(limb[:13380], limb[BODY.mirror[:13380]], atol=1e-3)


def test_colours_are_reflectances_and_repeat(wardrobe: Wardrobe) -> None:
    first, second = dress(wardrobe, 5), dress(wardrobe, 5)
    np.testing.assert_array_equal(first.vertices, second.vertices)
    np.testing.assert_array_equal(first.faces, second.faces)
    rng = np.random.default_rng(0)
    face = rng.integers(len(first.faces), size=4000)
    bary = rng.dirichlet([1, 1, 1], 4000).astype(np.float32)
    colour = first.paint(face, bary)
    np.testing.assert_array_equal(colour, second.paint(face, bary))
    assert colour.shape == (4000, 3)
    assert colour.min() > 0
    assert colour.max() <= 0.95
    assert first.paint(face[:0], bary[:0]).shape == (0, 3)


def test_clothes_stay_when_the_pose_changes(wardrobe: Wardrobe) -> None:
    shape = BODY.sample_shape(np.random.default_rng(1))
    outfits = [
        wardrobe.dress(np.random.default_rng(1), shape, pose(np.random.default_rng(k))) for k in range(2)
    ]
    np.testing.assert_array_equal(outfits[0].faces, outfits[1].faces)
    assert np.abs(outfits[0].vertices - outfits[1].vertices).max() > 0.01
    face, bary = np.arange(0, len(outfits[0].faces), 7), np.full((1, 3), 1 / 3, np.float32)
    bary = np.repeat(bary, len(face), 0)
    np.testing.assert_array_equal(outfits[0].paint(face, bary), outfits[1].paint(face, bary))


def test_every_fifth_file_is_held_out() -> None:
    names = [Path(f"{letter}.mhclo") for letter in "lkjihgfedcba"]
    assert [path.stem for path in split_files(names, "test")] == ["e", "j"]
    train = split_files(names, "train")
    assert [path.stem for path in train] == list("abcdfghikl")


def test_noise_is_smooth_bounded_and_keyed() -> None:
    points = np.stack([np.linspace(-1, 1, 2001), np.zeros(2001), np.zeros(2001)], 1)
    values = noise(points, 0.1, 4)
    assert np.abs(values).max() <= 1
    assert values.std() > 0.2
    assert np.abs(np.diff(values)).max() < 0.05  # 1 mm steps through cells of 10 cm
    assert not np.array_equal(values, noise(points, 0.1, 5))


def test_missing_assets_are_named() -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Wardrobe(Path("nowhere"))


def test_only_training_people_vary_beyond_their_wardrobe() -> None:
    """With assets: the test split wears its skins as they are, the training split blends of two."""
    if not (ASSETS / "makehuman").is_dir():
        pytest.skip("needs the MakeHuman assets beside the checkout")
    rng, shape = np.random.default_rng(3), np.zeros(len(BODY.shape_basis))
    for split in ("train", "test"):
        wardrobe = Wardrobe(ASSETS, split)
        photographed = [wardrobe.closet.skin(path) for path in wardrobe.closet.skins]
        worn = [wardrobe.choose(rng, shape).skin.texture for _ in range(20)]
        as_they_are = [any(texture is one for one in photographed) for texture in worn if texture]
        assert len(as_they_are) > 8 and all(as_they_are) == any(as_they_are) == (split == "test")


def test_trims_cover_what_their_names_say() -> None:
    place = np.zeros((4, 8), np.float32)  # the left chest, the back, the left forearm, the right shin
    place[:, LIMB] = -0.2, -0.2, 2.5, -2.5
    place[:, SIDE] = 0.085, 0.0, 0.04, 0.04
    place[:, BACK] = -0.1, 0.1, 0.01, -0.001
    place[:, ALONG] = 1.3, 1.3, 1.0, 0.4
    colour = np.ones(3, np.float32)
    expected = {
        ("band", 2.5, 0.1): [0, 0, 1, 0],
        ("beyond", 1.1, 0.0): [0, 0, 1, 0],
        ("beyond", -1.0, 0.0): [0, 0, 0, 1],
        ("yoke", -0.05, 0.0): [1, 1, 0, 0],
        ("placket", 0.0, 0.1): [1, 0, 0, 0],
        ("stripe", np.pi / 2, 0.3): [0, 0, 1, 1],
        ("pocket", 0.0, 0.04): [1, 0, 0, 0],
        ("block", 0.0, 0.05): [1, 0, 0, 0],
        ("strap", 0.0, 0.03): [0, 1, 0, 0],
        ("strap", 0.0, 0.1): [1, 1, 0, 0],
        ("buttons", 0.0, 0.01): [0, 0, 0, 0],
    }
    for (kind, at, size), covered in expected.items():
        assert Trim(kind, colour, at, size).cover(place).tolist() == [bool(c) for c in covered], kind
    place[0, SIDE], place[0, ALONG] = 0.0, 1.275  # a button every 5 cm, from 2.5 cm on
    assert Trim("buttons", colour, 0.0, 0.01).cover(place).tolist() == [True, False, False, False]


def test_relief_tells_how_much_of_a_texture_is_seen() -> None:
    grey = np.full((1, 3), 0.8, np.float32)
    for relief, factor in ((0.0, 1.0), (1.0, 1.6), (0.5, 1.6**0.5)):
        cloth = Cloth(np.full(3, 0.3, np.float32), np.zeros(3, np.float32), fold=0.0, relief=relief)
        colour = cloth.colour(np.zeros((1, 8), np.float32), grey, mean=0.5)
        assert np.allclose(colour, 0.3 * factor)


def over_skin(body, point):
    """Metres from the nearest triangle's middle to a point, along that triangle's normal."""
    a, b, c = body.vertices[body.faces].transpose(1, 0, 2)
    middle = (a + b + c) / 3
    nearest = np.linalg.norm(middle - point, axis=1).argmin()
    normal = np.cross(b - a, c - a)[nearest]
    return (point - middle[nearest]) @ normal / np.linalg.norm(normal)


def test_hair_let_hang_reaches_its_end_lies_over_the_skin_and_stays_when_the_head_turns():
    wardrobe = Wardrobe(None, "train")
    template, body = wardrobe.template, wardrobe.template.body
    short = wardrobe.closet.own("hair")
    neck = body.joints[body.bone("neck01"), 2]
    for end in (-0.14, -0.36):
        long = lengthened(short, template, end)
        place = long.garment.fit(body.vertices)
        assert abs(place[:, 2].min() - neck - end) < 0.03
        crown = place[:, 2] > template.eyes[:, 2].max()
        np.testing.assert_allclose(place[crown], short.garment.fit(body.vertices)[crown], atol=1e-5)
        low = place[:, 2] < neck - 0.05
        assert low.sum() > 5 and min(over_skin(body, point) for point in place[low]) > 0.003
        head = body.bone("head")
        share = np.where(long.skin_index == head, long.skin_weight, 0).sum(1)
        assert share[crown].min() > 0.8 and share[low].max() < 0.2
