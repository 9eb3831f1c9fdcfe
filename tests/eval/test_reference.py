"""`densepose eval` itself against the numbers and arrays of the reference evaluator, three sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from opendensepose.cli import main

REFERENCE = Path(__file__).parents[2].parent / "shared" / "reference" / "evaluation"
MODES = {"gps": "GPS", "gpsm": "GPSM", "segm": "IOU"}
needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="../shared is absent")


def evaluate(name: str, folder: Path, *options: str) -> tuple[dict[str, Any], Any]:
    """The summary and the details that `densepose eval` writes for one of the sets."""
    files = [str(REFERENCE / f"{kind}_{name}.json") for kind in ("detections", "annotations")]
    arguments = ["eval", *files, "--atlas", str(REFERENCE / "surface.npz"), *options]
    arguments += ["--json", str(folder / "out.json"), "--details", str(folder / "details.npz")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return json.loads((folder / "out.json").read_text()), np.load(folder / "details.npz")


def expected(name: str) -> dict[str, Any]:
    modes: dict[str, Any] = json.loads((REFERENCE / f"expected_{name}.json").read_text())["modes"]
    return modes


@needs_reference
@pytest.mark.parametrize("name", ["A", "B", "C"])
def test_ten_numbers_of_each_mode(name: str, tmp_path: Path) -> None:
    summary, _ = evaluate(name, tmp_path)
    for ours, theirs in MODES.items():
        want = expected(name)[theirs]["all_categories"]
        assert {key: summary[ours][key] for key in want} == pytest.approx(want, abs=1e-9), ours


@needs_reference
def test_one_category(tmp_path: Path) -> None:
    summary, _ = evaluate("B", tmp_path, "--category", "1")
    for ours, theirs in MODES.items():
        want = expected("B")[theirs]["person_only"]
        assert {key: summary[ours][key] for key in want} == pytest.approx(want, abs=1e-9), ours


@needs_reference
@pytest.mark.parametrize("name", ["A", "B"])
def test_every_array_is_equal_to_the_last_bit(name: str, tmp_path: Path) -> None:
    _, ours = evaluate(name, tmp_path)
    theirs = np.load(REFERENCE / f"details_{name}.npz")
    keys = {key for key in theirs.files if not key.startswith("pair_")}
    assert keys == set(ours.files)
    different = [key for key in keys if not np.array_equal(ours[key], theirs[key])]
    assert different == []
