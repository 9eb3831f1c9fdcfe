"""Box head, decoder, dense heads and the predictor of the dense maps."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from opendensepose.model.backbone import BasicBlock, ConvNorm, Norm, plain_conv


def bilinear(x: Tensor, factor: float = 2.0) -> Tensor:
    """[B, C, H, W] -> [B, C, factor*H, factor*W], pixel centres at + 0.5."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class BoxHead(nn.Module):
    """Pooled boxes [P, C, pool, pool] -> class logits [P, 2] (person, background) and deltas [P, 4]."""

    def __init__(
        self, channels: int, *, pool: int = 7, hidden: tuple[int, ...] = (1024, 1024), norm: bool = False
    ) -> None:
        super().__init__()
        widths = (channels * pool * pool, *hidden)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm1d(n) if norm else nn.Identity() for n in hidden)
        self.scores = nn.Linear(widths[-1], 2)
        self.deltas = nn.Linear(widths[-1], 4)
        nn.init.normal_(self.scores.weight, std=0.01)
        nn.init.normal_(self.deltas.weight, std=0.001)
        nn.init.zeros_(self.scores.bias)
        nn.init.zeros_(self.deltas.bias)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        x = pooled.flatten(1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = F.relu(norm(layer(x)))
        return self.scores(x), self.deltas(x)


class Decoder(nn.Module):
    """(p2, p3, p4, p5) -> one stride-4 map [B, outputs, H/4, W/4].

    Level i passes max(i, 1) convolutions with ReLU, each but p2's followed by bilinear x2; the sum passes
    a 1x1 convolution.
    """

    def __init__(
        self,
        channels: int,
        *,
        width: int = 256,
        outputs: int = 256,
        kernel: int = 3,
        norm: Norm | None = None,
    ) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        for i in range(4):
            inputs = [channels] + [width] * (max(i, 1) - 1)
            self.levels.append(nn.ModuleList(plain_conv(c, width, kernel, norm) for c in inputs))
        self.predictor = nn.Conv2d(width, outputs, 1)

    def forward(self, pyramid: list[Tensor]) -> Tensor:
        total: Tensor | None = None
        for i, convs in enumerate(self.levels):
            x = pyramid[i]
            for conv in convs:  # type: ignore[attr-defined]
                x = F.relu(conv(x))
                x = bilinear(x) if i > 0 else x
            total = x if total is None else total + x
        return self.predictor(total)


class ConvHead(nn.Module):
    """`layers` plain 3x3 convolutions: [R, C, S, S] -> [R, width, S, S] (the publication's dense head)."""

    def __init__(self, channels: int, *, width: int = 512, layers: int = 8, norm: Norm | None = None) -> None:
        super().__init__()
        inputs = [channels] + [width] * (layers - 1)
        self.layers = nn.ModuleList(plain_conv(c, width, 3, norm) for c in inputs)
        self.channels = width
        for conv in self.layers if norm is None else ():
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features and their mean over the box [R, width]."""
        for conv in self.layers:
            x = F.relu(conv(x))
        return x, x.mean((2, 3))


class HourglassHead(nn.Module):
    """Pooled boxes seen at 28, 14, 7 cells and as a whole, then up again: [R, C, 28, 28] -> the same shape.

    Which side of a person is seen is a question about the whole person, so the mean over the box goes back
    into every cell of the coarsest map. Most of the work is done at 14 and 7 cells: cheap, and it sees far.
    """

    def __init__(
        self,
        channels: int,
        *,
        widths: tuple[int, int] = (128, 256),  # at 14 and at 7 cells
        depths: tuple[int, int] = (1, 2),  # residual blocks at 14 and at 7 cells
        norm: Norm = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        middle, coarse = widths
        self.channels, self.context_channels = channels, coarse
        self.down1 = _stage(channels, middle, depths[0], norm)
        self.down2 = _stage(middle, coarse, depths[1] - 1, norm)
        self.context = nn.Sequential(nn.Linear(coarse, coarse), nn.ReLU(), nn.Linear(coarse, coarse))
        self.mix = BasicBlock(coarse, coarse, norm=norm)
        self.lateral1 = nn.Conv2d(coarse, middle, 1)
        self.up1 = ConvNorm(middle, middle, norm=norm)
        self.lateral0 = nn.Conv2d(middle, channels, 1)
        self.up0 = ConvNorm(channels, channels, norm=norm)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features and the whole-person vector [R, widths[1]]."""
        middle = self.down1(x)
        coarse = self.down2(middle)
        context = self.context(coarse.mean((2, 3)))
        coarse = self.mix(F.relu(coarse + context[:, :, None, None]))
        middle = self.up1(F.relu(middle + bilinear(self.lateral1(coarse))))
        return self.up0(F.relu(x + bilinear(self.lateral0(middle)))), F.relu(context)


def _stage(inputs: int, width: int, blocks: int, norm: Norm) -> nn.Sequential:
    """A convolution of stride 2 and some residual blocks."""
    return nn.Sequential(
        ConvNorm(inputs, width, stride=2, norm=norm),
        *(BasicBlock(width, width, norm=norm) for _ in range(blocks)),
    )


def _apart(deconv: nn.ConvTranspose2d, x: Tensor) -> Tensor:
    """What a transposed convolution of kernel and stride 2 gives: a product for the four cells of each.

    Its gradient takes a fraction of the time on CPUs. The channels of a cell lie side by side.
    """
    rows = deconv.weight.permute(2, 3, 1, 0).flatten(1, 2)  # [2, 2 O, C]
    bias = None if deconv.bias is None else deconv.bias.repeat(2)
    x = x.permute(0, 2, 3, 1)
    cells = torch.stack([F.linear(x, row, bias) for row in rows], 2)  # [R, S, 2, S, 2 O]
    return cells.unflatten(4, (2, -1)).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)


