"""The dense head of the `DL` models: context at several distances, then normalised convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from opendensepose.model.heads import ConvHead

GROUPS = 32


def group_norm(channels: int) -> nn.Module:
    """GroupNorm of 32 groups."""
    return nn.GroupNorm(GROUPS, channels)


class ContextBranch(nn.Module):
    """One convolution without bias, group norm, ReLU."""

    def __init__(self, channels: int, *, kernel: int = 1, dilation: int = 1) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(channels, channels, kernel, 1, padding, dilation, bias=False)
        self.norm = group_norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling (Chen et al. 2017): [R, C, S, S] -> the same shape.

    Branches: 1x1, 3x3 at dilations 6 and 12, 3x3 at dilation 56, the mean over the box. On maps of fewer
    than 57 cells the dilation of 56 reaches zeros only, so that branch is a 1x1 with the centre tap.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            (
                ContextBranch(channels),
                ContextBranch(channels, kernel=3, dilation=6),
                ContextBranch(channels, kernel=3, dilation=12),
                ContextBranch(channels),
                ContextBranch(channels),
            )
        )
        self.project = nn.Conv2d(5 * channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        seen = [branch(x) for branch in self.branches[:-1]]
        whole = self.branches[-1](x.mean((2, 3), keepdim=True)).expand_as(seen[0])
        return F.relu(self.project(torch.cat([*seen, whole], 1)))


class DeepLabHead(nn.Module):
    """ASPP, then 8 group-normalised convolutions: [R, C, 28, 28] -> [R, 512, 28, 28]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.aspp = ASPP(channels)
        self.convs = ConvHead(channels, norm=group_norm)
        self.channels = self.convs.channels

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features and their mean over the box [R, 512]."""
        return self.convs(self.aspp(x))
