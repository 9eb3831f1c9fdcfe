"""ResNet in two block shapes; every size is an argument: one class for the small and the full-size nets."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Norm = Callable[[int], nn.Module]


class ConvNorm(nn.Module):
    """Convolution, norm and (optionally) ReLU: [B, C, H, W] -> [B, O, H/stride, W/stride]."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        norm: Norm = nn.BatchNorm2d,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm = norm(outputs)
        self.relu = relu
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        norm = self.norm
        if self.training and isinstance(norm, nn.BatchNorm2d) and not norm.training:
            x = self._folded(norm, x)  # frozen: no maps are kept for its gradient
        else:
            x = norm(self.conv(x))
        return F.relu(x, inplace=True) if self.relu else x

    def _folded(self, norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
        """The convolution with what a norm that uses its stored statistics does to it in its kernel."""
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        kernel = self.conv.weight * scale[:, None, None, None]
        shift = norm.bias - norm.running_mean * scale
        return F.conv2d(x, kernel, shift, self.conv.stride, self.conv.padding)


def plain_conv(inputs: int, outputs: int, kernel: int, norm: Norm | None) -> nn.Module:
    """Convolution without activation: with a bias, or with a norm in its place."""
    if norm is not None:
        return ConvNorm(inputs, outputs, kernel=kernel, norm=norm, relu=False)
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.kaiming_uniform_(conv.weight, a=1)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, *, stride: int = 1, norm: Norm = nn.BatchNorm2d) -> None:
        super().__init__()
        self.conv1 = ConvNorm(inputs, width, stride=stride, norm=norm)
        self.conv2 = ConvNorm(width, width, norm=norm, relu=False)
        plain = inputs == width and stride == 1
        self.shortcut = (
            None if plain else ConvNorm(inputs, width, kernel=1, stride=stride, norm=norm, relu=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.conv1(x))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)), inplace=True)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 and a shortcut; the stride sits in the first 1x1 (the reference) or in the 3x3."""

    expansion = 4

    def __init__(
        self,
        inputs: int,
        width: int,
        *,
        stride: int = 1,
        norm: Norm = nn.BatchNorm2d,
        stride_in_1x1: bool = True,
    ) -> None:
        super().__init__()
        first, second = (stride, 1) if stride_in_1x1 else (1, stride)
        outputs = width * self.expansion
        self.conv1 = ConvNorm(inputs, width, kernel=1, stride=first, norm=norm)
        self.conv2 = ConvNorm(width, width, stride=second, norm=norm)
        self.conv3 = ConvNorm(width, outputs, kernel=1, norm=norm, relu=False)
        plain = inputs == outputs and stride == 1
        self.shortcut = (
            None if plain else ConvNorm(inputs, outputs, kernel=1, stride=stride, norm=norm, relu=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv3(self.conv2(self.conv1(x)))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)), inplace=True)


class ResNet(nn.Module):
    """Images [B, 3, H, W] -> (c2, c3, c4, c5) at strides 4, 8, 16, 32.

    `block` is "basic" or "bottleneck"; `widths` are the inner widths of the four stages. The stem is a 7x7
    convolution and a max-pool, or with `light_stem` two 3x3 convolutions: a fifth of the time.
    """

    def __init__(
        self,
        *,
        block: str = "basic",
        stem: int = 64,
        light_stem: bool = False,
        widths: tuple[int, ...] = (64, 128, 256, 512),
        depths: tuple[int, ...] = (2, 2, 2, 2),
        norm: Norm = nn.BatchNorm2d,
        stride_in_1x1: bool = True,
    ) -> None:
        super().__init__()
        if block not in ("basic", "bottleneck"):
            raise ValueError(f"block: expected 'basic' or 'bottleneck', got {block!r}")
        if light_stem:
            first = ConvNorm(3, stem // 2, stride=2, norm=norm)
            self.stem: nn.Module = nn.Sequential(first, ConvNorm(stem // 2, stem, stride=2, norm=norm))
        else:
            self.stem = nn.Sequential(ConvNorm(3, stem, kernel=7, stride=2, norm=norm), nn.MaxPool2d(3, 2, 1))
        self.stages = nn.ModuleList()
        inputs = stem
        for i, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            layers: list[nn.Module] = []
            for j in range(depth):
                stride = 2 if i > 0 and j == 0 else 1
                if block == "basic":
                    layers.append(BasicBlock(inputs, width, stride=stride, norm=norm))
                    inputs = width
                else:
                    layers.append(
                        Bottleneck(inputs, width, stride=stride, norm=norm, stride_in_1x1=stride_in_1x1)
                    )
                    inputs = width * Bottleneck.expansion
            self.stages.append(nn.Sequential(*layers))
        expansion = 1 if block == "basic" else Bottleneck.expansion
        self.channels = tuple(width * expansion for width in widths)

    def forward(self, images: Tensor) -> list[Tensor]:
        return self.after_stem(self.stem(images))

    def after_stem(self, x: Tensor) -> list[Tensor]:
        """What the stages make of the stem's features [B, stem, H/4, W/4]."""
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs
