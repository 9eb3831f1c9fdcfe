"""The notebooks run from the first cell to the last on data that they make; none has outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SHOWS = {  # what must come out of each
    "annotations_on_images": {"image/png": 2},
    "annotations_on_model": {"image/png": 1, "text/html": 1},
    "posetrack_clips": {"image/png": 1, "text/html": 1},
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[p.stem for p in NOTEBOOKS])
def test_stored_without_outputs(path: Path) -> None:
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[p.stem for p in NOTEBOOKS])
def test_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.delenv("ODP_ANNOTATIONS", raising=False)
    notebook: Any = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    kinds = [kind for out in outputs for kind in out.get("data", {})]
    for kind, least in SHOWS[path.stem].items():
        assert kinds.count(kind) >= least, kind
    assert "stderr" not in [out.get("name") for out in outputs]


def test_there_are_three() -> None:
    assert [p.stem for p in NOTEBOOKS] == sorted(SHOWS)
