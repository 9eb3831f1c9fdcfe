"""The net on crops: shapes, whose crop it is, and what it learns from."""

from __future__ import annotations

import torch

from opendensepose.model.crops import NOBODY, CropNet, CropTraining, Edges, whole_crops
from opendensepose.model.targets import DENSE, SPARSE, UNKNOWN, Truth
from opendensepose.model.training import Rules

NARROW = {"widths": (8, 12, 16, 24), "depths": (1, 1, 1, 1), "up": (8, 12, 16)}


def truth() -> Truth:
    """Three crops 64 x 96: a person with dense truth, one without, nobody."""
    instances = torch.zeros(3, 64, 96, dtype=torch.uint8)
    instances[0, 10:50, 20:70] = 2
    instances[1, 5:60, 10:40] = 1
    chart = torch.where(instances == 2, 7, 0).to(torch.uint8)
    chart[1][instances[1] == 1] = 255
    boxes = [torch.tensor([[20.0, 10, 70, 50]]), torch.tensor([[10.0, 5, 40, 60]]), torch.zeros(0, 4)]
    numbers = [torch.tensor([2]), torch.tensor([1]), torch.zeros(0, dtype=torch.int64)]
    kinds = [torch.tensor([DENSE]), torch.tensor([SPARSE]), torch.zeros(0, dtype=torch.int64)]
    uv = torch.full((3, 2, 64, 96), 0.25)
    return Truth(boxes, numbers, chart, uv, instances, (instances > 0).to(torch.uint8), kinds)


def test_maps_have_half_the_crops_sides() -> None:
    maps, vector = CropNet(**NARROW).eval()(torch.rand(2, 3, 64, 96) * 255)
    assert {k: v.shape for k, v in maps.items()} == {
        "coarse": (2, 2, 32, 48),
        "fine": (2, 25, 32, 48),
        "u": (2, 25, 32, 48),
        "v": (2, 25, 32, 48),
    }
    assert vector.shape == (2, 24)


def test_edges_lie_where_they_are_seen() -> None:
    """A cell at stride 2 changes the maps of its own and the eight beside it; at stride 4 those near it."""
    torch.manual_seed(0)
    edges = Edges(4, 8, 16, 5, torch.nn.BatchNorm2d).eval()
    half, x = torch.randn(1, 4, 16, 12), torch.randn(1, 8, 8, 6)
    other_half, other_x = half.clone(), x.clone()
    other_half[:, :, 7, 4] += 5
    other_x[:, :, 3, 2] += 5
    with torch.no_grad():
        before = edges(half, x)
        fine, coarse = ((edges(*pair) != before).any(1)[0] for pair in ((other_half, x), (half, other_x)))
    assert before.shape == (1, 5, 16, 12)
    assert fine[6:9, 3:6].sum() == fine.sum() == 9
    rows, columns = (torch.nonzero(coarse.any(axis))[:, 0] for axis in (1, 0))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 9, 2, 7)  # cells 6, 7 and 4, 5 +- 2


def test_weights_of_a_net_without_edges_give_nearly_its_maps() -> None:
    torch.manual_seed(0)
    net, crops = CropNet(**NARROW).eval(), torch.rand(2, 3, 64, 96) * 255
    seen: list[torch.Tensor] = []
    net.predictor.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        maps, _ = net(crops)
        without = net.predictor.deconv(seen[0])
    assert (maps["u"] - without[:, 27:52]).abs().max() < 0.05


def test_each_crop_is_its_persons() -> None:
    people = whole_crops(torch.zeros(3, 3, 64, 96), truth())
    assert people.instance.tolist() == [2, 1, NOBODY] and people.kind.tolist() == [DENSE, SPARSE, DENSE]
    assert all(b.tolist() == [[0, 0, 96, 64]] for b in people.boxes) and people.image.tolist() == [0, 1, 2]


def test_the_truth_is_every_second_pixel_and_nobody_is_background() -> None:
    torch.manual_seed(0)
    known = truth()
    training = CropTraining(CropNet(**NARROW), Rules())
    losses, shown = training(torch.rand(3, 3, 64, 96) * 255, known, [torch.Generator()] * 3)
    assert torch.equal(shown["chart"][0], known.chart[0, 1::2, 1::2].long())
    assert (shown["chart"][1] == UNKNOWN).all() and (shown["chart"][2] == 0).all()
    assert float(losses["coarse"].divisor) == 3 * 32 * 48
    assert float(losses["presence"].divisor) == 2 * 24  # of the person without dense truth nothing is known


def test_every_weight_learns() -> None:
    torch.manual_seed(0)
    training = CropTraining(CropNet(**NARROW), Rules())
    losses, _ = training(torch.rand(3, 3, 64, 96) * 255, truth(), [torch.Generator()] * 3)
    torch.stack([term.mean for term in losses.values()]).sum().backward()
    still = [name for name, p in training.model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still
