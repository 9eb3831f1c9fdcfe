"""The README's Python runs as it stands, and its commands and files exist."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import opendensepose as odp
from opendensepose.cli import COMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    shutil.copy(odp.SAMPLE_IMAGE, tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["picture"].shape == names["result"].image.shape  # type: ignore[attr-defined]
    assert names["xyz"].shape == (2, 3)  # type: ignore[attr-defined]
    assert any((tmp_path / "results").iterdir())


def test_commands_exist() -> None:
    assert set(re.findall(r"`densepose (\w+)", README)) == set(COMMANDS)


def test_benchmarks_and_links_exist() -> None:
    modules = re.findall(r"python -m benchmarks\.(\w+)", README)
    assert len(modules) >= 4
    assert [name for name in modules if not (ROOT / "benchmarks" / f"{name}.py").is_file()] == []
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []
