"""Feature pyramid: one width at every stride."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class FPN(nn.Module):
    """(c2..c5) -> [p2, p3, p4, p5, p6] with `channels` each; p6 is every second pixel of p5.

    Top-down steps are nearest x2, lateral and output convolutions have a bias and no norm (Lin et al. 2017, as in
    the reference system). Input sizes must be multiples of the coarsest stride. `finest_kernel` 1 makes p2, by far
    the largest map, cheap.
    """

    def __init__(self, inputs: tuple[int, ...], channels: int = 256, *, finest_kernel: int = 3) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, channels, 1) for c in inputs)
        kernels = [finest_kernel] + [3] * (len(inputs) - 1)
        self.output = nn.ModuleList(nn.Conv2d(channels, channels, k, padding=k // 2) for k in kernels)
        for conv in [*self.lateral, *self.output]:
            nn.init.kaiming_uniform_(conv.weight, a=1)
            nn.init.zeros_(conv.bias)

    def forward(self, stages: list[Tensor]) -> list[Tensor]:
        merged = self.lateral[-1](stages[-1])
        pyramid = [self.output[-1](merged)]
        for i in range(len(stages) - 2, -1, -1):
            merged = self.lateral[i](stages[i]) + F.interpolate(merged, scale_factor=2.0, mode="nearest")
            pyramid.insert(0, self.output[i](merged))
        return [*pyramid, F.max_pool2d(pyramid[-1], 1, 2)]
