"""From a trained net to the one-file model that the torch-free runtime reads, and back to weights.

The graphs keep the net's own names for their weights, norms unfolded (onnxruntime folds them when it loads):
so a model file is also a starting point for training, and beside the graphs of a net on crops lies what only
training reads. Kernels and matrices are stored in half precision, or kernels of a net on crops and of its
detector in 8-bit integers, in which they run as well (`quantise.py`).
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

import opendensepose
from opendensepose.io.files import atomic
from opendensepose.io.modelfile import CERTAINTY, REST, ModelFile, find_model
from opendensepose.model import crops, graphs
from opendensepose.model.crops import CropNet
from opendensepose.model.rcnn import MODELS, DensePoseRCNN
from opendensepose.model.teacher import Teacher
from opendensepose.quantise import Feeds, quantise, weights_of
from opendensepose.train.build import own_weights, saved_model
from opendensepose.train.checkpoint import load_all, load_checkpoint, load_weights
from opendensepose.train.dataset import still_batches
from opendensepose.train.sources import Source, find_sources

OPSET = 18
CHECKPOINTS = (".pt", ".ckpt")
PREFIX, HALF = "model.", ".half"  # around the net's own names of weights, in the graphs
TYPICAL = 100  # pictures whose people show how large a net on crops' values get
WHOLE, WHOLE_SIZE = 200, (344, 256)  # pictures, and their width and height, that show the detector's
# convolutions of the detector that lose people in 8-bit integers: the first, and those behind the backbone
FLOATS = ("/backbone/stem/stem.0/", "/fpn/", "/rpn/")


def export(
    checkpoint_or_model: str | os.PathLike[str] | DensePoseRCNN | CropNet,
    path: str | os.PathLike[str],
    *,
    detector: str | os.PathLike[str] | DensePoseRCNN = "small",
    name: str = "small",
    short: int = 256,
    long: int = 448,
    threshold: float = 0.5,
    half: bool = True,
    calibrate: str | os.PathLike[str] | None = None,  # folder of dense truth
    average: str | os.PathLike[str] | None = None,  # a model file, a packaged model or a checkpoint
    share: float = 0.6,
    extra: dict[str, Any] | None = None,  # further keys of model.json
) -> Path:
    """Write a model file; a checkpoint's averaged weights are used.

    With `calibrate` a net on crops and its detector run in 8-bit integers, whose ranges its pictures show.
    With `average` the net gets `share` of its own weights and the rest of those.

    A net on crops gets the people that `detector` finds: that of a model file, a packaged model or a
    checkpoint. `short` and `long` bound the sides of the detector's input. Raises FileNotFoundError, or
    ValueError for a bad checkpoint.
    """
    if isinstance(checkpoint_or_model, nn.Module):
        model, source = checkpoint_or_model, b""
    else:
        model, source = load_model(checkpoint_or_model), Path(checkpoint_or_model).read_bytes()
    further = dict(extra or {})
    if average is not None:
        model = averaged(model, average, share)
        digest = hashlib.sha256(find_model(average).read_bytes()).hexdigest()
        further |= {"average": {"share": share, "with_sha256": digest}}
    if isinstance(model, CropNet):
        finder = detector if isinstance(detector, DensePoseRCNN) else load_detector(detector)
        height, width = crops.CANVAS
        further |= {"crop": {"height": height, "width": width, "fill": crops.FILL}}
        further |= {"int8": ["detector.onnx", "dense.onnx"]} if calibrate else {}
        typical = find_sources([str(calibrate)]) if calibrate else ()
        members = crop_graphs(finder, model, half=half, typical=typical)
    else:
        if calibrate:
            raise ValueError("calibrate: expected a net on crops, got a DensePose-RCNN")
        finder, members = model, net_graphs(model, half=half)
    meta = {
        "format": 1,
        "name": name,
        "version": opendensepose.__version__,
        "atlas": model.atlas if isinstance(model, CropNet) else model.settings.atlas,
        "licence": "Apache-2.0",
        "input": {"short": short, "long": long, "upscale": False},
        "threshold": threshold,
        "max_people": finder.settings.max_people,
        "source_sha256": hashlib.sha256(source).hexdigest() if source else None,
        **further,
    }
    target = Path(path)
    with atomic(target) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("model.json"), json.dumps(meta, indent=1))
        for member, content in members.items():
            archive.writestr(
                zipfile.ZipInfo(member), content
            )  # ZipInfo: no clock, the same net gives the same bytes
    return target


def load_model(checkpoint: str | os.PathLike[str]) -> DensePoseRCNN | CropNet:
    """The net of a training checkpoint with its averaged weights, ready for use."""
    saved = load_checkpoint(checkpoint)
    model = saved_model(saved["config"])
    if isinstance(model, Teacher):
        expected = "a DensePose-RCNN or a net on crops"
        raise ValueError(f"checkpoint {checkpoint}: expected {expected}, got a {saved['config']['model']}")
    load_all(model, saved["ema"]["state"], f"checkpoint {checkpoint}")
    atlas = saved["config"].get("atlas")
    if isinstance(model, CropNet):
        model.atlas = atlas or model.atlas
    else:
        model.settings = replace(model.settings, atlas=atlas or model.settings.atlas)
    return model.eval()


def averaged(
    model: DensePoseRCNN | CropNet, other: str | os.PathLike[str], share: float
) -> DensePoseRCNN | CropNet:
    """The net with `share` (0..1) of its weights and the rest of those of a model file or checkpoint of it.

    Between weights before and after further training lie some that are better on other pictures than either
    (Wortsman et al., Robust fine-tuning of zero-shot models, 2022). Raises FileNotFoundError or ValueError.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share: expected 0..1, got {share}")
    mixed = copy.deepcopy(model)
    missing = load_weights(mixed, own_weights(mixed, read_weights(other)), f"average {other}")
    lacking = [name for name in missing if not name.startswith("presence.")]  # files of before have none
    if lacking:
        raise ValueError(f"average {other}: expected weights of the same net, got none for {lacking[0]}")
    own, theirs = model.state_dict(), mixed.state_dict()
    floating = [name for name, values in own.items() if values.is_floating_point()]
    mixed.load_state_dict(own | {name: torch.lerp(theirs[name], own[name], share) for name in floating})
    return mixed


