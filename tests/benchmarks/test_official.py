"""Official weights against the reference system: one whole model always, all of them in the slow run."""

from __future__ import annotations

import sys

import pytest

import official_files as files
from benchmarks import official, parity


def _run(name: str, backend: str) -> list[official.Figure]:
    layout, reference = files.FOLDER / f"layout_{name}.json", files.FOLDER / f"ref_{name}.npz"
    return official.run(layout, reference, files.STREET, backend=backend)


@files.needs_reference
def test_a_whole_model_through_the_runtime() -> None:
    figures = _run("R_50_FPN_s1x", "onnx")
    assert len(figures) == 49
    assert not [str(figure) for figure in figures if not figure.passed]


@pytest.mark.slow
@files.needs_reference
@pytest.mark.parametrize("backend", ["torch", "onnx"])
@pytest.mark.parametrize("name", files.REFERENCES)
def test_every_reference(name: str, backend: str) -> None:
    assert not [str(figure) for figure in _run(name, backend) if not figure.passed]


@pytest.mark.slow
@files.needs_reference
@pytest.mark.parametrize("name", files.REFERENCES)
def test_fast_mode(name: str) -> None:
    layout, reference = files.FOLDER / f"layout_{name}.json", files.FOLDER / f"ref_{name}.npz"
    figures = official.run(layout, reference, files.STREET, precision="fast")
    assert not [str(figure) for figure in figures if not figure.passed]


@pytest.mark.parametrize(("missed", "code"), [(False, 0), (True, 1)])
def test_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missed: bool, code: int
) -> None:
    figures = [official.Figure("a", 0.5, 1.0), official.Figure("b", 0.5, 0.9, at_least=missed)]
    monkeypatch.setattr(official, "run", lambda *_: figures)
    arguments = ["--layout", "layout_x.json", "--reference", "r.npz", "--image", "i.jpg"]
    monkeypatch.setattr(sys, "argv", ["parity", *arguments])
    with pytest.raises(SystemExit) as ended:
        parity.main()
    assert ended.value.code == code
    assert ("MISSED" in capsys.readouterr().out) == missed
