import json
import zipfile

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from benchmarks.parity import compare, noise_pictures
from opendensepose.export import export, graphs, model_from_file, read_weights
from opendensepose.io.modelfile import ModelFile
from opendensepose.model.graphs import Dense
from opendensepose.runtime import load


@pytest.fixture
def trained(tiny_net):
    """A net whose norms are not the identity and that finds something."""
    rng = torch.Generator().manual_seed(3)
    for module in tiny_net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2, generator=rng)
            module.running_var.uniform_(0.5, 2, generator=rng)
            module.weight.data.uniform_(0.5, 1.5, generator=rng)
    return tiny_net.eval()


def test_full_precision_is_the_same_net(trained, tmp_path):
    file = ModelFile.open(export(trained, tmp_path / "a.odp", half=False))
    table = compare(trained, file, noise_pictures(5), score=0.0)
    assert table["boxes"] == table["matched"] >= 5
    assert table["features"] < 1e-4 and table["box_pixels"] < 0.01 and table["score"] < 1e-4
    assert table["labels"] < 1e-3 and table["uv_max"] < 1e-4


def test_half_precision_is_close(trained, tmp_path):
    file = ModelFile.open(export(trained, tmp_path / "a.odp"))
    table = compare(trained, file, noise_pictures(3), score=0.0)
    assert table["features"] < 0.01 and table["labels"] < 0.02 and table["uv_max"] < 0.01


@pytest.mark.parametrize("count", [0, 1, 7])
def test_any_number_of_boxes(trained, count):
    session = ort.InferenceSession(graphs(trained)["dense.onnx"])
    features = np.random.default_rng(0).normal(size=(1, 24, 16, 8)).astype(np.float32)
    boxes = np.tile(np.array([[2.5, 3, 20, 60]], np.float32), (count, 1))
    got = session.run(None, {"features_0": features, "boxes": boxes})
    assert [x.shape for x in got] == [(count, c, 56, 56) for c in (2, 25, 25, 25)]
    with torch.no_grad():
        expected = Dense(trained)(torch.from_numpy(features), torch.from_numpy(boxes))
    assert all(np.allclose(a, b, atol=0.02) for a, b in zip(got, expected, strict=True))


@pytest.mark.parametrize("size", [(1, 1), (31, 500), (64, 33)])
def test_any_size(trained, size):
    session = ort.InferenceSession(graphs(trained)["detector.onnx"])
    features, boxes, scores = session.run(None, {"image": np.full((*size, 3), 90, np.uint8)})
    padded = [-(-n // 32) * 32 for n in size]
    assert features.shape[2:] == (padded[0] // 4, padded[1] // 4)
    assert len(boxes) == len(scores) and (np.diff(scores) <= 0).all()
    assert (boxes >= 0).all() and (boxes <= np.array([*size[::-1]] * 2)).all()


def test_the_runtime_reads_it(trained, tmp_path):
    path = export(trained, tmp_path / "a.odp", name="mine", short=64, long=96, threshold=0.0)
    result = load(path)(np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8))
    assert len(result) > 0 and result.dense[0].labels.shape == result.dense[0].uv.shape[1:]
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("model.json"))["name"] == "mine"
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())


def test_same_net_same_bytes(trained, tmp_path):
    first, second = (export(trained, tmp_path / name).read_bytes() for name in ("a.odp", "b.odp"))
    assert first == second


def test_weights_come_back(trained, tmp_path):
    path = export(trained, tmp_path / "a.odp")
    back = model_from_file(path, "tiny").state_dict()
    for name, value in trained.state_dict().items():
        if not name.startswith("presence") and not name.endswith("num_batches_tracked"):
            assert torch.allclose(back[name], value, rtol=1e-3, atol=1e-6), name


def test_graphs_hold_no_path_of_this_machine(trained):
    for graph in graphs(trained).values():
        model = onnx.load_from_string(graph)
        assert b"/opendensepose/" not in graph and b"site-packages" not in graph
        assert {d.domain for d in model.opset_import} <= {"", "ai.onnx"}


def test_absent_and_broken_sources(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a model file or a packaged name"):
        read_weights("no-such-model")
    (tmp_path / "a.odp").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="expected a whole model file"):
        read_weights(tmp_path / "a.odp")
