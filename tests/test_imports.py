"""What importing and predicting load, each in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import annotation_files
import opendensepose as odp

HEAVY = ("torch", "torchvision", "lightning", "numba", "scipy", "matplotlib", "pycocotools", "onnx")


def loaded_after(code: str) -> set[str]:
    """Those of the heavy packages that are loaded when `code` has run."""
    code += f"\nimport sys\nprint('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("LOADED")[-1].split())


def test_the_check_sees_a_heavy_import() -> None:
    assert loaded_after("import scipy") == {"scipy"}


def test_importing() -> None:
    assert loaded_after("import opendensepose as odp; odp.load, odp.Result, odp.Atlas") == set()


def test_help_of_predict() -> None:
    code = "import click, contextlib\nfrom opendensepose.cli import main\n"
    code += "with contextlib.suppress(SystemExit): main(['predict', '--help'])"
    assert loaded_after(code) == set()


@pytest.mark.slow
def test_predicting(tmp_path: Path) -> None:
    code = "import contextlib\nfrom opendensepose.cli import main\n"
    code += f"with contextlib.suppress(SystemExit): main(['predict', {str(odp.SAMPLE_IMAGE)!r}, "
    code += f"'--out', {str(tmp_path)!r}])"
    assert loaded_after(code) == set()
    assert (tmp_path / "sample.json").is_file()


def test_reading_annotations(tmp_path: Path) -> None:
    """Masks are only decoded when somebody asks for one."""
    annotation_files.coco_file(tmp_path / "a.json")
    code = "from opendensepose.data import read_annotations\n"
    code += f"print([s.people for s in read_annotations({str(tmp_path / 'a.json')!r})])"
    assert loaded_after(code) == set()


def test_every_public_name_is_there() -> None:
    for name in odp.__all__:
        assert getattr(odp, name) is not None
    assert set(odp.__all__) <= set(dir(odp))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        odp.nonsense  # noqa: B018
