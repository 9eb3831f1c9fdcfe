"""Pictures of synthetic people: the truth against the geometry that was drawn."""

from pathlib import Path

import numpy as np
import pytest

from opendensepose.synth.camera import look
from opendensepose.synth.floor import move, stand
from opendensepose.synth.props import prism
from opendensepose.synth.render import draw_buffers
from opendensepose.synth.sample import dense_truth, make_sample, picture
from opendensepose.synth.scene import Scene, compose
from opendensepose.synth.studio import Studio

SHARED = Path(__file__).parents[2] / ".." / "shared" / "assets"
SIZE = (96, 128)


@pytest.fixture(scope="module")
def studio():
    return Studio.load(None, "train")


def compose_many(studio, count, size=SIZE):
    for index in range(count):
        yield compose(np.random.default_rng([3, index]), studio, size)


def test_rendering_then_decoding_gives_back_the_surface_point(studio):
    """Image -> (chart, U, V) -> point of the posed body, against the ray through the pixel's centre."""
    errors = []
    for index in range(4):
        rng = np.random.default_rng([11, index])
        scene = compose(rng, studio, (384, 512))
        fine = draw_buffers(scene.camera.doubled(), scene.things)
        buffers = fine.centres()
        chart, uv, instance = dense_truth(studio, scene, buffers)
        for number, person in enumerate(scene.people):
            rows, columns = np.nonzero(instance == number + 1)
            bare = person.body_face[buffers.face[rows, columns]] >= 0
            rows, columns = rows[bare], columns[bare]
            quantised = np.round(uv[:, rows, columns].T * 65535) / 65535  # as stored
            posed = person.vertices[studio.atlas.base]
            decoded = studio.atlas.to_xyz(chart[rows, columns], quantised, posed)
            camera = scene.camera
            ray = (
                np.stack([columns + 0.5 - camera.size[1] / 2, rows + 0.5 - camera.size[0] / 2], 1)
                / camera.focal
            )
            ray = np.column_stack([ray, np.ones(len(ray))]) @ camera.rotation
            offset = decoded - camera.position
            along = (offset * ray).sum(1, keepdims=True) / (ray * ray).sum(1, keepdims=True)
            errors.append(np.linalg.norm(offset - along * ray, axis=1))
    errors = np.concatenate(errors)
    assert len(errors) > 3000
    assert np.median(errors) < 0.0005  # metres
    assert np.quantile(errors, 0.99) < 0.002


def test_behind_clothes_the_truth_is_the_nearest_surface_point(studio):
    scene = next(iter(compose_many(studio, 1, (192, 256))))
    person = scene.people[0]
    buffers = draw_buffers(scene.camera, scene.things)
    rows, columns = np.nonzero(buffers.owner == 0)
    face, bary = buffers.face[rows, columns], buffers.bary[rows, columns]
    covered = person.body_face[face] < 0
    face, bary = face[covered][:400], bary[covered][:400]
    assert len(face) > 100
    points = np.einsum("pk,pkc->pc", bary, person.truth[person.faces[face]])
    _, _, least = studio.atlas.nearest(points)  # the slow search over all faces
    found, weights = studio.truth.locate(person, face, bary)
    place = np.einsum("pk,pkc->pc", weights, studio.atlas.vertices[studio.atlas.triangles[found]])
    gap = np.linalg.norm(place - points, axis=1)
    assert np.quantile(gap - least, 0.95) < 0.003
    assert np.quantile(least, 0.9) < 0.03


def test_atlas_and_body_are_cut_alike(studio):
    assert (studio.truth.face >= 0).all()
    assert np.array_equal(np.sort(studio.truth.face), np.arange(len(studio.atlas.faces)))


def test_same_seed_same_picture_another_seed_another():
    first, again, other = (
        make_sample(2, 7, size=SIZE),
        make_sample(2, 7, size=SIZE),
        make_sample(2, 8, size=SIZE),
    )
    for name in ("image", "chart", "uv", "instance"):
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
    assert not np.array_equal(first.image, other.image)


def test_pictures_without_people():
    everybody = [make_sample(index, 5, size=SIZE) for index in range(6)]
    nobody = [make_sample(index, 5, size=SIZE, empty=1.0) for index in range(6)]
    for full, empty in zip(everybody, nobody, strict=True):
        assert full.chart.any() and not empty.chart.any() and not empty.instance.any()
        assert empty.people == () and empty.image.std() > 0
        assert not np.array_equal(full.image, empty.image)
    some = [len(make_sample(index, 5, size=SIZE, empty=0.5).people) == 0 for index in range(12)]
    assert 2 <= sum(some) <= 10


