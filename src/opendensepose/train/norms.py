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
        axes, channels = [0, *range(2, x.ndim)], x.shape[1]
        values = x.float()
        own_variance, own_mean = torch.var_mean(values, axes, correction=0)
        size = values.new_tensor([values[:, 0].numel()])
        # the mean first, then squares around it: squares alone lose the digits of small variances
        sums = all_reduce(torch.cat([size * own_mean, size]))  # differentiable
        count = sums[-1].detach()
        mean = sums[:-1] / count
        variance = all_reduce(size * (own_variance + (own_mean - mean) ** 2)) / count
        if self.running_mean is not None and self.running_var is not None:
            with torch.no_grad():
                self.running_mean.lerp_(mean, float(self.momentum or 0.1))
                unbiased = variance * count / (count - 1).clamp(min=1)
                self.running_var.lerp_(unbiased, float(self.momentum or 0.1))
                if self.num_batches_tracked is not None:
                    self.num_batches_tracked.add_(1)
        shape = [1, channels] + [1] * (x.ndim - 2)
        result = (values - mean.view(shape)) * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            result = result * self.weight.view(shape) + self.bias.view(shape)
        return result.to(x.dtype)


def share_norms(model: nn.Module) -> None:
    """Put a `SharedNorm` with the same parameters and names in the place of every batch norm."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
                shared = SharedNorm(child.num_features, child.eps, child.momentum, child.affine)
                shared.load_state_dict(child.state_dict())
                setattr(module, name, shared)
