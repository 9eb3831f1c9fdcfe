"""Floating-point operations of a net, counted by torch on shapes alone (a multiply-add is two)."""

from __future__ import annotations

import math

import torch
from torch.utils.flop_counter import FlopCounterMode

from opendensepose.model.rcnn import DensePoseRCNN

PROPOSALS = 1000


def gflops(model: DensePoseRCNN, height: int, width: int) -> tuple[float, float]:
    """GFLOP of an image of the network's input size (padded to 32), and of each person's dense maps.

    Of the image: backbone, pyramid, proposals, box head (for as many proposals as the net keeps), decoder.
    """
    padded = [32 * math.ceil(side / 32) for side in (height, width)]
    pools = min(PROPOSALS, model.rpn.after_nms)
    box_channels = model.box_head.layers[0].in_features // model.settings.box_pool**2
    size = model.settings.dense_pool
    with torch.device("meta"), FlopCounterMode(display=False) as image:
        pyramid = model.pyramid(torch.empty(1, 3, *padded))
        model.rpn(model.rpn_maps(pyramid))
        model.box_head(torch.empty(pools, box_channels, model.settings.box_pool, model.settings.box_pool))
        features = model.dense_features(pyramid)
    with torch.device("meta"), FlopCounterMode(display=False) as person:
        x, _ = model.dense_head(torch.empty(1, features[0].shape[1], size, size))
        model.predictor(x)
    return image.get_total_flops() / 1e9, person.get_total_flops() / 1e9
