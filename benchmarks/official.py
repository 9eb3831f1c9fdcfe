r"""Our numbers with official weights against those of the reference system, stage by stage.

    python -m benchmarks.parity --layout L.json --reference R.npz --image FILE \
        [--weights W.npz] [--backend onnx]

What the arrays of a reference file are: OUTPUTS.md beside it.
"""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from opendensepose.convert import BFLOAT16
from opendensepose.core.boxes import iou
from opendensepose.core.decode import quantise
from opendensepose.core.types import Result
from opendensepose.export import export
from opendensepose.io.image import read_image
from opendensepose.io.modelfile import ModelFile
from opendensepose.model.graphs import (
    Decoding,
    Dense,
    Detector,
    decodes_late,
    dense_inputs,
    feature_names,
    pyramid_names,
    stage_names,
)
from opendensepose.model.official import from_content
from opendensepose.model.rcnn import DensePoseRCNN
from opendensepose.runtime import Predictor
from opendensepose.runtime.preprocess import preprocess
from opendensepose.runtime.session import Session

Arrays = dict[str, NDArray[Any]]
Runner = Callable[[Arrays], Arrays]
SEEDED = Path(__file__).parents[2] / "shared/reference/detectron2/seeded_weights.py"
LEVELS = (2, 3, 4, 5, 6)
# how OUTPUTS.md thins maps out: every s-th row and column of level 2..6
FEATURE_STEPS, RPN_STEPS = (8, 4, 2, 1, 1), (4, 2, 1, 1, 1)
DENSE_NAMES = {"coarse": "coarse_segm", "fine": "fine_segm"}  # ours -> theirs
FEATURE_BAR, DENSE_BAR, PROPOSAL_BAR = 1e-4, 1e-3, 0.995
FAST_BAR = 0.03  # dense maps in the fast mode
BOX_BAR, SCORE_BAR, PIXEL_BAR = 0.05, 1e-4, 0.999


@dataclass(frozen=True)
class Figure:
    """One measured number and its bar."""

    name: str
    value: float
    bar: float
    at_least: bool = False  # else at most

    @property
    def passed(self) -> bool:
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        verdict = "ok" if self.passed else "MISSED"
        return f"{self.name:38s} {self.value:<12.6g} {sign} {self.bar:<8g} {verdict}"


@dataclass
class Net:
    """One backend: the whole detector with its stages, its box head alone, the dense head, the predictor."""

    detector: Runner  # image -> outputs and stages
    box_head: Runner  # p2.. p5, proposals -> box_logits, box_deltas
    predictor: Predictor
    pyramid: list[str]  # names of p2..p6


def seeded(layout: Path) -> Arrays:
    """Weights from keys and shapes, by the file seeded_weights.py beside the layout or in ../shared."""
    source = next((p for p in (layout.with_name("seeded_weights.py"), SEEDED) if p.is_file()), None)
    if source is None:
        raise FileNotFoundError(f"{SEEDED.name}: expected it beside {layout}, got no such file")
    spec = importlib.util.spec_from_file_location("seeded_weights", source)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module.fill_json(layout)


def open_net(weights: Arrays, short: int, folder: Path, *, backend: str = "torch", **options: Any) -> Net:
    """The net of these arrays behind the one runtime; `options` are the predictor's."""
    official = from_content({"model": weights})
    path = export_official(official.model, folder / "model.odp", short=short)
    file = ModelFile.open(path)
    predictor = Predictor(file, **options)
    if backend == "torch":
        return _torch_net(official.model, predictor)
    graph = onnx.load_from_string(file.detector)
    stages, pyramid = stage_names(official.model), pyramid_names(official.model)
    whole = subgraph(graph, ["image"], [o.name for o in graph.graph.output] + stages)
    head = subgraph(graph, [*pyramid[:4], "proposals"], ["box_logits", "box_deltas"])
    sessions = [Session(g, "detector", device="cpu") for g in (whole, head)]
    return Net(sessions[0].run, sessions[1].run, predictor, pyramid)


