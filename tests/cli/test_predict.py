"""`densepose predict` with the tiny model: files written, lines printed, exit codes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from opendensepose.cli import main
from opendensepose.io import load_result, read_image, write_image
from opendensepose.io.video import VideoReader, VideoWriter

FOUR = {".json", "_iuv.png", ".npz", "_overlay.jpg"}


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with photos of various kinds."""
    monkeypatch.chdir(tmp_path)
    for name, shape in {"a.png": (40, 60), "in/a.jpg": (30, 30), "in/sub/b.png": (50, 20)}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / name, picture(*shape))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    return tmp_path


def picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 90, np.uint8)


def densepose(tiny_file: Path, *arguments: str, stdin: bytes | None = None) -> Result:
    options = ["--model", str(tiny_file), "--device", "cpu"]
    return CliRunner().invoke(main, ["predict", *arguments, *options], input=stdin)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_one_photo(work: Path, tiny_file: Path) -> None:
    done = densepose(tiny_file, "a.png")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("a.png: 2 people, ") and done.stdout.endswith(" s\n") and done.stderr == ""
    assert files(work / "results") == {"a" + end for end in FOUR}
    result = load_result(work / "results/a.npz")
    assert len(result) == 2 and result.image_size == (40, 60)
    assert np.array_equal(cv2.imread("results/a_iuv.png"), result.iuv())
    assert [round(entry["score"], 2) for entry in json.loads((work / "results/a.json").read_text())] == [
        0.9,
        0.7,
    ]
    assert read_image("results/a_overlay.jpg").shape == (40, 60, 3)


def test_folders_globs_and_equal_stems(work: Path, tiny_file: Path) -> None:
    done = densepose(tiny_file, "a.png", "in", "*.png", "--out", "out")
    assert done.exit_code == 0, done.output
    stems = {"a_png", "a_jpg", "sub/b"}  # the glob names a.png once more: done once
    assert files(work / "out") == {stem + end for stem in stems for end in FOUR}
    assert len(done.stdout.splitlines()) == 3


def test_failures_are_listed_and_the_others_done(work: Path, tiny_file: Path) -> None:
    done = densepose(tiny_file, "broken.jpg", "none.png", "a.png", "--out", "out")
    assert done.exit_code == 1
    assert files(work / "out") == {"a" + end for end in FOUR}
    assert done.stdout.count("\n") == 1
    first, *lines = done.stderr.splitlines()
    assert first == "2 failed:"
    assert [line.split(":")[0].strip() for line in lines] == ["broken.jpg", "none.png"]


def test_quiet(work: Path, tiny_file: Path) -> None:
    assert densepose(tiny_file, "a.png", "--quiet").output == ""
    assert densepose(tiny_file, "none.png", "--quiet").stderr.count("\n") == 2


def test_summary_as_json(work: Path, tiny_file: Path) -> None:
    done = densepose(tiny_file, "--json", "a.png", "none.png")  # a.png is an input, no file to overwrite
    summary = json.loads(done.stdout)
    assert summary["model"] == "tiny" and summary["device"] == "cpu"
    assert [entry["people"] for entry in summary["inputs"]] == [2]
    assert sorted(Path(f).name for f in summary["inputs"][0]["files"]) == sorted("a" + end for end in FOUR)
    assert list(summary["failed"]) == ["none.png"]
    assert "a.png: 2 people" in done.stderr
    densepose(tiny_file, "a.png", "--json", "summary.json")
    assert json.loads((work / "summary.json").read_text())["inputs"][0]["source"] == "a.png"
    assert read_image("a.png").shape == (40, 60, 3)


def test_standard_input(work: Path, tiny_file: Path) -> None:
    done = densepose(tiny_file, "-", stdin=(work / "a.png").read_bytes())
    assert done.exit_code == 0 and done.stdout.startswith("-: 2 people")
    assert files(work / "results") == {"stdin" + end for end in FOUR}
    assert densepose(tiny_file, "-", stdin=b"").exit_code == 1


def test_threshold_and_boxes(work: Path, tiny_file: Path) -> None:
    def people(*options: str) -> list[list[float]]:
        done = densepose(tiny_file, "a.png", "in/sub/b.png", *options)
        assert done.exit_code == 0, done.output
        return load_result("results/a.npz").boxes.tolist()

    assert len(people("--threshold", "0.8")) == 1
    Path("boxes.json").write_text(json.dumps({"a.png": [[1, 2, 30, 40]], "b.png": []}))
    assert people("--boxes", "boxes.json") == [[1, 2, 30, 40]]
    assert len(load_result("results/b.npz")) == 0


@pytest.mark.parametrize("style", ["parts", "viridis"])
def test_style(work: Path, tiny_file: Path, style: str) -> None:
    assert densepose(tiny_file, "a.png", "--style", style).exit_code == 0
    drawn = read_image("results/a_overlay.jpg")
    expected = load_result("results/a.npz")
    from opendensepose.viz.overlay import draw

    difference = np.abs(drawn.astype(int) - draw(picture(40, 60), expected, style))
    assert difference.mean() < 6  # of a JPEG


def clip(path: Path, frames: int = 6) -> None:
    with VideoWriter(path, fps=10) as writer:
        for number in range(frames):
            # the second half is without red, and so without people
            writer.write(np.full((48, 64, 3), (200 * (2 * number < frames), 90, 90), np.uint8))


def test_video(work: Path, tiny_file: Path) -> None:
    clip(work / "clip.mp4")
    done = densepose(tiny_file, "clip.mp4", "a.png")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("clip.mp4: 6 people in 6 frames, ")
    assert files(work / "results") == {"a" + end for end in FOUR} | {"clip_overlay.mp4", "clip.json"}
    reader = VideoReader("results/clip_overlay.mp4")
    assert reader.fps == 10 and len(list(reader)) == 6
    assert [e["image_id"] for e in json.loads(Path("results/clip.json").read_text())] == [0, 0, 1, 1, 2, 2]


