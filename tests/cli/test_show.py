"""`densepose show` as a user runs it: pictures, grids, pages and films; clear words where it cannot draw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from annotation_files import coco_file, posetrack_file
from mutations import mutated
from opendensepose.cli import main
from opendensepose.cli.show import _errors
from opendensepose.data import AnnotationFile, read_annotations, write_annotations
from opendensepose.io.image import read_image
from opendensepose.io.video import VideoReader
from opendensepose.synth.clip import write_clips

REFERENCE = Path(__file__).parents[2] / ".." / "shared" / "reference" / "evaluation"


def densepose(*arguments: Any) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def images(folder: Path, content: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    for image in content["images"]:
        path = folder / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (image.get("height", 120), image.get("width", 100), 3)).astype(np.uint8)
        Image.fromarray(pixels).save(path)


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    images(tmp_path, coco_file(tmp_path / "a.json"))
    return tmp_path / "a.json"


def test_the_first_image_with_points(coco: Path, tmp_path: Path) -> None:
    done = densepose("show", coco, "--out", tmp_path / "o.png", "--json", tmp_path / "o.json")
    assert done.exit_code == 0, done.output
    assert done.output == f"{tmp_path / 'o.png'}: 2 people with 14 points of COCO_val2014_7.jpg\n"
    summary = json.loads((tmp_path / "o.json").read_text())
    assert (summary["images"], summary["annotations"], summary["points"]) == ([7], [2, 5], 14)
    height, width, _ = read_image(tmp_path / "o.png").shape
    assert (height, width) == (640 + 16 + 30, 4 * round(640 * 100 / 120) + 5 * 8)


def test_one_person_and_one_image(coco: Path, tmp_path: Path) -> None:
    for number, people in ((1, [1]), (3, [1, 6, 8, 10])):
        done = densepose("show", coco, "--id", number, "--out", tmp_path / "o.png", "--json")
        assert json.loads(done.stdout)["annotations"] == people
    done = densepose("show", coco, "--id", 99, "--out", tmp_path / "x.png")
    assert done.exit_code == 1 and "expected an annotation or image with id 99, got none" in done.stderr
    assert not (tmp_path / "x.png").exists()


def test_grid(coco: Path, tmp_path: Path) -> None:
    done = densepose("show", coco, "--grid", "2x3", "--out", tmp_path / "o.png", "--json")
    assert sorted(json.loads(done.stdout)["annotations"]) == [1, 2]  # no others have points
    wrong = densepose("show", coco, "--grid", "4", "--out", tmp_path / "x.png")
    assert wrong.exit_code == 2 and "expected rows x columns such as 4x4, got '4'" in wrong.stderr


def test_images_that_are_missing(coco: Path, tmp_path: Path) -> None:
    (tmp_path / "COCO_val2014_7.jpg").unlink()
    done = densepose("show", coco, "--out", tmp_path / "o.png")
    assert done.exit_code != 0 and "COCO_val2014_7.jpg: expected an image in" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "o.png").exists()


def test_on_the_model(coco: Path, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    done = densepose("show", coco, "--on-model", tmp_path / "o.html")
    assert done.exit_code == 0 and done.output == f"{tmp_path / 'o.html'}: 3 people with 28 points\n"
    assert "a.json: " in (tmp_path / "o.html").read_text(encoding="utf-8")


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs ../shared")
def test_errors_are_those_of_the_evaluation() -> None:
    """Distances of single points, as the reference evaluator measured them."""
    file = AnnotationFile(REFERENCE / "annotations_A.json")
    errors = _errors(str(REFERENCE / "detections_A.json"), file, str(REFERENCE / "surface.npz"))
    people = {p.id: p for sample in file for p in sample.people}
    assert all(len(error) == len(people[number].points.chart) for number, error in errors.items())
    with np.load(REFERENCE / "details_A.npz") as details:
        pairs = {n: details[n] for n in details.files if n.startswith("pair_dist_")}
    found = [np.array_equal(pairs[name], errors[int(name.rsplit("_", 1)[1])]) for name in pairs]
    assert sum(found) >= 3  # each of some people by the detection that found them


def test_results_only_on_the_model(coco: Path) -> None:
    done = densepose("show", coco, "--results", "r.json")
    assert done.exit_code == 2 and "--results: expected with --on-model only" in done.stderr


def test_a_synthetic_clip_goes_all_the_way(tmp_path: Path) -> None:
    """Made, checked, shown as a film, and written back as it was."""
    write_clips(tmp_path / "c", 1, 6, seed=3, size=(96, 128))
    annotations = tmp_path / "c" / "annotations.json"
    assert densepose("data", "check", annotations, "--images", tmp_path / "c").exit_code == 0
    done = densepose("show", annotations, "--video", tmp_path / "v.mp4", "--fps", 15, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["clips"][0]["frames"] == 6
    assert len(list(VideoReader(tmp_path / "v.mp4"))) == 6
    file = AnnotationFile(annotations)
    write_annotations(tmp_path / "back.json", file, head=file.head)
    first, second = (json.loads(p.read_text()) for p in (annotations, tmp_path / "back.json"))
    assert first == second
    again = read_annotations(tmp_path / "back.json")
    assert [s.people for s in again] and [p.track_id for s in again for p in s.people] == [
        p.track_id for s in file for p in s.people
    ]


def test_no_videos(coco: Path, tmp_path: Path) -> None:
    done = densepose("show", coco, "--video", tmp_path / "v.mp4")
    assert done.exit_code == 1 and "expected frames with vid_id, got none" in done.stderr
    both = densepose("show", coco, "--video", tmp_path / "v.mp4", "--grid", "2x2")
    assert both.exit_code == 2 and "expected one of --grid, --on-model and --video" in both.stderr


def survives(folder: Path, number: int) -> None:
    """A picture or film, or one line; never a traceback, never half a file."""
    path = folder / "m.json"
    path.write_bytes(mutated(number))
    for options in (
        ["--out", folder / "o.png"],
        ["--video", folder / "o.mp4"],
        ["--grid", "1x2", "--out", "o.png"],
    ):
        done = densepose("show", path, "--images", folder, "--quiet", *options)
        assert done.exception is None or isinstance(done.exception, SystemExit), (number, done.exception)
        if done.exit_code:
            assert len(done.stderr.splitlines()) == 1 and "xpected" in done.stderr, (number, done.stderr)
    assert not list(folder.glob(".*.tmp*"))


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for make in (coco_file, posetrack_file):
        images(tmp_path, make(tmp_path / "a.json"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_twenty_five_mutated_files(pictures: Path) -> None:
    for number in range(25):
        survives(pictures, number)


@pytest.mark.slow
def test_two_thousand_mutated_files(pictures: Path) -> None:
    for number in range(25, 2000):
        survives(pictures, number)
