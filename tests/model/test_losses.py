"""Every loss beside a loop over cells or points, and gradients beside differences."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from opendensepose.model.losses import (
    RARE,
    UV_BETA,
    box_losses,
    dense_losses,
    keypoint_loss,
    mask_loss,
    point_losses,
    presence_loss,
    proposal_losses,
    read_points,
    segmentation_loss,
    uv_likelihood,
)
from opendensepose.model.targets import UNKNOWN, BoxPoints, Grid


def outputs_of(r, s, seed=0, **more):
    rng = torch.Generator().manual_seed(seed)
    sizes = {"coarse": 2, "fine": 25, "u": 25, "v": 25, **more}
    return {k: torch.randn(r, c, s, s, generator=rng) for k, c in sizes.items()}


def smooth(d, beta=UV_BETA):
    d = abs(d)
    return 0.5 * d * d / beta if d < beta else d - 0.5 * beta


def grid_of(chart, uv):
    return Grid(chart, uv, (chart > 0).long())


def some_points(count=40, rois=3, seed=2):
    rng = torch.Generator().manual_seed(seed)
    return BoxPoints(
        torch.randint(0, rois, (count,), generator=rng),
        torch.rand(count, 2, generator=rng),
        torch.randint(1, 25, (count,), generator=rng),
        torch.rand(count, 2, generator=rng),
    )


def bilinear(plane, x, y):
    """The plane [S][S] read at x, y in 0..1, as in a textbook."""
    s = len(plane)
    x, y = min(max(x * s - 0.5, 0), s - 1), min(max(y * s - 0.5, 0), s - 1)
    j, i = int(x), int(y)
    total = 0.0
    for di in (0, 1):
        for dj in (0, 1):
            weight = (1 - abs(y - (i + di))) * (1 - abs(x - (j + dj)))
            if weight > 0:
                total += weight * float(plane[min(i + di, s - 1)][min(j + dj, s - 1)])
    return total


@pytest.mark.parametrize("share", [None, (1.0, 0.25)])
def test_dense_losses_against_loop(share):
    rng = torch.Generator().manual_seed(1)
    chart = torch.randint(0, 25, (2, 4, 4), generator=rng)
    chart[1, 2] = UNKNOWN  # a row of which nothing is known
    uv = torch.rand(2, 2, 4, 4, generator=rng)
    out = outputs_of(2, 4)
    fine = weight = error = 0.0
    for r in range(2):
        scale = 1.0 if share is None else share[r]
        for i in range(4):
            for j in range(4):
                c = int(chart[r, i, j])
                if c in (0, UNKNOWN):
                    continue
                w = 1 / (sum(int(other) == c for other in chart[r].flatten()) + RARE * 16)
                fine -= scale * w * float(out["fine"][r, :, i, j].log_softmax(0)[c])
                du = smooth(float(out["u"][r, c, i, j] - uv[r, 0, i, j]))
                dv = smooth(float(out["v"][r, c, i, j] - uv[r, 1, i, j]))
                error, weight = error + scale * w * (du + dv), weight + w
    got = dense_losses(out, grid_of(chart, uv), None if share is None else torch.tensor(share))
    assert float(got["fine"].mean) == pytest.approx(fine / weight, rel=1e-5)
    assert float(got["uv"].mean) == pytest.approx(error / weight, rel=1e-5)


def test_maps_of_half_precision_are_read_in_full():
    rng = torch.Generator().manual_seed(3)
    chart = torch.randint(0, 25, (2, 4, 6), generator=rng)
    grid = grid_of(chart, torch.rand(2, 2, 4, 6, generator=rng))
    half = {k: v[:, :, :4].bfloat16().requires_grad_() for k, v in outputs_of(2, 6).items()}
    full = {k: v.detach().float().requires_grad_() for k, v in half.items()}
    totals = []
    for maps in (half, full):
        terms = dense_losses(maps, grid) | {"coarse": segmentation_loss(maps["coarse"], grid.coarse)}
        totals.append(torch.stack([term.total for term in terms.values()]))
        totals[-1].sum().backward()
    assert torch.equal(*totals)
    for name, maps in full.items():
        torch.testing.assert_close(half[name].grad.float(), maps.grad, rtol=0.01, atol=1e-6)


@pytest.mark.parametrize("channels", [2, 15])
def test_segmentation_against_loop(channels):
    rng = torch.Generator().manual_seed(4)
    coarse = torch.randint(0, 15, (2, 5, 5), generator=rng)
    logits = torch.randn(2, channels, 5, 5, generator=rng)
    total = 0.0
    for r, i, j in ((r, i, j) for r in range(2) for i in range(5) for j in range(5)):
        label = int(coarse[r, i, j])
        total -= float(logits[r, :, i, j].log_softmax(0)[label if channels == 15 else int(label > 0)])
    assert float(segmentation_loss(logits, coarse).mean) == pytest.approx(total / 50, rel=1e-5)


def test_points_on_cell_centres_and_between():
    maps = torch.arange(16.0).reshape(1, 1, 4, 4)
    roi = torch.tensor([0])
    read = lambda x, y: float(read_points(maps, roi, torch.tensor([[x, y]]))[0, 0])  # noqa: E731
    assert read(0.125, 0.125) == pytest.approx(0)  # centre of cell (0, 0)
    assert read(0.625, 0.375) == pytest.approx(6)  # row 1, column 2
    assert read(0.5, 0.375) == pytest.approx(5.5)  # half-way between columns 1 and 2
    assert read(0.0, 0.0) == pytest.approx(0)  # the border is held


@pytest.mark.parametrize("images", [None, 3])
@pytest.mark.parametrize("beta", [UV_BETA, 1.0])
def test_point_losses_against_loop(images, beta):
    out, points = outputs_of(3, 6), some_points()
    fine = error = 0.0
    for p in range(40):
        r, c = int(points.roi[p]), int(points.chart[p])
        x, y = points.xy[p].tolist()
        logits = torch.tensor([bilinear(out["fine"][r, k], x, y) for k in range(25)])
        fine -= float(logits.log_softmax(0)[c])
        for k, name in enumerate("uv"):
            error += smooth(bilinear(out[name][r, c], x, y) - float(points.uv[p, k]), beta)
    got = point_losses(out, points, beta=beta, images=images)
    assert float(got["point_fine"].mean) == pytest.approx(fine / 40, rel=1e-5)
    assert float(got["point_uv"].mean) == pytest.approx(error / (40 if images is None else 1.5), rel=1e-5)


@pytest.mark.parametrize("kind", ["WC1", "WC2"])
def test_likelihoods_against_a_gaussian_per_point(kind):
    more = {"sigma_2": 25} | ({"kappa_u": 25, "kappa_v": 25} if kind == "WC2" else {})
    out, points = outputs_of(3, 6, **more), some_points()
    total = 0.0
    for p in range(40):
        r, c = int(points.roi[p]), int(points.chart[p])
        read = {k: bilinear(v[r, c], *points.xy[p].tolist()) for k, v in out.items() if k != "coarse"}
        variance = math.log1p(math.exp(read["sigma_2"])) + 0.01
        k = torch.tensor([[read.get("kappa_u", 0.0)], [read.get("kappa_v", 0.0)]], dtype=torch.float64)
        covariance = variance * torch.eye(2, dtype=torch.float64) + k @ k.T
        mean = torch.tensor([read["u"], read["v"]], dtype=torch.float64)
        total -= float(MultivariateNormal(mean, covariance).log_prob(points.uv[p].double()))
    got = point_losses(out, points)
    assert "point_uv" not in got
    assert float(got["point_nll"].mean) == pytest.approx(total / 40, rel=1e-5)


@pytest.mark.parametrize("kappa", [False, True])
def test_gradients_of_the_likelihood(kappa):
    rng = torch.Generator().manual_seed(7)
    make = lambda *n: torch.randn(*n, generator=rng, dtype=torch.float64).requires_grad_()  # noqa: E731
    inputs = (make(6, 2), make(6), *([make(6, 2)] if kappa else []))
    assert torch.autograd.gradcheck(uv_likelihood, inputs)


def test_gradients_of_dense_and_point_losses():
    rng = torch.Generator().manual_seed(8)
    out = {
        k: torch.randn(1, 25, 2, 2, generator=rng, dtype=torch.float64).requires_grad_()
        for k in ("fine", "u", "v")
    }
    chart = torch.tensor([[[3, 0], [UNKNOWN, 24]]])
    points = some_points(5, rois=1)
    points = points._replace(xy=points.xy.double(), uv=points.uv.double())
    uv = torch.rand(1, 2, 2, 2, generator=rng, dtype=torch.float64)

    def total(fine, u, v):
        maps = {"fine": fine, "u": u, "v": v}
        terms = dense_losses(maps, grid_of(chart, uv)) | point_losses(maps, points)
        return sum(term.mean for term in terms.values())

    assert torch.autograd.gradcheck(total, tuple(out.values()))


def test_presence_counts_charts():
    chart = torch.zeros(2, 4, 4, dtype=torch.int64)
    chart[0, 0] = 5  # four cells: seen
    chart[0, 1, :2] = 9  # two cells: too few
    chart[1] = UNKNOWN
    logits = torch.full((2, 24), -2.0)
    logits[0, 4] = 3.0
    expected = (23 * math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-3))) / 24
    assert float(presence_loss(logits, chart).mean) == pytest.approx(expected, rel=1e-5)


def test_masks_and_keypoints_against_loops():
    rng = torch.Generator().manual_seed(5)
    logits, coarse = torch.randn(2, 1, 4, 4, generator=rng), torch.randint(0, 3, (2, 4, 4), generator=rng)
    total = 0.0
    for r, i, j in ((r, i, j) for r in range(2) for i in range(4) for j in range(4)):
        z = float(logits[r, 0, i, j]) * (1 if coarse[r, i, j] else -1)
        total += math.log(1 + math.exp(-z))
    assert float(mask_loss(logits, coarse).mean) == pytest.approx(total / 32, rel=1e-5)

    heat = torch.randn(2, 17, 4, 4, generator=rng)
    boxes = torch.tensor([[10.0, 20, 50, 60], [0, 0, 8, 4]])
    keypoints = torch.zeros(2, 17, 3)
    keypoints[0, 0] = torch.tensor([11.0, 59, 2])  # column 0, row 3
    keypoints[0, 5] = torch.tensor([49.0, 20, 1])  # column 3, row 0
    keypoints[0, 6] = torch.tensor([51.0, 30, 2])  # beside the box
    keypoints[1, 16] = torch.tensor([4.0, 2, 2])  # column 2, row 2
    keypoints[1, 1] = torch.tensor([4.0, 2, 0])  # not labelled
    cells = [(0, 0, 12), (0, 5, 3), (1, 16, 10)]
    expected = -sum(float(heat[r, k].flatten().log_softmax(0)[cell]) for r, k, cell in cells) / 3
    assert float(keypoint_loss(heat, boxes, keypoints).mean) == pytest.approx(expected, rel=1e-5)


def test_detector_losses_by_hand():
    found = proposal_losses(
        torch.zeros(4), torch.tensor([[1.0, 0, 0, 0]]), torch.tensor([1.0, 0, 0, 0]), torch.zeros(1, 4)
    )
    assert float(found["objectness"].mean) == pytest.approx(math.log(2))
    assert float(found["rpn_box"].mean) == pytest.approx((1 - 1 / 18) / 4)
    scores = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
    deltas = torch.tensor([[0.5, 0, 0, 0], [9.0, 9, 9, 9]])  # the background's deltas do not count
    found = box_losses(scores, deltas, torch.tensor([0, 1]), torch.zeros(1, 4))
    assert float(found["box"].mean) == pytest.approx(0.125 / 2)
    assert float(found["class"].mean) == pytest.approx(math.log(1 + math.exp(-2)) + 1)
    found = box_losses(scores, deltas, torch.tensor([0, 1]), torch.zeros(1, 4), beta=0.1)
    assert float(found["box"].mean) == pytest.approx((0.5 - 0.05) / 2)  # linear from 0.1 on


def test_parts_of_a_batch_add_up_to_the_whole():
    """The sums and the divisors of two halves give the loss of the whole: what processes rely on."""
    out, points = outputs_of(4, 6), some_points(rois=4)
    chart = torch.randint(0, 25, (4, 6, 6), generator=torch.Generator().manual_seed(3))
    grid = grid_of(chart, torch.rand(4, 2, 6, 6))
    whole = dense_losses(out, grid) | point_losses(out, points)
    halves = []
    for part in (slice(0, 1), slice(1, 4)):
        own = (points.roi >= part.start) & (points.roi < part.stop)
        mine = BoxPoints(points.roi[own] - part.start, points.xy[own], points.chart[own], points.uv[own])
        maps = {k: v[part] for k, v in out.items()}
        halves.append(dense_losses(maps, Grid(*(x[part] for x in grid))) | point_losses(maps, mine))
    for name, term in whole.items():
        total, divisor = (sum(float(h[name][k]) for h in halves) for k in range(2))
        assert float(term.mean) == pytest.approx(total / divisor, rel=1e-5), name


def test_nobody_costs_nothing_and_can_be_differentiated():
    out = {k: v.requires_grad_() for k, v in outputs_of(0, 4).items()}
    empty = torch.zeros(0, 4, 4, dtype=torch.int64)
    terms = dense_losses(out, grid_of(empty, torch.zeros(0, 2, 4, 4)))
    terms |= point_losses(out, some_points(0))
    terms |= box_losses(
        torch.zeros(0, 2, requires_grad=True), torch.zeros(0, 4), empty[:, 0, 0], torch.zeros(0, 4)
    )
    total = sum(term.mean for term in terms.values())
    total.backward()
    assert float(total.detach()) == 0