def export_official(model: DensePoseRCNN, path: Path, *, short: int, long: int = 1333) -> Path:
    """A model file that keeps full precision, with a network input of this short side."""
    size = {"short": short, "long": long, "upscale": True}
    return export(
        model,
        path,
        half=False,
        threshold=0.05,
        extra={"atlas": "smpl24", "input": size, "bfloat16": list(BFLOAT16)},
    )


@dataclass
class TorchGraph:
    """A module in the place of a session."""

    module: torch.nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def run(self, feeds: Arrays) -> Arrays:
        with torch.inference_mode():
            values = self.module(*(torch.tensor(feeds[n]) for n in self.inputs))
        return {name: value.numpy() for name, value in zip(self.outputs, values, strict=True)}


class BoxHead(torch.nn.Module):
    """The box branch at given boxes."""

    def __init__(self, model: DensePoseRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, *pyramid_and_boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        *pyramid, boxes = pyramid_and_boxes
        return self.model.box_head(self.model.pool_boxes([*pyramid, pyramid[-1]], [boxes]))


def _torch_net(model: DensePoseRCNN, predictor: Predictor) -> Net:
    features, pyramid = tuple(feature_names(model)), pyramid_names(model)
    detector = TorchGraph(Detector(model), ("image",), (*features, "boxes", "scores", *stage_names(model)))
    head = TorchGraph(BoxHead(model), (*pyramid[:4], "proposals"), ("box_logits", "box_deltas"))
    dense = TorchGraph(Dense(model), (*dense_inputs(model), "boxes"), tuple(model.predictor.split))
    if decodes_late(model):
        predictor._decoder = TorchGraph(  # type: ignore[assignment]
            Decoding(model), (*features, "boxes"), ("decoded", "corner")
        )
    predictor._detector, predictor._dense = detector, dense  # type: ignore[assignment]
    return Net(detector.run, head.run, predictor, pyramid)


def subgraph(model: onnx.ModelProto, inputs: list[str], outputs: list[str]) -> bytes:
    """The part of a graph between tensors that it names."""
    part = onnx.ModelProto()
    part.CopyFrom(model)
    makers = {name: node for node in model.graph.node for name in node.output}
    needed, queue = set(), list(outputs)
    while queue:
        node = makers.get(name := queue.pop())
        if node is not None and name not in inputs and id(node) not in needed:
            needed.add(id(node))
            queue += node.input
    nodes = [node for node in model.graph.node if id(node) in needed]
    for field, names in ((part.graph.input, inputs), (part.graph.output, outputs)):
        known = {value.name: value for value in (*model.graph.input, *model.graph.output)}
        del field[:]
        for name in names:
            field.append(known.get(name) or _float_tensor(name))
    del part.graph.node[:], part.graph.value_info[:]
    part.graph.node.extend(nodes)
    return part.SerializeToString()


def _float_tensor(name: str) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)


def compare(net: Net, reference: Arrays, image: Path) -> list[Figure]:
    """Every figure with its bar."""
    picture = read_image(image)
    resized = preprocess(picture, **net.predictor._input)
    stages = net.detector({"image": resized})
    off = _largest(resized[::4, ::4, ::-1].astype(float), reference["resized_bgr"])
    figures = [Figure("resized picture, grey levels", off, 0)]
    figures += _feature_figures(stages, net.pyramid, reference) + _box_figures(net, stages, reference)
    given = reference["given_boxes"]
    part, boxes = net.predictor._around(stages, given)
    maps = net.predictor._dense.run({**part, "boxes": boxes})
    figures += _dense_figures(maps, part.get("decoded"), reference)
    found = net.predictor(picture, threshold=0.05)
    figures += _detection_figures(found, reference)
    figures += _map_figures(found, net.predictor(picture, boxes=reference["given_boxes_orig"]), reference)
    return figures


