"""Region proposals: anchors, the head that scores them, and their selection."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from opendensepose.model.boxes import clip, decode, grouped_nms, outer


def cell_anchors(size: float, ratios: tuple[float, ...]) -> Tensor:
    """Anchors of one cell centred on 0: [A, 4], w = sqrt(size^2 / ratio), h = ratio * w (ratio = h / w)."""
    rows = []
    for ratio in ratios:
        w = (size * size / ratio) ** 0.5
        rows.append([-w / 2, -ratio * w / 2, w / 2, ratio * w / 2])
    return torch.tensor(rows)


def pixel_anchors(
    strides: tuple[int, ...] = (4, 8, 16, 32, 64), ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
) -> list[Tensor]:
    """Anchors [A, 4] of one cell per level as Detectron (2018) has them: first and last pixel of a box.

    The box of one stride is reshaped to each ratio, rounded, then enlarged 8 times about its centre.
    """
    levels = []
    for stride in strides:
        rows = []
        for ratio in ratios:
            width = round(math.sqrt(stride * stride / ratio))
            half_w, half_h = 4 * width - 0.5, 4 * round(width * ratio) - 0.5
            centre = (stride - 1) / 2
            rows.append([centre - half_w, centre - half_h, centre + half_w, centre + half_h])
        levels.append(torch.tensor(rows))
    return levels


def grid_anchors(cell: Tensor, height: int, width: int, stride: int, offset: float) -> Tensor:
    """Anchors of a map [H*W*A, 4] in the order (y*W + x)*A + a, centres ((x, y) + offset) * stride."""
    x = (torch.arange(width, device=cell.device, dtype=cell.dtype) + offset) * stride
    y = (torch.arange(height, device=cell.device, dtype=cell.dtype) + offset) * stride
    shift = torch.stack([x.expand(height, width), y[:, None].expand(height, width)] * 2, -1)  # [H, W, 4]
    return (shift[:, :, None] + cell).reshape(-1, 4)


class RPN(nn.Module):
    """Scores and refines anchors on the pyramid levels of `strides`.

    `sizes[i]` is the anchor size on level i; `offset` 0 puts anchors on cell corners (the reference), 0.5 on
    centres. `cells` replaces the anchors that `sizes` and `ratios` give; `edge` is as in `boxes.decode`.
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden: int | None = None,
        strides: tuple[int, ...] = (4, 8, 16, 32, 64),
        sizes: tuple[float, ...] = (32, 64, 128, 256, 512),
        ratios: tuple[float, ...] = (0.5, 1.0, 2.0),
        offset: float = 0.0,
        before_nms: int = 1000,
        after_nms: int = 1000,
        nms_threshold: float = 0.7,
        cells: list[Tensor] | None = None,  # per level [A, 4]
        edge: float = 0.0,
    ) -> None:
        super().__init__()
        hidden = channels if hidden is None else hidden
        self.conv = nn.Conv2d(channels, hidden, 3, padding=1)
        self.objectness = nn.Conv2d(hidden, len(ratios), 1)
        self.deltas = nn.Conv2d(hidden, 4 * len(ratios), 1)
        self.strides, self.sizes, self.ratios, self.offset = strides, sizes, ratios, offset
        self.cells = [cell_anchors(size, ratios) for size in sizes] if cells is None else cells
        self.edge = edge
        self.before_nms, self.after_nms, self.nms_threshold = before_nms, after_nms, nms_threshold
        for conv in (self.conv, self.objectness, self.deltas):
            nn.init.normal_(conv.weight, std=0.01)
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]

    def forward(self, maps: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Maps [B, C, H_l, W_l] -> logits [B, H*W*A] and deltas [B, H*W*A, 4] per level, in anchor order."""
        logits, deltas = [], []
        for x in maps:
            x = F.relu(self.conv(x))
            logits.append(self.objectness(x).permute(0, 2, 3, 1).flatten(1))
            deltas.append(self.deltas(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, 4))
        return logits, deltas

    def anchors(self, maps: list[Tensor]) -> list[Tensor]:
        """Anchors of every level [H*W*A, 4], input pixels."""
        return [
            grid_anchors(cell.to(x.device), x.shape[2], x.shape[3], stride, self.offset)
            for x, cell, stride in zip(maps, self.cells, self.strides, strict=True)
        ]

    def select(
        self,
        logits: list[Tensor],  # per level [n_l], one image
        deltas: list[Tensor],  # per level [n_l, 4]
        anchors: list[Tensor],  # per level [n_l, 4]
        height: int | Tensor,
        width: int | Tensor,
    ) -> Tensor:
        """Proposals [P, 4] of one image, best first.

        Top logits of each level, clipped, empty ones dropped, NMS in each level, then the best of all.
        """
        scores, boxes, groups = [], [], []
        for i, (logit, delta, anchor) in enumerate(zip(logits, deltas, anchors, strict=True)):
            # sort and slice, not topk: the exported graph must also take maps with fewer anchors
            score, index = logit.sort(descending=True)
            index = index[: self.before_nms]
            scores.append(score[: self.before_nms])
            boxes.append(decode(delta[index], anchor[index], edge=self.edge))
            groups.append(torch.full_like(index, i))
        edge = self.edge
        score, group = torch.cat(scores), torch.cat(groups)
        box = outer(clip(torch.cat(boxes), height - edge, width - edge), edge)
        keep = torch.nonzero((box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1]))[:, 0]
        score, box, group = score[keep], box[keep], group[keep]
        best = grouped_nms(box, score, group, self.nms_threshold, span=height + width)[: self.after_nms]
        return outer(box[best], -edge)
