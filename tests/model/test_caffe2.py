"""The names of 2018, and its boxes that hold their last pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import official_files as files
from opendensepose.model.boxes import clip, decode, outer
from opendensepose.model.caffe2 import published
from opendensepose.model.official import from_content
from opendensepose.model.roi import assign_levels
from opendensepose.model.rpn import RPN, pixel_anchors
from opendensepose.model.variants import Variant


@files.needs_reference
def test_names_cover_the_legacy_layout() -> None:
    arrays = files.hollow("R_50_FPN_s1x_legacy")
    blobs = files.caffe2_blobs(arrays)
    fixed = {
        f"{name}_w": np.zeros((25, 25, 4, 4))
        for name in ("AnnIndex", "Index_UV", "U_estimated", "V_estimated")
    }
    found, ignored = published(blobs | fixed)
    assert {key: value.shape for key, value in found.items()} == files.layout("R_50_FPN_s1x_legacy")
    assert sorted(ignored) == sorted(fixed)
    official = from_content({"blobs": blobs | fixed | {"fc6_w_momentum": np.zeros(3)}, "cfg": "a text"})
    assert official.variant == Variant(legacy=True, pixel_edge=True) and len(official.ignored) == 6


@pytest.mark.parametrize(
    ("blob", "shape", "says"),
    [
        ("kps_score_w", (3,), "expected only arrays of a Caffe2 DensePose model, got kps_score_w"),
        ("res2_0_branch2a_s", (3,), "got res2_0_branch2a_s"),
        ("cls_score_w", (81, 1024), "expected 2 rows"),
        ("bbox_pred_b", (4,), "expected 8 rows"),
    ],
)
def test_other_blobs(blob: str, shape: tuple[int, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        published({blob: np.zeros(shape, np.float32)})


def test_two_blobs_for_one_array() -> None:
    twins = {"fpn_res3_3_sum_w": np.zeros(1), "fpn_res3_2_sum_w": np.zeros(1)}
    with pytest.raises(ValueError, match="got a second one"):
        published(twins)


def test_anchors_of_the_publication() -> None:
    """The values that Faster R-CNN's code lists for a stride of 16 and a scale of 8."""
    assert pixel_anchors((16,))[0].tolist() == [[-84, -40, 99, 55], [-56, -56, 71, 71], [-36, -80, 51, 95]]


def test_decoding_counts_the_last_pixel() -> None:
    """One box by hand: 11 x 21 pixels, moved by a tenth of its width, doubled in width."""
    box = torch.tensor([[10.0, 20, 20, 40]])
    got = decode(torch.tensor([[0.1, 0, math.log(2), 0]]), box, edge=1.0)[0].tolist()
    centre = 10 + 11 / 2 + 0.1 * 11
    assert got == pytest.approx([centre - 11, 20, centre + 11 - 1, 40], abs=1e-4)
    assert clip(torch.tensor([[-3.0, 5, 700, 900]]), 480 - 1.0, 640 - 1.0)[0].tolist() == [0, 5, 639, 479]
    assert outer(box, 1.0)[0].tolist() == [10, 20, 21, 41] and outer(box, 0.0) is box


def test_levels_count_the_last_pixel() -> None:
    """A box of 224 x 224 pixels is on level 4; without the last pixel counted it would be on level 3."""
    box = torch.tensor([[0.0, 0, 223, 223]])
    assert assign_levels(box, edge=1.0).item() == 4 and assign_levels(box).item() == 3


def test_proposals_of_zero_deltas_are_the_clipped_anchors() -> None:
    rpn = RPN(4, strides=(16,), sizes=(128,), cells=pixel_anchors((16,)), edge=1.0, nms_threshold=1.0)
    anchors = rpn.anchors([torch.zeros(1, 4, 2, 3)])
    logits = torch.linspace(1, 0, len(anchors[0]))
    got = rpn.select([logits], [torch.zeros(len(logits), 4)], anchors, 32, 48)
    for box, anchor in zip(got.tolist(), anchors[0].tolist(), strict=True):
        low = [min(max(value, 0), top) for value, top in zip(anchor, (47, 31, 47, 31), strict=True)]
        assert box == pytest.approx(low)
