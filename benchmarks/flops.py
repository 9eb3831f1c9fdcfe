"""Floating-point operations of a net, counted by torch on shapes alone (a multiply-add is two)."""

from __future__ import annotations

import math

import torch
from torch.utils.flop_counter import FlopCounterMode

from opendensepose.model.crops import CANVAS, CropNet
from opendensepose.model.rcnn import DensePoseRCNN

PROPOSALS = 1000


def gflops(model: DensePoseRCNN, height: int, width: int) -> tuple[float, float]:
    """GFLOP of an image of the network's input size, and of each person's dense maps."""
    stages = stage_gflops(model, height, width)
    return stages["detector"] + stages["decoder"], stages["dense"]


def crop_gflops(net: CropNet) -> float:
    """GFLOP of one person's dense maps by a net on crops."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        net(torch.empty(1, 3, *CANVAS))
    return counter.get_total_flops() / 1e9


def stage_gflops(model: DensePoseRCNN, height: int, width: int) -> dict[str, float]:
    """GFLOP of the detector and the decoder on an image (padded to 32), and of one person's dense maps.

    The detector: backbone, pyramid, proposals, box head for as many proposals as the net keeps.
    """
    padded = [32 * math.ceil(side / 32) for side in (height, width)]
    size, pool = model.settings.dense_pool, model.settings.box_pool
    channels = model.box_head.layers[0].in_features // pool**2
    counters = {name: FlopCounterMode(display=False) for name in ("detector", "decoder", "dense")}
    with torch.device("meta"):
        with counters["detector"]:
            pyramid = model.pyramid(torch.empty(1, 3, *padded))
            model.rpn(model.rpn_maps(pyramid))
            for head in (model.box_head, model.box_head_again):
                if head is not None:
                    head(torch.empty(min(PROPOSALS, model.rpn.after_nms), channels, pool, pool))
        with counters["decoder"]:
            features = model.dense_features(pyramid)
        with counters["dense"]:
            x, _ = model.dense_head(torch.empty(1, features[0].shape[1], size, size))
            model.predictor(x)
    return {name: counter.get_total_flops() / 1e9 for name, counter in counters.items()}