class DensePredictor(nn.Module):
    """Features [R, C, S, S] -> coarse, fine, u, v at 2S (`upscale` > 1: bilinear after it, 2S * upscale).

    In the precision of the features: losses read some cells in full, which is quicker than all of them.

    One transposed convolution makes all the maps: they read the same features. `kernel` 4 is the
    publication's; 2 costs a quarter. `confidences` are further maps and their channels; those named
    `*_segm_confidence` leave as softplus + 0.01, and the scores they belong to multiplied by them
    (Neverova et al. 2019; section 7 of the reference's conventions).
    """

    def __init__(
        self,
        channels: int,
        *,
        coarse: int = 2,
        charts: int = 24,
        kernel: int = 4,
        upscale: int = 1,
        confidences: dict[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.split = {"coarse": coarse, "fine": charts + 1, "u": charts + 1, "v": charts + 1}
        self.split |= confidences or {}
        self.upscale = upscale
        self.deconv = nn.ConvTranspose2d(channels, sum(self.split.values()), kernel, 2, kernel // 2 - 1)
        nn.init.normal_(self.deconv.weight, std=1 / (kernel * channels**0.5))
        bias = torch.zeros(sum(self.split.values()))
        bias[coarse + charts + 1 : coarse + 3 * (charts + 1)] = (
            0.5  # u and v start in the middle of their charts
        )
        self.deconv.bias = nn.Parameter(bias)

    def forward(self, x: Tensor, more: Tensor | None = None) -> dict[str, Tensor]:
        """The maps by their names; `more` [R, *, 2S, 2S] is added to all of them, in the order of `split`."""
        quick = self.training and self.deconv.kernel_size[0] == 2
        x = _apart(self.deconv, x) if quick else self.deconv(x)
        x = x if more is None else x + more
        x = bilinear(x, self.upscale) if self.upscale > 1 else x
        maps = dict(zip(self.split, x.split(list(self.split.values()), 1), strict=True))
        for segmentation in ("coarse", "fine"):
            name = f"{segmentation}_segm_confidence"
            if name in maps:
                maps[name] = F.softplus(maps[name]) + 0.01
                maps[segmentation] = maps[segmentation] * maps[name]
        return maps
