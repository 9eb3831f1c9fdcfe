import math

import pytest
import torch

from opendensepose.model.losses import (
    PART_WEIGHTS,
    UV_BETA,
    box_losses,
    dense_losses,
    presence_loss,
    proposal_losses,
    read_points,
    sparse_losses,
)


def outputs_of(r, s, seed=0):
    rng = torch.Generator().manual_seed(seed)
    sizes = {"coarse": 2, "fine": 25, "u": 25, "v": 25}
    return {k: torch.randn(r, c, s, s, generator=rng) for k, c in sizes.items()}


def smooth(d):
    d = abs(d)
    return 0.5 * d * d / UV_BETA if d < UV_BETA else d - 0.5 * UV_BETA


def test_dense_losses_against_loop():
    rng = torch.Generator().manual_seed(1)
    chart = torch.randint(0, 25, (2, 4, 4), generator=rng)
    uv = torch.rand(2, 2, 4, 4, generator=rng)
    out = outputs_of(2, 4)
    coarse = fine = weight = error = local = 0.0
    for r in range(2):
        for i in range(4):
            for j in range(4):
                c = int(chart[r, i, j])
                w = float(PART_WEIGHTS[c])
                coarse -= float(out["coarse"][r, :, i, j].log_softmax(0)[int(c > 0)]) / 32
                fine -= w * float(out["fine"][r, :, i, j].log_softmax(0)[c])
                weight += w
                if c:
                    du = smooth(float(out["u"][r, c, i, j] - uv[r, 0, i, j]))
                    dv = smooth(float(out["v"][r, c, i, j] - uv[r, 1, i, j]))
                    error, local = error + w * (du + dv), local + w
    got = dense_losses(out, chart, uv)
    assert float(got["coarse"]) == pytest.approx(coarse, rel=1e-5)
    assert float(got["fine"]) == pytest.approx(fine / weight, rel=1e-5)
    assert float(got["uv"]) == pytest.approx(error / local, rel=1e-5)


def test_points_on_cell_centres_and_between():
    maps = torch.arange(16.0).reshape(1, 1, 4, 4)
    read = lambda x, y: float(read_points(maps, torch.tensor([[x, y]]))[0, 0])  # noqa: E731
    assert read(0.125, 0.125) == pytest.approx(0)  # centre of cell (0, 0)
    assert read(0.625, 0.375) == pytest.approx(6)  # row 1, column 2
    assert read(0.5, 0.375) == pytest.approx(5.5)  # half-way between columns 1 and 2
    assert read(0.0, 0.0) == pytest.approx(0)  # the border is held


def test_sparse_losses_of_perfect_maps_vanish():
    out = {k: torch.zeros(2, 25, 4, 4) for k in ("fine", "u", "v")}
    chart, uv = torch.tensor([3, 7]), torch.tensor([[0.25, 0.5], [0.75, 1.0]])
    for p in range(2):
        out["fine"][p, chart[p]] = 50
        out["u"][p, chart[p]], out["v"][p, chart[p]] = uv[p, 0], uv[p, 1]
    xy = torch.tensor([[0.3, 0.4], [0.9, 0.1]])
    got = sparse_losses(out, torch.tensor([0, 1]), xy, chart, uv)
    assert float(got["fine"]) == pytest.approx(0, abs=1e-6) and float(got["uv"]) == pytest.approx(0, abs=1e-6)
    swapped = sparse_losses(out, torch.tensor([1, 0]), xy, chart, uv)
    assert float(swapped["fine"]) > 10


def test_presence_counts_charts():
    chart = torch.zeros(1, 4, 4, dtype=torch.int64)
    chart[0, 0] = 5  # four cells: seen
    chart[0, 1, :2] = 9  # two cells: too few
    logits = torch.full((1, 24), -2.0)
    logits[0, 4] = 3.0
    expected = (23 * math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-3))) / 24
    assert float(presence_loss(logits, chart)) == pytest.approx(expected, rel=1e-5)


def test_detector_losses_by_hand():
    found = proposal_losses(
        torch.zeros(4), torch.tensor([[1.0, 0, 0, 0]]), torch.tensor([1.0, 0, 0, 0]), torch.zeros(1, 4)
    )
    assert float(found["objectness"]) == pytest.approx(math.log(2))
    assert float(found["rpn_box"]) == pytest.approx((1 - 1 / 18) / 4)
    scores = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
    deltas = torch.tensor([[0.5, 0, 0, 0], [9.0, 9, 9, 9]])  # the background's deltas do not count
    found = box_losses(scores, deltas, torch.tensor([0, 1]), torch.zeros(1, 4))
    assert float(found["box"]) == pytest.approx(0.125 / 2)
    assert float(found["class"]) == pytest.approx(math.log(1 + math.exp(-2)) + 1)


def test_nobody_costs_nothing_and_can_be_differentiated():
    out = {k: v.requires_grad_() for k, v in outputs_of(0, 4).items()}
    empty = torch.zeros(0, 4, 4, dtype=torch.int64)
    total = sum(dense_losses(out, empty, torch.zeros(0, 2, 4, 4)).values())
    total = total + sum(
        box_losses(
            torch.zeros(0, 2, requires_grad=True), torch.zeros(0, 4), empty[:, 0, 0], torch.zeros(0, 4)
        ).values()
    )
    total.backward()
    assert float(total.detach()) == 0