def load_detector(source: str | os.PathLike[str]) -> DensePoseRCNN:
    """The net that finds people, of a checkpoint, a model file or a packaged model's name."""
    if Path(source).suffix not in CHECKPOINTS:
        return model_from_file(source)
    model = load_model(source)
    if not isinstance(model, DensePoseRCNN):
        raise ValueError(f"detector {source}: expected a DensePose-RCNN, got a net on crops")
    return model


def typical_pictures(sources: Sequence[Source]) -> list[Feeds]:
    """Inputs of a detector: the first pictures."""
    images = (source.pixels() for source in sources[:WHOLE])
    return [{"image": cv2.resize(image, WHOLE_SIZE, interpolation=cv2.INTER_AREA)} for image in images]


def typical_crops(sources: Sequence[Source]) -> list[Feeds]:
    """Inputs of a net on crops: the people of the first pictures."""
    batches = still_batches(list(sources[:TYPICAL]), crops.CANVAS, 16, crops.FILL)
    return [{"crops": batch.images.permute(0, 2, 3, 1).numpy()} for batch in batches]


def crop_graphs(
    detector: DensePoseRCNN, net: CropNet, *, half: bool = True, typical: Sequence[Source] = ()
) -> dict[str, bytes]:
    """The ONNX graphs of a net on crops and of the detector that finds its people, by their names.

    With `typical` pictures of dense truth in 8-bit integers; the detector but for `FLOATS`.
    """
    for model in (detector, net):
        model.eval().to(memory_format=torch.contiguous_format)
    image = torch.zeros(96, 128, 3, dtype=torch.uint8)
    cut = torch.zeros(2, *crops.CANVAS, 3, dtype=torch.uint8)
    outputs: dict[str, dict[int, str]] = {name: {0: "N"} for name in (*net.predictor.split, CERTAINTY)}
    people: dict[str, dict[int, str]] = {"boxes": {0: "N"}, "scores": {0: "N"}}
    traced = {
        "detector.onnx": _trace(graphs.People(detector), (image,), {"image": {0: "H", 1: "W"}}, people),
        "dense.onnx": _trace(graphs.Crops(net), (cut,), {"crops": {0: "N"}}, outputs),
    }
    if typical:
        whole, cuts = typical_pictures(typical), typical_crops(typical)
        traced["detector.onnx"] = quantise(traced["detector.onnx"], whole, keep=FLOATS)
        traced["dense.onnx"] = quantise(traced["dense.onnx"], cuts)
    traced[REST] = _rest(graphs.Crops(net), traced["dense.onnx"])
    return {name: _pack(graph, half).SerializeToString() for name, graph in traced.items()}


