"""What the net should say: labels of anchors and proposals, and the truth on a box's grid."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import box_iou

from opendensepose.model.boxes import encode
from opendensepose.surface.parts import FINE_TO_COARSE

UNKNOWN = 255  # of a chart: nothing is known about this pixel
SPARSE, DENSE, FILLED, UNLABELLED = range(4)  # kinds of people: what is known of their surface


class Points(NamedTuple):
    """Annotated points of a batch; G in all."""

    image: Tensor  # [G] int64 index into the batch
    instance: Tensor  # [G] int64 value of the person in `instances`
    xy: Tensor  # [G, 2] pixels of the canvas, continuous
    chart: Tensor  # [G] int64 1..24
    uv: Tensor  # [G, 2]


class Truth(NamedTuple):
    """A batch's ground truth; K people in all.

    The last four default to what a picture with dense truth of everybody has: no points, no keypoints, coarse
    labels that follow from the charts.
    """

    boxes: list[Tensor]  # per image [K_b, 4] xyxy, pixels of the canvas
    instance: list[Tensor]  # per image [K_b] value of the person in `instances`
    chart: Tensor  # [B, H, W] uint8, 0 = background, 255 = unknown
    uv: Tensor  # [B, 2, H, W] float32 or uint8 (255 = 1)
    instances: Tensor  # [B, H, W] uint8, 0 = nobody
    coarse: Tensor | None = None  # [B, H, W] uint8 0..14
    kind: list[Tensor] | None = (
        None  # per image [K_b]: SPARSE, DENSE, FILLED (dense, by a teacher), UNLABELLED
    )
    keypoints: list[Tensor] | None = None  # per image [K_b, 17, 3] x, y, visibility 0..2
    points: Points | None = None


class Grid(NamedTuple):
    """The truth at the cells of R boxes."""

    chart: Tensor  # [R, S, S] int64; UNKNOWN where nothing is known
    uv: Tensor  # [R, 2, S, S] float32
    coarse: Tensor  # [R, S, S] int64 0..14


class BoxPoints(NamedTuple):
    """Annotated points in R boxes; a point lies in every box of its person that holds it."""

    roi: Tensor  # [P] row of the box
    xy: Tensor  # [P, 2] in 0..1 of the box
    chart: Tensor  # [P]
    uv: Tensor  # [P, 2]


def match(boxes: Tensor, truth: Tensor, *, low: float, high: float, keep_best: bool) -> tuple[Tensor, Tensor]:
    """Label boxes [N, 4] by overlap with truth [K, 4]: (label [N]: 1, 0 or -1 = ignored; nearest truth [N]).

    1 from IoU `high` on, 0 below `low`; with `keep_best` also the best boxes of every truth are 1.
    """
    if len(truth) == 0:
        zeros = torch.zeros(len(boxes), dtype=torch.int64, device=boxes.device)
        return zeros, zeros
    overlap = box_iou(truth, boxes)  # [K, N]
    best, index = overlap.max(0)
    label = torch.full_like(index, -1)
    label[best < low] = 0
    label[best >= high] = 1
    if keep_best:
        top = overlap.max(1, keepdim=True).values
        label[((overlap == top) & (top > 0)).any(0)] = 1
    return label, index


def sample_labels(
    label: Tensor, count: int, positive_share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Random indices (positive, negative), at most `count`, at most `positive_share` of them positive."""
    chosen = []
    room = count
    for value, limit in ((1, int(count * positive_share)), (0, count)):
        index = torch.nonzero(label == value)[:, 0]
        order = torch.randperm(len(index), generator=generator)[: min(limit, room)]
        chosen.append(index[order.to(index.device)])
        room -= len(order)
    return chosen[0], chosen[1]


def jitter(boxes: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Boxes [N, 4] with each side moved by a normal of `amount` times the box's size."""
    size = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    noise = torch.randn(boxes.shape, generator=generator).to(boxes) * amount
    return boxes + size * noise.clamp(-2.5 * amount, 2.5 * amount)


def sample_grid(
    boxes: Tensor,  # [R, 4]
    image: Tensor,  # [R] index into the batch
    instance: Tensor,  # [R]
    truth: Truth,
    size: tuple[int, int],  # cells of a grid: rows S, columns T
    kind: Tensor | None = None,  # [R]; None: all are DENSE
) -> Grid:
    """The truth at the cell centres of each box's grid.

    Nearest pixel, never interpolated. Other people and what lies outside the image are background. Charts of
    people without a dense truth are unknown everywhere, also beside them.
    """
    height, width = truth.chart.shape[1:]
    down, across = ((torch.arange(n, device=boxes.device, dtype=boxes.dtype) + 0.5) / n for n in size)
    x = torch.floor(boxes[:, :1] + (boxes[:, 2:3] - boxes[:, :1]) * across).long()  # [R, T]
    y = torch.floor(boxes[:, 1:2] + (boxes[:, 3:] - boxes[:, 1:2]) * down).long()  # [R, S]
    inside = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None]
    b, y, x = image[:, None, None], y.clamp(0, height - 1)[:, :, None], x.clamp(0, width - 1)[:, None]
    own = inside & (truth.instances[b, y, x] == instance[:, None, None])
    chart = truth.chart[b, y, x].long() * own
    uv = truth.uv.permute(0, 2, 3, 1)[b, y, x].permute(0, 3, 1, 2).float()
    if truth.coarse is None:
        coarse = torch.from_numpy(FINE_TO_COARSE.astype("int64")).to(chart.device)[chart]
    else:
        coarse = truth.coarse[b, y, x].long() * own
    if kind is not None:
        chart = torch.where(((kind == DENSE) | (kind == FILLED))[:, None, None], chart, UNKNOWN)
    return Grid(chart, uv / 255 if truth.uv.dtype == torch.uint8 else uv, coarse)


def points_in(boxes: Tensor, image: Tensor, instance: Tensor, points: Points | None) -> BoxPoints:
    """The points of each box's person: boxes [R, 4], image and instance [R]."""
    if points is None:
        none = boxes.new_zeros(0, dtype=torch.int64)
        return BoxPoints(none, boxes.new_zeros(0, 2), none, boxes.new_zeros(0, 2))
    at = (points.xy[None] - boxes[:, None, :2]) / (boxes[:, None, 2:] - boxes[:, None, :2]).clamp(min=1e-6)
    own = (points.image == image[:, None]) & (points.instance == instance[:, None])
    roi, point = torch.nonzero(own & ((at >= 0) & (at <= 1)).all(2), as_tuple=True)
    return BoxPoints(roi, at[roi, point], points.chart[point], points.uv[point])


def anchor_targets(
    anchors: Tensor, boxes: Tensor, *, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Sampled anchors of one image: indices [M], label [M] float, deltas [P, 4] of the positive first P."""
    label, nearest = match(anchors, boxes, low=0.3, high=0.7, keep_best=True)
    positive, negative = sample_labels(label, count, 0.5, generator)
    index = torch.cat([positive, negative])
    wanted = torch.zeros(len(index), device=anchors.device)
    wanted[: len(positive)] = 1
    deltas = encode(boxes[nearest[positive]], anchors[positive]) if len(positive) else anchors.new_zeros(0, 4)
    return index, wanted, deltas
