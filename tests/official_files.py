"""Official checkpoints for tests: weights made from keys and shapes, and the reference system's outputs."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

SHARED = Path(__file__).parents[2] / "shared"
FOLDER = SHARED / "reference" / "detectron2"
STREET = SHARED / "real" / "street.jpg"
LAYOUTS = sorted(path.stem.removeprefix("layout_") for path in FOLDER.glob("layout_*.json"))
REFERENCES = sorted(path.stem.removeprefix("ref_") for path in FOLDER.glob("ref_*.npz"))
needs_reference = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the reference system's outputs are not here"
)


def layout(name: str) -> dict[str, tuple[int, ...]]:
    """Key -> shape of a published checkpoint."""
    pairs = json.loads((FOLDER / f"layout_{name}.json").read_text(encoding="utf-8"))
    return {key: tuple(shape) for key, shape in pairs}


@lru_cache(maxsize=1)
def weights(name: str) -> dict[str, NDArray[Any]]:
    """The reference's deterministic weights (250 MB: the last ones are kept only)."""
    from benchmarks.official import seeded

    return seeded(FOLDER / f"layout_{name}.json")


def hollow(name: str) -> dict[str, NDArray[Any]]:
    """Arrays of the right shapes without any memory: all zeros."""
    return {key: np.broadcast_to(np.float32(0), shape) for key, shape in layout(name).items()}


def reference(name: str) -> dict[str, NDArray[Any]]:
    """The reference system's outputs."""
    return dict(np.load(FOLDER / f"ref_{name}.npz", allow_pickle=False))


def caffe2_blobs(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A file of 2018 from a legacy checkpoint, by a table written for this test alone.

    That form has scale and bias for norms, the background first, and deltas for the background too.
    """
    depth = {"2": 3, "3": 4, "4": 6, "5": 3}
    if any("res4.22." in key for key in arrays):
        depth["4"] = 23
    last = {stage: count - 1 for stage, count in depth.items()}
    plain = {
        "proposal_generator.rpn_head.conv": "conv_rpn_fpn2",
        "proposal_generator.rpn_head.objectness_logits": "rpn_cls_logits_fpn2",
        "proposal_generator.rpn_head.anchor_deltas": "rpn_bbox_pred_fpn2",
        "roi_heads.box_head.fc1": "fc6",
        "roi_heads.box_head.fc2": "fc7",
        "roi_heads.densepose_predictor.ann_index_lowres": "AnnIndex_lowres",
        "roi_heads.densepose_predictor.index_uv_lowres": "Index_UV_lowres",
        "roi_heads.densepose_predictor.u_lowres": "U_lowres",
        "roi_heads.densepose_predictor.v_lowres": "V_lowres",
    }
    for stage in "2345":
        top = (
            f"fpn_inner_res5_{last['5']}_sum"
            if stage == "5"
            else f"fpn_inner_res{stage}_{last[stage]}_sum_lateral"
        )
        plain[f"backbone.fpn_lateral{stage}"] = top
        plain[f"backbone.fpn_output{stage}"] = f"fpn_res{stage}_{last[stage]}_sum"
    blobs: dict[str, NDArray[Any]] = {}
    for key, value in arrays.items():
        module, leaf = key.rsplit(".", 1)
        short = {"weight": "w", "bias": "b"}.get(leaf, "")
        if module.startswith("backbone.bottom_up."):
            continue
        if module.endswith("cls_score"):
            blobs[f"cls_score_{short}"] = value[[1, 0]]
        elif module.endswith("bbox_pred"):
            blobs[f"bbox_pred_{short}"] = np.concatenate([np.full_like(value, 9), value])
        elif "body_conv_fcn" in module:
            blobs[f"{module.rsplit('.', 1)[1]}_{short}"] = value
        else:
            blobs[f"{plain[module]}_{short}"] = value
    convolutions = [key.removesuffix(".norm.weight") for key in arrays if key.endswith(".norm.weight")]
    for conv in convolutions:
        parts = conv.split(".")
        if "stem" in conv:
            kernel, norm = "conv1", "res_conv1_bn"
        else:
            branch = {"shortcut": "1", "conv1": "2a", "conv2": "2b", "conv3": "2c"}[parts[-1]]
            kernel = f"{parts[2]}_{parts[3]}_branch{branch}"
            norm = f"{kernel}_bn"
        scale = arrays[f"{conv}.norm.weight"] / np.sqrt(arrays[f"{conv}.norm.running_var"] + 1e-5)
        blobs[f"{kernel}_w"] = arrays[f"{conv}.weight"]
        blobs[f"{norm}_s"] = scale
        blobs[f"{norm}_b"] = arrays[f"{conv}.norm.bias"] - arrays[f"{conv}.norm.running_mean"] * scale
    return blobs
