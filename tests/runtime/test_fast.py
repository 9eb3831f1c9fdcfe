"""The fast mode: OpenVINO in bfloat16, close to the exact one."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import opendensepose as odp
import tiny_model
from opendensepose.runtime.fast import FastSession
from opendensepose.runtime.session import Session

REAL = Path(__file__).parents[3] / "shared" / "real"


@pytest.fixture
def openvino() -> None:
    pytest.importorskip("openvino")


def test_single_precision_equals_the_other_runtime(openvino: None) -> None:
    feeds = {"features_0": np.ones((1, 3, 5, 7), np.float32), "boxes": np.array([[1, 2, 3, 4]], np.float32)}
    exact = Session(tiny_model.dense(), "dense.onnx", device="cpu").run(feeds)
    last = {**feeds, "features_0": feeds["features_0"].transpose(0, 2, 3, 1)}
    fast = FastSession(tiny_model.dense(), "dense.onnx", half=False, threads=1)
    assert fast.device == "cpu" and set(fast.inputs) <= {"features_0", "boxes"}
    for name, value in fast.run(last).items():
        assert np.allclose(value, exact[name], atol=1e-6), name


def test_the_tiny_model(openvino: None, tmp_path: Path) -> None:
    path = tiny_model.write(tmp_path / "m.odp")
    picture = np.full((100, 80, 3), 200, np.uint8)
    exact, fast = (odp.load(path, precision=p)(picture) for p in ("exact", "fast"))
    assert len(fast) == len(exact) == 2 and np.allclose(fast.boxes, exact.boxes, atol=0.5)
    nobody = odp.load(path, precision="fast")(np.zeros((50, 60, 3), np.uint8))
    assert len(nobody) == 0


@pytest.mark.skipif(not REAL.is_dir(), reason="the real photos are not here")
def test_small_keeps_its_labels(openvino: None, tmp_path: Path) -> None:
    """At least 99 % of the people's pixels keep their chart (boxes given: the same for both).

    The packaged file is in integers, which OpenVINO leaves alone: its weights are exported in float.
    """
    pytest.importorskip("torch")
    from opendensepose.export import export, read_weights
    from opendensepose.model.crops import CropNet
    from opendensepose.train.build import own_weights
    from opendensepose.train.checkpoint import load_weights

    net = CropNet()
    load_weights(net, own_weights(net, read_weights("small")), "small")
    path = export(net.eval(), tmp_path / "float.odp", detector="small")
    street = REAL / "street.jpg"
    boxes = odp.load()(street).boxes
    exact, fast = (odp.load(path, precision=p)(street, boxes=boxes) for p in ("exact", "fast"))
    pixels = kept = 0
    for a, b in zip(exact.dense, fast.dense, strict=True):
        people = a.labels > 0
        pixels, kept = pixels + people.sum(), kept + (a.labels == b.labels)[people].sum()
    assert pixels > 1000 and kept >= 0.99 * pixels


def test_what_is_refused(monkeypatch: pytest.MonkeyPatch, tiny_file: Path) -> None:
    with pytest.raises(ValueError, match="precision: expected one of exact, fast, got 'int8'"):
        odp.load(precision="int8")
    with pytest.raises(ValueError, match="expected device cpu"):
        odp.load(precision="fast", device="cuda:0")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ValueError, match=r"expected OpenVINO, got none; pip install 'opendensepose\[fast\]'"):
        odp.load(tiny_file, precision="fast")
    odp.load("small", precision="fast")  # all in integers: nothing is left for OpenVINO to run


def test_a_broken_graph_is_one_line(openvino: None) -> None:
    with pytest.raises(ValueError, match=r"dense\.onnx: expected a graph that OpenVINO can load") as caught:
        FastSession(b"nothing", "dense.onnx", half=True)
    assert "\n" not in str(caught.value)


def test_names_survive_tensors_that_are_the_same(openvino: None) -> None:
    """A Concat of one input is that input: its tensor has two names, the graph's own must be found."""
    import onnx
    from onnx import TensorProto, helper

    node = helper.make_node("Concat", ["boxes"], ["inner"], axis=0)
    last = helper.make_node("Relu", ["inner"], ["coarse"])
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 4]) for n in ("boxes", "coarse")]
    graph = helper.make_graph([node, last], "g", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    session = FastSession(model.SerializeToString(), "g", half=False, threads=1)
    assert (session.inputs, session.outputs) == (("boxes",), ("coarse",))
    assert session.run({"boxes": np.full((2, 4), -1, np.float32)})["coarse"].tolist() == [[0] * 4] * 2