def test_truth_is_of_one_piece(studio):
    for index in range(6):
        sample = make_sample(index, 1, size=SIZE)
        assert sample.image.shape == (*SIZE, 3) and sample.image.dtype == np.uint8
        assert ((sample.chart > 0) == (sample.instance > 0)).all()
        assert sample.chart.max() <= 24
        assert sample.uv.min() >= 0 and sample.uv.max() <= 1
        assert (sample.uv[:, sample.chart == 0] == 0).all()
        assert [p.instance for p in sample.people] == sorted(set(sample.instance.ravel()) - {0})
        for person in sample.people:
            rows, columns = np.nonzero(sample.instance == person.instance)
            assert person.box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert (person.amodal_box[:2] <= person.box[:2] + 1).all()
            assert (person.amodal_box[2:] >= person.box[2:] - 1).all()
            assert 0 < person.visible <= 1


def test_as_many_from_behind_as_from_the_front(studio):
    headings = np.concatenate([scene.headings for scene in compose_many(studio, 60, (16, 24))])
    behind = np.mean(np.cos(headings) < 0)
    assert abs(behind - 0.5) < 3 * 0.5 / np.sqrt(len(headings))  # three standard deviations


def test_people_stand_on_one_floor_in_front_of_the_camera(studio):
    lowest = []
    for scene in compose_many(studio, 25, (16, 24)):
        for person in scene.people:
            lowest.append(person.vertices[:, 2].min())
            middle = scene.camera.project(person.vertices.mean(0, keepdims=True))[0]
            assert middle[2] > 0.3
    lowest = np.array(lowest)
    assert (lowest > -1e-4).all()
    assert np.mean(np.abs(lowest) < 1e-4) > 0.85  # the others jump


def front_scene(studio, *, heading=0.0, props=None):
    """One person in the middle of a straight view."""
    rng = np.random.default_rng(0)
    outfit = studio.wardrobe.dress(rng, np.zeros(len(studio.body.shape_basis)), studio.body.identity())
    camera = look(np.array([0, -3.5, 1.0]), 0.0, 0.0, np.deg2rad(40), (240, 160))
    return Scene(camera, (stand(outfit, heading),), (heading,), props, studio.backdrops.draw(rng, camera))


def test_the_left_hand_is_on_the_right_of_a_frontal_picture(studio):
    for heading, side in ((0.0, 1), (np.pi, -1)):
        sample = picture(np.random.default_rng(0), studio, front_scene(studio, heading=heading))
        left = np.nonzero(sample.chart == 4)[1].mean()  # chart 4: left hand
        right = np.nonzero(sample.chart == 3)[1].mean()
        assert np.sign(left - right) == side
        keypoints = sample.people[0].keypoints
        assert np.sign(keypoints[9, 0] - keypoints[10, 0]) == side  # wrists, left and right
        front, back = (sample.chart == 2).sum(), (sample.chart == 1).sum()
        assert front > 5 * back if side > 0 else back > 5 * front
        assert sample.people[0].from_behind == (side < 0)
        assert (keypoints[0, 2] == 2) == (side > 0)  # the nose


def test_what_is_hidden_is_no_truth(studio):
    rng = np.random.default_rng(1)
    wall = prism(rng, [0, -1.0, 0.5], [2, 0.05, 0.5])  # hides what is under about a metre
    plain = picture(rng, studio, front_scene(studio))
    hidden = picture(rng, studio, front_scene(studio, props=wall))
    assert (plain.chart[170:] > 0).sum() > 500
    assert (hidden.chart[170:] > 0).sum() == 0
    assert (hidden.chart[:100] == plain.chart[:100]).all()
    assert hidden.people[0].visible < 0.7 < plain.people[0].visible
    assert plain.people[0].keypoints[15:, 2].tolist() == [2, 2]  # ankles
    assert hidden.people[0].keypoints[15:, 2].tolist() == [1, 1]


def test_the_nearer_of_two_people_is_on_top(studio):
    alone = front_scene(studio)
    behind, before = alone.people[0], move(alone.people[0], np.array([0.1, -0.6, 0]))
    scene = Scene(alone.camera, (behind, before), (0.0, 0.0), None, alone.backdrop)
    _, _, instance = dense_truth(studio, scene, draw_buffers(scene.camera, scene.things))
    _, _, single = dense_truth(
        studio,
        Scene(alone.camera, (before,), (0.0,), None, alone.backdrop),
        draw_buffers(alone.camera, [before]),
    )
    assert ((instance == 2) == (single == 1)).all()
    assert (instance == 1).any()


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/assets")
def test_splits_share_no_files():
    train, test = Studio.load(SHARED, "train"), Studio.load(SHARED, "test")
    ours, theirs = set(train.backdrops._paths), set(test.backdrops._paths)
    assert len(ours) > 3 * len(theirs) > 0
    assert not ours & theirs
    names = sorted(path.name for path in ours | theirs)
    assert {path.name for path in theirs} == set(names[4::5])
    assert len(train.poses) > 3 * len(test.poses) > 0


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/assets")
def test_with_assets_pictures_look_like_photos():
    pictures = [make_sample(index, 4, SHARED, (96, 128)).image for index in range(16)]
    brightness = np.array([p.mean() for p in pictures])
    assert 70 < brightness.mean() < 175  # photos of people: about 110 to 130
    assert (brightness > 25).all() and (brightness < 245).all()
