"""3x3 convolutions with a quarter of the multiplications: the exported form of the full-size dense head.

Winograd's F(4x4, 3x3) (Lavin and Gray 2016): tiles of 6x6 inputs give 4x4 outputs, A^T [GgG^T * B^T d B] A,
with 36 products where the direct sum has 144. As matrix products it needs no kernel of its own. In float32
the result differs from the direct sum's by some 1e-6 of its size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from opendensepose.model.backbone import ConvNorm
from opendensepose.model.deeplab import GROUPS
from opendensepose.model.heads import ConvHead

TILE, REACH = 4, 6  # outputs of a tile along one axis, and the inputs they read
# B^T, G, A^T for the points 0, 1, -1, 2, -2, infinity
INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


class WinogradConv(nn.Module):
    """A 3x3 convolution of stride 1 on maps of `size` cells: [size, size, R, C] -> [size, size, R, O].

    Channels last, boxes before them: so tiles are cut and joined in long runs of memory.
    """

    tiles: Tensor  # [6 * n, size] cuts an axis into n tiles (zeros around it) and applies B^T; rows (i, tile)
    kernel: Tensor  # [36, 9] G for both axes
    output: Tensor  # [16, 36] A^T for both axes

    def __init__(self, conv: nn.Conv2d, size: int) -> None:
        super().__init__()
        self.conv, self.size, self.count = conv, size, -(-size // TILE)
        transform = torch.tensor(INPUT, dtype=torch.float32)
        tiles = torch.zeros(REACH, self.count, size)
        for tile in range(self.count):
            for k in range(REACH):
                at = TILE * tile + k - 1  # the padding is one cell
                if 0 <= at < size:
                    tiles[:, tile, at] = transform[:, k]
        kernel, output = torch.tensor(KERNEL), torch.tensor(OUTPUT, dtype=torch.float32)
        self.register_buffer("tiles", tiles.reshape(-1, size), persistent=False)
        self.register_buffer("kernel", torch.kron(kernel, kernel), persistent=False)
        self.register_buffer("output", torch.kron(output, output), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        size, n, outputs = self.size, self.count, self.conv.out_channels
        inputs = self.conv.in_channels
        weight = self.conv.weight.permute(2, 3, 1, 0).reshape(9, -1)
        weight = (self.kernel @ weight).reshape(REACH**2, inputs, outputs)
        rows = (self.tiles @ x.reshape(size, -1)).reshape(REACH * n, size, -1)
        both = (self.tiles @ rows).reshape(REACH, n, REACH, n, -1)
        parts = both.permute(0, 2, 1, 3, 4).reshape(REACH**2, -1, inputs)
        products = (parts @ weight).reshape(REACH**2, -1)
        cells = (self.output @ products).reshape(TILE, TILE, n, n, -1).permute(2, 0, 3, 1, 4)
        result = cells.reshape(TILE * n, TILE * n, -1, outputs)[:size, :size]
        return result if self.conv.bias is None else result + self.conv.bias


class WinogradHead(nn.Module):
    """The same function as a `ConvHead`, on maps of `size` cells: [R, C, S, S] -> [R, width, S, S]."""

    def __init__(self, head: ConvHead, size: int) -> None:
        super().__init__()
        convs = [layer.conv if isinstance(layer, ConvNorm) else layer for layer in head.layers]
        self.norms = [layer.norm if isinstance(layer, ConvNorm) else None for layer in head.layers]
        self.convs = nn.ModuleList(WinogradConv(conv, size) for conv in convs)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(2, 3, 0, 1)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = conv(x)
            x = F.relu(x if norm is None else _group_norm(x, norm))  # type: ignore[arg-type]
        return x.permute(2, 3, 0, 1)


def _group_norm(x: Tensor, norm: nn.GroupNorm) -> Tensor:
    """Group norm of [S, S, R, C]."""
    size, _, boxes, channels = x.shape
    groups = x.reshape(-1, boxes, GROUPS, channels // GROUPS)
    groups = groups - groups.mean((0, 3), keepdim=True)
    groups = groups * torch.rsqrt((groups * groups).mean((0, 3), keepdim=True) + norm.eps)
    return groups.reshape(size, -1, boxes, channels) * norm.weight + norm.bias
