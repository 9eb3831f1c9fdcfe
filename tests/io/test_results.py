import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from opendensepose.core.types import Result
from opendensepose.core.visible import iuv_image
from opendensepose.io.files import InputError
from opendensepose.io.results import (
    decode_results_json,
    load_result,
    results_json,
    save_npz,
    save_result,
    write_results,
)
from people import people

SIZE = (50, 40)
PEOPLE = people(SIZE, [(4.7, 3.2, 30.1, 40.9), (20, -10.5, 45.5, 25), (38, 48, 38.2, 48.1)])
PHOTO = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)


def rich() -> Result:
    """With everything that a Result may hold."""
    rng = np.random.default_rng(2)
    dense = [
        replace(d, confidence={"sigma_2": rng.random(d.labels.shape, np.float32)}, hidden=d.labels % 2 > 0)
        for d in PEOPLE.dense
    ]
    return replace(
        PEOPLE,
        dense=tuple(dense),
        masks=rng.random((3, *SIZE)) > 0.5,
        keypoints=rng.random((3, 17, 3), np.float32),
        track_ids=np.array([7, 8, 2**40]),
    )


def assert_equal(a: Result, b: Result) -> None:
    assert (a.image_size, a.atlas, len(a)) == (b.image_size, b.atlas, len(b))
    for name in ("boxes", "scores", "masks", "keypoints", "track_ids"):
        one, other = getattr(a, name), getattr(b, name)
        assert (one is None) == (other is None)
        assert one is None or (one.dtype == other.dtype and np.array_equal(one, other))
    for d, e in zip(a.dense, b.dense, strict=True):
        assert d.box == e.box
        assert np.array_equal(d.labels, e.labels) and np.array_equal(d.uv, e.uv)
        assert (d.hidden is None) == (e.hidden is None)
        assert d.hidden is None or np.array_equal(d.hidden, e.hidden)
        assert (d.confidence or {}).keys() == (e.confidence or {}).keys()
        assert all(np.array_equal(d.confidence[k], e.confidence[k]) for k in d.confidence or {})


@pytest.mark.parametrize(
    "result", [Result.empty(SIZE, "smpl24"), PEOPLE, rich()], ids=["nobody", "three", "rich"]
)
def test_npz_gives_back_the_same_result(tmp_path: Path, result: Result) -> None:
    save_npz(tmp_path / "a.npz", result)
    assert_equal(load_result(tmp_path / "a.npz"), result)


def test_iuv_file_has_the_channel_orders_of_the_field(tmp_path: Path) -> None:
    save_result(PEOPLE, tmp_path, "sub/photo", PHOTO)
    expected = iuv_image(PEOPLE)
    assert np.array_equal(cv2.imread(str(tmp_path / "sub/photo_iuv.png"), cv2.IMREAD_UNCHANGED), expected)
    # inside the file, as every other reader sees it: R = V, G = U, B = I
    assert np.array_equal(np.asarray(Image.open(tmp_path / "sub/photo_iuv.png")), expected[..., ::-1])


def test_uv_data_is_the_other_way_round() -> None:
    entry = results_json(PEOPLE, 5)[0]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(entry["uv_data"]))))
    dense = PEOPLE.dense[0]
    assert np.array_equal(picture[..., 0], dense.labels)
    assert np.array_equal(
        picture[..., 1:], np.rint(dense.uv * 255).transpose(1, 2, 0)
    )  # exact values of 1/255


def test_entries_hold_what_an_evaluation_reads() -> None:
    entries = json.loads(json.dumps(results_json(rich(), 139, category_id=1)))
    assert [e["score"] for e in entries] == sorted((e["score"] for e in entries), reverse=True)
    for entry, box, dense in zip(entries, PEOPLE.boxes, PEOPLE.dense, strict=True):
        assert (entry["image_id"], entry["category_id"], entry["odp_atlas"]) == (139, 1, "odp24")
        x, y, w, h = entry["bbox"]
        assert np.allclose([x, y, x + w, y + h], box, rtol=1e-6)
        assert tuple(int(v) for v in (x, y)) == dense.box[:2]
        assert entry["uv_shape"] == [3, dense.box[3], dense.box[2]]
        assert len(entry["keypoints"]) == 51
    assert [e["track_id"] for e in entries] == [7, 8, 2**40]


def test_results_json_round_trip() -> None:
    for entry, dense in zip(results_json(PEOPLE, "photo"), PEOPLE.dense, strict=True):
        back = decode_results_json(json.loads(json.dumps(entry)))
        assert back.box == dense.box
        assert np.array_equal(back.labels, dense.labels)
        assert np.array_equal(back.uv, dense.uv)


def test_results_json_keeps_what_is_hidden_as_the_picture_shows_it() -> None:
    result = rich()
    entries = json.loads(json.dumps(results_json(result, "photo")))
    dense = tuple(decode_results_json(entry) for entry in entries)
    assert np.array_equal(iuv_image(replace(result, dense=dense)), iuv_image(result))
    assert not np.array_equal(iuv_image(replace(result, dense=PEOPLE.dense)), iuv_image(result))
    for entry, truth in zip(entries, result.dense, strict=True):
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(entry["odp_hidden"]))))
        assert np.array_equal(picture > 0, truth.hidden)
    assert all("odp_hidden" not in entry for entry in results_json(PEOPLE, 1))


def test_uv_outside_the_unit_square_is_clamped_not_wrapped() -> None:
    result = people(SIZE, [(2, 3, 22, 33)])
    labels, uv = result.dense[0].labels, result.dense[0].uv
    uv[0], uv[1] = 1.01, -0.2
    back = decode_results_json(results_json(result, 1)[0])
    assert np.array_equal(back.uv[0], (labels > 0).astype(np.float32))
    assert not back.uv[1].any()


