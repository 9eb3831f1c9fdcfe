"""A tiny net and fake people for the tests of training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from opendensepose.model.crops import CropNet
from opendensepose.model.rcnn import MODELS, DensePoseRCNN, small

sys.path.insert(0, str(Path(__file__).parent))


def tiny(**options: Any) -> DensePoseRCNN:
    """`small` with few channels."""
    narrow = {"stem": 16, "widths": (16, 24, 32, 48), "depths": (1, 1, 1, 1), "channels": 24}
    return small(**narrow, head=(32, 48), hidden=48, **options)


@pytest.fixture
def tiny_net(monkeypatch: pytest.MonkeyPatch) -> DensePoseRCNN:
    """A tiny net with fixed weights, also known to training as "tiny"."""
    monkeypatch.setitem(MODELS, "tiny", tiny)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return tiny()


@pytest.fixture
def crop_net():
    torch.manual_seed(1)
    net = CropNet(widths=(8, 12, 16, 24), depths=(1, 1, 1, 1), up=(8, 12, 16)).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.2)
    return net


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 12 pictures of fake people."""
    from fake_people import write_people

    return write_people(tmp_path_factory.mktemp("data") / "people", 12)
