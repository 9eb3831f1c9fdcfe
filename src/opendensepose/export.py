"""From a trained net to the one-file model that the torch-free runtime reads, and back to weights.

The graphs keep the net's own names for their weights, norms unfolded (onnxruntime folds them when it loads):
so a model file is also a starting point for training. Kernels and matrices are stored in half precision.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

import opendensepose
from opendensepose.io.files import atomic
from opendensepose.io.modelfile import ModelFile
from opendensepose.model.rcnn import MODELS, DensePoseRCNN
from opendensepose.train.build import saved_model
from opendensepose.train.checkpoint import load_checkpoint, load_weights

OPSET = 18
STRIDE = 32  # of the coarsest backbone map: sides are padded to multiples of it
GRAPHS = ("detector.onnx", "dense.onnx")
PREFIX, HALF = "model.", ".half"  # around the net's own names of weights, in the graphs


class Detector(nn.Module):
    """image uint8 [H, W, 3] -> what the dense head reads (the decoder's map), boxes [N, 4], scores [N].

    The stages that follow (`stage_names`) keep their names in the graph, for comparisons, but are no outputs.
    """

    def __init__(self, model: DensePoseRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        height, width = image.shape[0], image.shape[1]
        x = self.model.normalise(image.permute(2, 0, 1)[None].to(torch.float32))
        x = F.pad(x, (0, (-width) % STRIDE, 0, (-height) % STRIDE))
        pyramid = self.model.pyramid(x)
        found = self.model.detect_stages(pyramid, height, width)
        features = self.model.dense_features(pyramid)
        rpn = [*found.rpn_logits, *found.rpn_deltas]
        inner = pyramid if self.model.decoder is not None else pyramid[len(features) :]
        stages = (*inner, *rpn, found.proposals, found.box_logits, found.box_deltas)
        return (*features, found.boxes, found.scores, *stages)


def stage_names(model: DensePoseRCNN) -> list[str]:
    """Names of the tensors that `Detector` gives after its outputs."""
    levels = [stride.bit_length() - 1 for stride in model.rpn.strides]
    rpn = [f"rpn_{kind}_{level}" for kind in ("logits", "deltas") for level in levels]
    inner = [name for name in pyramid_names(model) if name not in feature_names(model)]
    return [*inner, *rpn, "proposals", "box_logits", "box_deltas"]


def pyramid_names(model: DensePoseRCNN) -> list[str]:
    """Names of the pyramid's maps, finest first."""
    features = [] if model.decoder is not None else feature_names(model)
    return features + [f"p{level}" for level in range(2, 7)][len(features) :]


def feature_names(model: DensePoseRCNN) -> list[str]:
    """Names of the maps that go from one graph to the other."""
    return [f"features_{i}" for i in range(len(model.settings.dense_strides))]


class Dense(nn.Module):
    """What the dense head reads and boxes [N, 4] -> coarse, fine, u, v, confidences, further heads' maps."""

    def __init__(self, model: DensePoseRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, *features_and_boxes: Tensor) -> tuple[Tensor, ...]:
        outputs, _ = self.model.dense(list(features_and_boxes[:-1]), [features_and_boxes[-1]])
        return tuple(outputs[name] for name in self.model.output_names)


def export(
    checkpoint_or_model: str | os.PathLike[str] | DensePoseRCNN,
    path: str | os.PathLike[str],
    *,
    name: str = "small",
    short: int = 256,
    long: int = 448,
    threshold: float = 0.5,
    half: bool = True,
    extra: dict[str, Any] | None = None,  # further keys of model.json
) -> Path:
    """Write a model file; a checkpoint's averaged weights are used.

    `short` and `long` bound the sides of the network's input. Raises FileNotFoundError, or ValueError for a
    bad checkpoint.
    """
    if isinstance(checkpoint_or_model, DensePoseRCNN):
        model, source = checkpoint_or_model, b""
    else:
        model, source = load_model(checkpoint_or_model), Path(checkpoint_or_model).read_bytes()
    meta = {
        "format": 1,
        "name": name,
        "version": opendensepose.__version__,
        "atlas": model.settings.atlas,
        "licence": "Apache-2.0",
        "input": {"short": short, "long": long, "upscale": False},
        "threshold": threshold,
        "max_people": model.settings.max_people,
        "source_sha256": hashlib.sha256(source).hexdigest() if source else None,
        **(extra or {}),
    }
    target = Path(path)
    with atomic(target) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("model.json"), json.dumps(meta, indent=1))
        for member, content in zip(GRAPHS, graphs(model, half=half), strict=True):
            archive.writestr(
                zipfile.ZipInfo(member), content
            )  # ZipInfo: no clock, the same net gives the same bytes
    return target