def compare_fast(predictor: Predictor, reference: Arrays, image: Path) -> list[Figure]:
    """The dense maps at given boxes in the fast mode, from the picture on."""
    found = predictor._detector.run({"image": preprocess(read_image(image), **predictor._input)})
    part, boxes = predictor._around(found, reference["given_boxes"])
    maps = predictor._dense.run({**part, "boxes": boxes})
    return [
        Figure(name, relative_rms(value[:, :, 1::4, 1::4], reference[f"{name}_sub"]), FAST_BAR)
        for name, value in ((f"dp_{DENSE_NAMES.get(key, key)}", value) for key, value in maps.items())
    ]


def _feature_figures(stages: Arrays, pyramid: list[str], reference: Arrays) -> list[Figure]:
    figures = []
    for name, level, step, rpn_step in zip(pyramid, LEVELS, FEATURE_STEPS, RPN_STEPS, strict=True):
        feature = stages[name][0]
        height, width = feature.shape[1:]
        maps = {"feat": feature[::16, ::step, ::step]}
        wholes = {"feat": feature}
        for kind, thin in (("logits", rpn_step), ("deltas", 2 * rpn_step)):
            flat = stages[f"rpn_{kind}_{level}"][0].reshape(height, width, -1)  # (y, x, anchor [, 4])
            wholes[f"rpn_{kind}"] = flat.transpose(2, 0, 1)
            maps[f"rpn_{kind}"] = wholes[f"rpn_{kind}"][:, ::thin, ::thin]
        for kind, part in maps.items():
            figures += _array_figures(f"{kind}_p{level}", part, wholes[kind], reference, FEATURE_BAR)
    return figures


def _array_figures(
    name: str, part: NDArray[Any], whole: NDArray[Any], reference: Arrays, bar: float
) -> list[Figure]:
    """The sampled values (relative RMS) and the statistics of the whole array (relative to its RMS)."""
    stats = reference[f"{name}_stats"].reshape(-1, 6)
    rows = whole.reshape(len(stats), -1).astype(np.float64)
    mine = [rows.mean(1), rows.std(1), np.abs(rows).mean(1), np.sqrt((rows**2).mean(1))]
    # without least and greatest value: single elements, which a bar on the RMS is not about
    off = np.abs(np.stack(mine, 1) - stats[:, [0, 1, 4, 5]]) / stats[:, 5:]
    return [
        Figure(name, relative_rms(part, reference[f"{name}_sub"]), bar),
        Figure(f"{name}, statistics", float(off.max()), bar),
    ]


def _box_figures(net: Net, stages: Arrays, reference: Arrays) -> list[Figure]:
    head = net.box_head({**stages, "proposals": reference["given_boxes"]})
    overlap = iou(reference["prop_boxes"], stages["proposals"])
    found = min(float((overlap.max(axis) > 0.999).mean()) for axis in (0, 1))
    return [
        Figure("proposals found, IoU > 0.999", found, PROPOSAL_BAR, at_least=True),
        Figure("box_logits", relative_rms(head["box_logits"], reference["box_logits"]), FEATURE_BAR),
        Figure("box_deltas", relative_rms(head["box_deltas"], reference["box_deltas"]), FEATURE_BAR),
    ]


def _dense_figures(maps: Arrays, decoder: NDArray[Any] | None, reference: Arrays) -> list[Figure]:
    theirs = {f"dp_{DENSE_NAMES.get(name, name)}": value for name, value in maps.items()}
    expected = {f"dp_{name}" for name in reference["dp_chan_fields"]}
    if set(theirs) != expected:
        raise ValueError(f"dense outputs: expected {sorted(expected)}, got {sorted(theirs)}")
    figures = []
    if decoder is not None:  # whole: the given boxes reach from side to side
        figures += _array_figures("decoder", decoder[0, ::16, ::8, ::8], decoder, reference, FEATURE_BAR)
    for name, value in theirs.items():
        figures += _array_figures(name, value[:, :, 1::4, 1::4], value, reference, DENSE_BAR)
    return figures


