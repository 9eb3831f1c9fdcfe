"""Data sets on disk: the same bytes by any number of workers, annotations that agree with the dense truth."""

import hashlib
import json

import numpy as np
import pytest
from click.testing import CliRunner

from opendensepose.cli import main
from opendensepose.data.coco import encode_parts, read_annotations
from opendensepose.data.dense import read_dense
from opendensepose.io.image import read_image
from opendensepose.surface.parts import FINE_TO_COARSE
from opendensepose.synth import dataset
from opendensepose.synth.dataset import write_dataset
from opendensepose.synth.points import POINTS_PER_PART, choose_points

SIZE = (80, 96)
COUNT = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("synth") / "set"
    write_dataset(out, COUNT, seed=3, size=SIZE)
    return out


def digests(out):
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_bytes_do_not_depend_on_the_workers(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(
        dataset, "CHUNK", 2
    )  # three tasks for two workers, cut otherwise than one task of five
    write_dataset(tmp_path / "again", COUNT, seed=3, size=SIZE, workers=2)
    assert digests(tmp_path / "again") == digests(folder)
    assert len(digests(folder)) == 3 * COUNT + 1


def test_a_stopped_run_goes_on(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "CHUNK", 2)
    out, made = tmp_path / "set", []
    plain = dataset.make_sample

    def stop_in_the_second_chunk(index, *args, **options):
        made.append(index)
        if index == 2 and made.count(2) == 1:
            raise KeyboardInterrupt
        return plain(index, *args, **options)

    monkeypatch.setattr(dataset, "make_sample", stop_in_the_second_chunk)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(out, COUNT, seed=3, size=SIZE)
    assert not (out / "annotations.json").exists()
    write_dataset(out, COUNT, seed=3, size=SIZE)
    assert made == [0, 1, 2, 2, 3, 4]  # the first chunk is not made again
    assert digests(out) == digests(folder)


def test_a_finished_set_is_left_alone_and_another_is_refused(folder):
    before = digests(folder)
    assert write_dataset(folder, COUNT, seed=3, size=SIZE) > 0
    with pytest.raises(ValueError, match="expected an empty folder or this same data set, got another"):
        write_dataset(folder, COUNT, seed=4, size=SIZE)
    assert digests(folder) == before


def test_annotations_agree_with_the_dense_truth(folder):
    samples = read_annotations(folder / "annotations.json")
    assert [s.file_name for s in samples] == [f"{k:06d}.jpg" for k in range(COUNT)]
    points = 0
    for sample in samples:
        stem = sample.file_name[:-4]
        chart, uv, instance = read_dense(folder / "dense", stem)
        assert read_image(folder / "images" / sample.file_name).shape == (*SIZE, 3)
        assert sorted({p.instance for p in sample.people}) == sorted(set(instance.ravel().tolist()) - {0})
        for person in sample.people:
            own = instance == person.instance
            assert (person.mask(SIZE) == own).all()
            assert person.area == own.sum()
            rows, columns = np.nonzero(own)
            assert person.box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            column, row = np.floor(person.points.xy).astype(int).T
            assert own[row, column].all()
            assert (chart[row, column] == person.points.chart).all()
            np.testing.assert_allclose(uv[:, row, column].T, person.points.uv, atol=2e-5)
            coarse = np.where(own, FINE_TO_COARSE[chart], 0).astype(np.uint8)
            assert person.parts == encode_parts(coarse, person.box)
            points += len(person.points.chart)
    assert points > 100


def test_identifiers_are_unique(folder):
    content = json.loads((folder / "annotations.json").read_text())
    assert len({a["id"] for a in content["annotations"]}) == len(content["annotations"])
    assert {a["image_id"] for a in content["annotations"]} <= {i["id"] for i in content["images"]}
    assert all(len(a["keypoints"]) == 51 and len(a["dp_masks"]) == 14 for a in content["annotations"])


def test_points_are_few_and_far_between():
    chart = np.zeros((60, 60), np.uint8)
    chart[5:55, 5:30], chart[5:55, 30:55], chart[57, 3] = 1, 2, 23  # both of the torso; one pixel of the head
    uv = np.random.default_rng(0).random((2, 60, 60)).astype(np.float32)
    points = choose_points(np.random.default_rng(1), chart, uv)
    column, row = np.floor(points.xy).astype(int).T
    assert (points.chart == chart[row, column]).all()
    assert (points.chart <= 2).sum() == POINTS_PER_PART and (points.chart == 23).sum() == 1
    torso = points.xy[points.chart <= 2]
    gaps = np.linalg.norm(torso[:, None] - torso, axis=2) + 1e3 * np.eye(len(torso))
    # 14 discs of that diameter, packed well, fill the square of 50 x 50 pixels
    assert gaps.min() > 0.6 * np.sqrt(50 * 50 / 14)


def test_nobody_gives_no_points():
    points = choose_points(
        np.random.default_rng(1), np.zeros((4, 4), np.uint8), np.zeros((2, 4, 4), np.float32)
    )
    assert points.xy.shape == (0, 2)


def test_the_command(tmp_path):
    result = CliRunner().invoke(
        main, ["synth", "--count", "2", "--size", "64x48", "--out", str(tmp_path / "s"), "--quiet", "--json"]
    )
    assert result.exit_code == 0, result.output
    summary = json.loads(result.output)
    assert summary["pictures"] == 2 and summary["people"] >= 2
    assert read_image(tmp_path / "s" / "images" / "000001.jpg").shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--size", "320"], "expected WIDTHxHEIGHT such as 320x240, got '320'"),
        (["--assets", "no-such-folder"], "expected a folder of assets"),
        (["--size", "8x8"], "a size of 16 pixels or more"),
    ],
)
def test_wrong_arguments_are_one_line(tmp_path, arguments, text):
    result = CliRunner().invoke(main, ["synth", "--count", "1", "--out", str(tmp_path / "s"), *arguments])
    assert result.exit_code == 2
    assert text in result.output
