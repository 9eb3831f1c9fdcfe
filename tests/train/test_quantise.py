"""Graphs in 8-bit integers: the same function within their steps, and the weights that made them."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from opendensepose.cli import main
from opendensepose.export import export, read_weights, typical_crops
from opendensepose.io.modelfile import ModelFile
from opendensepose.model.crops import CropNet
from opendensepose.quantise import EPSILON, fold_norms, quantise, weights_of
from opendensepose.runtime import load
from opendensepose.train.sources import find_sources


def small_graph(rng):
    """x [N, 3, 8, 8] -> a convolution, its norm, ReLU, and a convolution without a norm; its weights."""
    numbers = {
        "a.weight": rng.normal(0, 0.3, (6, 3, 3, 3)),
        "n.weight": rng.uniform(0.5, 1.5, 6),
        "n.bias": rng.normal(0, 0.2, 6),
        "n.running_mean": rng.normal(0, 0.2, 6),
        "n.running_var": rng.uniform(0.5, 2, 6),
        "b.weight": rng.normal(0, 0.3, (4, 6, 1, 1)),
        "b.bias": rng.normal(0, 0.2, 4),
    }
    numbers = {name: values.astype(np.float32) for name, values in numbers.items()}
    norm = ["n.weight", "n.bias", "n.running_mean", "n.running_var"]
    nodes = [
        helper.make_node("Conv", ["x", "a.weight"], ["c"], "a", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", *norm], ["d"], "n", epsilon=EPSILON),
        helper.make_node("Relu", ["d"], ["e"], "r"),
        helper.make_node("Conv", ["e", "b.weight", "b.bias"], ["y"], "b"),
    ]
    sides = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", c, 8, 8])
        for name, c in (("x", 3), ("y", 4))
    ]
    stored = [numpy_helper.from_array(values, name) for name, values in numbers.items()]
    graph = helper.make_graph(nodes, "g", sides[:1], sides[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), numbers


def run(model, x):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(model.SerializeToString(), options).run(None, {"x": x})[0]


def test_folded_norms_change_nothing():
    rng = np.random.default_rng(0)
    model, numbers = small_graph(rng)
    x = rng.normal(size=(2, 3, 8, 8)).astype(np.float32)
    before = run(model, x)
    norms = fold_norms(model)
    assert [node.op_type for node in model.graph.node] == ["Conv", "Relu", "Conv"]
    assert np.allclose(run(model, x), before, atol=1e-5)
    assert {norm.name for norm in norms} == {name for name in numbers if name.startswith("n.")}


def test_quantised_convolutions_are_close_and_give_their_weights_back():
    rng = np.random.default_rng(1)
    model, numbers = small_graph(rng)
    x = rng.normal(size=(4, 3, 8, 8)).astype(np.float32)
    before = run(model, x)
    small = quantise(model, [{"x": x}])
    onnx.checker.check_model(small)
    stored = {weight.name: weight.data_type for weight in small.graph.initializer}
    assert stored["a.weight_quantized"] == stored["b.weight_quantized"] == TensorProto.INT8
    error = run(small, x) - before
    assert 0 < np.abs(error).max() < 0.05 * before.std() + 0.05
    back = weights_of(small)
    assert set(numbers) <= set(back) and not any(name.endswith("folded") for name in back)
    for name, values in numbers.items():
        # half a step of 7 bits, of each channel
        step = np.abs(values).reshape(len(values), -1).max(1) / 63
        off = np.abs(back[name] - values).reshape(len(values), -1).max(1)
        assert (off <= 0.51 * step + 1e-3).all(), name


def test_a_net_on_crops_in_integers(tiny_net, crop_net, people, tmp_path):
    half = export(crop_net, tmp_path / "half.odp", detector=tiny_net)
    small = export(crop_net, tmp_path / "small.odp", detector=tiny_net, calibrate=people)
    stored = {w.name for w in onnx.load_from_string(ModelFile.open(small).detector).graph.initializer}
    assert "model.backbone.stem.1.conv.weight_quantized" in stored  # most of the backbone
    kept = {"model.backbone.stem.0.conv.weight", "model.fpn.output.1.conv.weight", "model.rpn.conv.weight"}
    assert {f"{name}.half" for name in kept} <= stored
    graph = onnx.load_from_string(ModelFile.open(small).dense).graph
    kinds = [
        weight.data_type for weight in graph.initializer if weight.name.endswith("conv.weight_quantized")
    ]
    assert len(kinds) > 10 and set(kinds) == {TensorProto.INT8}
    seen = typical_crops(find_sources([str(people)]))[0]
    maps = [load(path)._looks._dense.run(seen) for path in (half, small)]
    for name in ("coarse", "fine", "u", "v"):
        first, second = (m[name].ravel() for m in maps)
        assert np.corrcoef(first, second)[0, 1] > 0.98, name
    stored = read_weights(small)
    for name, values in crop_net.state_dict().items():
        if f"crops.{name}" in stored:
            assert torch.allclose(stored[f"crops.{name}"], values, atol=float(values.abs().max()) / 60), name
    wanted = {k for k in crop_net.state_dict() if "num_batches" not in k}
    assert wanted <= {k.removeprefix("crops.") for k in stored}
    for name, values in tiny_net.state_dict().items():
        if name in stored:
            assert torch.allclose(stored[name], values, atol=float(values.abs().max()) / 60), name
    assert {"backbone.stem.1.conv.weight", "rpn.conv.weight", "box_head.scores.weight"} <= stored.keys()


def test_convolutions_that_are_to_stay_keep_their_norms_and_numbers():
    rng = np.random.default_rng(3)
    model, numbers = small_graph(rng)
    x = rng.normal(size=(2, 3, 8, 8)).astype(np.float32)
    small = quantise(model, [{"x": x}], keep=("a",))
    assert [node.op_type for node in small.graph.node].count("BatchNormalization") == 1
    back = weights_of(small)
    for name, values in numbers.items():
        if name[0] != "b":
            assert np.allclose(back[name], values), name
    assert "b.weight_quantized" in {weight.name for weight in small.graph.initializer}


def test_weights_that_are_equal_are_all_stored(tiny_net, people, tmp_path):
    """As those of new norms are: the exporter makes one array of them."""
    net = CropNet(widths=(8, 12, 16, 24), depths=(1, 2, 2, 1), up=(8, 12, 16))
    torch.nn.init.zeros_(net.mix.conv2.norm.weight)  # folded in, its kernel would be lost
    wanted = {name for name in net.state_dict() if "num_batches" not in name}
    for calibrate in (None, people):
        stored = read_weights(export(net, tmp_path / "m.odp", detector=tiny_net, calibrate=calibrate))
        assert wanted == {name.removeprefix("crops.") for name in stored if name.startswith("crops.")}
        assert all(torch.isfinite(values).all() for values in stored.values())
    assert len(load(tmp_path / "m.odp")._dense.run(typical_crops(find_sources([str(people)]))[0])) == 5


def test_norms_behind_no_convolution_stay():
    rng = np.random.default_rng(2)
    model, _ = small_graph(rng)
    model.graph.node[0].op_type = "ConvTranspose"
    model.graph.initializer[0].CopyFrom(
        numpy_helper.from_array(rng.normal(0, 0.3, (3, 6, 3, 3)).astype(np.float32), "a.weight")
    )
    assert fold_norms(model) == []
    assert [node.op_type for node in model.graph.node][1] == "BatchNormalization"


def test_what_cannot_be_quantised_is_named(tiny_net, crop_net, people, tmp_path):
    with pytest.raises(ValueError, match="calibrate: expected a net on crops"):
        export(tiny_net, tmp_path / "a.odp", calibrate=people)
    with pytest.raises(FileNotFoundError, match=r"expected annotations\.json"):
        export(crop_net, tmp_path / "a.odp", detector=tiny_net, calibrate=tmp_path)
    with pytest.raises(ValueError, match="expected at least one input"):
        quantise(small_graph(np.random.default_rng(0))[0], [])
    assert not (tmp_path / "a.odp").exists()
    done = CliRunner().invoke(main, ["export", "--help"])
    assert "--calibrate DIR" in done.output
