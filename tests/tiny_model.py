"""A model file small enough to predict by hand.

Detector: one person for each of `BOXES` (as parts of the network's input) with the scores `SCORES`, but none
in a picture whose first pixel has no red. The picture itself is its only feature map.
Dense head: every person has the same maps 8 x 8, those of `maps()`, but u is raised by the box's x1 / 1000,
so that the box that the graph was given can be read from its result.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIZE = 8
META: dict[str, Any] = {
    "format": 1,
    "name": "tiny",
    "version": "0",
    "atlas": "odp24",
    "licence": "CC0-1.0",
    "input": {"short": 64, "long": 128, "upscale": False},
    "threshold": 0.5,
    "max_people": 60,
    "source_sha256": "",
}
BOXES = (
    np.array([[1, 2, 5, 9], [4, 1, 9, 8], [0, 0, 10, 10]], np.float32) / 10
)  # of the input's width, height
SCORES = np.array([0.9, 0.7, 0.3], np.float32)


def maps() -> dict[str, NDArray[np.float32]]:
    """coarse [2, S, S], fine, u, v [25, S, S], spread [25, S, S], sure [1, S, S] of every person."""
    rng = np.random.default_rng(7)
    shapes = {"coarse": 2, "fine": 25, "u": 25, "v": 25, "spread": 25, "sure": 1}
    return {name: rng.standard_normal((c, SIZE, SIZE)).astype(np.float32) for name, c in shapes.items()}


def detector(boxes: NDArray[np.float32] = BOXES, scores: NDArray[np.float32] = SCORES) -> bytes:
    """image uint8 [H, W, 3] -> features_0 [1, 3, H, W], boxes [N, 4] xyxy pixels, scores [N]."""
    constants = {"b": boxes.reshape(-1, 4), "s": scores, "axes": np.array([0])}
    constants |= {"order": np.array([1, 0, 1, 0]), "first": np.array([0, 0, 0])}
    nodes = [
        ("Cast", ["image"], ["float"], {"to": TensorProto.FLOAT}),
        ("Transpose", ["float"], ["chw"], {"perm": [2, 0, 1]}),
        ("Unsqueeze", ["chw", "axes"], ["features_0"], {}),
        ("Shape", ["image"], ["shape"], {}),
        ("Gather", ["shape", "order"], ["whwh"], {}),
        ("Cast", ["whwh"], ["size"], {"to": TensorProto.FLOAT}),
        ("Mul", ["b", "size"], ["all_boxes"], {}),
        ("GatherND", ["float", "first"], ["red"], {}),
        ("Cast", ["red"], ["lit"], {"to": TensorProto.BOOL}),
        ("Cast", ["lit"], ["lit_number"], {"to": TensorProto.INT64}),
        ("Shape", ["s"], ["n"], {}),
        ("Mul", ["n", "lit_number"], ["end"], {}),
        ("Slice", ["all_boxes", "start", "end", "axes"], ["boxes"], {}),
        ("Slice", ["s", "start", "end", "axes"], ["scores"], {}),
    ]
    constants["start"] = np.array([0])
    outputs = {"features_0": [1, 3, "H", "W"], "boxes": ["N", 4], "scores": ["N"]}
    return _graph(nodes, constants, {"image": (TensorProto.UINT8, ["H", "W", 3])}, outputs)


def dense(extra: bool = False, *, certainty: bool = False) -> bytes:
    """features_0, boxes [N, 4] -> coarse, fine, u, v [N, C, S, S]; u is raised by x1 of the box / 1000.

    With `certainty` also that: x1 of the box / 1000.
    """
    constants: dict[str, Any] = {"axes": np.array([2, 3])}
    constants |= {"start": np.array([0]), "end": np.array([1]), "axis": np.array([1])}
    constants |= {"kilo": np.array(1000, np.float32), "zero": np.array(0, np.float32)}
    nodes = [
        ("Slice", ["boxes", "start", "end", "axis"], ["x1"], {}),
        ("Unsqueeze", ["x1", "axes"], ["x1_map"], {}),  # [N, 1, 1, 1]
        ("Div", ["x1_map", "kilo"], ["raise"], {}),
        ("Mul", ["raise", "zero"], ["none"], {}),
    ]
    outputs: dict[str, list[Any]] = {}
    if certainty:
        nodes += [("Div", ["x1", "kilo"], ["column"], {}), ("Squeeze", ["column", "axis"], ["certainty"], {})]
        outputs["certainty"] = ["N"]
    for name, values in maps().items():
        if extra or name in ("coarse", "fine", "u", "v"):
            constants[f"{name}_table"] = values[None]
            nodes.append(("Add", [f"{name}_table", "raise" if name == "u" else "none"], [name], {}))
            outputs[name] = ["N", len(values), SIZE, SIZE]
    inputs = {"features_0": (TensorProto.FLOAT, [1, 3, "H", "W"]), "boxes": (TensorProto.FLOAT, ["N", 4])}
    return _graph(nodes, constants, inputs, outputs)


def write(path: Path, *, without: str = "", **parts: Any) -> Path:
    """Write a model file; `parts` replace the usual ones, `without` leaves a member out."""
    meta = parts.get("meta", META)
    members = {
        "detector.onnx": parts.get("detector") or detector(),
        "dense.onnx": parts.get("dense") or dense(),
        "model.json": meta if isinstance(meta, bytes) else json.dumps(meta).encode(),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", parts.get("compression", zipfile.ZIP_STORED)) as archive:
        for name, data in members.items():
            if name != without:
                archive.writestr(name, data)
    path.write_bytes(buffer.getvalue())
    return path


def _graph(
    nodes: list[tuple[str, list[str], list[str], dict[str, Any]]],
    constants: dict[str, NDArray[Any]],
    inputs: dict[str, tuple[int, list[Any]]],
    outputs: dict[str, list[Any]],
) -> bytes:
    graph = helper.make_graph(
        [helper.make_node(kind, ins, outs, **attributes) for kind, ins, outs, attributes in nodes],
        "tiny",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()