def test_a_map_of_another_box_is_refused() -> None:
    moved = replace(PEOPLE, boxes=PEOPLE.boxes + np.float32(1))
    with pytest.raises(ValueError, match="person 0: expected a dense map at"):
        results_json(moved, 1)


@pytest.mark.parametrize("style", ["parts", "viridis"])
def test_same_input_same_bytes(tmp_path: Path, style: str) -> None:
    for folder in ("a", "b"):
        save_result(rich(), tmp_path / folder, "x", PHOTO, style)
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == ["x.json", "x.npz", "x_iuv.png", "x_overlay.jpg"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_save_returns_the_files_it_wrote(tmp_path: Path) -> None:
    written = save_result(PEOPLE, tmp_path, "a.b", PHOTO)  # a dot in the stem is no suffix
    assert [p.name for p in written] == ["a.b.json", "a.b_iuv.png", "a.b.npz", "a.b_overlay.jpg"]
    assert all(p.is_file() for p in written)
    assert len(save_result(PEOPLE, tmp_path / "other", "a")) == 3  # no photo, no overlay
    assert len(save_result(replace(PEOPLE, image=PHOTO), tmp_path / "third", "a")) == 4


def test_nobody_is_written_too(tmp_path: Path) -> None:
    save_result(Result.empty(SIZE), tmp_path, "a", PHOTO)
    assert json.loads((tmp_path / "a.json").read_text()) == []
    assert not cv2.imread(str(tmp_path / "a_iuv.png")).any()


def test_write_results_streams(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    sizes = []

    def entries():
        for i in range(1000):
            sizes.append(sum(p.stat().st_size for p in tmp_path.iterdir()))
            yield {"image_id": i, "uv_data": "x" * 1000}

    assert write_results(path, entries()) == 1000
    assert sizes[-1] > 900_000  # the file grows while entries come: they are not kept
    assert list(tmp_path.iterdir()) == [path]
    assert [e["image_id"] for e in json.loads(path.read_text())] == list(range(1000))


def test_write_results_leaves_nothing_half_written(tmp_path: Path) -> None:
    def entries():
        yield {"image_id": 1}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_results(tmp_path / "results.json", entries())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"uv_data": "not base64!"}, "uv_data"),
        ({"uv_data": base64.b64encode(b"not a picture").decode()}, "uv_data"),
        ({"uv_data": ""}, "uv_data"),
        ({"uv_data": 7}, "uv_data"),
        ({"uv_shape": [3, 5, 5]}, "uv_data"),
        ({"uv_shape": None}, "uv_shape"),
        ({"uv_shape": [3, 10**9, 10**9]}, "uv_shape"),
        ({"bbox": "here"}, "bbox"),
        ({"bbox": [7]}, "bbox"),
        ({"bbox": "x\n" * 9}, "bbox"),
        ({"bbox": [float("nan"), 0, 1, 1]}, "bbox"),
        ({"bbox": [float("inf"), 0, 1, 1]}, "bbox"),
        ({"odp_hidden": "not base64!"}, "odp_hidden"),
        ({"odp_hidden": None}, "odp_hidden"),
        ({"odp_hidden": results_json(PEOPLE[0], 1)[0]["uv_data"][:40]}, "odp_hidden"),
    ],
)
def test_broken_entries(change: dict, key: str) -> None:
    with pytest.raises(InputError, match=f"^results entry: key '{key}': expected ") as caught:
        decode_results_json(results_json(PEOPLE, 1)[0] | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["bbox", "uv_shape", "uv_data"])
def test_entries_without_a_key(key: str) -> None:
    entry = results_json(PEOPLE, 1)[0]
    del entry[key]
    with pytest.raises(InputError, match=f"^results entry: key '{key}': expected .*, got no such key$"):
        decode_results_json(entry)


def test_maps_that_lost_bytes_are_refused_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    entry = results_json(PEOPLE, 1)[0]
    png = base64.b64decode(entry["uv_data"])
    changed = bytes([*png[:60], png[60] ^ 1, *png[61:]])
    for broken in (png[: len(png) // 2], changed):
        with pytest.raises(InputError, match="key 'uv_data': expected a whole PNG, got a broken one"):
            decode_results_json(entry | {"uv_data": base64.b64encode(broken).decode()})
    assert capfd.readouterr().err == ""


def test_charts_beyond_24_are_refused() -> None:
    dense = PEOPLE.dense[0]
    wrong = replace(PEOPLE[0], dense=(replace(dense, labels=np.full_like(dense.labels, 25)),))
    with pytest.raises(InputError, match=r"key 'uv_data': expected charts 0\.\.24, got 25"):
        decode_results_json(results_json(wrong, 1)[0])


def test_broken_npz(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_npz(path, PEOPLE)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2 : len(whole) // 2 + 40] = bytes(40)
    for data in (b"", b"hello", whole[: len(whole) // 2], bytes(damaged)):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"a\.npz: expected the \.npz of a result, got"):
            load_result(path)
    np.savez(path, boxes=PEOPLE.boxes)
    with pytest.raises(InputError, match="scores"):
        load_result(path)
    with pytest.raises(FileNotFoundError):
        load_result(tmp_path / "nope.npz")


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "evil.npz").open("wb") as file:
        np.savez(file, scores=np.array([{"a": 1}], object))
    with pytest.raises(InputError, match="pickle"):
        load_result(tmp_path / "evil.npz")
