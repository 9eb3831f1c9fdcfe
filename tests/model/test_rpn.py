import pytest
import torch

from opendensepose.model.rpn import RPN, cell_anchors, grid_anchors


@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_anchors_against_loop(offset):
    ratios = (0.5, 1.0, 2.0)
    got = grid_anchors(cell_anchors(32, ratios), 3, 4, 8, offset)
    row = 0
    for y in range(3):
        for x in range(4):
            for ratio in ratios:
                w = (32 * 32 / ratio) ** 0.5
                h = ratio * w
                cx, cy = (x + offset) * 8, (y + offset) * 8
                assert got[row].tolist() == pytest.approx(
                    [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], abs=1e-4
                )
                row += 1
    assert len(got) == row


def test_head_orders_outputs_as_anchors():
    rpn = RPN(2, strides=(8,), sizes=(32,), ratios=(0.5, 1.0, 2.0))
    with torch.no_grad():
        x = torch.randn(1, 2, 3, 4)
        raw = rpn.deltas(torch.relu(rpn.conv(x)))[0]  # [12, 3, 4]: channel = anchor*4 + coordinate
        _, deltas = rpn([x])
    y, column, a = 2, 1, 2
    assert torch.equal(deltas[0][0, (y * 4 + column) * 3 + a], raw[a * 4 : a * 4 + 4, y, column])


def test_selection_clips_drops_and_orders():
    rpn = RPN(2, strides=(8, 16), sizes=(8, 16), before_nms=3, after_nms=2, nms_threshold=0.7)
    first = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 11], [50, 50, 60, 60], [20, 20, 30, 30]])
    second = torch.tensor([[-5.0, -5, 20, 20], [0, 0, 10, 10]])
    zeros = [torch.zeros(4, 4), torch.zeros(2, 4)]
    logits = [torch.tensor([3.0, 2.0, 9.0, 1.0]), torch.tensor([2.5, 0.1])]
    got = rpn.select(logits, zeros, [first, second], 40, 40)
    # 9.0 lies outside the 40 x 40 image, 2.0 is suppressed by 3.0, the third best place goes nowhere
    assert got.tolist() == [[0, 0, 10, 10], [0, 0, 20, 20]]
