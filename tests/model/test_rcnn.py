import json
import math
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


def constant(head, logits, deltas):
    """A box head that says the same of every box."""
    for layer, values in ((head.scores, logits), (head.deltas, deltas)):
        torch.nn.init.zeros_(layer.weight)
        layer.bias.data = torch.tensor(values)


def test_second_box_head_moves_the_boxes_of_the_first_and_has_half_a_say():
    torch.manual_seed(0)
    net = small(**NARROW).eval()
    net.rpn.after_nms = 1  # one box, so that nothing is dropped afterwards
    constant(net.box_head, [1.0, 0.0], [0.5, 0.0, 0.0, 0.0])  # a twentieth of the width to the right
    constant(net.box_head_again, [0.0, 1.0], [0.0, -2.0, 0.0, 0.0])  # a tenth of the height up
    with torch.no_grad():
        found = net.detect_stages(net.pyramid(torch.randn(1, 3, 512, 512)), 512, 512)
    x0, y0, x1, y1 = found.proposals[0].tolist()
    x0, x1 = (min(x + 0.05 * (found.proposals[0, 2] - found.proposals[0, 0]).item(), 512) for x in (x0, x1))
    y0, y1 = (max(y - 0.1 * (y1 - y0), 0) for y in (y0, y1))
    assert found.boxes[0].tolist() == pytest.approx([x0, y0, x1, y1], abs=1e-3)
    assert float(found.scores[0]) == pytest.approx(0.5)  # the mean of 1 / (1 + 1/e) and of what is left of 1


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.35])
def test_second_box_head_learns_from_the_moved_boxes(shift):
    """Of the boxes moved by the first head those are people that meet one with IoU 0.6."""
    torch.manual_seed(0)
    net, known = small(**NARROW), truth((2,))
    constant(net.box_head, [0.0, 0.0], [10 * shift, 0.0, 0.0, 0.0])
    constant(net.box_head_again, [2.0, 0.0], [0.0, 0.0, 0.0, 0.0])
    others = torch.tensor([[12.0, 8, 42, 60], [10, 20, 40, 60], [0, 0, 20, 20]])
    proposals = torch.cat([known.boxes[0], others])
    pyramid = net.pyramid(torch.randn(1, 3, 64, 96))
    rules = Rules(proposals=20, positive_share=1.0)
    found = RCNNTraining(net, rules)._box_losses(
        pyramid, [proposals], known.boxes, [torch.Generator()], (64, 96)
    )
    people, error = 0, 0.0
    for x0, y0, x1, y1 in proposals.tolist():
        left, right = (min(x + shift * (x1 - x0), 96) for x in (x0, x1))
        for a0, b0, a1, b1 in known.boxes[0].tolist():
            inner = max(min(right, a1) - max(left, a0), 0) * max(min(y1, b1) - max(y0, b0), 0)
            union = (right - left) * (y1 - y0) + (a1 - a0) * (b1 - b0) - inner
            if inner / union >= 0.6:
                people += 1
                centre, middle = (left + right) / 2, (y0 + y1) / 2
                wanted = [
                    20 * ((a0 + a1) / 2 - centre) / (right - left),
                    20 * ((b0 + b1) / 2 - middle) / (y1 - y0),
                    10 * math.log((a1 - a0) / (right - left)),
                    10 * math.log((b1 - b0) / (y1 - y0)),
                ]
                error += sum(d * d / 0.2 if abs(d) < 0.1 else abs(d) - 0.05 for d in wanted)
    assert people == {0.0: 4, 0.1: 4, 0.35: 0}[shift]
    each = math.log(1 + math.exp(-2))  # a person's share of the loss; 2 more for the others
    assert float(found["again_class"].mean.detach()) == pytest.approx(each + 2 * (5 - people) / 5, abs=1e-5)
    assert float(found["again_box"].mean.detach()) == pytest.approx(error / 5, rel=1e-4, abs=1e-4)


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
