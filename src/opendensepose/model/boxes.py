"""Boxes xyxy and their deltas (Girshick 2014, with the reference system's clamp)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchvision.ops import nms

MAX_LOG_SCALE = math.log(1000 / 16)
Weights = tuple[float, float, float, float]


def encode(boxes: Tensor, anchors: Tensor, weights: Weights = (1, 1, 1, 1)) -> Tensor:
    """Boxes [N, 4] relative to anchors [N, 4] -> deltas [N, 4] = (dx, dy, dw, dh) * weights."""
    size, anchor_size = boxes[:, 2:] - boxes[:, :2], anchors[:, 2:] - anchors[:, :2]
    centre, anchor_centre = boxes[:, :2] + 0.5 * size, anchors[:, :2] + 0.5 * anchor_size
    deltas = torch.cat([(centre - anchor_centre) / anchor_size, torch.log(size / anchor_size)], 1)
    return deltas * deltas.new_tensor(weights)


def decode(deltas: Tensor, anchors: Tensor, weights: Weights = (1, 1, 1, 1), edge: float = 0.0) -> Tensor:
    """Inverse of `encode`; log scales are clamped above at ln(1000/16).

    With `edge` 1 boxes hold their first and last pixel: width = x2 - x1 + 1 (Detectron, 2018).
    """
    deltas = deltas / torch.tensor(weights, dtype=deltas.dtype, device=deltas.device)
    anchor_size = anchors[:, 2:] - anchors[:, :2] + edge
    centre = deltas[:, :2] * anchor_size + anchors[:, :2] + 0.5 * anchor_size
    half = 0.5 * torch.exp(deltas[:, 2:].clamp(max=MAX_LOG_SCALE)) * anchor_size
    return torch.cat([centre - half, centre + half - edge], 1)


def outer(boxes: Tensor, edge: float) -> Tensor:
    """Boxes [N, 4] with their lower right corner moved by `edge`: what NMS and areas count."""
    return torch.cat([boxes[:, :2], boxes[:, 2:] + edge], 1) if edge else boxes


def clip(boxes: Tensor, height: float | Tensor, width: float | Tensor) -> Tensor:
    """Boxes [N, 4] cut to [0, width] x [0, height]."""
    x = boxes[:, 0::2].clamp(min=0).clamp(max=width)
    y = boxes[:, 1::2].clamp(min=0).clamp(max=height)
    return torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], 1)


def grouped_nms(
    boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float, *, span: float | Tensor
) -> Tensor:
    """Indices kept (best first) by NMS inside each group: boxes [N, 4] in 0..span, scores [N], groups [N].

    Boxes are shifted apart by group, so one call serves all groups and the exported graph has no loop.
    """
    return nms(boxes + (groups.to(boxes.dtype) * (span + 1))[:, None], scores, threshold)
