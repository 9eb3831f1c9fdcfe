"""Each piece of the evaluation alone, against slow loops, closed forms and COCO's own evaluation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from pycocotools import mask as coco
from scipy.ndimage import zoom

from opendensepose.data.rle import decode_mask
from opendensepose.eval import masks, rle
from opendensepose.eval.accumulate import RECALLS, Scored, precision_recall, summarise
from opendensepose.eval.gps import gps, point_similarity
from opendensepose.eval.matching import THRESHOLDS, Match, Pairs, match
from opendensepose.eval.pointwise import area_under_curve, ratio_correct
from opendensepose.eval.regions import keeps_annotation, keeps_detection
from opendensepose.eval.rules import REFERENCE, STRICT, Rules

# ---------------------------------------------------------------- similarity of points


def test_gps_is_its_formula() -> None:
    distance = np.array([0, 0.1, 0.2, np.inf, 0.3], np.float32)
    kappa = np.array([0.1, 0.2, 0.2, 0.1, 0.15])
    pair = np.array([0, 0, 1, 2, 2])
    each = point_similarity(distance, kappa, pair, single_precision=False)
    slow = [
        0.0 if math.isinf(d) else math.exp(-(float(d) ** 2) / (2 * k**2))
        for d, k in zip(distance, kappa, strict=True)
    ]
    assert each == pytest.approx(slow, rel=1e-14)
    means = [(slow[0] + slow[1]) / 2, slow[2], (slow[3] + slow[4]) / 2, 0.0]
    assert gps(each, pair, 4) == pytest.approx(means, rel=1e-14)


def test_squares_are_single_only_where_no_point_is_exact_or_lost() -> None:
    distance, kappa = np.array([0.1, 0, 0.1, np.inf, 0.1], np.float32), np.full(5, 0.2)
    pair = np.array([0, 1, 1, 2, 2])
    single = math.exp(-float(np.float32(0.1) * np.float32(0.1)) / (2 * 0.2**2))
    double = math.exp(-(float(np.float32(0.1)) ** 2) / (2 * 0.2**2))
    assert single != double
    assert point_similarity(distance, kappa, pair).tolist() == [single, 1, double, 0, double]


def test_no_points_at_all() -> None:
    none, pair = np.zeros(0), np.zeros(0, int)
    similarity = point_similarity(none.astype(np.float32), none, pair)
    assert gps(similarity, pair, 2).tolist() == [0, 0]


# ---------------------------------------------------------------- matching


def slow_match(
    similarity: np.ndarray, pairs: Pairs, thresholds: np.ndarray, rules: Rules
) -> tuple[np.ndarray, np.ndarray]:
    """Annotation ids [T, D] (0 = none) and ignore flags, as the rules are written down, step by step."""
    count, people = similarity.shape
    order = sorted(range(people), key=lambda g: bool(pairs.ignored[g]))
    by_truth = np.zeros((len(thresholds), people), int)
    by_detection = np.zeros((len(thresholds), count), int)
    flags = np.full((len(thresholds), count), rules.absent_truth_ignores and pairs.ignored.all())
    for t, threshold in enumerate(thresholds):
        for d in range(count):
            best, chosen = min(threshold, 1 - 1e-10), None
            for g in order:
                if by_truth[t, g] and not pairs.crowd[g]:
                    continue
                if chosen is not None and not pairs.ignored[chosen] and pairs.ignored[g]:
                    break
                if similarity[d, g] < best or similarity[d, g] == 0:
                    continue
                best, chosen = similarity[d, g], g
            if chosen is not None:
                flags[t, d] = pairs.ignored[chosen]
                by_detection[t, d] = pairs.truth_ids[chosen]
                by_truth[t, chosen] = d + 1
    for d in range(count) if rules.box_rule else ():
        if by_detection[-1, d] == 0:
            best, chosen = 0.8, None
            for g in order:
                if by_truth[-1, g] and not pairs.crowd[g]:
                    continue
                if pairs.box_iou[d, g] >= best:
                    best, chosen = pairs.box_iou[d, g], g
            if chosen is not None:
                flags[:, d] = pairs.ignored[chosen]
                if pairs.ignored[chosen]:
                    by_detection[-1, d], by_truth[-1, chosen] = pairs.truth_ids[chosen], d + 1
    for t, d in itertools.product(range(len(thresholds)), range(count)):
        if by_detection[t, d] == 0 and pairs.out_of_range[d]:
            flags[t, d] = True
    return by_detection, flags


@pytest.mark.parametrize("rules", [REFERENCE, STRICT], ids=["reference", "strict"])
def test_matching_is_the_slow_loop(rules: Rules) -> None:
    rng = np.random.default_rng(3)
    for _ in range(400):
        count, people = rng.integers(0, 6), rng.integers(0, 6)
        similarity = rng.choice([0, 0.3, 0.5, 0.6, 0.8999999999999999, 0.9, 0.95, 1.0], (count, people))
        pairs = Pairs(
            truth_ids=rng.permutation(np.arange(1, people + 1)),
            ignored=rng.random(people) < 0.4,
            crowd=rng.random(people) < 0.3,
            out_of_range=rng.random(count) < 0.3,
            box_iou=rng.choice([0, 0.5, 0.8, 0.9, 1.0], (count, people)),
        )
        ids, flags = slow_match(similarity, pairs, THRESHOLDS, rules)
        got = match(similarity, pairs, THRESHOLDS, rules)
        assert np.array_equal(np.append(pairs.truth_ids, 0)[got.truth], ids)
        assert np.array_equal(got.ignored, flags)
        assert np.array_equal(got.counted, ids > 0)


def one_person(**changes: object) -> Pairs:
    usual: dict[str, object] = {
        "truth_ids": np.array([5]),
        "ignored": np.array([False]),
        "crowd": np.array([False]),
        "out_of_range": np.array([False, False]),
        "box_iou": np.zeros((2, 1)),
    }
    return Pairs(**(usual | changes))  # type: ignore[arg-type]


def outcome(similarity: list[list[float]], pairs: Pairs, rules: Rules = REFERENCE) -> Match:
    return match(np.array(similarity), pairs, np.array([0.5]), rules)


def test_quirks_of_matching() -> None:
    found = outcome([[0.9], [0.8]], one_person())
    assert found.truth.tolist() == [[0, -1]] and not found.ignored.any()
    crowd = outcome([[0.9], [0.8]], one_person(crowd=np.array([True])))
    assert crowd.truth.tolist() == [[0, 0]]
    zero = one_person(truth_ids=np.array([0]))
    assert outcome([[0.9], [0.8]], zero).counted.tolist() == [[False, False]]
    assert outcome([[0.9], [0.8]], zero, STRICT).counted.tolist() == [[True, False]]
    hidden = one_person(ignored=np.array([True]), box_iou=np.array([[0.0], [0.85]]))
    assert outcome([[0.0], [0.0]], hidden).ignored.all()  # nobody is to be found
    assert outcome([[0.0], [0.0]], hidden, STRICT).ignored.tolist() == [[False, False]]
    no_truth = Pairs(
        np.zeros(0, int), np.zeros(0, bool), np.zeros(0, bool), np.zeros(1, bool), np.zeros((1, 0))
    )
    assert match(np.zeros((1, 0)), no_truth).ignored.all()
    assert not match(np.zeros((1, 0)), no_truth, rules=STRICT).ignored.any()


# ---------------------------------------------------------------- accumulation


def test_precision_and_recall_by_hand() -> None:
    a = Scored(np.array([0.9, 0.5]), np.array([[True, False]]), np.array([[False, False]]), truth=2)
    b = Scored(np.array([0.5, 0.4]), np.array([[True, False]]), np.array([[False, True]]), truth=1)
    precision, recall = precision_recall([a, b], 1)
    # by score: right, wrong (image a first), right; the ignored one counts for nothing
    assert recall.tolist() == [2 / 3]
    for at, got in zip(RECALLS, precision[0], strict=True):
        assert got == pytest.approx(1.0 if at <= 1 / 3 else 2 / 3 if at <= 2 / 3 else 0.0, abs=1e-12)


def test_nobody_to_find_and_nobody_found() -> None:
    nobody = Scored(np.array([0.5]), np.zeros((1, 1), bool), np.zeros((1, 1), bool), truth=0)
    precision, recall = precision_recall([nobody], 1)
    assert (precision == -1).all() and (recall == -1).all()
    missed = Scored(np.zeros(0), np.zeros((1, 0), bool), np.zeros((1, 0), bool), truth=3)
    precision, recall = precision_recall([missed], 1)
    assert (precision == 0).all() and (recall == 0).all()
    assert precision_recall([], 10)[0].shape == (10, 101)


def test_summary_leaves_out_what_is_not_defined() -> None:
    precision, recall = np.full((10, 101, 2, 3), -1.0), np.full((10, 2, 3), -1.0)
    precision[:, :, 0, 0], recall[:, 0, 0] = 0.5, 0.25
    numbers = summarise(precision, recall)
    assert numbers["AP"] == 0.5 and numbers["AP75"] == 0.5 and numbers["AR"] == 0.25
    assert numbers["APm"] == numbers["APl"] == numbers["ARm"] == -1


# ---------------------------------------------------------------- masks


def test_stretching_is_scipys_to_the_last_pixel() -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):
        height, width = rng.integers(1, 400, 2)
        cell = 2 ** rng.integers(0, 6)
        grid = np.kron(rng.random((256 // cell, 256 // cell)) < 0.5, np.ones((cell, cell), bool)).astype(bool)
        expected = zoom(grid.astype(float), (height / 256, width / 256), order=1, prefilter=False) > 0.5
        got = masks.stretched(grid, (0, 0, float(width), float(height)), (500, 500))
        assert np.array_equal(got.inside, expected), (height, width)
        assert got.area == expected.sum()


@pytest.mark.parametrize(
    ("box", "columns", "rows"),
    [
        ((10.0, 20.0, 5.0, 6.0), (10, 15), (20, 26)),
        ((10.9, 20.2, 5.2, 6.0), (10, 16), (20, 26)),  # int(x + w) is one more than int(x) + int(w)
        ((-2.5, -0.9, 10.0, 5.0), (0, 7), (0, 4)),  # a mask of 10 columns from -2 on, cut at int(7.5)
        ((95.0, 45.0, 10.0, 10.0), (95, 100), (45, 50)),  # cut by the image, 100 x 50
        ((200.0, 10.0, 5.0, 5.0), None, None),  # wholly outside, where the reference stops
        ((-20.0, 10.0, 5.0, 5.0), None, None),
    ],
)
def test_pasting(
    box: tuple[float, float, float, float], columns: tuple[int, int] | None, rows: tuple[int, int] | None
) -> None:
    labels = np.full((max(int(box[3]), 1) + 1, max(int(box[2]), 1) + 1), 30, np.uint8)
    got = masks.detection_mask(labels, box, (50, 100))
    if columns is None or rows is None:
        assert got.area == 0
    else:
        assert (got.x, got.x + got.inside.shape[1]) == columns
        assert (got.y, got.y + got.inside.shape[0]) == rows


def random_mask(rng: np.random.Generator) -> tuple[masks.Mask, np.ndarray]:
    """A mask and the same in an image of 40 x 50."""
    full = np.zeros((40, 50), np.uint8)
    x, y = rng.integers(0, 40, 2) // 2
    h, w = rng.integers(0, 20, 2)
    inside = rng.random((h, w)) < 0.6
    full[y : y + h, x : x + w] = inside
    return masks.Mask(int(x), int(y), inside, int(inside.sum())), full


@pytest.mark.parametrize("crowd", [False, True])
def test_overlap_is_pycocotools_iou(crowd: bool) -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        (a, full_a), (b, full_b) = random_mask(rng), random_mask(rng)
        packed = [[coco.encode(np.asfortranarray(full))] for full in (full_a, full_b)]
        assert masks.overlap(a, b, crowd) == coco.iou(*packed, [crowd])[0, 0]
        assert np.array_equal(coco.decode(masks.to_rle(a, (40, 50))), full_a)


def test_runs_that_fit_and_runs_that_do_not() -> None:
    rng = np.random.default_rng(2)
    strings, sizes, expected = [], [], []
    for _ in range(300):
        shape = tuple(rng.integers(1, 60, 2))
        full = np.asfortranarray((rng.random(shape) < rng.random()).astype(np.uint8))
        text = coco.encode(full)["counts"]
        for _ in range(rng.integers(0, 3)):  # spoil one character, or cut
            place = rng.integers(0, len(text))
            other = bytes([rng.integers(30, 120)])
            text = text[:place] + other + text[place + 1 :] if rng.random() < 0.7 else text[:place]
            if not text:
                break
        strings.append(text)
        sizes.append(shape[0] * shape[1])
        try:
            decode_mask({"size": list(map(int, shape)), "counts": text.decode("latin-1")})
            expected.append(bool(text) and all(48 <= c < 112 for c in text))
        except ValueError:
            expected.append(False)
    got = rle.fits(strings, np.array(sizes))
    assert got.tolist() == expected
    assert 50 < got.sum() < 250
    assert rle.fits([], np.zeros(0, int)).tolist() == []


# ---------------------------------------------------------------- ignore regions


def test_ignore_regions() -> None:
    region = np.zeros((100, 200), bool)
    region[:50, :100] = True
    assert keeps_annotation(region, (150, 60, 20, 20))  # beside it
    assert not keeps_annotation(region, (10, 10, 20, 20))  # inside
    assert keeps_annotation(region, (90, 10, 20, 20))  # half inside
    assert not keeps_annotation(region, (86, 10, 20, 20))  # 70 %
    assert not keeps_annotation(region, (150, 60, 20, 0.9))  # no area, though far from it
    assert keeps_annotation(region, (-5, 10, 20, 20))  # the quirk: -5 counts from the right end
    assert not keeps_annotation(region, (-5, 10, 20, 20), STRICT)
    full = np.ones((20, 20), np.uint8)
    assert not keeps_detection(region, (10, 10, 20, 20), full)
    assert keeps_detection(region, (86, 10, 20, 20), full)  # 70 %: less than 90 %
    assert not keeps_detection(region, (82, 10, 20, 20), full)  # 90 %
    assert keeps_detection(region, (10, 10, 20, 20), np.zeros((20, 20), np.uint8))  # an empty map
    assert keeps_detection(region, (-5, 10, 20, 20), full)  # its part of the region is not of its size


# ---------------------------------------------------------------- pointwise


def test_area_under_the_curve_is_the_integral() -> None:
    rng = np.random.default_rng(4)
    distance = np.concatenate([rng.random(500) * 0.4, [np.inf] * 40]).astype(np.float32)
    for limit in (0.1, 0.3):
        grid = np.linspace(0, limit, 20001)
        integral = np.trapezoid(ratio_correct(distance, grid), grid) / limit
        assert area_under_curve(distance, limit) == pytest.approx(integral, abs=2e-4)


def test_ratio_of_correct_points() -> None:
    distance = np.array([0, 0.05, 0.1, np.inf], np.float32)
    assert ratio_correct(distance, np.array([0, 0.06, 0.2])).tolist() == [0.25, 0.5, 0.75]
    assert ratio_correct(distance[:0], np.array([0.1])).tolist() == [0]