def load_model(checkpoint: str | os.PathLike[str]) -> DensePoseRCNN:
    """The net of a training checkpoint with its averaged weights, ready for use."""
    saved = load_checkpoint(checkpoint)
    model = saved_model(saved["config"])
    if not isinstance(model, DensePoseRCNN):
        raise ValueError(
            f"checkpoint {checkpoint}: expected a DensePose-RCNN, got a {saved['config']['model']}"
        )
    model.load_state_dict(saved["ema"]["state"])
    model.settings = replace(model.settings, atlas=saved["config"].get("atlas") or model.settings.atlas)
    return model.eval()


def graphs(model: DensePoseRCNN, *, half: bool = True) -> tuple[bytes, bytes]:
    """Both ONNX graphs, serialised; `half` stores kernels and matrices in half precision."""
    model = model.eval().to(memory_format=torch.contiguous_format)
    image = torch.zeros(96, 128, 3, dtype=torch.uint8)
    boxes = torch.tensor([[4.0, 8.0, 60.0, 90.0], [30.0, 10.0, 100.0, 80.0]])
    channels = model.dense_channels
    features = [
        torch.zeros(1, channels, 96 // stride, 128 // stride) for stride in model.settings.dense_strides
    ]
    maps = {name: {2: f"h{i}", 3: f"w{i}"} for i, name in enumerate(feature_names(model))}
    detector = _trace(
        Detector(model),
        (image,),
        {"image": {0: "H", 1: "W"}},
        {**maps, "boxes": {0: "N"}, "scores": {0: "N"}},
        inner=stage_names(model),
    )
    dense = _trace(
        Dense(model),
        (*features, boxes),
        {**maps, "boxes": {0: "N"}},
        {k: {0: "N"} for k in model.output_names},
    )
    return tuple(_pack(graph, half).SerializeToString() for graph in (detector, dense))


def _trace(
    module: nn.Module,
    arguments: tuple[Tensor, ...],
    inputs: dict[str, dict[int, str]],
    outputs: dict[str, dict[int, str]],
    inner: list[str] | None = None,
) -> onnx.ModelProto:
    """The module as ONNX; `inputs` and `outputs` name them and their dynamic axes.

    The module's further outputs get the names `inner` and stay inside.
    """
    file = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # The tracing exporter: it keeps the names of weights, and the other one cannot follow sizes that
        # NMS decides
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            arguments,
            file,  # type: ignore[arg-type]
            input_names=list(inputs),
            output_names=[*outputs, *(inner or ())],
            dynamic_axes={**inputs, **outputs},
            opset_version=OPSET,
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
        )
    graph = onnx.load_from_string(file.getvalue())
    del graph.graph.output[len(outputs) :]
    for node in graph.graph.node:
        node.doc_string = ""
    return graph


def _pack(model: onnx.ModelProto, half: bool) -> onnx.ModelProto:
    """Weights of two and more axes in half precision, each with a Cast in front of its readers."""
    casts = []
    for weight in model.graph.initializer if half else ():
        if weight.data_type == TensorProto.FLOAT and len(weight.dims) > 1:
            full = weight.name
            packed = numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), full + HALF)
            weight.CopyFrom(packed)
            casts.append(
                helper.make_node("Cast", [packed.name], [full], f"{full}.cast", to=TensorProto.FLOAT)
            )
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def read_weights(source: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Weights by name from a checkpoint (the averaged ones), a model file or a packaged model's name.

    Raises FileNotFoundError or ValueError.
    """
    if Path(source).suffix in (".pt", ".ckpt"):
        return load_checkpoint(source)["ema"]["state"]
    file = ModelFile.open(source)
    state = {}
    models = [onnx.load_from_string(graph) for graph in (file.detector, file.dense)]
    for weight in (weight for model in models for weight in model.graph.initializer):
        if weight.name.startswith(PREFIX):
            name = weight.name.removeprefix(PREFIX).removesuffix(HALF)
            state[name] = torch.from_numpy(numpy_helper.to_array(weight).astype(np.float32))
    return state


def model_from_file(source: str | os.PathLike[str], name: str = "small") -> DensePoseRCNN:
    """The torch net with a model file's weights; training-only parts stay at their start."""
    model = MODELS[name]()
    load_weights(model, read_weights(source), str(source))
    return model.eval()
