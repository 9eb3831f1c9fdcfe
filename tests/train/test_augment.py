from dataclasses import replace

import cv2
import numpy as np
import pytest

from opendensepose.model.crops import CANVAS
from opendensepose.model.targets import DENSE, UNKNOWN
from opendensepose.surface.parts import FINE_TO_COARSE
from opendensepose.train.augment import (
    blended,
    choose_window,
    edge_window,
    loose_box,
    new_hues,
    other_shape,
    plain,
    printed,
    recolour,
    shape,
    spot,
    stranger_window,
    wrong_box,
)
from opendensepose.train.picture import (
    Person,
    Picture,
    Points,
    Window,
    crop,
    flip,
    join,
    only,
    paste,
    turn,
    visible_boxes,
    warp,
)
from opendensepose.train.sources import NO_BOXES


def picture(seed=0, size=(20, 30)):
    rng = np.random.default_rng(seed)
    chart = rng.integers(0, 25, size).astype(np.uint8)
    uv = rng.integers(0, 256, (2, *size)).astype(np.uint8) * (chart > 0)
    instance = rng.integers(1, 4, size).astype(np.uint8) * (chart > 0)
    return Picture(rng.integers(0, 256, (*size, 3)).astype(np.uint8), chart, uv.astype(np.uint8), instance)


def test_flip_twice_is_nothing():
    before = picture()
    after = flip(flip(before))
    for name in ("image", "chart", "uv", "instance"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name


def test_flip_is_the_atlas_mirror():
    atlas_module = pytest.importorskip("opendensepose.surface.atlas")
    before = picture(3)
    after = flip(before)
    person = before.chart > 0
    chart, uv = atlas_module.Atlas.load("odp24").flip(before.chart[person], (before.uv[:, person] / 255.0).T)
    assert np.array_equal(after.chart[:, ::-1][person], chart)
    assert np.allclose(after.uv[:, :, ::-1][:, person].T / 255.0, uv, atol=1e-6)


@pytest.mark.parametrize(
    "window",
    [
        Window(0, 0, 30, 20),  # the whole picture
        Window(5, 3, 12, 8),  # enlarged
        Window(-7, -4, 60, 40),  # beyond every border
        Window(-3, 10, 16, 30),
    ],
)
def test_crop_labels_against_loop(window):
    before, canvas = picture(1), (16, 24)
    after = crop(before, window, canvas)
    for i in range(canvas[0]):
        for j in range(canvas[1]):
            y = int(np.floor(window.y + (i + 0.5) * window.height / canvas[0]))
            x = int(np.floor(window.x + (j + 0.5) * window.width / canvas[1]))
            inside = 0 <= y < 20 and 0 <= x < 30
            assert after.chart[i, j] == (before.chart[y, x] if inside else 0)
            assert after.instance[i, j] == (before.instance[y, x] if inside else 0)
            if inside:
                assert tuple(after.uv[:, i, j]) == tuple(before.uv[:, y, x])


def test_a_quarter_turn_is_clockwise():
    before = picture(2, (20, 20))
    after = turn(before, 90, np.array([10, 10]))
    for name in ("image", "chart", "instance"):
        assert np.array_equal(np.rot90(getattr(before, name), -1), getattr(after, name)), name
    assert np.array_equal(np.rot90(before.uv, -1, (1, 2)), after.uv)


def test_crop_keeps_image_and_labels_together():
    size = (60, 80)
    chart = np.zeros(size, np.uint8)
    chart[20:40, 30:50] = 2
    image = np.repeat(np.where(chart, 250, 5).astype(np.uint8)[..., None], 3, 2)
    after = crop(
        Picture(image, chart, np.zeros((2, *size), np.uint8), chart), Window(10, 12, 56, 35), (64, 96)
    )
    bright = after.image[..., 0] > 127
    assert np.mean(bright != (after.chart > 0)) < 0.01


def test_window_holds_the_person_when_it_fits():
    box = np.array([100.0, 50.0, 140.0, 150.0])
    for i in range(200):
        rng = np.random.default_rng([5, i])
        w = choose_window(rng, (240, 320), box, (192, 192), (60, 180))
        # up to a tenth of the person may be cut
        assert w.x <= 104 and w.x + w.width >= 136 and w.y <= 60 and w.y + w.height >= 140
        assert 55 < 100 * 192 / w.height < 195


def overlap(a, b):
    shared = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared)


