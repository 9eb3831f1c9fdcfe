import math

import pytest
import torch
from torchvision.ops import roi_align

from opendensepose.model.roi import assign_levels, pool_batch, pool_levels, pool_map


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize(("size", "ratio"), [(7, 2), (28, 2), (5, 1)])
def test_products_equal_the_gathering_kernel(aligned, size, ratio):
    rng = torch.Generator().manual_seed(1)
    features = torch.randn(6, 20, 26, generator=rng)
    boxes = torch.tensor(
        [
            [8.0, 12, 60, 70],
            [-9, -9, 30, 200],
            [90, 70, 118, 90],
            [5, 5, 6, 6],
            [0, 0, 104, 80],
            [40, 40, 40, 40],
        ]
    )
    rois = torch.cat([torch.zeros(len(boxes), 1), boxes], 1)
    expected = roi_align(features[None], rois, size, 0.25, ratio, aligned)
    got = pool_map(features, boxes, size=size, scale=0.25, ratio=ratio, aligned=aligned)
    assert torch.allclose(got, expected, atol=1e-5)


def test_batch_keeps_the_order_of_images():
    maps = torch.stack([torch.full((1, 8, 8), float(i)) for i in range(3)])
    box = torch.tensor([[4.0, 4, 20, 20]])
    got = pool_batch(maps, [box, box[:0], box.repeat(2, 1)], size=2, scale=0.25)
    assert got[:, 0, 0, 0].tolist() == [0, 2, 2]


@pytest.mark.parametrize(
    ("side", "level"),
    [
        (10, 2),  # clamped below
        (111.9, 2),
        (112, 3),
        (224, 4),
        (223.9, 3),
        (448, 5),
        (2000, 5),  # clamped above
    ],
)
def test_levels(side, level):
    assert assign_levels(torch.tensor([[3.0, 5.0, 3 + side, 5 + side]])).tolist() == [level]
    assert min(max(math.floor(4 + math.log2(side / 224 + 1e-8)), 2), 5) == level


def test_each_box_reads_its_own_level_and_image():
    pyramid = [
        torch.stack([torch.full((1, 64 >> i, 64 >> i), 10.0 * i + b) for b in (0, 1)]) for i in range(4)
    ]
    large, little = [0.0, 0, 230, 230], [0.0, 0, 20, 20]
    boxes = [torch.tensor([large, little]), torch.tensor([little, large])]
    got = pool_levels(pyramid, boxes, size=2, strides=(4, 8, 16, 32), aligned=True)
    assert got[:, 0, 0, 0].tolist() == [20, 0, 1, 21]