def test_stride(work: Path, tiny_file: Path) -> None:
    clip(work / "clip.mp4")
    done = densepose(tiny_file, "clip.mp4", "--stride", "2")
    assert "4 people in 3 frames" in done.stdout
    assert [e["image_id"] for e in json.loads(Path("results/clip.json").read_text())] == [0, 0, 2, 2]
    with av.open("results/clip_overlay.mp4") as container:
        assert container.streams.video[0].average_rate == 5


def test_truncated_video_is_done_as_far_as_it_goes(work: Path, tiny_file: Path) -> None:
    clip(work / "whole.mkv", 40)
    data = (work / "whole.mkv").read_bytes()
    (work / "cut.mkv").write_bytes(data[: len(data) * 3 // 4])
    (work / "text.mp4").write_bytes(b"no video")
    done = densepose(tiny_file, "cut.mkv", "text.mp4", "a.png")
    assert done.exit_code == 1
    assert "a.png: 2 people" in done.stdout
    assert {"text.mp4"} <= {line.strip().split(":")[0] for line in done.stderr.splitlines()[1:]}
    assert not (work / "results/text_overlay.mp4").exists()


def annotations(work: Path) -> Path:
    """a.png with a person and a crowd, b.png with nobody, none.png that is not there."""
    names = ["a.png", "in/sub/b.png", "none.png"]
    images = [{"id": 7 + n, "file_name": name, "height": 9, "width": 9} for n, name in enumerate(names)]
    person: dict[str, Any] = {"id": 1, "image_id": 7, "category_id": 1, "bbox": [3, 4, 20, 30], "iscrowd": 0}
    people = [person, {**person, "id": 2, "iscrowd": 1}]
    path = work / "ann.json"
    path.write_text(json.dumps({"images": images, "annotations": people}))
    return path


def test_annotated_set(work: Path, tiny_file: Path) -> None:
    annotations(work)
    options = ("--annotations", "ann.json", "--images", ".", "--results", "out/r.json")
    done = densepose(tiny_file, *options)
    assert done.exit_code == 1 and "none.png: expected an image" in done.stderr
    assert done.stdout == "out/r.json: 4 people in 2 images\n"
    entries = json.loads((work / "out/r.json").read_text())
    assert [entry["image_id"] for entry in entries] == [7, 7, 8, 8]
    assert files(work / "out") == {"r.json"}
    done = densepose(tiny_file, *options, "--boxes", "gt")
    entries = json.loads((work / "out/r.json").read_text())
    assert [(entry["image_id"], entry["bbox"]) for entry in entries] == [(7, [3, 4, 20, 30])]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "got no INPUTS"),
        (["a.png", "--style", "oil"], "'oil' is not one of"),
        (["a.png", "--threshold", "7"], "7"),
        (["a.png", "--stride", "0"], "0"),
        (["a.png", "--annotations", "x.json"], "expected all three"),
        (["a.png", "--nonsense"], "--nonsense"),
        (["a.png", "--boxes", "none.json"], "none.json: expected a file of boxes, got no such file"),
    ],
)
def test_wrong_usage(work: Path, tiny_file: Path, arguments: list[str], text: str) -> None:
    done = densepose(tiny_file, *arguments)
    assert done.exit_code == 2 and text in done.stderr
    assert not (work / "results").exists()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--model", "smal"], "Error: model 'smal': expected a model file or a packaged name ("),
        (["--device", "gpu"], "Error: device: expected auto, cpu or cuda:0, got 'gpu'"),
        (["--model", "a.png"], "Error: a.png: expected a whole model file, got"),
    ],
)
def test_wrong_model_or_device(work: Path, tiny_file: Path, options: list[str], text: str) -> None:
    done = CliRunner().invoke(main, ["predict", "a.png", "--model", str(tiny_file), *options])
    assert done.exit_code == 2 and done.stderr.startswith(text) and done.stderr.count("\n") == 1


def test_version_and_help() -> None:
    from opendensepose import __version__

    assert __version__ in CliRunner().invoke(main, ["--version"]).output
    assert CliRunner().invoke(main, ["nonsense"]).exit_code == 2
    text = CliRunner().invoke(main, ["predict", "--help"]).output
    options = (
        "out",
        "style",
        "threshold",
        "boxes",
        "device",
        "quiet",
        "json",
        "model",
        "stride",
        "annotations",
    )
    assert all(f"--{option} " in text for option in options)


def test_help_imports_no_command() -> None:
    code = "import sys\nfrom opendensepose.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print('HEAVY', sorted({'torch', 'numba', 'onnxruntime', 'av'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("HEAVY []\n") and "predict" in done.stdout


def test_progress_only_on_a_terminal(work: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    from opendensepose.cli.predict import _bar

    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        assert list(_bar([1, 2], quiet=False, file=stream)) == [1, 2]
        assert bool(stream.getvalue()) is shown


def test_a_bug_in_one_input_does_not_stop_the_others(
    work: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opendensepose.runtime import jobs

    def save(result: object, directory: Path, stem: str, **options: Any) -> list[Path]:
        return [] if stem == "a" else [Path()][5]

    monkeypatch.setattr(jobs, "save_result", save)
    done = densepose(tiny_file, "in/sub/b.png", "a.png")
    assert done.exit_code == 1 and done.stdout.startswith("a.png: 2 people")
    assert "in/sub/b.png: IndexError: list index out of range" in done.stderr
