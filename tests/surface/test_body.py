"""The body model against slow loops, symmetry and topology."""

from collections import Counter

import numpy as np
import pytest

from opendensepose.surface.body import VERTICES, Body

BODY = Body.load()


def random_rotations(rng: np.random.Generator) -> np.ndarray:
    """Any rotations [J, 3, 3], by orthonormalising noise."""
    q, _ = np.linalg.qr(rng.standard_normal((len(BODY.bones), 3, 3)))
    return q * np.sign(np.linalg.det(q))[:, None, None]


def mirrored_bones() -> list[int]:
    swap = {".L": ".R", ".R": ".L"}
    return [BODY.bone(n[:-2] + swap[n[-2:]] if n[-2:] in swap else n) for n in BODY.bones]


def test_zero_pose_is_the_rest_pose() -> None:
    shape = BODY.sample_shape(np.random.default_rng(0))
    rest, joints = BODY.rest(shape)
    posed, posed_joints = BODY.pose(shape, BODY.identity())
    np.testing.assert_allclose(posed, rest, atol=1e-6)
    np.testing.assert_allclose(posed_joints, joints, atol=1e-6)


def test_shape_zero_is_the_template() -> None:
    rest, joints = BODY.rest(np.zeros(len(BODY.shape_basis)))
    np.testing.assert_array_equal(rest, BODY.vertices)
    np.testing.assert_array_equal(joints, BODY.joints)


def test_skinning_equals_a_slow_loop() -> None:
    """v = sum_b w_b (R_b (v0 - j_b) + t_b), bone by bone from the root."""
    rng = np.random.default_rng(1)
    shape, rotations = BODY.sample_shape(rng), random_rotations(rng)
    rest, joints = BODY.rest(shape)
    world, place = [], []
    for j, parent in enumerate(BODY.parents):
        if parent < 0:
            world.append(rotations[j])
            place.append(joints[j])
        else:
            world.append(world[parent] @ rotations[j])
            place.append(place[parent] + world[parent] @ (joints[j] - joints[parent]))
    numbers = rng.integers(0, VERTICES, 200)
    expected = np.zeros((200, 3))
    for row, v in enumerate(numbers):
        for bone, weight in zip(BODY.skin_index[v], BODY.skin_weight[v], strict=True):
            expected[row] += weight * (world[bone] @ (rest[v] - joints[bone]) + place[bone])
    everything, posed_joints = BODY.pose(shape, rotations)
    np.testing.assert_allclose(everything[numbers], expected, atol=1e-5)
    np.testing.assert_allclose(BODY.pose(shape, rotations, numbers)[0], expected, atol=1e-5)
    np.testing.assert_allclose(posed_joints, place, atol=1e-5)


def test_weights_sum_to_one_and_parents_come_first() -> None:
    np.testing.assert_allclose(BODY.skin_weight.sum(1), 1, atol=1e-5)
    assert (BODY.skin_weight >= 0).all()
    assert all(parent < j for j, parent in enumerate(BODY.parents))
    assert (BODY.parents < 0).sum() == 1


def test_skin_is_one_closed_surface() -> None:
    edges = Counter()
    for a, b, c in BODY.faces.tolist():
        edges.update([(a, b), (b, c), (c, a)])
    assert set(edges.values()) == {1}, "every directed edge once: consistently oriented"
    assert all((b, a) in edges for a, b in edges), "and each has its opposite: closed"
    used = np.unique(BODY.faces)
    assert len(used) - len(edges) // 2 + len(BODY.faces) == 2, "Euler: one sphere"
    group = {int(v): int(v) for v in used}

    def root(v: int) -> int:
        while group[v] != v:
            group[v] = group[group[v]]
            v = group[v]
        return v

    for a, b in edges:
        group[root(a)] = root(b)
    assert len({root(int(v)) for v in used}) == 1, "connected"


def test_skin_encloses_a_mean_adult() -> None:
    corners = BODY.vertices[BODY.faces].astype(float)
    volume = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert 0.05 < volume < 0.09  # cubic metres, positive: faces look outwards
    skin = BODY.vertices[np.unique(BODY.faces)]
    assert 1.6 < np.ptp(skin[:, 2]) < 1.8
    assert abs(skin[:, 2].min()) < 1e-5, "stands on the floor"
    assert BODY.vertices[BODY.keypoints[0][0], 1].mean() < skin[:, 1].mean(), "the nose looks to -y"


