"""The list of models: its numbers are those of the nets, and the command prints it without torch."""

import json
import math
import subprocess
import sys

import pytest
from click.testing import CliRunner

from opendensepose.cli import main
from opendensepose.zoo import SMALL, listing

OFFICIAL = [row for row in listing() if row.kind != "odp"]


@pytest.mark.parametrize("row", OFFICIAL, ids=[row.name for row in OFFICIAL])
def test_sizes_are_those_of_the_nets(row) -> None:
    torch = pytest.importorskip("torch")
    from benchmarks.flops import gflops
    from opendensepose.model.official import published_shapes
    from opendensepose.model.variants import variant_by_name

    variant = variant_by_name(row.architecture)
    shapes = published_shapes(variant)
    weights = sum(math.prod(shape) for key, shape in shapes.items() if "running" not in key)
    assert row.parameters == pytest.approx(weights / 1e6, abs=0.06)
    with torch.device("meta"):
        net = variant.build().eval()
    assert (row.gflops, row.gflops_person) == pytest.approx(gflops(net, 800, 1100), abs=0.06)


def test_small() -> None:
    torch = pytest.importorskip("torch")
    from benchmarks.flops import crop_gflops, stage_gflops
    from opendensepose.export import read_weights
    from opendensepose.model.crops import CropNet
    from opendensepose.model.rcnn import small

    stored = read_weights("small")
    weights = sum(values.numel() for name, values in stored.items() if "running" not in name)
    assert SMALL.parameters == pytest.approx(weights / 1e6, abs=0.06)
    with torch.device("meta"):
        detector, crops = small().eval(), CropNet().eval()
    figures = stage_gflops(detector, 256, 352)["detector"], crop_gflops(crops)
    assert (SMALL.gflops, SMALL.gflops_person) == pytest.approx(figures, abs=0.01)


def test_a_convolution_by_hand() -> None:
    """gflops counts a multiply-add as two: 2 x 9 x 256 x 512 in each of 784 cells."""
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        torch.nn.Conv2d(256, 512, 3, padding=1)(torch.empty(1, 256, 28, 28))
    assert counter.get_total_flops() == 2 * 9 * 256 * 512 * 784


def test_command_prints_every_model() -> None:
    done = CliRunner().invoke(main, ["models"])
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert len(lines) == 1 + len(listing()) and lines[1].startswith("small")
    for row, line in zip(listing(), lines[1:], strict=True):
        assert row.name in line and row.licence in line and (row.address or "in the package") in line
    rows = json.loads(CliRunner().invoke(main, ["models", "--json"]).output)["models"]
    assert [row["name"] for row in rows] == [row.name for row in listing()]
    assert all("non-commercial" in row["licence"] for row in rows if row["kind"] != "odp")


def test_without_torch() -> None:
    code = "import sys; from opendensepose.zoo import listing; listing(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
