"""Winograd's convolutions against torch's direct ones."""

import pytest
import torch

from opendensepose.model.deeplab import group_norm
from opendensepose.model.heads import ConvHead
from opendensepose.model.winograd import WinogradConv, WinogradHead


@pytest.mark.parametrize("size", [28, 14, 5, 1])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_the_direct_convolution(size: int, bias: bool) -> None:
    torch.manual_seed(size)
    conv = torch.nn.Conv2d(6, 10, 3, padding=1, bias=bias).double()
    x = torch.randn(3, 6, size, size, dtype=torch.float64)
    fast = WinogradConv(conv, size).double()
    fast.kernel = torch.kron(*2 * (torch.tensor(KERNEL64, dtype=torch.float64),))
    got = fast(x.permute(2, 3, 0, 1)).permute(2, 3, 0, 1)
    assert torch.allclose(got, conv(x), atol=1e-12)


# G in double precision, so that the identity is seen to its last digits
KERNEL64 = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
KERNEL64 = [[value / 24 for value in row] for row in KERNEL64]


@pytest.mark.parametrize("normed", [False, True])
def test_head_in_single_precision(normed: bool) -> None:
    torch.manual_seed(0)
    head = ConvHead(32, width=64, layers=8, norm=group_norm if normed else None).eval()
    for parameter in head.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, 1.0, 0.3)
    x = torch.randn(2, 32, 28, 28)
    with torch.no_grad():
        expected, _ = head(x)
        got = WinogradHead(head, 28)(x)
    assert (got - expected).norm() < 2e-5 * expected.norm()
