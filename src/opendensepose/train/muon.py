"""Muon for the kernels of a convolutional net, AdamW for the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

MOMENTUM = 0.95
STEPS = 5  # of the iteration that makes a matrix orthogonal
LINEAR, CUBIC, QUINTIC = 3.4445, -4.7750, 2.0315  # x <- 3.4 x - 4.8 x^3 + 2.0 x^5 for each singular value
FLOOR = 1e-5  # added to squares of singular values: rounding must not make one negative
TINY = 1e-30  # least norm


class Muon(torch.optim.AdamW):
    """Steps along the orthogonal matrix nearest to the momentum (Jordan et al. 2024); AdamW for the rest.

    A kernel [O, I, H, W] is a matrix [O, I H W]. Steps have the size of AdamW's (Liu et al. 2025): one rate
    serves both. Parameters of a group with `orthogonal` have two dimensions or more.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, lr=lr, fused=True)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step; gradients of the orthogonal groups are used up."""
        for group in self.param_groups:
            if not group.get("orthogonal"):
                continue
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum" not in state:
                    state["step"] = torch.zeros(())  # AdamW expects it where there is a state
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].lerp_(p.grad, 1 - MOMENTUM)
                ahead = p.grad.lerp(state["momentum"], MOMENTUM)
                update = orthogonal(ahead.flatten(1))
                size = 0.2 * math.sqrt(max(update.shape))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update.view_as(p), alpha=-group["lr"] * size)
                p.grad = None  # nothing left for AdamW
        super().step(closure)


def orthogonal(matrix: Tensor) -> Tensor:
    """About the orthogonal factor of a matrix [A, B]: singular values 0.7 to 1.2 instead of its own.

    The quintic iteration runs on the small square of the matrix, which is multiplied once at the end: for
    kernels less work than an iteration on the matrix itself.
    """
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = wide / wide.norm().clamp(min=TINY)
    one = torch.eye(len(x), device=x.device)
    square = torch.addmm(one, x, x.T, beta=FLOOR)
    whole = factor = _factor(square, one)
    for _ in range(STEPS - 1):
        square = factor @ square @ factor
        factor = _factor(square, one)
        whole = factor @ whole
    found = (whole.bfloat16() @ x.bfloat16()).to(matrix.dtype)
    return found.T if wide is not matrix else found


def _factor(square: Tensor, one: Tensor) -> Tensor:
    """What one step of the iteration multiplies a matrix by, of its square and the unit matrix."""
    return torch.addmm(square, square, square, beta=CUBIC, alpha=QUINTIC).add_(one, alpha=LINEAR)
