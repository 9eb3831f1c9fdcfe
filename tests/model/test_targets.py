import math

import numpy as np
import pytest
import torch

from opendensepose.model.targets import (
    DENSE,
    FILLED,
    SPARSE,
    UNKNOWN,
    Points,
    Truth,
    anchor_targets,
    jitter,
    match,
    points_in,
    sample_grid,
    sample_labels,
)
from opendensepose.surface.parts import FINE_TO_COARSE


def iou(a, b):
    w = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    h = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    area = lambda c: (c[2] - c[0]) * (c[3] - c[1])  # noqa: E731
    return w * h / (area(a) + area(b) - w * h)


def test_match_against_loop():
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 50, (60, 2))
    boxes = np.concatenate([start, start + rng.uniform(5, 40, (60, 2))], 1)
    truth = boxes[:4] + rng.uniform(-3, 3, (4, 4))
    truth[3] = [200, 200, 220, 220]  # nothing near: stays without a box
    label, nearest = match(torch.tensor(boxes), torch.tensor(truth), low=0.3, high=0.7, keep_best=True)
    table = np.array([[iou(b, t) for b in boxes] for t in truth])
    for i in range(60):
        best = table[:, i].max()
        forced = any(table[k, i] == table[k].max() > 0 for k in range(4))
        expected = 1 if forced or best >= 0.7 else (0 if best < 0.3 else -1)
        assert label[i] == expected
        if best > 0:
            assert nearest[i] == table[:, i].argmax()


def test_match_without_people():
    label, _ = match(torch.rand(5, 4), torch.zeros(0, 4), low=0.3, high=0.7, keep_best=True)
    assert label.tolist() == [0] * 5


def test_sampling_respects_counts_and_kinds():
    label = torch.tensor([1] * 10 + [0] * 30 + [-1] * 5)
    positive, negative = sample_labels(label, 8, 0.25, torch.Generator().manual_seed(0))
    assert len(positive) == 2 and len(negative) == 6
    assert set(label[positive].tolist()) == {1} and set(label[negative].tolist()) == {0}
    assert len(set(negative.tolist())) == 6


def test_few_positives_leave_room_for_negatives():
    label = torch.tensor([1] + [0] * 30)
    positive, negative = sample_labels(label, 8, 0.5, torch.Generator().manual_seed(0))
    assert (len(positive), len(negative)) == (1, 7)


def test_anchor_targets_put_positives_first():
    anchors = torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60], [100, 0, 110, 10]])
    boxes = torch.tensor([[50.0, 50, 60, 62]])
    index, wanted, deltas = anchor_targets(
        anchors, boxes, count=4, generator=torch.Generator().manual_seed(0)
    )
    assert index[0] == 1 and wanted.tolist() == [1, 0, 0]
    assert torch.allclose(deltas[0], torch.tensor([0.0, 0.1, 0.0, math.log(1.2)]))


def test_jitter_is_bounded():
    boxes = torch.tensor([[10.0, 20, 110, 60]]).repeat(500, 1)
    moved = jitter(boxes, 0.04, torch.Generator().manual_seed(0)) - boxes
    assert moved[:, 0].abs().max() <= 10.001 and moved[:, 1].abs().max() <= 4.001
    assert 3 < moved[:, 0].std() < 4.2


def test_grid_against_loop():
    rng = np.random.default_rng(0)
    chart = rng.integers(0, 25, (2, 12, 16)).astype(np.uint8)
    instances = rng.integers(0, 3, (2, 12, 16)).astype(np.uint8)
    uv = rng.integers(0, 256, (2, 2, 12, 16)).astype(np.uint8)
    boxes = torch.tensor([[1.3, 2.2, 9.7, 11.5], [-4.0, -3.0, 20.0, 15.0]])
    image, instance = torch.tensor([0, 1]), torch.tensor([2, 1])
    truth = Truth([], [], *map(torch.from_numpy, (chart, uv, instances)))
    got_chart, got_uv, got_coarse = sample_grid(boxes, image, instance, truth, (7, 7))
    for r in range(2):
        x0, y0, x1, y1 = boxes[r].tolist()
        for i in range(7):
            for j in range(7):
                y, x = (
                    int(np.floor(y0 + (i + 0.5) / 7 * (y1 - y0))),
                    int(np.floor(x0 + (j + 0.5) / 7 * (x1 - x0))),
                )
                b, inside = int(image[r]), 0 <= y < 12 and 0 <= x < 16
                own = inside and instances[b, y, x] == int(instance[r])
                assert got_chart[r, i, j] == (chart[b, y, x] if own else 0)
                assert got_coarse[r, i, j] == FINE_TO_COARSE[int(got_chart[r, i, j])]
                if own:
                    assert np.allclose(got_uv[r, :, i, j], uv[b, :, y, x] / 255)


def test_charts_of_people_without_dense_truth_are_unknown():
    chart = torch.full((1, 8, 8), 2, dtype=torch.uint8)
    coarse, instances = torch.full_like(chart, 7), torch.ones_like(chart)
    truth = Truth([], [], chart, torch.zeros(1, 2, 8, 8), instances, coarse)
    boxes = torch.tensor([[0.0, 0, 8, 8]]).repeat(3, 1)
    image, instance = torch.zeros(3, dtype=torch.int64), torch.tensor([1, 1, 2])
    grid = sample_grid(boxes, image, instance, truth, (4, 4), torch.tensor([SPARSE, FILLED, DENSE]))
    assert (grid.chart[0] == UNKNOWN).all() and (grid.chart[1] == 2).all() and (grid.chart[2] == 0).all()
    assert (grid.coarse[:2] == 7).all() and (grid.coarse[2] == 0).all()


def test_points_in_boxes_against_loop():
    rng = torch.Generator().manual_seed(2)
    boxes = torch.tensor([[0.0, 0, 10, 20], [5, 5, 15, 15], [0, 0, 10, 20]])
    image, instance = torch.tensor([0, 0, 1]), torch.tensor([1, 1, 1])
    count = 100
    points = Points(
        torch.randint(0, 2, (count,), generator=rng),
        torch.randint(1, 3, (count,), generator=rng),
        torch.rand(count, 2, generator=rng) * 20,
        torch.randint(1, 25, (count,), generator=rng),
        torch.rand(count, 2, generator=rng),
    )
    got = points_in(boxes, image, instance, points)
    expected = []
    for r in range(3):
        x0, y0, x1, y1 = boxes[r].tolist()
        for p in range(count):
            x, y = points.xy[p].tolist()
            own = points.image[p] == image[r] and points.instance[p] == instance[r]
            if own and x0 <= x <= x1 and y0 <= y <= y1:
                expected.append((r, int(points.chart[p]), (x - x0) / (x1 - x0), (y - y0) / (y1 - y0)))
    assert len(got.roi) == len(expected) > 20
    for (r, chart, x, y), roi, mine, at in zip(expected, got.roi, got.chart, got.xy, strict=True):
        assert int(roi) == r and int(mine) == chart and at.tolist() == pytest.approx([x, y], abs=1e-5)
