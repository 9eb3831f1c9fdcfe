"""Losses of the dense head on dense truth and on sparse points; those of the detector and the other heads.

Every loss is a `Term`, a sum and what it is divided by, so that several processes can divide the sum of all
their sums by the sum of all their counts: then they train as one process with all their pictures would.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from opendensepose.model.targets import UNKNOWN, BoxPoints, Grid

UV_BETA = 0.05  # smooth L1 turns linear here: 5 % of a chart
RARE = 0.006  # share of a box's cells; charts that take less of it count less
SIGMA_FLOOR = 0.01  # added to softplus(sigma_2)


class Term(NamedTuple):
    """One loss: `total / divisor`, 0 where nothing was counted."""

    total: Tensor  # scalar, differentiable
    divisor: Tensor  # scalar

    @property
    def mean(self) -> Tensor:
        """The loss of this batch alone."""
        return self.total / torch.where(self.divisor > 0, self.divisor, 1.0)


def _term(values: Tensor, count: Tensor | float | None = None) -> Term:
    """The mean of `values`, or their sum over `count`."""
    counted = values.numel() if count is None else count
    return Term(values.sum(), torch.as_tensor(counted, dtype=torch.float32, device=values.device).detach())


def _count(chart: Tensor, charts: int) -> Tensor:
    """How many cells of each box have each chart: [R, S, S] -> [R, charts]."""
    chart = chart.flatten(1)
    return chart.new_zeros(len(chart), charts).scatter_add_(1, chart, torch.ones_like(chart))


def _rows(maps: Tensor, cells: Tensor | None = None) -> Tensor:
    """What maps [R, C, S, T] have in each cell, or in those with some numbers: [N, C], in full precision."""
    rows = maps.permute(0, 2, 3, 1).flatten(0, 2)
    rows = rows if cells is None else rows.index_select(0, cells)
    return rows.to(torch.promote_types(rows.dtype, torch.float32))


def segmentation_loss(logits: Tensor, coarse: Tensor) -> Term:
    """Person or not (2 channels), or which of 14 parts (15): logits [R, C, S, S], coarse [R, S, S] 0..14."""
    wanted = coarse if logits.shape[1] > 2 else (coarse > 0).long()
    return _term(F.cross_entropy(_rows(logits), wanted.flatten(), reduction="none"))


def dense_losses(outputs: dict[str, Tensor], grid: Grid, share: Tensor | None = None) -> dict[str, Term]:
    """Losses on the whole grid: outputs [R, *, S, T].

    `fine` learns the chart of the body's cells (what is body, `coarse` learns), u and v only in the true
    chart's channel. In each box every chart counts about the same, however many cells it takes: as with
    annotated points, hands are worth as much as the torso. `share` [R] scales the losses of single boxes.
    """
    chart = torch.where(grid.chart == UNKNOWN, 0, grid.chart)
    counts, size = _count(chart, outputs["fine"].shape[1]), math.prod(chart.shape[1:])
    labels = chart.flatten()
    body = labels.nonzero()[:, 0]
    wanted, box = labels[body], body // size
    weights = 1 / (counts[box, wanted] + RARE * size)
    u, v = (_rows(outputs[k], body).gather(1, wanted[:, None])[:, 0] for k in ("u", "v"))
    u_wanted, v_wanted = _rows(grid.uv, body).unbind(1)
    error = F.smooth_l1_loss(u, u_wanted, beta=UV_BETA, reduction="none")
    error = error + F.smooth_l1_loss(v, v_wanted, beta=UV_BETA, reduction="none")
    fine = F.cross_entropy(_rows(outputs["fine"], body), wanted, reduction="none")
    scaled = weights if share is None else weights * share[box]
    return {"fine": _term(fine * scaled, weights.sum()), "uv": _term(error * scaled, weights.sum())}


def read_points(maps: Tensor, roi: Tensor, xy: Tensor) -> Tensor:
    """Bilinear reading of maps [R, C, S, T] at points: row [P], xy [P, 2] in 0..1 of the box -> [P, C].

    Cell k covers [k, k + 1) / S; the border is held.
    """
    if not len(roi):  # or each of the readings would fill its gradient with zeros
        return maps.new_zeros(0, maps.shape[1])
    height, width = maps.shape[2:]
    x = (xy[:, 0] * width - 0.5).clamp(0, width - 1)
    y = (xy[:, 1] * height - 0.5).clamp(0, height - 1)
    left, top = x.floor().long(), y.floor().long()
    across, down = (x - left)[:, None], (y - top)[:, None]
    right, bottom = (left + 1).clamp(max=width - 1), (top + 1).clamp(max=height - 1)
    upper = maps[roi, :, top, left] * (1 - across) + maps[roi, :, top, right] * across
    lower = maps[roi, :, bottom, left] * (1 - across) + maps[roi, :, bottom, right] * across
    return upper * (1 - down) + lower * down


def point_losses(
    outputs: dict[str, Tensor], points: BoxPoints, *, beta: float = UV_BETA, images: int | None = None
) -> dict[str, Term]:
    """Losses on P annotated points, as the publication: the chart, and U, V in the true chart's channel.

    U, V: smooth L1; with an output `sigma_2` the Gaussian negative log-likelihood (`uv_likelihood`). Their
    mean over points, or with `images` the sum per two images: a batch of one device of the published runs.
    """
    fine = read_points(outputs["fine"], points.roi, points.xy)
    names = [k for k in ("u", "v", "sigma_2", "kappa_u", "kappa_v") if k in outputs]
    read = {
        k: read_points(outputs[k], points.roi, points.xy).gather(1, points.chart[:, None])[:, 0]
        for k in names
    }
    count = None if images is None else images / 2
    found = {"point_fine": _term(F.cross_entropy(fine, points.chart, reduction="none"))}
    error = torch.stack([read["u"], read["v"]], 1) - points.uv
    if "sigma_2" in read:
        kappa = torch.stack([read["kappa_u"], read["kappa_v"]], 1) if "kappa_u" in read else None
        return found | {"point_nll": _term(uv_likelihood(error, read["sigma_2"], kappa), count)}
    values = F.smooth_l1_loss(error, torch.zeros_like(error), beta=beta, reduction="none").sum(1)
    return found | {"point_uv": _term(values, count)}


def uv_likelihood(error: Tensor, sigma_2: Tensor, kappa: Tensor | None = None) -> Tensor:
    """Negative log-likelihood [P] of errors [P, 2] under a Gaussian of covariance s I + k k^T.

    s = softplus(sigma_2) + 0.01; without `kappa` [P, 2] it is isotropic (Neverova et al. 2019, eq. 3 and 6).
    """
    s = F.softplus(sigma_2) + SIGMA_FLOOR
    square = (error**2).sum(1)
    if kappa is None:
        return math.log(2 * math.pi) + torch.log(s) + 0.5 * square / s
    long = s + (kappa**2).sum(1)  # the variance along kappa
    along = (error * kappa).sum(1)
    mahalanobis = square / s - along**2 / (s * long)
    return math.log(2 * math.pi) + 0.5 * (torch.log(s) + torch.log(long) + mahalanobis)


def presence_loss(logits: Tensor, chart: Tensor) -> Term:
    """Which of the 24 charts are seen at all: logits [R, 24], chart [R, S, S]; unknown boxes do not count.

    The only loss that the whole-person vector gets directly: it has to tell front from back, left from right.
    """
    known = (chart != UNKNOWN).flatten(1).all(1)
    chart = torch.where(chart == UNKNOWN, 0, chart)
    counts = _count(chart, logits.shape[1] + 1)[:, 1:]
    values = F.binary_cross_entropy_with_logits(logits, (counts > 2).to(logits.dtype), reduction="none")
    return _term(values * known[:, None], known.sum() * logits.shape[1])


def person_loss(logits: Tensor, somebody: Tensor) -> Term:
    """Is there a person: logits [R], true where there is one [R]."""
    return _term(F.binary_cross_entropy_with_logits(logits, somebody.to(logits.dtype), reduction="none"))


def mask_loss(logits: Tensor, coarse: Tensor) -> Term:
    """Instance mask: logits [R, 1, S, S], coarse [R, S, S] (> 0 = the person)."""
    return _term(F.binary_cross_entropy_with_logits(logits[:, 0], (coarse > 0).float(), reduction="none"))


def keypoint_loss(heatmaps: Tensor, boxes: Tensor, keypoints: Tensor) -> Term:
    """Which cell holds each keypoint (He et al. 2017).

    heatmaps [R, 17, S, S], boxes [R, 4], keypoints [R, 17, 3] x, y, visibility. Those that are unlabelled or
    outside the box do not count.
    """
    size = heatmaps.shape[-1]
    at = (keypoints[..., :2] - boxes[:, None, :2]) / (boxes[:, None, 2:] - boxes[:, None, :2]).clamp(min=1e-6)
    cell = torch.floor(at * size).long()
    wanted = (keypoints[..., 2] > 0) & ((cell >= 0) & (cell < size)).all(2)
    r, k = torch.nonzero(wanted, as_tuple=True)
    index = cell[r, k, 1] * size + cell[r, k, 0]
    return _term(F.cross_entropy(heatmaps[r, k].flatten(1), index, reduction="none"))


def proposal_losses(logits: Tensor, deltas: Tensor, wanted: Tensor, targets: Tensor) -> dict[str, Term]:
    """RPN losses on M sampled anchors, P of them positive: logits, wanted [M]; deltas, targets [P, 4]."""
    box = F.smooth_l1_loss(deltas, targets, beta=1 / 9, reduction="none")
    objectness = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return {"objectness": _term(objectness), "rpn_box": _term(box, len(logits))}


def box_losses(
    scores: Tensor, deltas: Tensor, background: Tensor, targets: Tensor, *, beta: float = 1.0
) -> dict[str, Term]:
    """Box head losses on M sampled proposals.

    scores [M, 2], deltas [M, 4], background [M] int64 (0 = person), targets [P, 4] of the persons in order;
    below `beta` the loss of the deltas is quadratic.
    """
    box = F.smooth_l1_loss(deltas[background == 0], targets, beta=beta, reduction="none")
    return {
        "class": _term(F.cross_entropy(scores, background, reduction="none")),
        "box": _term(box, len(scores)),
    }
