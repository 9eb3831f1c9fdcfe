"""A convolution whose norm is frozen, against the two one after the other."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from opendensepose.model.backbone import ConvNorm


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (1, 2)])
def test_a_frozen_norm_goes_into_the_kernel(kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    layer = ConvNorm(5, 7, kernel=kernel, stride=stride).double()
    norm = layer.norm
    assert isinstance(norm, nn.BatchNorm2d)
    with torch.no_grad():
        for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            assert values is not None
            values.copy_(torch.rand_like(values) + 0.5)
    layer.train()
    norm.eval()
    stored = {k: v.clone() for k, v in norm.state_dict().items()}
    x = torch.randn(2, 5, 9, 8, dtype=torch.float64, requires_grad=True)
    weights = [x, layer.conv.weight, norm.weight, norm.bias]
    plain = F.relu(norm(layer.conv(x)))
    push = torch.randn_like(plain)
    expected = torch.autograd.grad(plain, weights, push)
    found = layer(x)
    assert torch.allclose(found, plain)
    for gradient, wanted in zip(torch.autograd.grad(found, weights, push), expected, strict=True):
        assert torch.allclose(gradient, wanted)
    assert all(torch.equal(v, stored[k]) for k, v in norm.state_dict().items())


def test_a_norm_that_learns_follows_what_it_sees() -> None:
    layer = ConvNorm(3, 4)
    before = layer.norm.state_dict()["running_mean"].clone()
    layer.train()(torch.randn(2, 3, 6, 6) + 5)
    assert not torch.equal(before, layer.norm.state_dict()["running_mean"])
