"""From synthetic people to numbers: perfect maps of the dense truth, and those of the packaged model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from opendensepose.cli import main
from opendensepose.core.decode import integer_box
from opendensepose.core.types import DenseMap, Result
from opendensepose.data.coco import read_annotations
from opendensepose.data.dense import read_dense
from opendensepose.io.results import results_json, write_results

COUNT = 3  # pictures


def run(*arguments: object) -> str:
    done = CliRunner().invoke(main, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    run("synth", "--count", COUNT, "--out", folder, "--seed", 11, "--quiet")
    return folder


def entries(folder: Path, spoil: float = 0.0) -> list[dict[str, Any]]:
    """Results made from the dense truth; `spoil` is added to every U."""
    found: list[dict[str, Any]] = []
    for sample in read_annotations(folder / "annotations.json"):
        if not sample.people or not list((folder / "dense").glob(f"{Path(sample.file_name).stem}_*")):
            continue  # an unlabelled frame
        chart, uv, instance = read_dense(folder / "dense", Path(sample.file_name).stem)
        maps, boxes = [], []
        for person in sample.people:
            box = np.asarray(person.box, np.float32)
            x, y, w, h = integer_box(box)
            window = slice(y, y + h), slice(x, x + w)
            own = instance[window] == person.instance
            shape = (h, w)
            labels, plane = np.zeros(shape, np.uint8), np.zeros((2, *shape), np.float32)
            inside = slice(0, own.shape[0]), slice(0, own.shape[1])
            labels[inside] = chart[window] * own
            plane[:, inside[0], inside[1]] = uv[:, window[0], window[1]] * own
            plane[0] = np.clip(plane[0] + spoil * (labels > 0), 0, 1)
            maps.append(DenseMap(labels, plane, (x, y, w, h)))
            boxes.append(box)
        result = Result(np.array(boxes), np.ones(len(boxes), np.float32), tuple(maps), sample.size)
        found += results_json(result, sample.image_id)
    return found


def score(folder: Path, results: Path, *options: object) -> dict[str, Any]:
    summary = results.with_suffix(".summary.json")
    run("eval", results, folder / "annotations.json", "--json", summary, "--quiet", *options)
    answer: dict[str, Any] = json.loads(summary.read_text())
    return answer


def test_the_dense_truth_itself_is_perfect(people: Path, tmp_path: Path) -> None:
    write_results(tmp_path / "perfect.json", entries(people))
    summary = score(people, tmp_path / "perfect.json")
    assert summary["atlas"] == "odp24" and summary["distances"] == "geodesic"
    assert summary["gps"]["AP"] == summary["gps"]["AR"] == 1.0
    assert summary["segm"]["AP50"] == 1.0
    assert summary["coco"]["bbox"]["AP"] == pytest.approx(1.0)
    points = summary["pointwise"]["all_people"]
    assert points["mean_error_m"] < 0.012 and points["lost"] < 0.02 and points["AUC30"] > 0.93


def test_a_shift_on_the_surface_costs_points(people: Path, tmp_path: Path) -> None:
    write_results(tmp_path / "shifted.json", entries(people, spoil=0.5))
    summary = score(people, tmp_path / "shifted.json")
    assert summary["gps"]["AP"] < 0.6
    assert summary["segm"]["AP50"] == 1.0  # the masks are the same
    assert summary["pointwise"]["all_people"]["mean_error_m"] > 0.05
    kinder = score(people, tmp_path / "shifted.json", "--kappa", 1.0)
    assert kinder["gps"]["AP"] > summary["gps"]["AP"]


def test_the_packaged_model_gets_numbers(people: Path, tmp_path: Path) -> None:
    annotations, results = people / "annotations.json", tmp_path / "small.json"
    common = ["--annotations", annotations, "--images", people / "images", "--results", results]
    run("predict", *common, "--boxes", "gt", "--quiet")
    summary = score(people, results)
    count = sum(len(sample.people) for sample in read_annotations(annotations))
    assert summary["detections"] == summary["people"] == count
    for mode in ("gps", "gpsm", "segm"):
        assert 0 <= summary[mode]["AP"] <= summary[mode]["AP50"] <= 1
    assert summary["coco"]["bbox"]["AP"] == pytest.approx(1.0)  # given boxes
    assert 0 < summary["pointwise"]["all_people"]["mean_error_m"] < 2


def test_a_clip_in_posetracks_form(tmp_path: Path) -> None:
    run("synth", "--clip", 4, "--count", 1, "--out", tmp_path / "clip", "--seed", 3, "--quiet")
    found = entries(tmp_path / "clip")
    assert found
    write_results(tmp_path / "clip.json", found)
    summary = score(tmp_path / "clip", tmp_path / "clip.json")
    assert summary["gps"]["AP"] == 1.0 and summary["pointwise"]["all_people"]["lost"] < 0.02


def test_atlases_are_not_mixed(people: Path, tmp_path: Path) -> None:
    strangers = [entry | {"odp_atlas": "smpl24"} for entry in entries(people)]
    write_results(tmp_path / "smpl.json", strangers)
    done = CliRunner().invoke(main, ["eval", str(tmp_path / "smpl.json"), str(people / "annotations.json")])
    assert done.exit_code == 2 and "smpl24" in done.output and "odp24" in done.output
    assert len(done.output.strip().splitlines()) == 1
