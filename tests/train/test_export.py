import copy
import hashlib
import json
import zipfile

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from benchmarks.parity import compare, noise_pictures
from opendensepose.core.crops import person_window
from opendensepose.core.decode import decode
from opendensepose.core.types import ChartLogits
from opendensepose.export import export, model_from_file, net_graphs, read_weights
from opendensepose.io.modelfile import ModelFile
from opendensepose.model.crops import CANVAS
from opendensepose.model.graphs import CLEAR, UNDONE, USUAL, Dense
from opendensepose.model.losses import RARE
from opendensepose.runtime import load
from opendensepose.runtime.preprocess import cut_out
from opendensepose.surface.parts import MIRROR_CHART
from opendensepose.train.checkpoint import save_checkpoint


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
    session = ort.InferenceSession(net_graphs(trained)["dense.onnx"])
    features = np.random.default_rng(0).normal(size=(1, 24, 16, 8)).astype(np.float32)
    boxes = np.tile(np.array([[2.5, 3, 20, 60]], np.float32), (count, 1))
    got = session.run(None, {"features_0": features, "boxes": boxes})
    assert [x.shape for x in got] == [(count, c, 56, 56) for c in (2, 25, 25, 25)]
    with torch.no_grad():
        expected = Dense(trained)(torch.from_numpy(features), torch.from_numpy(boxes))
    assert all(np.allclose(a, b, atol=0.02) for a, b in zip(got, expected, strict=True))


@pytest.mark.parametrize("size", [(1, 1), (31, 500), (64, 33)])
def test_any_size(trained, size):
    session = ort.InferenceSession(net_graphs(trained)["detector.onnx"])
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


