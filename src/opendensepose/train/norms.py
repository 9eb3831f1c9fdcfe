"""Batch norms over the pictures of all processes: torch's own do that on GPUs only."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class SharedNorm(nn.modules.batchnorm._BatchNorm):
    """A batch norm of [B, C, ...] whose mean and variance in training are those of all processes together."""

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not dist.is_initialized():
            return super().forward(x)
        axes = [0, *range(2, x.ndim)]
        values = x.float()
        sums = torch.cat(
            [values.sum(axes), (values * values).sum(axes), values.new_tensor([values[:, 0].numel()])]
        )
        sums = all_reduce(sums)  # differentiable
        channels = x.shape[1]
        count = sums[-1].detach()
        mean = sums[:channels] / count
        variance = sums[channels:-1] / count - mean * mean
        if self.running_mean is not None and self.running_var is not None:
            with torch.no_grad():
                self.running_mean.lerp_(mean, float(self.momentum or 0.1))
                unbiased = variance * count / (count - 1).clamp(min=1)
                self.running_var.lerp_(unbiased, float(self.momentum or 0.1))
                if self.num_batches_tracked is not None:
                    self.num_batches_tracked.add_(1)
        scale = torch.rsqrt(variance.clamp(min=0) + self.eps)
        shift = -mean * scale
        if self.affine:
            scale, shift = scale * self.weight, shift * self.weight + self.bias
        shape = [1, channels] + [1] * (x.ndim - 2)
        return (values * scale.view(shape) + shift.view(shape)).to(x.dtype)


def share_norms(model: nn.Module) -> None:
    """Put a `SharedNorm` with the same parameters and names in the place of every batch norm."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
                shared = SharedNorm(child.num_features, child.eps, child.momentum, child.affine)
                shared.load_state_dict(child.state_dict())
                setattr(module, name, shared)