def _detection_figures(found: Result, reference: Arrays) -> list[Figure]:
    boxes, scores = reference["det_boxes"], reference["det_scores"]
    distance = np.abs(found.boxes[None] - boxes[:, None]).max(2)  # [theirs, ours]
    nearest = distance.argmin(1)
    best = set(nearest.tolist()) == set(range(len(boxes)))
    return [
        Figure("detections: boxes, pixels", float(distance.min(1).max()), BOX_BAR),
        Figure("detections: scores", _largest(found.scores[nearest], scores), SCORE_BAR),
        Figure("detections: the same ones first", float(best), 1, at_least=True),
    ]


def _map_figures(found: Result, given: Result, reference: Arrays) -> list[Figure]:
    """Charts and quantised U, V at box size, of detections and of given boxes; confidences."""
    pairs, confidences = [], []
    for i in range(3):
        index = int(reference[f"iuv{i}_index"])
        person = int(np.abs(found.boxes - reference["det_boxes"][index]).max(1).argmin())
        pairs.append((_iuv(found, person)[:, ::2, ::2], reference[f"iuv{i}_quant"]))
    for i in range(len(given)):
        pairs.append((_iuv(given, i)[:, ::4, ::4], reference[f"given{i}_iuv_sub4"]))
        for name, plane in (given.dense[i].confidence or {}).items():
            if (key := f"given{i}_{name}_sub8") in reference:
                confidences.append(relative_rms(plane[::8, ::8], reference[key]))
    mine, theirs = (np.concatenate([p[k].reshape(3, -1) for p in pairs], 1).astype(int) for k in (0, 1))
    same = mine[0] == theirs[0]
    people = same & (mine[0] > 0)
    near = (np.abs(mine[1:] - theirs[1:]) <= 1).all(0)
    figures = [
        Figure("maps: equal charts", float(same.mean()), PIXEL_BAR, at_least=True),
        Figure("maps: U, V within 1", float(near[people].mean()), PIXEL_BAR, at_least=True),
    ]
    if confidences:
        figures.append(Figure("maps: confidences", max(confidences), DENSE_BAR))
    return figures


def _iuv(result: Result, person: int) -> NDArray[np.uint8]:
    dense = result.dense[person]
    return np.concatenate([dense.labels[None], quantise(dense.uv)])


def relative_rms(values: NDArray[Any], reference: NDArray[Any]) -> float:
    """Root mean square of the difference over that of the reference; infinite for other shapes."""
    if values.shape != reference.shape:
        return float("inf")
    gap = values.astype(np.float64) - reference
    return float(np.sqrt((gap**2).mean() / (reference.astype(np.float64) ** 2).mean()))


def _largest(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(np.abs(a - b).max(initial=0)) if a.shape == b.shape else float("inf")


def run(
    layout: Path,
    reference: Path,
    image: Path,
    weights: Path | None = None,
    backend: str = "torch",
    precision: str = "exact",
) -> list[Figure]:
    """Compare the layout's net on one picture; in the fast mode only what has a bar there."""
    arrays = dict(np.load(weights, allow_pickle=False)) if weights else seeded(layout)
    expected = {key: tuple(shape) for key, shape in json.loads(layout.read_text(encoding="utf-8"))}
    wrong = [key for key, shape in expected.items() if key not in arrays or arrays[key].shape != shape]
    if wrong:
        raise ValueError(f"weights: expected arrays as in {layout}, got none or another shape: {wrong[:3]}")
    truth = dict(np.load(reference, allow_pickle=False))
    short = int(truth["net_image_size"].min())
    with tempfile.TemporaryDirectory() as folder:
        if precision == "fast":
            path = export_official(from_content({"model": arrays}).model, Path(folder) / "m.odp", short=short)
            return compare_fast(Predictor(ModelFile.open(path), precision="fast"), truth, image)
        net = open_net(arrays, short, Path(folder), backend=backend)
        return compare(net, truth, image)
