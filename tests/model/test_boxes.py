import math

import numpy as np
import pytest
import torch

from opendensepose.model.boxes import MAX_LOG_SCALE, clip, decode, encode, grouped_nms


def test_decoding_by_hand():
    anchor = torch.tensor([[10.0, 20.0, 30.0, 60.0]])  # 20 x 40, centre (20, 40)
    box = decode(torch.tensor([[1.0, -5.0, math.log(2), 0.0]]), anchor, (10.0, 10.0, 1.0, 1.0))
    # centre (20 + 0.1*20, 40 - 0.5*40), size 40 x 40
    assert box[0].tolist() == pytest.approx([2, 0, 42, 40], abs=1e-4)


def test_decoding_clamps_huge_scales():
    box = decode(torch.tensor([[0.0, 0.0, 50.0, 0.0]]), torch.tensor([[0.0, 0.0, 16.0, 16.0]]))
    assert float(box[0, 2] - box[0, 0]) == pytest.approx(16 * math.exp(MAX_LOG_SCALE))  # = 1000


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (10, 10, 5, 5)])
def test_encode_then_decode(weights):
    rng = torch.Generator().manual_seed(0)
    start = torch.rand(50, 2, 2, generator=rng) * 100
    boxes = torch.cat([start, start + 1 + 80 * torch.rand(50, 2, 2, generator=rng)], 2)
    back = decode(encode(boxes[:, 0], boxes[:, 1], weights), boxes[:, 1], weights)
    assert torch.allclose(back, boxes[:, 0], atol=1e-3)


def test_clip():
    boxes = torch.tensor([[-3.0, 4.0, 50.0, 90.0]])
    assert clip(boxes, 60, 40).tolist() == [[0, 4, 40, 60]]


def slow_nms(boxes, scores, groups, threshold):
    kept = []
    for i in np.argsort(-scores):
        for j in kept:
            wh = np.minimum(boxes[i, 2:], boxes[j, 2:]) - np.maximum(boxes[i, :2], boxes[j, :2])
            inter = wh.clip(0).prod()
            union = (boxes[i, 2:] - boxes[i, :2]).prod() + (boxes[j, 2:] - boxes[j, :2]).prod() - inter
            if groups[i] == groups[j] and inter / union > threshold:
                break
        else:
            kept.append(i)
    return kept


def test_grouped_nms_against_loop():
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 60, (80, 2))
    boxes = np.concatenate([start, start + rng.uniform(5, 40, (80, 2))], 1).astype(np.float32)
    scores, groups = rng.random(80).astype(np.float32), rng.integers(0, 3, 80)
    got = grouped_nms(*map(torch.from_numpy, (boxes, scores, groups)), 0.4, span=100)
    assert got.tolist() == slow_nms(boxes.astype(float), scores, groups, 0.4)


def test_grouped_nms_of_nothing():
    empty = torch.zeros(0, 4)
    assert len(grouped_nms(empty, empty[:, 0], empty[:, 0].long(), 0.5, span=10)) == 0
