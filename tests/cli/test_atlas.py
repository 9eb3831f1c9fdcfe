"""`densepose atlas`: the picture, the comparison, mistakes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from opendensepose.cli import main
from opendensepose.io.image import read_image


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    path = tmp_path / "drawn.png"
    done = CliRunner().invoke(main, ["atlas", "--out", str(path)])
    assert done.exit_code == 0 and "24388 triangles in 24 charts" in done.output
    return path


def test_writes_layout_and_body(drawn: Path) -> None:
    picture = read_image(drawn)
    assert picture.shape[0] == 1200 and picture.shape[1] > 2000
    assert picture[0, 0].tolist() == [0, 0, 0]  # off chart 1
    assert picture[0, -1].tolist() == [255, 255, 255]  # beside the body


def test_compares_with_another_picture(drawn: Path, tmp_path: Path) -> None:
    import cv2

    other, out = tmp_path / "other.png", tmp_path / "both.png"
    cv2.imwrite(str(other), cv2.imread(str(drawn))[:, :800])
    done = CliRunner().invoke(main, ["atlas", "--out", str(out), "--compare", str(other), "--json"])
    assert done.exit_code == 0
    summary = json.loads(done.output)
    assert len(summary["iou"]) == 24 and summary["median_iou"] > 0.97
    assert read_image(out).shape[1] == read_image(drawn).shape[1] + 800


def test_mistakes_are_one_line(drawn: Path, tmp_path: Path) -> None:
    bad = CliRunner().invoke(main, ["atlas", "--out", str(tmp_path / "x.png"), "--compare", str(drawn)])
    assert (
        bad.exit_code == 2 and "expected 4 x 6 square cells" in bad.output and "Traceback" not in bad.output
    )
    none = CliRunner().invoke(main, ["atlas", "--compare", str(tmp_path / "none.png")])
    assert none.exit_code != 0 and none.output.startswith("Error: ") and not (tmp_path / "x.png").exists()
