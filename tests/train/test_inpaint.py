import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from opendensepose.cli import main
from opendensepose.data.coco import AnnotationFile
from opendensepose.data.dense import read_dense
from opendensepose.model.targets import FILLED
from opendensepose.train import TrainConfig, train
from opendensepose.train.inpaint import fill_person, load_teacher
from opendensepose.train.sources import UNSURE, find_sources

COMMON = {"batch_size": 2, "threads": 1, "workers": 0}


@pytest.fixture(scope="module")
def teacher(people, tmp_path_factory):
    """Trained for two steps: what the points alone do is tested here."""
    out = tmp_path_factory.mktemp("teacher")
    annotations = (str(people / "annotations.json"),)
    torch.set_num_threads(1)
    return train(
        TrainConfig(annotations=annotations, out=str(out), model="teacher", steps=2, **COMMON), quiet=True
    )


@pytest.fixture(scope="module")
def filled(people, teacher, tmp_path_factory):
    out = tmp_path_factory.mktemp("filled") / "set"
    command = ["inpaint", str(people / "annotations.json"), "--images", str(people / "images")]
    options = ["--teacher", str(teacher), "--out", str(out), "--quiet", "--json", "--sure", "0.3"]
    done = CliRunner().invoke(main, [*command, *options])
    assert done.exit_code == 0, done.output
    return out, json.loads(done.output[done.output.index("{") :])


def test_masks_are_filled_and_points_kept(people, filled):
    out, summary = filled
    before, after = AnnotationFile(people / "annotations.json"), AnnotationFile(out / "annotations.json")
    assert after.head["info"]["odp_filled"] and summary["people"] == before.people
    error, charts = [], []
    for row, (old, new) in enumerate(zip(before, after, strict=True)):
        assert new.file_name == f"{old.image_id:012d}.jpg"
        chart, uv, instance = read_dense(out / "dense", f"{old.image_id:012d}")
        truth, true_uv, _ = read_dense(people / "dense", f"{row:03d}")
        assert not chart[instance == 0].any()  # inside the masks only
        assert {p.instance for p in new.people} == set(np.unique(instance)) - {0}
        for was, person in zip(old.people, new.people, strict=True):
            assert np.array_equal(was.points.uv, person.points.uv)
            x, y = np.floor(was.points.xy).astype(int).T
            own = instance[y, x] == person.instance  # not under another person's mask
            assert own.mean() > 0.9
            assert np.array_equal(chart[y, x][own], was.points.chart[own])
            assert np.abs(uv[:, y, x].T - was.points.uv)[own].max() < 1e-4
        known = (chart > 0) & (chart < UNSURE) & (truth > 0)
        charts.append((chart == truth)[known])
        right = known & (chart == truth)
        error.append(np.abs(uv - true_uv).max(0)[right])
    assert np.concatenate(charts).mean() > 0.8
    assert np.median(np.concatenate(error)) < 0.1


def test_nearer_to_the_truth_than_the_nearest_point(people, teacher):
    """The bar of the teacher, here with what points alone give (a real one: benchmarks.inpainting)."""
    from benchmarks.inpainting import nearest

    net = load_teacher(teacher)
    ours, theirs = [], []
    dense = find_sources([str(people)])
    for source, sparse in zip(dense, find_sources([], [str(people / "annotations.json")]), strict=True):
        truth, picture = source.read(), sparse.read()
        for number in picture.people:
            fill = fill_person(net, picture, number)
            chart, uv = nearest(picture, number, fill)
            right = truth.chart[fill.rows, fill.columns]
            true_uv = truth.uv[:, fill.rows, fill.columns].T / 255
            for store, charts, places in ((ours, fill.chart, fill.uv), (theirs, chart, uv)):
                good = (charts == right) & (right > 0)
                store.append(np.abs(places - true_uv).max(1)[good])
    assert np.median(np.concatenate(ours)) < np.median(np.concatenate(theirs))


def test_the_fill_is_a_training_set(filled, tiny_net, tmp_path):
    out, _ = filled
    pictures = [source.read() for source in find_sources([str(out)])]
    assert all(p.kind == FILLED for picture in pictures for p in picture.people.values())
    unsure = [picture for picture in pictures if (picture.chart == 255).any()]
    for picture in unsure:  # where no chart is known, the part still is
        assert (picture.coarse_labels()[picture.chart == 255] > 0).all()
    config = TrainConfig(
        data=(str(out),), out=str(tmp_path), model="tiny", steps=1, canvases=((64, 96),), **COMMON
    )
    assert train(config, quiet=True).is_file()


def test_wrong_teachers(people, tiny_net, tmp_path):
    (tmp_path / "bad.pt").write_bytes(b"no checkpoint")
    config = TrainConfig(
        data=(str(people),), out=str(tmp_path / "net"), model="tiny", steps=1, canvases=((64, 64),), **COMMON
    )
    net = train(config, quiet=True)
    for path, text in (
        (net, "expected a teacher"),
        (tmp_path / "bad.pt", "expected"),
        ("absent", "got none"),
    ):
        command = [
            "inpaint",
            str(people / "annotations.json"),
            "--teacher",
            str(path),
            "--out",
            str(tmp_path / "o"),
        ]
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 2 and text in done.output and "Traceback" not in done.output