def test_left_and_right_are_mirror_images() -> None:
    flip = np.array([-1, 1, 1])
    np.testing.assert_array_equal(BODY.mirror[BODY.mirror], np.arange(VERTICES))
    np.testing.assert_allclose(BODY.vertices[BODY.mirror] * flip, BODY.vertices, atol=1e-6)
    np.testing.assert_allclose(BODY.shape_basis[:, BODY.mirror] * flip, BODY.shape_basis, atol=1e-6)
    np.testing.assert_allclose(BODY.joints[mirrored_bones()] * flip, BODY.joints, atol=1e-6)
    faces = {tuple(np.roll(face, -face.argmin())) for face in BODY.faces}
    reflected = BODY.mirror[BODY.faces][:, ::-1]
    assert {tuple(np.roll(face, -face.argmin())) for face in reflected} == faces


def test_mirrored_pose_gives_the_mirrored_body() -> None:
    rng = np.random.default_rng(2)
    shape, rotations = BODY.sample_shape(rng), random_rotations(rng)
    flip = np.diag([-1.0, 1.0, 1.0])
    posed, _ = BODY.pose(shape, rotations)
    other, _ = BODY.pose(shape, flip @ rotations[mirrored_bones()] @ flip)
    # the five kept of more weights may differ between the sides
    assert np.abs(other[BODY.mirror] @ flip - posed)[:13380].max() < 0.01


def test_keypoints_lie_where_their_joints_are() -> None:
    rng = np.random.default_rng(3)
    shape = BODY.sample_shape(rng)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    rotations = BODY.identity()
    rotations[BODY.bone("lowerarm01.L")] = turn
    posed, joints = BODY.pose(shape, rotations)
    keypoints = BODY.locate_keypoints(posed)
    names = ("upperarm01", "lowerarm01", "wrist", "upperleg01", "lowerleg01", "foot")
    bones = {5 + 2 * k + side: name + (".L", ".R")[side] for k, name in enumerate(names) for side in (0, 1)}
    for number, bone in bones.items():
        assert np.linalg.norm(keypoints[number] - joints[BODY.bone(bone)]) < 0.03, (number, bone)
    left, right = keypoints[1::2, 0], keypoints[2::2, 0]
    assert (left[:3] > right[:3]).all(), "left is +x in the rest pose"
    eyes, ears = BODY.locate_keypoints(BODY.vertices)[1:3], BODY.locate_keypoints(BODY.vertices)[3:5]
    assert np.linalg.norm(eyes.mean(0) - BODY.joints[BODY.bone("eye.L")] * [0, 1, 1]) < 0.03
    assert (ears[:, 1] > eyes[:, 1] + 0.05).all() and np.ptp(ears[:, 0]) > 0.12


def test_people_are_from_children_to_tall_adults() -> None:
    rng = np.random.default_rng(4)
    skin = np.unique(BODY.faces)
    heights, heads = [], []
    for _ in range(200):
        rest, joints = BODY.rest(BODY.sample_shape(rng))
        heights.append(np.ptp(rest[skin, 2]))
        heads.append((rest[skin, 2].max() - joints[BODY.bone("neck01"), 2]) / heights[-1])
    heights, heads = np.array(heights), np.array(heads)
    assert heights.min() < 1.1 and 1.85 < heights.max() < 2.2
    assert np.median(heights) == pytest.approx(1.64, abs=0.08)
    # children have large heads
    assert heads[heights < 1.2].mean() > 1.2 * heads[heights > 1.6].mean()


def test_wrong_sizes_are_explained() -> None:
    with pytest.raises(ValueError, match=r"expected \[32\], got \[3\]"):
        BODY.rest(np.zeros(3))
    with pytest.raises(ValueError, match=r"expected \[104, 3, 3\], got \[2, 3, 3\]"):
        BODY.pose(np.zeros(32), np.zeros((2, 3, 3)))
    with pytest.raises(ValueError, match="unknown bone"):
        BODY.bone("tail")
