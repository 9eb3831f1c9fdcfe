"""Losses of the dense head on dense truth and on sparse points; those of the detector."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

# Weights of background and charts 1..24: rare and thin parts would otherwise never be predicted
PART_WEIGHTS = torch.tensor(
    [0.6] + [1.0] * 2 + [3.0] * 2 + [2.5] * 2 + [1.0] * 4 + [1.3] * 4 + [2.0] * 8 + [1.3] * 2
)
UV_BETA = 0.05  # smooth L1 turns linear here: 5 % of a chart


def dense_losses(outputs: dict[str, Tensor], chart: Tensor, uv: Tensor) -> dict[str, Tensor]:
    """Losses on the whole grid: outputs [R, *, S, S], chart [R, S, S] int64 (0 background), uv [R, 2, S, S].

    `coarse` learns person or not, `fine` the chart everywhere, u and v only in the true chart's channel.
    """
    if chart.shape[0] == 0:
        return {k: outputs["fine"].sum() * 0 for k in ("coarse", "fine", "uv")}
    index = chart[:, None]
    u, v = (outputs[k].gather(1, index)[:, 0] for k in ("u", "v"))
    person = (chart > 0).float()
    error = F.smooth_l1_loss(u, uv[:, 0], beta=UV_BETA, reduction="none")
    error = error + F.smooth_l1_loss(v, uv[:, 1], beta=UV_BETA, reduction="none")
    weights = PART_WEIGHTS.to(chart.device)
    local = weights[chart] * person
    return {
        "coarse": F.cross_entropy(outputs["coarse"], (chart > 0).long()),
        "fine": F.cross_entropy(outputs["fine"], chart, weight=weights),
        "uv": (error * local).sum() / local.sum().clamp(min=1),
    }


def read_points(maps: Tensor, xy: Tensor) -> Tensor:
    """Bilinear reading of maps [P, C, S, S] at one point each, xy [P, 2] in 0..1 of the box -> [P, C]."""
    return F.grid_sample(maps, (xy * 2 - 1)[:, None, None], padding_mode="border", align_corners=False)[
        :, :, 0, 0
    ]


def sparse_losses(
    outputs: dict[str, Tensor], roi: Tensor, xy: Tensor, chart: Tensor, uv: Tensor
) -> dict[str, Tensor]:
    """Losses on annotated points, as the publication.

    roi [P]: row of the outputs; xy [P, 2]: in 0..1 of its box; chart [P] int64 1..24; uv [P, 2].
    """
    if len(roi) == 0:
        return {k: outputs["fine"].sum() * 0 for k in ("fine", "uv")}
    fine = read_points(outputs["fine"][roi], xy)
    u, v = (read_points(outputs[k][roi], xy).gather(1, chart[:, None])[:, 0] for k in ("u", "v"))
    error = F.smooth_l1_loss(u, uv[:, 0], beta=UV_BETA) + F.smooth_l1_loss(v, uv[:, 1], beta=UV_BETA)
    return {"fine": F.cross_entropy(fine, chart), "uv": error}


def presence_loss(logits: Tensor, chart: Tensor) -> Tensor:
    """Which of the 24 charts are seen at all: logits [R, 24], chart [R, S, S].

    The only loss that the whole-person vector gets directly: it has to tell front from back, left from right.
    """
    if chart.shape[0] == 0:
        return logits.sum() * 0
    counts = F.one_hot(chart.flatten(1), logits.shape[1] + 1).sum(1)[:, 1:]
    return F.binary_cross_entropy_with_logits(logits, (counts > 2).to(logits.dtype))


def proposal_losses(logits: Tensor, deltas: Tensor, wanted: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """RPN losses on M sampled anchors, P of them positive: logits, wanted [M]; deltas, targets [P, 4]."""
    if len(logits) == 0:
        return {"objectness": logits.sum() * 0, "rpn_box": deltas.sum() * 0}
    box = F.smooth_l1_loss(deltas, targets, beta=1 / 9, reduction="sum") / len(logits)
    return {"objectness": F.binary_cross_entropy_with_logits(logits, wanted), "rpn_box": box}


def box_losses(scores: Tensor, deltas: Tensor, background: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Box head losses on M sampled proposals.

    scores [M, 2], deltas [M, 4], background [M] int64 (0 = person), targets [P, 4] of the persons in order.
    """
    if len(scores) == 0:
        return {"class": scores.sum() * 0, "box": deltas.sum() * 0}
    box = F.smooth_l1_loss(deltas[background == 0], targets, beta=1.0, reduction="sum") / len(scores)
    return {"class": F.cross_entropy(scores, background), "box": box}
