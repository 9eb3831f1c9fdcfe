import os

import pytest
import torch
from torch import nn

from opendensepose.train.checkpoint import Average, load_all, load_checkpoint, load_weights, save_checkpoint


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_round_trip(tmp_path):
    save_checkpoint(tmp_path / "a.pt", {"step": 3, "model": {"w": torch.arange(4.0)}})
    got = load_checkpoint(tmp_path / "a.pt")
    assert got["step"] == 3 and torch.equal(got["model"]["w"], torch.arange(4.0))
    assert [p.name for p in tmp_path.iterdir()] == ["a.pt"]  # nothing left beside it


def test_code_is_refused_and_not_run(tmp_path):
    torch.save({"format": 1, "model": Evil(tmp_path / "made")}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="expected tensors and plain types"):
        load_checkpoint(tmp_path / "a.pt")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04broken"])
def test_broken_files(tmp_path, content):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.pt"):
        load_checkpoint(tmp_path / "a.pt")


def test_absent_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a file"):
        load_checkpoint(tmp_path / "a.pt")


def test_average_is_the_recurrence():
    layer = nn.Linear(1, 1, bias=False)
    average = Average(layer, 0.9)
    value = float(layer.weight.detach())
    for step in range(1, 60):
        with torch.no_grad():
            layer.weight.fill_(float(step))
        average.update(layer)
        keep = min(0.9, (1 + step) / (10 + step))
        value = keep * value + (1 - keep) * step
    assert float(average.state["weight"]) == pytest.approx(value, rel=1e-5)


def test_foreign_weights_are_refused():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    with pytest.raises(ValueError, match="expected weights of this net"):
        load_weights(net, {"0.weight": torch.zeros(4, 3), "a": torch.zeros(2), "b": torch.zeros(2)}, "file")
    with pytest.raises(ValueError, match="expected weights of this net"):
        load_weights(net, {"0.weight": torch.zeros(4, 4)}, "file")
    part = load_weights(net, {"0.weight": torch.ones(4, 3)}, "file")  # of a backbone alone, say
    assert part == ["0.bias", "1.weight", "1.bias"] and float(net[0].weight.detach().min()) == 1
    missing = load_weights(net, {k: v for k, v in net.state_dict().items() if k != "1.bias"}, "file")
    assert missing == ["1.bias"]


def test_checkpoints_of_smaller_and_larger_nets_are_refused():
    net, larger = (nn.Sequential(*(nn.Linear(3, 3) for _ in range(n))) for n in (2, 3))
    load_all(net, {k: torch.ones_like(v) for k, v in net.state_dict().items()}, "file")
    assert float(net[1].weight.detach().min()) == 1
    with pytest.raises(ValueError, match=r"file: expected .*, got 0 arrays too few and 2 too many"):
        load_all(net, larger.state_dict(), "file")
    with pytest.raises(ValueError, match=r"got 2 arrays too few and 0 too many, such as 2\.weight"):
        load_all(larger, net.state_dict(), "file")