def wrong_boxes(count, people, alarms=NO_BOXES):
    draws = (np.random.default_rng([6, i]) for i in range(count))
    found = (wrong_box(rng, people, alarms, (240, 320), CANVAS) for rng in draws)
    return [box for box in found if box is not None]


def test_wrong_boxes_fit_nobody():
    people = np.array([[40.0, 30, 90, 200], [200, 50, 240, 190], [20, 20, 300, 230]])
    for count in range(4):
        found = wrong_boxes(200, people[:count])
        assert len(found) > 20
        for box in found:
            assert (box >= 0).all() and (box <= [320, 240, 320, 240]).all() and (box[2:] - box[:2] >= 8).all()
            assert all(overlap(box, person) < 0.6 for person in people[:count])
    both = np.array([40.0, 30, 240, 200])
    assert 5 < sum((box == both).all() for box in wrong_boxes(50, people[:2])) < 45  # two people as one


def test_false_alarms_are_chosen_and_right_ones_not():
    person, right, wrong = [40.0, 30, 90, 200], [38.0, 28, 92, 205], [120.0, 90, 180, 150]
    found = [box.tolist() for box in wrong_boxes(50, np.array([person]), np.array([right, wrong]))]
    assert found.count(wrong) > 15 and right not in found


def test_at_the_edge_a_part_of_the_person_remains():
    box, areas, sides = np.array([100.0, 50.0, 140.0, 150.0]), [], set()
    for i in range(300):
        w = edge_window(np.random.default_rng([7, i]), box, (240, 320))
        part = np.array([w.x, w.y, w.x + w.width, w.y + w.height], np.float64)
        seen = np.clip(np.minimum(part[2:], box[2:]) - np.maximum(part[:2], box[:2]), 0, None)
        areas.append(seen.prod() / 4000)
        lost = np.flatnonzero(part != [0, 0, 320, 240])
        assert len(lost) == 1
        sides.add(int(lost[0]))
    assert 0.33 < min(areas) < 0.4 and 0.85 < max(areas) < 0.92 and sides == {0, 1, 2, 3}


def with_stranger():
    """20 x 30 pixels, all 200, with somebody on rows 4..13 and columns 8..19."""
    instance = np.zeros((20, 30), np.uint8)
    instance[4:14, 8:20] = 1
    grey = np.full((20, 30, 3), 200, np.uint8)
    return Picture(grey, 5 * instance, np.zeros((2, 20, 30), np.uint8), instance)


@pytest.mark.parametrize("front", [True, False])
def test_pasted_people_hide_and_are_hidden(front):
    before, stranger = only(picture(2), 2), with_stranger()
    after = paste(before, stranger, front=front)
    for row in range(20):
        for column in range(30):
            own = before.instance[row, column] > 0
            over = stranger.instance[row, column] > 0 and (front or not own)
            for name in ("chart", "instance", "coarse"):
                old = getattr(before, name)[row, column]
                assert getattr(after, name)[row, column] == (0 if over else old), name
            assert over or (after.uv[:, row, column] == before.uv[:, row, column]).all()
    assert np.array_equal(after.image[:, 24:], before.image[:, 24:])  # four sigma and more away
    if front:
        assert (after.image[7:11, 11:17] == 200).all()


def test_strangers_are_somewhere_in_the_crop_at_about_the_same_scale():
    rng, box, tall = np.random.default_rng(4), np.array([100.0, 50, 160, 250]), []
    for _ in range(200):
        window = stranger_window(rng, box, (160, 128), 0.8)
        scale = 160 / window.height
        tall.append(200 * scale)
        centre = np.array([130 - window.x, 150 - window.y]) * scale
        assert (np.abs(centre - np.array([128, 160]) / 2) <= 0.71 * scale * np.array([60, 200]) + 1).all()
    assert 0.55 * 128 < min(tall) < 0.7 * 128 and 1.3 * 128 < max(tall) < 1.55 * 128


def test_spots_are_on_the_person_and_have_many_sizes():
    before, sides = crop(only(picture(2), 2), Window(0, 0, 30, 20), (160, 128)), []
    for seed in range(100):
        box = spot(np.random.default_rng(seed), before)
        column, row = ((box[:2] + box[2:]) / 2).round().astype(int)
        assert before.instance[row, column] > 0
        sides.append(box[2:] - box[:2])
    assert 6 <= np.min(sides) < 8 and 70 < np.max(sides) <= 80


