"""Pooling of boxes from feature maps.

RoIAlign's mean of bilinear samples is separable: pooled = A_y F A_x^T, one interpolation matrix per axis.
As matrix products it runs near the peak of a CPU in both directions, where the gathering kernel does not.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import roi_align


def axis_weights(start: Tensor, stop: Tensor, length: int, size: int, ratio: int, aligned: bool) -> Tensor:
    """Interpolation matrices of one axis: intervals [N] in map cells -> [N, size, length].

    Row p is the mean of `ratio` linear samples of bin p. A sample beyond -1 or `length` counts as 0; others
    are clamped to the map (detectron2's and torchvision's ROIAlign).
    """
    shift = 0.5 if aligned else 0.0
    extent = stop - start if aligned else (stop - start).clamp(min=1.0)
    steps = (torch.arange(size * ratio, device=start.device, dtype=start.dtype) + 0.5) / (size * ratio)
    at = (start - shift)[:, None] + extent[
        :, None
    ] * steps  # [N, size*ratio] map coordinates, cell k centred on k
    inside = ((at >= -1) & (at <= length)).to(at.dtype) / ratio
    cells = torch.arange(length, device=start.device, dtype=start.dtype)
    hat = (1 - (at.clamp(min=0).clamp(max=length - 1)[..., None] - cells).abs()).clamp(min=0)
    return (hat * inside[..., None]).reshape(-1, size, ratio, length).sum(2)


def pool_map(
    features: Tensor, boxes: Tensor, *, size: int, scale: float, ratio: int = 2, aligned: bool = True
) -> Tensor:
    """RoIAlign of boxes [N, 4] (image pixels) from ONE image's map [C, H, W] -> [N, C, size, size]."""
    channels, height, width = features.shape
    x1, y1, x2, y2 = (boxes * scale).unbind(1)
    rows = axis_weights(y1, y2, height, size, ratio, aligned)  # [N, size, H]
    columns = axis_weights(x1, x2, width, size, ratio, aligned)  # [N, size, W]
    # [N*size, H] @ [H, C*W]: all boxes in one product
    half = rows.reshape(-1, height) @ features.permute(1, 0, 2).reshape(height, channels * width)
    half = half.reshape(-1, size * channels, width) @ columns.transpose(1, 2)  # [N, size*C, size]
    return half.reshape(-1, size, channels, size).transpose(1, 2)


def pool_batch(
    features: Tensor, boxes: list[Tensor], *, size: int, scale: float, ratio: int = 2, aligned: bool = True
) -> Tensor:
    """`pool_map` over a batch: features [B, C, H, W], one [N_b, 4] per image -> [sum N_b, C, size, size]."""
    options = {"size": size, "scale": scale, "ratio": ratio, "aligned": aligned}
    return torch.cat([pool_map(f, b, **options) for f, b in zip(features, boxes, strict=True)])  # type: ignore[arg-type]


def assign_levels(
    boxes: Tensor,
    *,
    lowest: int = 2,
    highest: int = 5,
    canonical_size: float = 224,
    canonical_level: int = 4,
    edge: float = 0.0,
) -> Tensor:
    """Pyramid level of boxes [N, 4]: floor(4 + log2(sqrt(area) / 224 + 1e-8)), clamped (Lin et al. 2017)."""
    size = torch.sqrt((boxes[:, 2] - boxes[:, 0] + edge) * (boxes[:, 3] - boxes[:, 1] + edge))
    level = torch.floor(canonical_level + torch.log2(size / canonical_size + 1e-8))
    return level.clamp(min=lowest).clamp(max=highest).to(torch.int64)


def pool_levels(
    pyramid: list[Tensor],
    boxes: list[Tensor],
    *,
    size: int,
    strides: tuple[int, ...],
    ratio: int = 2,
    aligned: bool = True,
    canonical_size: float = 224,
    edge: float = 0.0,
) -> Tensor:
    """RoIAlign of each box from the level of its size: maps [B, C, H_l, W_l] -> [sum N_b, C, size, size].

    The few boxes of a level are gathered by torchvision's kernel: here there are many boxes and small pools.
    """
    lowest = strides[0].bit_length() - 1
    stacked = torch.cat(boxes)
    image = torch.cat([torch.full_like(b[:, :1], i) for i, b in enumerate(boxes)])
    rois = torch.cat([image, stacked], 1)
    level = assign_levels(
        stacked, lowest=lowest, highest=lowest + len(strides) - 1, canonical_size=canonical_size, edge=edge
    )
    order, pooled = [], []
    for i, (features, stride) in enumerate(zip(pyramid, strides, strict=False)):
        chosen = torch.nonzero(level == lowest + i)[:, 0]
        order.append(chosen)
        pooled.append(roi_align(features, rois[chosen], size, 1 / stride, ratio, aligned))
    return torch.cat(pooled)[torch.argsort(torch.cat(order))]
