"""Feature pyramid: one width at every stride."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from opendensepose.model.backbone import Norm, plain_conv


class FPN(nn.Module):
    """(c2..c5) -> [p2, p3, p4, p5, p6] with `channels` each; p6 is every second pixel of p5.

    Top-down steps are nearest x2; without `norm` all convolutions have a bias (Lin et al. 2017, as in the
    reference system). Sides of the input: multiples of the coarsest stride. `finest_kernel` 1 makes p2 cheap.
    """

    def __init__(
        self,
        inputs: tuple[int, ...],
        channels: int = 256,
        *,
        finest_kernel: int = 3,
        norm: Norm | None = None,
    ) -> None:
        super().__init__()
        kernels = [finest_kernel] + [3] * (len(inputs) - 1)
        self.lateral = nn.ModuleList(plain_conv(c, channels, 1, norm) for c in inputs)
        self.output = nn.ModuleList(plain_conv(channels, channels, k, norm) for k in kernels)

    def forward(self, stages: list[Tensor]) -> list[Tensor]:
        merged = self.lateral[-1](stages[-1])
        pyramid = [self.output[-1](merged)]
        for i in range(len(stages) - 2, -1, -1):
            merged = self.lateral[i](stages[i]) + F.interpolate(merged, scale_factor=2.0, mode="nearest")
            pyramid.insert(0, self.output[i](merged))
        return [*pyramid, F.max_pool2d(pyramid[-1], 1, 2)]
