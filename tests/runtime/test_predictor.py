"""From image to Result with a model whose answers are known."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import opendensepose as odp
import tiny_model
from opendensepose.core.decode import decode
from opendensepose.core.types import ChartLogits
from opendensepose.runtime import predictor as module

GREY = 9


@pytest.fixture(scope="module")
def predictor(tiny_file: Path) -> odp.Predictor:
    return odp.load(tiny_file, device="cpu", threads=1)


def picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), GREY, np.uint8)


def crowd(tmp_path: Path, n: int) -> odp.Predictor:
    """A model that finds n people."""
    rng = np.random.default_rng(n)
    start = rng.uniform(0, 0.5, (n, 2))
    boxes = np.concatenate([start, start + rng.uniform(0.1, 0.5, (n, 2))], 1).astype(np.float32)
    detector = tiny_model.detector(boxes, np.linspace(1, 0.6, n, dtype=np.float32))
    return odp.load(tiny_model.write(tmp_path / f"{n}.odp", detector=detector), device="cpu", threads=1)


def test_people_are_where_the_model_says(predictor: odp.Predictor) -> None:
    result = predictor(picture(200, 100))  # network input 128 x 64
    assert result.image_size == (200, 100) and result.atlas == "odp24"
    np.testing.assert_allclose(result.scores, [0.9, 0.7])  # the third is below the threshold
    np.testing.assert_allclose(result.boxes, tiny_model.BOXES[:2] * [100, 200, 100, 200], rtol=1e-6)
    assert result.image is not None and (result.image == GREY).all()


def test_maps_are_decoded_at_the_boxes_in_the_image(predictor: odp.Predictor) -> None:
    result = predictor(picture(200, 100))
    maps = {name: values[None] for name, values in tiny_model.maps().items()}
    for person, box in zip(result.dense, result.boxes, strict=True):
        x1 = box[0] * 64 / 100  # in the network's pixels
        logits = ChartLogits(maps["coarse"], maps["fine"], maps["u"] + np.float32(x1 / 1000), maps["v"])
        expected = decode(logits, box[None])[0]
        assert person.box == expected.box
        assert np.array_equal(person.labels, expected.labels)
        np.testing.assert_allclose(person.uv, expected.uv, atol=2e-6)
        assert person.confidence is None


def test_confidences_by_name(tmp_path: Path) -> None:
    path = tiny_model.write(tmp_path / "m.odp", dense=tiny_model.dense(extra=True))
    for person in odp.load(path, device="cpu")(picture(30, 40)).dense:
        assert person.confidence is not None and set(person.confidence) == {"spread", "sure"}
        assert person.confidence["sure"].shape == person.labels.shape


def test_threshold(predictor: odp.Predictor) -> None:
    assert [len(predictor(picture(50, 50), threshold=t)) for t in (0.0, 0.3, 0.5, 0.8, 1.0)] == [
        3,
        3,
        2,
        1,
        0,
    ]


def test_nobody_one_and_many_are_the_same_type(tmp_path: Path, predictor: odp.Predictor) -> None:
    nobody = predictor(np.zeros((20, 30, 3), np.uint8))
    assert len(nobody) == 0 and nobody.boxes.shape == (0, 4) and nobody.dense == ()
    for n in (1, 7, 8, 9, 50):  # around the size of a chunk
        result = crowd(tmp_path, n)(picture(60, 90))
        assert type(result) is type(nobody) and len(result) == len(result.dense) == n
        assert (np.diff(result.scores) <= 0).all()
        u = tiny_model.maps()["u"]
        for person, box in zip(result.dense, result.boxes, strict=True):  # each map is of its own box
            r, c = np.argwhere(person.labels > 0)[0]
            chart = person.labels[r, c]
            assert (
                u[chart].min() - 1e-4 <= person.uv[0, r, c] - box[0] * 60 / 90 / 1000 <= u[chart].max() + 1e-4
            )


def test_at_most_max_people(tmp_path: Path) -> None:
    assert len(crowd(tmp_path, 70)(picture(60, 90))) == 60


@pytest.mark.parametrize(("h", "w"), [(1, 1), (1, 400), (400, 1), (8000, 6000)])
def test_odd_sizes(predictor: odp.Predictor, h: int, w: int) -> None:
    result = predictor(picture(h, w), threshold=0.8)
    assert result.image_size == (h, w)
    assert (result.boxes[:, 2:] <= [w, h]).all() and (result.boxes >= 0).all()
    assert len(result.dense) == len(result) > 0


def test_boxes_without_area_are_dropped(tmp_path: Path) -> None:
    boxes = np.array(
        [[0.2, 0.2, 0.2, 0.9], [0.1, 0.1, 0.6, 0.6], [1.2, 0, 1.4, 1], [0, np.nan, 1, 1]], np.float32
    )
    detector = tiny_model.detector(boxes, np.full(4, 0.9, np.float32))
    result = odp.load(tiny_model.write(tmp_path / "m.odp", detector=detector), device="cpu")(picture(50, 50))
    np.testing.assert_allclose(result.boxes, [[5, 5, 30, 30]], rtol=1e-6)


def test_given_boxes(predictor: odp.Predictor) -> None:
    """They are used as they are, in their order; clipped; without area: dropped; the detector has no say."""
    boxes = [[20, 30, 45.5, 90], [-10, -10, 300, 20.25], [50, 50, 50, 60], [200, 0, 300, 10], [0, 0, 5, 5]]
    result = predictor(np.zeros((100, 200, 3), np.uint8), boxes=boxes)
    assert result.boxes.tolist() == [[20, 30, 45.5, 90], [0, 0, 200, 20.25], [0, 0, 5, 5]]
    assert result.scores.tolist() == [1, 1, 1]
    assert [person.box for person in result.dense] == [(20, 30, 25, 60), (0, 0, 200, 20), (0, 0, 5, 5)]
    assert len(predictor(picture(10, 10), boxes=[])) == 0
    with pytest.raises(ValueError, match="x1 <= x2"):
        predictor(picture(10, 10), boxes=[[5, 0, 1, 1]])


def test_batch_of_mixed_sizes_is_the_single_images(predictor: odp.Predictor) -> None:
    images = [picture(40, 30), np.zeros((5, 5, 3), np.uint8), picture(200, 300)]
    results = predictor.batch(images)
    assert [len(r) for r in results] == [2, 0, 2]
    for result, image in zip(results, images, strict=True):
        alone = predictor(image)
        assert np.array_equal(result.iuv(), alone.iuv()) and np.array_equal(result.boxes, alone.boxes)


def test_stream(predictor: odp.Predictor, tmp_path: Path) -> None:
    from opendensepose.io.video import VideoWriter

    with VideoWriter(tmp_path / "clip.mp4", fps=5) as writer:
        for number in range(7):
            writer.write(np.full((32, 48, 3), 40 + 30 * number, np.uint8))
    stream = predictor.stream(tmp_path / "clip.mp4", stride=3)
    assert iter(stream) is stream  # one at a time
    results = list(stream)
    brightness = [float(r.image.mean()) for r in results if r.image is not None]
    assert [round((b - 40) / 30) for b in brightness] == [0, 3, 6]
    assert all(len(r) == 2 for r in results)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"dense": tiny_model.detector()}, "dense.onnx: expected boxes, coarse, fine, u, v as well"),
        ({"detector": tiny_model.dense()}, "detector.onnx: expected boxes, image, scores as well"),
    ],
)
def test_graphs_of_the_wrong_kind(tmp_path: Path, parts: dict[str, Any], text: str) -> None:
    path = tiny_model.write(tmp_path / "m.odp", **parts)
    with pytest.raises(ValueError, match=text):
        odp.load(path, device="cpu")


def test_a_dense_graph_that_says_how_sure_it_is_is_heard(tmp_path: Path) -> None:
    path = tiny_model.write(tmp_path / "m.odp", dense=tiny_model.dense(certainty=True))
    predictor = odp.load(path, device="cpu")
    boxes = tiny_model.BOXES * [100, 200, 100, 200]
    # network input 64 wide: certainties 0.0064, 0.0256, 0
    first, second = (chance / (1 - chance) for chance in (tiny_model.SCORES[:2], np.array([0.0064, 0.0256])))
    odds = first**0.4 * second**0.6
    expected = odds / (1 + odds)
    result = predictor(picture(200, 100), threshold=0.05)
    np.testing.assert_allclose(result.scores, expected[::-1], rtol=1e-5)  # the second is now the first
    np.testing.assert_allclose(result.boxes, boxes[[1, 0]], rtol=1e-6)
    assert result.dense[0].box[0] == int(boxes[1, 0])
    np.testing.assert_allclose(predictor(picture(200, 100), threshold=0.12).scores, expected[1:], rtol=1e-5)
    assert predictor(picture(200, 100), boxes=boxes).scores.tolist() == [1, 1, 1]  # those who are given stay


@pytest.mark.parametrize(("score", "people"), [(0.6, 2), (0.4, 1)])
def test_a_person_on_the_pixels_of_a_better_one_needs_the_detector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, score: float, people: int
) -> None:
    """A part of somebody is taken for a person of its own only if the detector saw it clearly."""
    boxes = np.array([[5, 0, 9, 10], [6, 1, 8, 6]], np.float32) / 10
    detector = tiny_model.detector(boxes, np.array([0.9, score], np.float32))
    path = tiny_model.write(tmp_path / "m.odp", detector=detector, dense=tiny_model.dense(certainty=True))
    predictor = odp.load(path, device="cpu")
    # about half of the second's pixels are its own
    assert len(predictor(picture(200, 100), threshold=0.0)) == 2
    monkeypatch.setattr(module, "OWN", 0.9)
    assert len(predictor(picture(200, 100), threshold=0.0)) == people


def test_few_functions_from_command_to_result(tiny_file: Path, tmp_path: Path) -> None:
    """Every function of ours that the command runs for each photo until its Result is there, counted once.

    Left out are the types' checks of their own shapes.
    """
    from opendensepose.io.files import Input
    from opendensepose.io.image import write_image
    from opendensepose.runtime.jobs import predict_image

    write_image(tmp_path / "photo.png", picture(60, 80))
    predictor = odp.load(tiny_file, device="cpu", threads=1)
    root = Path(module.__file__).parents[1]
    called: list[tuple[str, str]] = []
    until: list[int] = []

    def watch(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        file = Path(code.co_filename)
        if event == "call" and file.is_relative_to(root) and not code.co_name.startswith("<"):
            called.append((file.relative_to(root).as_posix(), code.co_name))
        if event == "return" and isinstance(argument, odp.Result):
            until.append(len(called))

    sys.setprofile(watch)
    try:
        report = predict_image(predictor, Input(tmp_path / "photo.png", "photo"), tmp_path)
    finally:
        sys.setprofile(None)
    assert report.people == 2
    path = {(file, name) for file, name in called[: until[0]] if file != "core/types.py"}
    assert ("core/decode.py", "decode") in path
    assert len(path) <= 12, sorted(path)
    assert len({file for file, _ in path}) <= 7
