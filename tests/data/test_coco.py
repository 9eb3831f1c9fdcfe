"""DensePose-COCO files: round trip, the file's units, real annotations, errors that name the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opendensepose.core.types import SurfacePoints
from opendensepose.data import Person, Sample, encode_mask, encode_parts, read_annotations, write_annotations

SHARED = Path(__file__).parents[2] / ".." / "shared"


def person(mask: np.ndarray) -> Person:
    rng = np.random.default_rng(3)
    box = np.array([10.25, 20.5, 70.0, 90.75])
    coarse = np.where(mask, 1 + np.arange(mask.shape[1])[None] // 8 % 14, 0).astype(np.uint8)
    points = SurfacePoints(
        xy=(box[:2] + rng.random((9, 2)) * (box[2:] - box[:2])).astype(np.float32),
        chart=rng.integers(1, 25, 9).astype(np.uint8),
        uv=rng.random((9, 2)).astype(np.float32),
    )
    keypoints = rng.integers(0, 99, (17, 3)).astype(np.float32)
    keypoints[:, 2] = np.arange(17) % 3
    return Person(
        id=5,
        box=box,
        segmentation=encode_mask(mask),
        keypoints=keypoints,
        parts=encode_parts(coarse, box),
        points=points,
        area=float(mask.sum()),
        instance=1,
        track_id=8,
        extra={"odp_view": "back"},
    )


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((100, 120), bool)
    mask[21:90, 11:70] = True
    return mask


def test_round_trip(tmp_path: Path, mask: np.ndarray) -> None:
    one = person(mask)
    plain = Person(id=6, box=np.array([0.0, 0.0, 5.0, 6.0]), iscrowd=True)
    path = tmp_path / "annotations.json"
    write_annotations(
        path, [Sample(3, "a.jpg", (100, 120), (one, plain), {"vid_id": 4}), Sample(4, "b.jpg", (1, 2))]
    )
    first, second = read_annotations(path)
    assert (first.image_id, first.file_name, first.size, first.extra) == (
        3,
        "a.jpg",
        (100, 120),
        {"vid_id": 4},
    )
    assert second.people == ()
    back, back_plain = first.people
    assert np.allclose(back.box, one.box)
    assert np.array_equal(back.mask((100, 120)), mask)
    assert np.array_equal(back.keypoints, one.keypoints)
    assert np.array_equal(back.part_labels(), one.part_labels())
    assert np.abs(back.points.xy - one.points.xy).max() < 1e-3
    assert np.array_equal(back.points.chart, one.points.chart)
    assert np.abs(back.points.uv - one.points.uv).max() < 1e-5
    assert (back.area, back.instance, back.track_id, back.extra) == (one.area, 1, 8, {"odp_view": "back"})
    assert back_plain.iscrowd and back_plain.points is None and back_plain.mask((100, 120)) is None
    assert [p.name for p in tmp_path.iterdir()] == ["annotations.json"]


def test_the_files_units(tmp_path: Path) -> None:
    """dp_x 0 and 255 are the left and right edge of the box; bbox is x, y, w, h."""
    points = SurfacePoints(
        xy=np.array([[10, 20], [50, 100], [30, 60]], np.float32),
        chart=np.array([1, 2, 3], np.uint8),
        uv=np.zeros((3, 2), np.float32),
    )
    path = tmp_path / "a.json"
    one = Person(id=1, box=np.array([10.0, 20.0, 50.0, 100.0]), points=points)
    write_annotations(path, [Sample(1, "a.jpg", (200, 200), (one,))])
    entry = json.loads(path.read_text())["annotations"][0]
    assert entry["bbox"] == [10, 20, 40, 80] and entry["area"] == 3200
    assert entry["dp_x"] == [0, 255, 127.5] and entry["dp_y"] == [0, 255, 127.5]


def test_part_masks_sample_the_box(mask: np.ndarray) -> None:
    """Each of the 256 x 256 cells reads the pixel that holds its place box_x + j * box_w / 255."""
    labels = np.random.default_rng(0).integers(0, 15, (100, 120)).astype(np.uint8)
    box = np.array([10.25, 20.5, 70.0, 90.75])
    grid = Person(id=1, box=box, parts=encode_parts(labels, box)).part_labels()
    for row, column in [(0, 0), (255, 254), (17, 200), (128, 3)]:
        x, y = 10.25 + column * 59.75 / 255, 20.5 + row * 70.25 / 255
        assert grid[row, column] == labels[int(y), int(x)]


def test_box_at_the_image_border() -> None:
    labels = np.full((50, 60), 14, np.uint8)
    box = np.array([40.0, 30.0, 60.0, 50.0])
    parts = encode_parts(labels, box)
    assert parts[13] is not None and parts[:13] == (None,) * 13


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared")
def test_real_annotations() -> None:
    samples = read_annotations(SHARED / "real/coco/test_coco.json")
    people = [p for s in samples for p in s.people]
    assert (len(samples), len(people)) == (4, 14)
    for sample in samples:
        for p in sample.people:
            rows, columns = np.nonzero(p.mask(sample.size))
            extent = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            assert np.abs(extent - p.box).max() < 1.5
    evaluation = read_annotations(SHARED / "reference/evaluation/annotations_A.json")
    assert any(p.points is not None and p.parts is not None for s in evaluation for p in s.people)


GOOD: dict[str, Any] = {"id": 7, "image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4], "area": 16}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"bbox": [0, 0, 4]}, r"annotation 7: key 'bbox': expected 4 finite numbers, got \[0, 0, 4\]"),
        ({"bbox": [0, 0, 4, float("nan")]}, "annotation 7: key 'bbox': expected 4 finite numbers"),
        ({"image_id": 2}, "annotation 7: key 'image_id': expected the id of an image of the file, got 2"),
        ({"keypoints": [1, 2, 3]}, "annotation 7: key 'keypoints': expected 51 finite numbers"),
        (
            {"dp_x": [1.0], "dp_y": [1.0]},
            "annotation 7: key 'dp_I': expected 1 finite numbers, got no such key",
        ),
        ({"dp_masks": ["abc"]}, "annotation 7: key 'dp_masks': expected 14 RLEs or empty lists, got 'abc'"),
    ],
)
def test_errors_name_file_annotation_and_key(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "broken.json"
    images = [{"id": 1, "file_name": "a.jpg", "height": 8, "width": 8}]
    path.write_text(json.dumps({"images": images, "annotations": [GOOD | change]}))
    with pytest.raises(ValueError, match=r"broken\.json: " + message):
        read_annotations(path)


def test_files_of_another_form(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text("[]")
    with pytest.raises(
        ValueError,
        match=r"other.json: expected an object with the keys 'images' and 'annotations', got '\[\]'",
    ):
        read_annotations(path)
    path.write_text("{broken")
    with pytest.raises(ValueError, match=r"other\.json: at byte 1: expected JSON, got broken JSON"):
        read_annotations(path)
    with pytest.raises(FileNotFoundError):
        read_annotations(tmp_path / "absent.json")


def test_points_outside_the_charts_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    points = {"dp_x": [0, 1, 2], "dp_y": [0, 1, 2], "dp_I": [0, 24, 25], "dp_U": [0, 1, 0], "dp_V": [0, 1, 0]}
    images = [{"id": 1, "file_name": "a.jpg", "height": 8, "width": 8}]
    path.write_text(json.dumps({"images": images, "annotations": [GOOD | points]}))
    read = read_annotations(path)[0].people[0].points
    assert read is not None and read.chart.tolist() == [24]
