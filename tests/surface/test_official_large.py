"""A folder of official form at full size: the reference evaluator's numbers through the 1.5 GB matrix."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from opendensepose.cli import main

REFERENCE = Path(__file__).parents[2] / ".." / "shared" / "reference" / "evaluation"


@pytest.mark.slow
@pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs ../shared")
def test_set_a_on_the_full_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    savemat = pytest.importorskip("scipy.io").savemat
    monkeypatch.setenv("OPENDENSEPOSE_CACHE", str(tmp_path / "cache"))
    with np.load(REFERENCE / "surface.npz") as surface:
        places = surface["vertices_xyz"].astype(np.float64)
        names = ("U_subdiv", "V_subdiv", "Part_ID_subdiv")
        savemat(tmp_path / "SMPL_subdiv.mat", {name: surface[name][:, None] for name in names})
        index = surface["index"].astype(np.uint16)[:, None]
    savemat(tmp_path / "SMPL_SUBDIV_TRANSFORM.mat", {"index": index})
    count = len(places)
    table = np.empty(count * (count - 1) // 2, np.float32)
    for a in range(1, count):
        dx, dy, dz = (places[a] - places[:a]).T
        table[a * (a - 1) // 2 : a * (a + 1) // 2] = np.sqrt(dx * dx + dy * dy + dz * dz)
    with (tmp_path / "Pdist_matrix.pkl").open("wb") as file:
        pickle.dump(table, file, protocol=4)
    del table
    arguments = [str(REFERENCE / f"{kind}_A.json") for kind in ("detections", "annotations")]
    out = tmp_path / "a.json"
    done = CliRunner().invoke(main, ["eval", *arguments, "--atlas", str(tmp_path), "--json", str(out)])
    assert done.exit_code == 0, done.output
    numbers, expected = (json.loads(p.read_text()) for p in (out, REFERENCE / "expected_A.json"))
    for ours, theirs in (("gps", "GPS"), ("gpsm", "GPSM"), ("segm", "IOU")):
        for name, value in expected["modes"][theirs]["all_categories"].items():
            assert numbers[ours][name] == pytest.approx(value, abs=1e-6), (ours, name)