def test_shapes_fill_their_boxes_and_are_nobody():
    other = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    shares = []
    for seed in range(60):
        box = np.array([20.0, 30, 80, 100]) + (0 if seed % 2 else 40)  # every other one leaves the crop
        got = shape(np.random.default_rng(seed), (120, 100), box, other if seed % 4 < 2 else None)
        assert not got.chart.any() and got.instance.max() == 1 and got.image.shape == (120, 100, 3)
        rows, columns = np.flatnonzero(got.instance.any(1)), np.flatnonzero(got.instance.any(0))
        assert rows[0] >= box[1] - 1 and columns[0] >= box[0] - 1
        if seed % 2:
            assert (
                np.abs([columns[0] - 20, rows[0] - 30, columns[-1] + 1 - 80, rows[-1] + 1 - 100]).max() <= 3
            )
            shares.append(got.instance.sum() / (60 * 70))
    assert 0.1 < min(shares) < 0.5 < max(shares) < 0.95  # limbs, and round things


def test_plain_grounds_change_slowly():
    whites = 0
    for seed in range(40):
        ground = plain(np.random.default_rng(seed), (60, 50)).astype(float)
        assert ground.shape == (60, 50, 3)
        assert np.abs(np.diff(ground, axis=0)).max() < 12 and np.abs(np.diff(ground, axis=1)).max() < 12
        whites += ground.min() > 220
    assert 5 < whites < 25


