import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from opendensepose.model.heads import DensePredictor
from opendensepose.model.rcnn import Settings, resnet50, small
from opendensepose.model.targets import Truth
from opendensepose.model.training import RCNNTraining, Rules

LAYOUTS = Path(__file__).parents[2] / ".." / "shared" / "reference" / "detectron2"
NARROW = {"stem": 8, "widths": (8, 8, 16, 16), "channels": 8, "head": (8, 16), "hidden": 8}


def truth(people, size=(64, 96)):
    boxes = [torch.tensor([[10.0, 8, 40, 60], [50, 10, 90, 50]])[:n] for n in people]
    instances = torch.zeros(len(people), *size, dtype=torch.uint8)
    for b, n in enumerate(people):
        for k in range(n):
            x0, y0, x1, y1 = (int(v) for v in boxes[b][k])
            instances[b, y0:y1, x0:x1] = k + 1
    chart = instances * 3
    numbers = [torch.arange(1, n + 1) for n in people]
    return Truth(boxes, numbers, chart, torch.full((len(people), 2, *size), 0.25), instances)


def losses(net, images, truth, seed=0):
    generators = [torch.Generator().manual_seed(seed + i) for i in range(len(images))]
    terms, shown = RCNNTraining(net, Rules())(images, truth, generators)
    return {name: term.mean for name, term in terms.items()}, shown


@pytest.mark.parametrize("people", [(2, 1), (0, 2), (0, 0)])
def test_every_loss_is_finite_and_reaches_the_backbone(people):
    torch.manual_seed(0)
    net = small(**NARROW)
    images = torch.rand(2, 3, 64, 96) * 255
    found, shown = losses(net, images, truth(people))
    assert all(torch.isfinite(v) for v in found.values())
    assert len(shown["image"]) == sum(people)
    sum(found.values()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


def test_same_generator_same_losses():
    torch.manual_seed(0)
    net, images = small(**NARROW).eval(), torch.rand(2, 3, 64, 96) * 255

    def run(s):
        return losses(net, images, truth((2, 1)), seed=10 * s)[0]

    first, again, other = run(1), run(1), run(2)
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert any(not torch.equal(first[k], other[k]) for k in first)


def test_channel_order_and_normalisation():
    torch.manual_seed(0)
    net = small(**NARROW)
    pixel = torch.tensor([10.0, 20, 30]).view(1, 3, 1, 1)
    net.settings = Settings(bgr=True)
    net.mean, net.std = torch.tensor([1.0, 2, 3]).view(3, 1, 1), torch.tensor([1.0, 2, 3]).view(3, 1, 1)
    assert net.normalise(pixel).flatten().tolist() == [9, 9, 9]
    net.std = torch.ones(3, 1, 1)
    assert net.normalise(pixel).flatten().tolist() == [27, 18, 9]  # blue first


def test_predictor_splits_channels_and_upscales():
    predictor = DensePredictor(4, coarse=15, kernel=4, upscale=2)
    out = predictor(torch.randn(3, 4, 28, 28))
    assert {k: tuple(v.shape) for k, v in out.items()} == {
        "coarse": (3, 15, 112, 112),
        **dict.fromkeys(("fine", "u", "v"), (3, 25, 112, 112)),
    }
    # one transposed convolution equals the publication's four
    x = torch.randn(1, 4, 5, 5)
    single = torch.nn.functional.conv_transpose2d(
        x, predictor.deconv.weight[:, 15:40], predictor.deconv.bias[15:40], 2, 1
    )
    predictor.upscale = 1
    assert torch.allclose(predictor(x)["fine"], single, atol=1e-6)


def test_small_predictor_learns_by_a_product_that_equals_the_transposed_convolution():
    torch.manual_seed(0)
    predictor = DensePredictor(6, kernel=2)
    torch.nn.init.normal_(predictor.deconv.bias)
    found = []
    for training in (True, False):
        x = torch.linspace(-1, 1, 2 * 6 * 5 * 4).reshape(2, 6, 5, 4).requires_grad_()
        maps = torch.cat(list(predictor.train(training)(x).values()), 1)
        (maps * torch.linspace(-1, 1, maps.numel()).view_as(maps)).sum().backward()
        found.append((maps, x.grad, *(p.grad.clone() for p in predictor.parameters())))
        predictor.zero_grad()
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize(
    ("name", "depths"), [("R_50_FPN_s1x", (3, 4, 6, 3)), ("R_101_FPN_s1x", (3, 4, 23, 3))]
)
def test_full_size_net_has_the_published_arrays(name, depths):
    """Apart from the four predictors (one array here) all arrays have the shapes of the zoo's file."""
    layout = LAYOUTS / f"layout_{name}.json"
    if not layout.is_file():
        pytest.skip("the layout of the published checkpoint is not here")
    published = [(key, tuple(shape)) for key, shape in json.loads(layout.read_text())]
    with torch.device("meta"):
        net = resnet50(depths=depths)
    mine = Counter(tuple(v.shape) for k, v in net.state_dict().items() if not k.startswith("predictor"))
    theirs = Counter(shape for key, shape in published if "lowres" not in key)
    assert mine == theirs
    maps = [shape for key, shape in published if "lowres" in key and key.endswith("weight")]
    assert net.predictor.deconv.weight.shape == (512, sum(shape[1] for shape in maps), *maps[0][2:])
