"""`densepose data info` and `check` as a user runs them; whatever is done to a file, no traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from annotation_files import coco_file, posetrack_file
from mutations import mutated
from opendensepose.cli import main
from opendensepose.data.coco import AnnotationFile, write_annotations


def densepose(*arguments: Any) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_info(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    posetrack_file(path)
    done = densepose("data", "info", path)
    assert done.exit_code == 0
    for text in (
        "people                     6",
        "videos                     1  3 frames labelled",
        "no problems",
    ):
        assert text in done.output
    summary = json.loads(densepose("data", "info", path, "--json").output)
    assert summary["people"] == 6 and summary["tracks"] == 2


def test_check(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    content = coco_file(path)
    assert densepose("data", "check", path).output == "no problems found\n"
    content["annotations"][0]["dp_U"][0] = 7
    path.write_text(json.dumps(content))
    done = densepose("data", "check", path, "--json", tmp_path / "found.json")
    assert done.exit_code == 1
    assert "image 3, annotation 1: dp_U: expected 0..1, got 1 of 14 points: 7" in done.output
    (found,) = json.loads((tmp_path / "found.json").read_text())["found"]
    assert (found["kind"], found["annotation"]) == ("uv", 1)


def test_long_lists_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    content = coco_file(path)
    content["annotations"] = [content["annotations"][0] | {"id": n, "bbox": []} for n in range(70)]
    path.write_text(json.dumps(content))
    done = densepose("data", "check", path)
    assert done.output.count("annotation ") == 50 and "... 20 more" in done.output
    assert densepose("data", "check", path, "--all").output.count("annotation ") == 70


@pytest.mark.parametrize("content", ["", "{", "[]", '{"images": 1, "annotations": []}', "\x00", "nul"])
def test_files_that_are_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    for command in ("info", "check"):
        done = densepose("data", command, path)
        assert done.exit_code == 1 and len(done.output.splitlines()) == 1
        assert done.output.startswith(f"Error: {path}: ")
    assert densepose("data", "info", tmp_path / "absent.json").exit_code == 2


def survives(path: Path, number: int) -> None:
    """One line and exit code 1 or 2, or a result; never another exception than of the command line."""
    path.write_bytes(mutated(number))
    for command in ("info", "check"):
        done = densepose("data", command, path, "--json")
        assert done.exception is None or isinstance(done.exception, SystemExit), (number, done.exception)
        assert done.exit_code in (0, 1)
        if not done.stdout:
            assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("Error: ")
        else:
            json.loads(done.stdout)
    try:
        file = AnnotationFile(path)
        for sample in file:
            for person in sample.people:
                person.mask(sample.size or (10, 10))
                person.part_labels()
            assert len(sample.ignored) >= 0
        write_annotations(path.with_name("b.json"), file, head=file.head)
    except ValueError as error:
        assert len(str(error).splitlines()) == 1 and ("expected" in str(error)), (number, error)
    else:
        first, second = list(file), list(AnnotationFile(path.with_name("b.json")))
        assert [[p.source and json.loads(p.source) for p in s.people] for s in first] == [
            [p.source and json.loads(p.source) for p in s.people] for s in second
        ]


def test_a_hundred_mutated_files(tmp_path: Path) -> None:
    for number in range(100):
        survives(tmp_path / "a.json", number)


@pytest.mark.slow
def test_two_thousand_mutated_files(tmp_path: Path) -> None:
    for number in range(100, 2000):
        survives(tmp_path / "a.json", number)
