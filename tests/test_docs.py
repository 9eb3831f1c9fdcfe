"""The examples of docs/files.md run as they stand on files that we wrote."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotation_files import coco_file
from opendensepose.data import AnnotationFile
from opendensepose.data.check import KINDS
from opendensepose.io.results import save_result
from people import people

PAGE = Path(__file__).parents[1] / "docs" / "files.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("code", EXAMPLES, ids=[f"example{i}" for i in range(len(EXAMPLES))])
def test_examples_of_files_md(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = people((60, 50), [(4.5, 3, 30, 50), (20, -10, 60, 35)])
    result.dense[0].labels[20:24, 10:14] = 4  # a left hand
    save_result(result, tmp_path, "photo", np.zeros((60, 50, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    if "print" in code:
        assert capsys.readouterr().out.strip()
    else:
        charts = cv2.imread("photo_iuv.png")[..., 0]
        picture = cv2.imread("photo_viridis.png")
        assert (picture == (84, 1, 68)).all(2)[charts == 0].all()  # BGR
        assert not (picture == (84, 1, 68)).all(2)[charts > 0].any()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 4


def test_example_of_data_md(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (PAGE.parent / "data.md").read_text(), re.DOTALL)
    content = coco_file(tmp_path / "annotations.json")
    for image in content["images"]:
        path = tmp_path / "val2014" / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert "annotations.json" in {path.name for path in tmp_path.iterdir()}
    assert len(capsys.readouterr().out.splitlines()) == 3 + 6
    assert [len(s.people) for s in AnnotationFile("first_person.json")] == [1, 1, 0]


def test_data_md_has_every_kind_of_problem() -> None:
    text = (PAGE.parent / "data.md").read_text()
    for kind in KINDS:
        assert re.search(rf"\|[^|]*\b{kind}\b", text), kind
