"""Names and conventions of the files of 2018 (Caffe2) brought into the published form of today."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
EPSILON = 1e-5  # of the norms: a variance of 1 - EPSILON leaves scale and bias as they are
HEAD = "roi_heads.densepose_head."
PREDICTOR = "roi_heads.densepose_predictor."
LEAVES = {"w": "weight", "b": "bias"}
MODULES = {
    "conv_rpn_fpn2": "proposal_generator.rpn_head.conv",
    "rpn_cls_logits_fpn2": "proposal_generator.rpn_head.objectness_logits",
    "rpn_bbox_pred_fpn2": "proposal_generator.rpn_head.anchor_deltas",
    "fc6": "roi_heads.box_head.fc1",
    "fc7": "roi_heads.box_head.fc2",
    "cls_score": "roi_heads.box_predictor.cls_score",
    "bbox_pred": "roi_heads.box_predictor.bbox_pred",
    "AnnIndex_lowres": f"{PREDICTOR}ann_index_lowres",
    "Index_UV_lowres": f"{PREDICTOR}index_uv_lowres",
    "U_lowres": f"{PREDICTOR}u_lowres",
    "V_lowres": f"{PREDICTOR}v_lowres",
    **{f"body_conv_fcn{i}": f"{HEAD}body_conv_fcn{i}" for i in range(1, 9)},
}
BRANCHES = {"1": "shortcut", "2a": "conv1", "2b": "conv2", "2c": "conv3"}
BODY = re.compile(r"res([2-5])_(\d+)_branch(1|2a|2b|2c)(_bn)?_([wsb])")
LATERAL = re.compile(r"fpn_inner_res([2-5])_\d+_sum(_lateral)?_([wb])")
OUTPUT = re.compile(r"fpn_res([2-5])_\d+_sum_([wb])")
# the fixed kernels that double the maps
UPSAMPLING = re.compile(r"(AnnIndex|Index_UV|U_estimated|V_estimated)(_up)?_[wb]|.*_up_[wb]")


def published(blobs: Arrays) -> tuple[Arrays, list[str]]:
    """Arrays by published name, and the names of fixed kernels that are left out.

    The background comes first there and last today; the box deltas of the background are dropped. Raises
    ValueError for names that are not of such a file.
    """
    arrays: Arrays = {}
    ignored = []
    for blob, value in blobs.items():
        if UPSAMPLING.fullmatch(blob):
            ignored.append(blob)
            continue
        key = _name(blob)
        if key is None:
            raise ValueError(f"expected only arrays of a Caffe2 DensePose model, got {blob[:100]}")
        if blob.startswith(("cls_score", "bbox_pred")):
            value = _person_first(blob, value)
        if key in arrays:
            raise ValueError(f"expected one array for {key}, got a second one, {blob[:100]}")
        arrays[key] = value
    for scale in [key for key in arrays if key.endswith(".norm.weight")]:  # only scale and bias there
        stem = scale.removesuffix("weight")
        arrays[f"{stem}running_mean"] = np.zeros(arrays[scale].shape, np.float32)
        arrays[f"{stem}running_var"] = np.full(arrays[scale].shape, 1 - EPSILON, np.float32)
    return arrays, ignored


def _name(blob: str) -> str | None:
    stem = {"conv1_w": "weight", "res_conv1_bn_s": "norm.weight", "res_conv1_bn_b": "norm.bias"}.get(blob)
    if stem:
        return f"backbone.bottom_up.stem.conv1.{stem}"
    if match := BODY.fullmatch(blob):
        stage, block, branch, norm, leaf = match.groups()
        if (leaf == "w") == bool(norm):  # a kernel has no norm's name, scale and bias have
            return None
        part = "weight" if leaf == "w" else "norm.weight" if leaf == "s" else "norm.bias"
        return f"backbone.bottom_up.res{stage}.{block}.{BRANCHES[branch]}.{part}"
    if match := LATERAL.fullmatch(blob):
        return f"backbone.fpn_lateral{match[1]}.{LEAVES[match[3]]}"
    if match := OUTPUT.fullmatch(blob):
        return f"backbone.fpn_output{match[1]}.{LEAVES[match[2]]}"
    module, _, leaf = blob.rpartition("_")
    return f"{MODULES[module]}.{LEAVES[leaf]}" if module in MODULES and leaf in LEAVES else None


def _person_first(blob: str, value: NDArray[Any]) -> NDArray[Any]:
    """Class scores (person, background) from (background, person); deltas of the person only."""
    rows = 2 if blob.startswith("cls_score") else 8
    if value.ndim == 0 or len(value) != rows:
        raise ValueError(f"{blob}: expected {rows} rows (background, person), got shape {list(value.shape)}")
    return value[::-1] if rows == 2 else value[4:]
