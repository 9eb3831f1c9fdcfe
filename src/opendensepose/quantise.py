"""Convolutions of an ONNX graph in 8-bit integers: faster on CPUs, half the size; and back to weights.

Kernels are quantised per channel, with the norm behind each folded into it (Jacob et al. 2018, "Quantization
and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 3.2). The norms' own numbers
stay in the graph, unused, so that training can go on from it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

EPSILON = 1e-5  # of all norms
FOLDED = "folded_norms"  # metadata: JSON, kernel -> its norm's prefix
NUMBERS, SCALE, ZERO = "_quantized", "_scale", "_zero_point"  # what onnxruntime makes of a weight
Feeds = dict[str, NDArray]


def quantise(
    model: onnx.ModelProto, feeds: Iterable[Feeds], *, keep: tuple[str, ...] = ()
) -> onnx.ModelProto:
    """The graph with its convolutions in int8; `feeds` are typical inputs, which show how large values get.

    Those whose names begin with one of `keep` stay. Kernels have 7 bits: with 8, processors without
    VNNI overflow. Raises ValueError without feeds.
    """
    feeds = list(feeds)
    if not feeds:
        raise ValueError("calibration: expected at least one input, got none")
    kept = [node.name for node in model.graph.node if node.op_type == "Conv" and node.name.startswith(keep)]
    norms = fold_norms(model, kept)
    add_pre_process_metadata(model)  # folding is what it would warn of
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        quantize_static(
            model,
            path,
            _Reader(feeds),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=kept,
        )
        model = onnx.load(path)
    model.graph.initializer.extend(norms)
    return model


class _Reader(CalibrationDataReader):
    """What onnxruntime asks for inputs."""

    def __init__(self, feeds: list[Feeds]) -> None:
        self._feeds: Iterator[Feeds] = iter(feeds)

    def get_next(self) -> Feeds | None:
        return next(self._feeds, None)


def fold_norms(model: onnx.ModelProto, kept: Sequence[str] = ()) -> list[onnx.TensorProto]:
    """Fold each norm that follows a convolution into its kernel; returns the norms' numbers.

    Those behind the convolutions that are `kept`, by name, stay.
    `model` is changed in place, and its metadata say which kernel has which norm.
    """
    graph = model.graph
    weights = {weight.name: weight for weight in graph.initializer}
    makers = {node.output[0]: node for node in graph.node if node.op_type == "Conv"}
    readers = [name for node in graph.node for name in node.input]
    folded, numbers, gone = {}, [], []
    for node in graph.node:
        conv = makers.get(node.input[0]) if node.op_type == "BatchNormalization" else None
        if conv is None or conv.name in kept or readers.count(conv.output[0]) != 1:
            continue
        gamma, beta, mean, variance = (numpy_helper.to_array(weights[name]) for name in node.input[1:])
        kernel = weights[conv.input[1]]
        factor = gamma / np.sqrt(variance + EPSILON)
        if not factor.all():  # a block that begins as the identity: its kernels would be lost
            continue
        bias = numpy_helper.to_array(weights[conv.input[2]]) if len(conv.input) > 2 else np.zeros_like(beta)
        prefix = node.input[1].removesuffix("weight")
        graph.initializer.append(numpy_helper.from_array(beta + factor * (bias - mean), f"{prefix}folded"))
        del conv.input[2:]
        conv.input.append(f"{prefix}folded")
        scaled = numpy_helper.to_array(kernel) * factor.reshape(-1, *[1] * (len(kernel.dims) - 1))
        kernel.CopyFrom(numpy_helper.from_array(scaled.astype(np.float32), kernel.name))
        conv.output[0] = node.output[0]
        folded[kernel.name] = prefix
        numbers += [weights[name] for name in node.input[1:]]
        gone.append(node)
    for node in gone:
        graph.node.remove(node)
    for number in numbers:
        graph.initializer.remove(number)
    entry = model.metadata_props.add()
    entry.key, entry.value = FOLDED, json.dumps(folded)
    return numbers


def weights_of(model: onnx.ModelProto) -> dict[str, NDArray]:
    """All weights by name, quantised ones as float32, with the norms taken out of the kernels again."""
    found = {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}
    for name in [name for name in found if name.endswith(NUMBERS)]:
        full = name.removesuffix(NUMBERS)
        numbers = found.pop(name)
        stem = full if full + SCALE in found else name  # kernels, biases
        scale = found.pop(stem + SCALE)
        found.pop(stem + ZERO, None)
        found[full] = (numbers * scale.reshape(-1, *[1] * (numbers.ndim - 1))).astype(np.float32)
    for entry in model.metadata_props:
        if entry.key == FOLDED:
            for kernel, prefix in json.loads(entry.value).items():
                del found[f"{prefix}folded"]
                factor = found[f"{prefix}weight"] / np.sqrt(found[f"{prefix}running_var"] + EPSILON)
                found[kernel] = found[kernel] / factor.reshape(-1, *[1] * (found[kernel].ndim - 1))
    return found
