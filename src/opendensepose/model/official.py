"""Official checkpoints: the published names of arrays <-> ours, and a net from a file's arrays.

Published names are those of Detectron2's modules; `model.caffe2` brings the files of 2018 into that form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from opendensepose.model import caffe2
from opendensepose.model.rcnn import DensePoseRCNN
from opendensepose.model.variants import DENSE, DEPTHS, PREDICTOR, Variant, recognise, variant_by_name

Arrays = dict[str, NDArray[Any]]
Shapes = dict[str, tuple[int, ...]]
NORM = ("weight", "bias", "running_mean", "running_var")
LOWRES = {"coarse": "ann_index", "fine": "index_uv"}  # ours -> theirs; the other outputs have equal names
FAR_BRANCH = f"{DENSE}ASPP.convs.3.0.weight"  # dilation 56: only its centre tap is ever used
BY_PRODUCTS = re.compile(  # what training leaves beside the weights
    r"optimizer|scheduler|iteration|cfg|weight_order|lr|__author__|matching_heuristics|trainer"
    r"|.*_momentum|.*num_batches_tracked"
)
MEAN_BGR, STD = (103.530, 116.280, 123.675), (1.0, 1.0, 1.0)
CELLS = "proposal_generator.anchor_generator.cell_anchors."
LISTED = 3  # names in a message


@dataclass(frozen=True)
class Official:
    """A net made of an official file."""

    model: DensePoseRCNN
    variant: Variant
    arrays: int  # that went in
    ignored: tuple[str, ...]  # by-products of training


def from_content(content: object, config: str | None = None) -> Official:
    """The net of what an official file holds: `{"model": arrays}`, `{"blobs": arrays}` or the arrays alone.

    The variant is read from names and shapes; `config`, a published name, overrules. Every array of the net
    must be there in its shape, and every array of the file be used or be a known by-product of training:
    else ValueError names those that are not.
    """
    arrays, ignored, pixel_edge = _unwrap(content)
    shapes = {key: tuple(array.shape) for key, array in arrays.items()}
    variant = replace(variant_by_name(config) if config else recognise(shapes), pixel_edge=pixel_edge)
    expected = published_shapes(variant)
    _check_names(shapes, expected, variant)
    model = variant.build().eval()
    _check_constants(arrays, model)
    state = model.state_dict()
    for ours, theirs in names(variant):
        value = _tensor(theirs, arrays[theirs])
        state[ours].copy_(value[:, :, 1:2, 1:2] if theirs == FAR_BRANCH else value)
    for leaf, axis in (("weight", 1), ("bias", 0)):
        parts = [predictor_key(output, leaf) for output in model.predictor.split]
        state[f"predictor.deconv.{leaf}"].copy_(torch.cat([_tensor(k, arrays[k]) for k in parts], axis))
    return Official(model, variant, len(expected), tuple(sorted(ignored)))


def names(variant: Variant) -> Iterator[tuple[str, str]]:
    """(our name, published name) of every array but those of the predictor."""
    yield from _convolution("backbone.stem.0", "backbone.bottom_up.stem.conv1")
    for stage, depth in enumerate(DEPTHS[variant.depth]):
        for block in range(depth):
            for part in ("shortcut", "conv1", "conv2", "conv3")[min(block, 1) :]:
                ours = f"backbone.stages.{stage}.{block}.{part}"
                yield from _convolution(ours, f"backbone.bottom_up.res{stage + 2}.{block}.{part}")
    for ours, theirs in [*_detector_modules(), *_dense_modules(variant)]:
        yield from ((f"{ours}.{leaf}", f"{theirs}.{leaf}") for leaf in ("weight", "bias"))
    if variant.deeplab:
        yield from _deeplab()


def _convolution(ours: str, theirs: str, norm: tuple[str, ...] = NORM) -> Iterator[tuple[str, str]]:
    """A convolution without bias, and its norm."""
    yield f"{ours}.conv.weight", f"{theirs}.weight"
    yield from ((f"{ours}.norm.{leaf}", f"{theirs}.norm.{leaf}") for leaf in norm)


def _detector_modules() -> Iterator[tuple[str, str]]:
    """Modules with weight and bias: pyramid, proposals, box head."""
    for i in range(4):
        yield f"fpn.lateral.{i}", f"backbone.fpn_lateral{i + 2}"
        yield f"fpn.output.{i}", f"backbone.fpn_output{i + 2}"
    rpn = "proposal_generator.rpn_head"
    for ours, theirs in (("conv", "conv"), ("objectness", "objectness_logits"), ("deltas", "anchor_deltas")):
        yield f"rpn.{ours}", f"{rpn}.{theirs}"
    yield from ((f"box_head.layers.{i}", f"roi_heads.box_head.fc{i + 1}") for i in range(2))
    yield "box_head.scores", "roi_heads.box_predictor.cls_score"
    yield "box_head.deltas", "roi_heads.box_predictor.bbox_pred"


def _dense_modules(variant: Variant) -> Iterator[tuple[str, str]]:
    """Modules with weight and bias: decoder, plain dense head."""
    if not variant.legacy:
        for i in range(4):
            for j in range(max(i, 1)):  # in their list every second module is an up-sampling
                yield f"decoder.levels.{i}.{j}", f"roi_heads.decoder.p{i + 2}.{2 * j}"
        yield "decoder.predictor", "roi_heads.decoder.predictor"
    if not variant.deeplab:
        yield from ((f"dense_head.layers.{i}", f"{DENSE}body_conv_fcn{i + 1}") for i in range(8))


def _deeplab() -> Iterator[tuple[str, str]]:
    for i in range(8):
        yield from _convolution(f"dense_head.convs.layers.{i}", f"{DENSE}body_conv_fcn{i + 1}", NORM[:2])
    for i in range(5):
        ours, theirs, first = f"dense_head.aspp.branches.{i}", f"{DENSE}ASPP.convs.{i}", int(i == 4)
        yield f"{ours}.conv.weight", f"{theirs}.{first}.weight"
        yield from ((f"{ours}.norm.{leaf}", f"{theirs}.{first + 1}.{leaf}") for leaf in NORM[:2])
    yield "dense_head.aspp.project.weight", f"{DENSE}ASPP.project.0.weight"


def predictor_key(output: str, leaf: str) -> str:
    """The published name of the transposed convolution of one output."""
    return f"{PREDICTOR}{LOWRES.get(output, output)}_lowres.{leaf}"


@lru_cache(maxsize=32)
def published_shapes(variant: Variant) -> Shapes:
    """Published name -> shape of every array of the variant."""
    with torch.device("meta"):
        model = variant.build()
    state = model.state_dict()
    shapes = {theirs: tuple(state[ours].shape) for ours, theirs in names(variant)}
    if variant.deeplab:
        shapes[FAR_BRANCH] = (*shapes[FAR_BRANCH][:2], 3, 3)
    inputs, _, *kernel = model.predictor.deconv.weight.shape
    for output, channels in model.predictor.split.items():
        shapes[predictor_key(output, "weight")] = (inputs, channels, *kernel)
        shapes[predictor_key(output, "bias")] = (channels,)
    return shapes


def _unwrap(content: object) -> tuple[Arrays, list[str], bool]:
    """Arrays by published name, names of by-products, whether the file is one of 2018."""
    if not isinstance(content, Mapping):
        raise ValueError(f"expected a dictionary of arrays, got {type(content).__name__}")
    outer = {str(key): value for key, value in content.items()}
    kind = next((key for key in ("model", "blobs") if isinstance(outer.get(key), Mapping)), None)
    inner = outer if kind is None else {str(key): value for key, value in outer.pop(kind).items()}
    ignored = [] if kind is None else list(outer)
    ignored += [key for key in inner if BY_PRODUCTS.fullmatch(key)]
    arrays = {key: value for key, value in inner.items() if not BY_PRODUCTS.fullmatch(key)}
    if kind is not None:
        _refuse("a by-product of training", [key for key in outer if not BY_PRODUCTS.fullmatch(key)])
    arrays = {key: _array(key, value) for key, value in arrays.items()}
    if kind == "blobs":
        arrays, more = caffe2.published(arrays)
        return arrays, ignored + more, True
    if arrays and all(key.startswith("module.") for key in arrays):  # saved from several GPUs
        arrays = {key.removeprefix("module."): value for key, value in arrays.items()}
    return arrays, ignored, False


def _array(key: str, value: object) -> NDArray[Any]:
    if isinstance(value, Tensor):
        value = value.detach().to(torch.float32).cpu().numpy()
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        got = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        raise ValueError(f"{key}: expected an array of floats, got {got}")
    return value


def _tensor(key: str, array: NDArray[Any]) -> Tensor:
    """float32; ValueError unless finite."""
    value = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(value).all():
        raise ValueError(f"{key}: expected finite numbers, got NaN or infinity")
    return torch.tensor(value)  # a copy: arrays of files are read-only


def _check_names(shapes: Shapes, expected: Shapes, variant: Variant) -> None:
    missing = [key for key in expected if key not in shapes]
    if missing:
        raise ValueError(f"{variant.name}: expected {_some(missing)}, got none in the file")
    _refuse(
        f"an array of {variant.name}", [key for key in shapes if key not in expected and not _constant(key)]
    )
    for key, shape in expected.items():
        if shapes[key] != shape:
            raise ValueError(f"{variant.name}: {key}: expected shape {list(shape)}, got {list(shapes[key])}")


def _constant(key: str) -> bool:
    return key in ("pixel_mean", "pixel_std") or key.startswith(CELLS)


def _check_constants(arrays: Arrays, model: DensePoseRCNN) -> None:
    """Older files hold numbers that are no weights: they must be the published ones."""
    cells = {f"{CELLS}{i}": cell.numpy() for i, cell in enumerate(model.rpn.cells)}
    known = {"pixel_mean": np.array(MEAN_BGR), "pixel_std": np.array(STD), **cells}
    for key in filter(_constant, arrays):
        value, expected = arrays[key].ravel(), known.get(key, np.empty(0)).ravel()
        if value.shape != expected.shape or not np.allclose(value, expected, atol=1e-3):
            raise ValueError(f"{key}: expected {expected.tolist()}, got {value[:12].tolist()}")


def _refuse(expected: str, keys: list[str]) -> None:
    if keys:
        raise ValueError(f"expected only arrays that are used, got {_some(keys)}: not {expected}")


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - LISTED} more" if len(keys) > LISTED else ""
    return ", ".join(key[:100] for key in keys[:LISTED]) + more