def log_mean_around(logits):
    """Logarithms of the mean probabilities of each cell of [N, C, S, T] and the up to eight beside it."""
    chances = np.exp(logits - logits.max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    means = np.empty_like(chances)
    for y, x in np.ndindex(*logits.shape[2:]):
        means[:, :, y, x] = chances[:, :, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].mean((2, 3))
    return np.log(means)


def as_used(maps):
    """The logits of charts that a model file gives, from the maps of the net on crops."""
    logits = log_mean_around(maps["fine"])
    chances = np.exp(maps["fine"] - maps["fine"].max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    for n, k in np.ndindex(*logits.shape[:2]):
        inside = maps["coarse"][n].argmax(0) > 0
        cells = chances[n, k][inside].sum()  # so many each chart of the person takes
        logits[n, k] += UNDONE * np.log(cells + RARE * inside.size)
    return logits


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_net_on_crops_is_the_same_net(trained, crop_net, tmp_path, count):
    file = ModelFile.open(export(crop_net, tmp_path / "a.odp", detector=trained, half=False))
    assert file.meta["crop"] == {"height": 192, "width": 160, "fill": 0.9}
    cut = np.random.default_rng(0).integers(0, 256, (count, *CANVAS, 3), dtype=np.uint8)
    got = ort.InferenceSession(file.dense).run(None, {"crops": cut})
    *got, certainty = got
    with torch.no_grad():
        expected, context = crop_net(torch.from_numpy(cut).permute(0, 3, 1, 2).float())
        somebody = crop_net.person(context)[:, 0].numpy()
    assert [x.shape for x in got] == [(count, c, 96, 80) for c in (2, 25, 25, 25)]
    maps = {name: values.numpy() for name, values in expected.items()}
    maps["fine"] = as_used(maps)
    for n in range(count):
        inside = got[0][n].argmax(0) > 0
        fine = maps["fine"][n]
        chances = np.exp(fine - fine.max(0))
        best = (chances / chances.sum(0))[1:].max(0)
        sure = np.clip(best[inside].mean() if inside.any() else 0, 1e-6, 1)
        logit = somebody[n] + CLEAR * (np.log(sure / (1 - sure)) - USUAL)
        assert certainty[n] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-4)
    for values, name in zip(got, maps, strict=True):
        assert np.allclose(values, maps[name], atol=1e-3)
    image = np.random.default_rng(1).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    boxes, scores = ort.InferenceSession(file.detector).run(None, {"image": image})
    _, *expected_people = ort.InferenceSession(net_graphs(trained, half=False)["detector.onnx"]).run(
        ["features_0", "boxes", "scores"], {"image": image}
    )
    assert np.allclose(boxes, expected_people[0], atol=0.01) and np.allclose(scores, expected_people[1])


def seen_twice(net, cut):
    """Maps of crops averaged with those of their mirror images, channel by channel: ATLAS's mirror rule."""
    straight, turned = ({k: m.numpy() for k, m in net(x)[0].items()} for x in (cut, cut.flip(3)))
    means = {}
    straight["fine"], turned["fine"] = (as_used(maps) for maps in (straight, turned))
    for name, maps in straight.items():
        back = np.zeros_like(maps)
        for k in range(maps.shape[1]):
            values = turned[name][:, MIRROR_CHART[k] if maps.shape[1] == 25 else k, :, ::-1]
            turns = (name == "u" and k in (3, 4, 5, 6, 23, 24)) or (name == "v" and k in (1, 2))
            back[:, k] = 1 - values if turns else values
        means[name] = (maps + back) / 2
    return means


def test_the_runtime_reads_a_net_on_crops(trained, crop_net, tmp_path):
    path = export(crop_net, tmp_path / "a.odp", detector=trained)
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    box = np.array([20, 30, 120, 190], np.float32)
    (person,) = load(path)(image, boxes=box[None]).dense
    window = person_window(box, CANVAS, 0.9)
    cut = torch.from_numpy(cut_out(image, window, CANVAS))
    with torch.no_grad():
        maps = seen_twice(crop_net, cut.permute(2, 0, 1)[None].float())
    whole = np.array([[window[0], window[1], window[0] + window[2], window[1] + window[3]]])
    (expected,) = decode(ChartLogits(*(maps[k] for k in ("coarse", "fine", "u", "v"))), whole)
    x, y = person.box[0] - window[0], person.box[1] - window[1]
    there = expected.labels[y : y + person.box[3], x : x + person.box[2]]
    assert (person.labels == there).mean() > 0.98  # weights in half precision
    uv = expected.uv[:, y : y + person.box[3], x : x + person.box[2]]
    both = (person.labels == there) & (there > 0)
    assert np.abs(person.uv - uv)[:, both].max() < 0.02


def test_both_nets_come_back_from_a_model_file(trained, crop_net, tmp_path, monkeypatch):
    path = export(crop_net, tmp_path / "a.odp", detector=trained)
    state = read_weights(path)
    for net, prefix in ((trained.rpn, "rpn."), (crop_net, "crops.")):
        for name, values in net.state_dict().items():
            if prefix + name in state:
                assert torch.allclose(state[prefix + name], values, rtol=1e-2, atol=1e-3)
    assert {f"crops.{k}" for k in crop_net.state_dict() if "num_batches" not in k} <= state.keys()
    presence = state["crops.presence.weight"]  # no graph has a use for it, training goes on from it
    assert torch.allclose(presence, crop_net.presence.weight, rtol=1e-3, atol=1e-6)
    again = export(crop_net, tmp_path / "b.odp", detector=model_from_file(path, "tiny"))
    assert ModelFile.open(again).detector == ModelFile.open(path).detector


@pytest.mark.parametrize("suffix", [".odp", ".pt"])
def test_weights_lie_between_those_of_two_files(trained, crop_net, tmp_path, suffix):
    before = copy.deepcopy(crop_net)
    for values in crop_net.parameters():
        values.data += torch.randn_like(values) / 10
    other = tmp_path / f"before{suffix}"
    if suffix == ".odp":
        export(before, other, detector=trained, half=False)
    else:
        save_checkpoint(other, {"ema": {"state": before.state_dict()}})
    path = export(
        crop_net, tmp_path / "a.odp", detector=trained, half=False, average=other, share=0.3, name="a"
    )
    state = read_weights(path)
    for name, values in before.state_dict().items():
        if "num_batches" not in name:
            expected = 0.3 * crop_net.state_dict()[name] + 0.7 * values
            assert torch.allclose(state[f"crops.{name}"], expected, atol=1e-6), name
    assert ModelFile.open(path).meta["average"] == {
        "share": 0.3,
        "with_sha256": hashlib.sha256(other.read_bytes()).hexdigest(),
    }


def test_weights_of_another_net_are_not_mixed_in(trained, crop_net, tmp_path):
    save_checkpoint(tmp_path / "b.pt", {"ema": {"state": trained.state_dict()}})
    with pytest.raises(ValueError, match=r"^average .*b\.pt: expected weights of this net"):
        export(crop_net, tmp_path / "a.odp", detector=trained, average=tmp_path / "b.pt")
    state = crop_net.state_dict()
    del state["mix.conv1.conv.weight"]
    save_checkpoint(tmp_path / "b.pt", {"ema": {"state": state}})
    with pytest.raises(ValueError, match=r"expected weights of the same net, got none for mix\.conv1\.conv"):
        export(crop_net, tmp_path / "a.odp", detector=trained, average=tmp_path / "b.pt")
    with pytest.raises(ValueError, match=r"^share: expected 0\.\.1, got 1\.5$"):
        export(crop_net, tmp_path / "a.odp", detector=trained, average="small", share=1.5)
    assert not (tmp_path / "a.odp").exists()


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
    for graph in net_graphs(trained).values():
        model = onnx.load_from_string(graph)
        assert b"/opendensepose/" not in graph and b"site-packages" not in graph
        assert {d.domain for d in model.opset_import} <= {"", "ai.onnx"}


def test_absent_and_broken_sources(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a model file or a packaged name"):
        read_weights("no-such-model")
    (tmp_path / "a.odp").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="expected a whole model file"):
        read_weights(tmp_path / "a.odp")
