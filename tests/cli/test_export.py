"""`densepose export`: a net of `densepose train` becomes a file that `load` reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import opendensepose as odp
from opendensepose.cli import main

torch = pytest.importorskip("torch")


def test_checkpoint_to_model_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from opendensepose import export
    from opendensepose.model.rcnn import MODELS

    torch.manual_seed(0)
    net = MODELS["small"]().eval()
    monkeypatch.setattr(export, "load_model", lambda checkpoint: net)
    checkpoint = tmp_path / "best.pt"
    checkpoint.write_bytes(b"what the net came from")
    out = tmp_path / "mine.odp"
    arguments = ["export", str(checkpoint), "--out", str(out), "--short", "64", "--long", "96", "--json"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["megabytes"] <= 20
    predictor = odp.load(out)
    assert predictor.meta["name"] == "mine"
    assert predictor.meta["input"] == {"short": 64, "long": 96, "upscale": False}
    result = predictor(np.full((80, 120, 3), 128, np.uint8), boxes=[[10, 10, 60, 70]])
    assert result.dense[0].labels.shape == (60, 50)
    mixed = tmp_path / "mixed.odp"
    arguments = ["export", str(checkpoint), "--out", str(mixed), "--average", str(out), "--share", "0.25"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert odp.load(mixed).meta["average"]["share"] == 0.25
    done = CliRunner().invoke(main, [*arguments[:-3], str(tmp_path / "absent.odp")])
    assert done.exit_code != 0 and "absent.odp" in done.output and "Traceback" not in done.output


def test_missing_checkpoint(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["export", str(tmp_path / "absent.pt"), "--out", str(tmp_path / "a.odp")])
    assert done.exit_code != 0
    assert "absent.pt" in done.output
    assert not (tmp_path / "a.odp").exists()