def net_graphs(model: DensePoseRCNN, *, half: bool = True) -> dict[str, bytes]:
    """The ONNX graphs by their names in the file; `half` stores kernels and matrices in half precision."""
    model = model.eval().to(memory_format=torch.contiguous_format)
    image = torch.zeros(96, 128, 3, dtype=torch.uint8)
    boxes = torch.tensor([[4.0, 8.0, 60.0, 90.0], [30.0, 10.0, 100.0, 80.0]])
    names = graphs.feature_names(model)
    maps = {name: {2: f"h{i}", 3: f"w{i}"} for i, name in enumerate(names)}
    with torch.no_grad():
        features = graphs.Detector(model)(image)[: len(names)]
    traced = {
        "detector.onnx": _trace(
            graphs.Detector(model),
            (image,),
            {"image": {0: "H", 1: "W"}},
            {**maps, "boxes": {0: "N"}, "scores": {0: "N"}},
            inner=graphs.stage_names(model),
        )
    }
    if graphs.decodes_late(model):
        decoded = {"decoded": {2: "h", 3: "w"}}
        inputs = {**maps, "boxes": {0: "N"}}
        traced["decoder.onnx"] = _trace(
            graphs.Decoding(model), (*features, boxes), inputs, {**decoded, "corner": {}}
        )
        with torch.no_grad():
            features, maps = graphs.Decoding(model)(*features, boxes)[:1], decoded
    traced["dense.onnx"] = _trace(
        graphs.Dense(model),
        (*features, boxes),
        {**maps, "boxes": {0: "N"}},
        {k: {0: "N"} for k in model.output_names},
    )
    return {name: _pack(graph, half).SerializeToString() for name, graph in traced.items()}


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
    _part_twins(graph.graph)
    return graph


def _rest(module: nn.Module, graph: onnx.ModelProto) -> onnx.ModelProto:
    """Weights of the module that its graph lacks, in a graph without steps: only training reads them."""
    own = {k: v for k, v in module.state_dict().items() if not k.endswith("num_batches_tracked")}
    lacking = sorted(own.keys() - weights_of(graph).keys())
    weights = [numpy_helper.from_array(own[name].numpy(), name) for name in lacking]
    empty = helper.make_graph([], "rest", [], [], weights)
    return helper.make_model(empty, opset_imports=graph.opset_import)


def _part_twins(graph: onnx.GraphProto) -> None:
    """Store equal weights one by one: the exporter stores one, and an Identity for each twin."""
    weights = {weight.name: weight for weight in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "Identity" and node.input[0] in weights]:
        twin = graph.initializer.add()
        twin.CopyFrom(weights[node.input[0]])
        twin.name = node.output[0]
        graph.node.remove(node)


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
    if Path(source).suffix in CHECKPOINTS:
        return load_checkpoint(source)["ema"]["state"]
    file = ModelFile.open(source)
    state = {}
    parts = [graph for graph in (file.detector, file.decoder, file.dense, file.rest) if graph]
    models = [onnx.load_from_string(graph) for graph in parts]
    for full, weight in (pair for model in models for pair in weights_of(model).items()):
        if full.startswith(PREFIX):
            name = full.removeprefix(PREFIX).removesuffix(HALF)
            state[name] = torch.from_numpy(weight.astype(np.float32))
    return state


def model_from_file(source: str | os.PathLike[str], name: str = "small") -> DensePoseRCNN:
    """The torch net with a model file's weights; training-only parts stay at their start."""
    model = MODELS[name]()
    load_weights(model, own_weights(model, read_weights(source)), str(source))
    return model.eval()
