"""Muon against singular vectors, and against AdamW for what is no kernel."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from opendensepose.train.muon import MOMENTUM, Muon, orthogonal

LR, DECAY = 0.01, 0.1


def groups(net: nn.Module) -> list[dict[str, object]]:
    kernels = [p for p in net.parameters() if p.ndim > 1]
    return [
        {"params": kernels, "weight_decay": DECAY, "orthogonal": True},
        {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]


def step(net: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    net(x).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def nearest(matrix: Tensor) -> Tensor:
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    return u @ v


def test_orthogonal_keeps_the_singular_vectors_and_evens_the_values() -> None:
    generator = torch.Generator().manual_seed(0)
    for shape in ((8, 40), (40, 8), (16, 16)):
        matrix = torch.randn(*shape, generator=generator)
        u, values, v = torch.linalg.svd(matrix, full_matrices=False)
        inner = u.T @ orthogonal(matrix) @ v.T
        assert values.max() / values.min() > 1.5
        assert ((inner.diagonal() > 0.6) & (inner.diagonal() < 1.3)).all(), inner.diagonal()
        assert (inner - inner.diagonal().diag()).abs().max() < 0.1
    assert not orthogonal(torch.zeros(3, 5)).any()


def test_a_first_step_goes_along_the_nearest_orthogonal_matrix() -> None:
    torch.manual_seed(0)
    net = nn.Conv2d(3, 12, 3)
    before, gradient = net.weight.detach().clone(), torch.randn(12, 3, 3, 3)
    optimizer = Muon(groups(net), LR)
    net.weight.grad = gradient.clone()
    optimizer.step()
    moved = (net.weight.detach() - before * (1 - LR * DECAY)).flatten(1)
    wanted = -LR * 0.2 * math.sqrt(27) * nearest(gradient.flatten(1))
    assert torch.cosine_similarity(moved.flatten(), wanted.flatten(), 0) > 0.97
    assert 0.7 < moved.norm() / wanted.norm() < 1.2


def test_momentum_carries_over_and_state_survives() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1))
    optimizer = Muon(groups(net), LR)
    step(net, optimizer, 1)
    first = optimizer.state[net[0].weight]["momentum"].clone()
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(2))  # of the second step
    (gradient,) = torch.autograd.grad(net(x).square().sum(), net[0].weight)
    again = copy.deepcopy(net)
    other = Muon(groups(again), LR)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    step(net, optimizer, 2)
    step(again, other, 2)
    momentum = optimizer.state[net[0].weight]["momentum"]
    torch.testing.assert_close(momentum, MOMENTUM * first + (1 - MOMENTUM) * gradient)
    assert not torch.equal(momentum, MOMENTUM * first)
    for one, two in zip(net.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)


def test_biases_follow_adamw() -> None:
    torch.manual_seed(0)
    net = nn.Conv2d(3, 4, 3)
    twin = copy.deepcopy(net)
    ours = Muon(groups(net), LR)
    theirs = torch.optim.AdamW([twin.bias], lr=LR, weight_decay=0.0)
    for seed in range(3):
        net.bias.grad = torch.randn(4, generator=torch.Generator().manual_seed(seed))
        twin.bias.grad = net.bias.grad.clone()
        ours.step()
        theirs.step()
    torch.testing.assert_close(net.bias, twin.bias)