def body():
    """A crop of 80 x 60 pixels, 120 but for a brighter right half; rows 10..69 are a person of all charts."""
    chart = np.zeros((80, 60), np.uint8)
    chart[10:70, 10:50] = np.repeat(1 + np.arange(60) * 24 // 60, 40).reshape(60, 40)
    image = np.full((80, 60, 3), 120, np.uint8)
    image[:, 30:] = 180
    return Picture(image, chart, np.zeros((2, 80, 60), np.uint8), (chart > 0).astype(np.uint8))


def test_prints_are_worn_by_the_person_alone_and_shaded():
    before, cloth, changed = body(), np.full((50, 70, 3), (200, 40, 90), np.uint8), []
    for seed in range(40):
        after = printed(np.random.default_rng(seed), before, cloth)
        new = (after.image != before.image).any(2)
        near = cv2.dilate(before.instance, np.ones((7, 7), np.uint8)) > 0  # borders are soft
        assert not new[~near].any()
        for name in ("chart", "instance", "uv"):
            assert np.array_equal(getattr(after, name), getattr(before, name)), name
        changed.append(new)
        if new.any():
            green = after.image[..., 1].astype(int)
            red = after.image[..., 0].astype(int)
            row = np.argmax((red - green)[:, 12:28].mean(1))  # the most printed one
            assert red[row, 20] > green[row, 20] and red[row, 40] > red[row, 20]  # bright stays bright
    share = np.mean(changed, axis=0)[:, 10:50].mean(1)
    assert 0.2 < share[10:70].mean() < 0.6 and share[12] > 0.4  # the torso
    assert share[69] < 0.05  # the head's far end


def test_nobody_wears_no_print():
    empty = only(body(), 2)
    assert printed(np.random.default_rng(0), empty, np.zeros((9, 9, 3), np.uint8)) is empty
    assert blended(np.random.default_rng(0), empty) is empty


def test_blended_clothes_take_the_colour_behind_them_and_no_label():
    before = body()
    image = np.full((80, 60, 3), (90, 130, 60), np.uint8)
    cloth = np.where(np.arange(60) % 4 < 2, 170, 210)[None, :, None] * np.array([1, 0.1, 0.5])
    image[before.instance > 0] = np.broadcast_to(cloth, image.shape)[before.instance > 0]
    before, kept = replace(before, image=image), []
    for seed in range(40):
        after = blended(np.random.default_rng(seed), before)
        new = (after.image != image).any(2)
        near = cv2.dilate(before.instance, np.ones((7, 7), np.uint8)) > 0  # borders are soft
        assert not new[~near].any()
        for name in ("chart", "instance", "uv"):
            assert np.array_equal(getattr(after, name), getattr(before, name)), name
        inner = cv2.erode(new.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        if not inner.any():
            continue
        old, now = (picture[inner].astype(float).reshape(-1, 3) for picture in (image, after.image))
        far, left = (np.abs(colour.mean(0) - (90, 130, 60)) for colour in (old, now))
        assert (left < 0.45 * far + 4).all()  # 0.6 to 1 of the way
        kept.append(now.std(0)[0] / old.std(0)[0])
    assert len(kept) > 15 and 0.35 < min(kept) < 0.6 and 0.8 < max(kept) < 1.05  # stripes stay, or fade


def test_one_of_two_blends_and_only_before_something():
    one = np.zeros((80, 60), np.uint8)
    one[10:70, 3:25], one[10:70, 33:57] = 1, 2
    image = np.where(one[..., None] > 0, 200, 50).repeat(3, 2).astype(np.uint8)
    picture = replace(body(), image=image, chart=(one > 0).astype(np.uint8), instance=one)
    seen = [(blended(np.random.default_rng(seed), picture).image != image).any(2) for seed in range(40)]
    sides = np.array([[new[:, :28].any(), new[:, 30:].any()] for new in seen])
    assert not sides.all(1).any() and sides.any(0).all()
    full = np.ones((80, 60), np.uint8)  # nothing is behind
    alone = replace(picture, chart=full, instance=full)
    assert all(blended(np.random.default_rng(seed), alone) is alone for seed in range(9))


def test_loose_boxes_are_off_by_a_little_on_every_side():
    box = np.array([100.0, 50, 140, 150])
    off = np.array([loose_box(np.random.default_rng(i), box) - box for i in range(400)]) / [40, 100, 40, 100]
    assert (np.abs(off) <= 0.3 + 1e-9).all() and (np.abs(off.mean(0)) < 0.03).all()
    assert (np.abs(off.std(0) - 0.12) < 0.02).all()
    assert np.abs(np.corrcoef(off.T) - np.eye(4)).max() < 0.2  # each by itself


def test_warp_by_whole_pixels_moves_everything():
    points = Points(
        np.ones(2, np.uint8), np.float32([[10.5, 8.5], [1.0, 8.5]]), np.uint8([3, 4]), np.ones((2, 2))
    )
    keypoints = np.full((17, 3), 2, np.float32)
    keypoints[0, :2] = 7.5, 5.5
    before = replace(picture(), points=points, people={1: Person(DENSE, keypoints)})
    after = warp(before, np.broadcast_to(np.float32([3, -2]), (20, 30, 2)))  # shows what was 3 right, 2 up
    for name in ("image", "chart", "instance"):
        assert np.array_equal(getattr(after, name)[2:, :27], getattr(before, name)[:18, 3:]), name
    assert np.array_equal(after.uv[:, 2:, :27], before.uv[:, :18, 3:])
    assert np.allclose(after.points.xy, [[7.5, 10.5]]) and after.points.chart == 3
    assert np.allclose(after.people[1].keypoints[:2], [[4.5, 7.5, 2], [-1, 4, 0]])  # gone, so unlabelled


def test_a_warped_person_keeps_labels_and_points_together():
    rows, columns = np.mgrid[:192, :160].astype(np.float32)
    chart = (1 + (rows // 48) * 5 + columns // 32).astype(np.uint8)  # 20 fields
    xy = np.stack([columns, rows], 2)[20:180:16, 20:150:13].reshape(-1, 2) + 0.5
    label = chart[tuple(xy.astype(int).T[::-1])]
    image = np.repeat(chart[..., None] * 12, 3, 2).astype(np.uint8)
    uv = np.zeros((2, 192, 160), np.uint8)
    points = Points(np.ones(len(xy), np.uint8), xy, label, np.zeros((len(xy), 2), np.float32))
    before = Picture(image, chart, uv, np.ones_like(chart), points=points)
    for seed in range(10):
        shift = other_shape(np.random.default_rng(seed), (192, 160))
        assert shift.shape == (192, 160, 2) and np.abs(np.diff(shift, axis=0)).max() < 0.5
        after = warp(before, shift)
        x, y = after.points.xy.astype(int).T
        assert len(x) > 60 and (after.chart[y, x] == after.points.chart).mean() > 0.97
        assert (np.abs(after.image[..., 0] / 12 - after.chart) < 0.1).mean() > 0.9
        assert 0.03 < (after.chart != before.chart).mean() < 0.6


def test_recolour_is_keyed_and_keeps_the_type():
    image = picture().image
    first, again, other = (recolour(np.random.default_rng(s), image) for s in (1, 1, 2))
    assert first.dtype == np.uint8 and np.array_equal(first, again) and not np.array_equal(first, other)


def test_hues_turn_about_grey():
    third = new_hues(2 * np.pi / 3, 1)
    assert np.allclose(third @ [1, 0, 0], [0, 1, 0]) and np.allclose(third @ [0, 1, 0], [0, 0, 1])
    assert np.allclose(new_hues(0.7, 1.3) @ [5, 5, 5], 5)
    assert np.allclose(new_hues(0.7, 0) @ [3, 6, 0], 3)


def test_boxes_are_tight_and_remainders_dropped():
    instance = np.zeros((50, 60), np.uint8)
    instance[10:30, 20:33] = 1
    instance[40:43, 5:8] = 2  # 9 pixels
    boxes, numbers = visible_boxes(instance)
    assert boxes.tolist() == [[20, 10, 33, 30]] and numbers.tolist() == [1]


def labelled(seed=0):
    """A picture whose points and keypoints say what its rasters say at their pixels."""
    before = picture(seed)
    rng = np.random.default_rng([seed, 1])
    rows, columns = np.nonzero(before.chart)
    pick = rng.choice(len(rows), 60, replace=False)
    y, x = rows[pick], columns[pick]
    points = Points(
        before.instance[y, x],
        np.stack([x, y], 1).astype(np.float32) + rng.uniform(0.3, 0.7, (60, 2)).astype(np.float32),
        before.chart[y, x],
        before.uv[:, y, x].T.astype(np.float32) / 255,
    )
    keypoints = np.column_stack([rng.uniform(0, 30, 17), rng.uniform(0, 20, 17), np.full(17, 2)])
    people = {k: Person(DENSE, keypoints.astype(np.float32)) for k in (1, 2, 3)}
    return Picture(
        before.image, before.chart, before.uv, before.instance, before.coarse_labels(), people, points
    )


def says_the_same(after):
    """Whether every point of the picture agrees with the rasters where it lies."""
    x, y = np.floor(after.points.xy).astype(int).T
    same = after.chart[y, x] == after.points.chart
    same &= after.instance[y, x] == after.points.instance
    return same & (np.abs(after.uv[:, y, x].T / 255 - after.points.uv) < 1e-5).all(1)


@pytest.mark.parametrize(
    "change",
    [
        flip,
        lambda p: crop(p, Window(4, 2, 20, 15), (60, 80)),
        lambda p: turn(crop(p, Window(0, 0, 30, 20), (160, 240)), 30, np.array([120, 80])),
        lambda p: only(p, 2),
        lambda p: paste(only(p, 2), with_stranger(), front=True),
    ],
)
def test_points_go_with_the_rasters(change):
    after = change(labelled())
    assert len(after.points.chart) > 10 and says_the_same(after).all()
    assert np.array_equal(after.coarse_labels(), FINE_TO_COARSE[after.chart])


def test_points_of_joined_pictures_go_with_the_rasters():
    after = join([labelled(seed) for seed in range(4)])
    assert len(after.points.chart) == 240 and says_the_same(after).all()
    assert len(after.people) == 12


def test_everything_is_the_same_after_two_flips():
    before = labelled()
    after = flip(flip(before))
    assert np.array_equal(before.coarse, after.coarse)
    for name in ("instance", "chart"):
        assert np.array_equal(getattr(before.points, name), getattr(after.points, name))
    assert np.allclose(before.points.xy, after.points.xy, atol=1e-5)
    assert np.allclose(before.points.uv, after.points.uv, atol=1e-6)
    for k, person in before.people.items():
        assert np.allclose(person.keypoints, after.people[k].keypoints, atol=1e-5)


def test_flip_swaps_left_and_right_keypoints():
    before = labelled()
    after = flip(before).people[1].keypoints
    was = before.people[1].keypoints
    for index, partner in (
        (0, 0),
        (1, 2),
        (5, 6),
        (9, 10),
        (15, 16),
    ):  # nose, eyes, shoulders, wrists, ankles
        assert np.allclose(after[index], [30 - was[partner, 0], was[partner, 1], 2])


def test_unknown_charts_stay_unknown():
    before = picture()
    before.chart[5:9] = UNKNOWN
    after = flip(before)
    assert (after.chart[5:9] == UNKNOWN).all() and (after.chart == UNKNOWN).sum() == 4 * 30
    assert after.coarse_labels().max() <= 14
