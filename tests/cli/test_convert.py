"""`densepose convert`: a file of official weights becomes a model that `predict` runs without torch."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import official_files as files
import opendensepose as odp
from opendensepose.cli import main

pytest.importorskip("torch")


@files.needs_reference
def test_a_zoo_pickle_becomes_a_model(tmp_path: Path) -> None:
    source, out = tmp_path / "model_final_d366fa.pkl", tmp_path / "legacy.odp"
    content = {"model": files.weights("R_50_FPN_s1x_legacy"), "__author__": "somebody", "iteration": 1}
    source.write_bytes(pickle.dumps(content, protocol=2))
    arguments = ["convert", str(source), "--out", str(out), "--short", "64", "--long", "128", "--json"]
    done = CliRunner().invoke(main, [*arguments, "--threshold", "0.05"])
    assert done.exit_code == 0, done.output
    summary = json.loads(done.output)
    assert summary["name"] == "R_50_FPN_s1x_legacy"
    assert summary["arrays"] == 319 and summary["ignored"] == ["__author__", "iteration"]
    predictor = odp.load(out)
    assert predictor.meta["atlas"] == "smpl24" and "non-commercial" in predictor.meta["licence"]
    result = predictor(np.full((40, 60, 3), 90, np.uint8), boxes=[[5, 5, 45, 35]])
    assert result.atlas == "smpl24" and result.dense[0].labels.shape == (30, 40)
    code = f"import sys, opendensepose as odp; odp.load({str(out)!r}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    source = tmp_path / "a.pkl"
    source.write_bytes(b"\x80\x02}q\x00.")  # an empty dictionary
    done = CliRunner().invoke(main, ["convert", str(source), "--out", str(tmp_path / "a.odp")])
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: {source}: expected") and done.output.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.pkl"]


def test_without_torch_one_line_says_what_to_install(tmp_path: Path) -> None:
    absent = "import sys; sys.modules['torch'] = None"
    code = f"{absent}; from opendensepose.cli import main; main(['convert', 'a.pkl'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 1
    assert "opendensepose[train]" in done.stderr and done.stderr.count("\n") == 1
