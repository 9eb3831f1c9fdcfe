"""The built wheel: its size, what is in it, and that it works in a clean environment, offline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIMIT = 40 * 2**20
# loaded by Python at start: any connection fails
NO_NETWORK = """
import socket

def refuse(*args, **kwargs):
    raise OSError("this test allows no network")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_wheel(wheel: Path) -> None:
    assert wheel.stat().st_size <= LIMIT
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    ours = [name for name in names if ".dist-info/" not in name]
    assert all(name.startswith("opendensepose/") for name in ours)
    assert not [name for name in names if name.endswith((".pyc", ".nbi", ".nbc", ".pt", ".ckpt"))]
    needed = (
        "py.typed",
        "assets/sample.jpg",
        "surface/assets/body.npz",
        "surface/assets/odp24.npz",
        "weights/small.odp",
    )
    assert {f"opendensepose/{name}" for name in needed} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that has the wheel and what it needs, and no network."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(folder)], check=True)
        install = ["uv", "pip", "install", "-q", "--python", str(folder / "bin" / "python")]
    else:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q"]
    subprocess.run([*install, str(wheel)], check=True)
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    return folder / "bin"


def run(clean: Path, folder: Path, *command: str) -> str:
    """Output of a command of the clean environment, run in `folder`, outside the checkout."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    arguments = [str(clean / command[0]), *command[1:]]
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_without_network_and_torch(clean: Path, tmp_path: Path) -> None:
    code = "import socket, importlib.util as u\n"
    code += "try: socket.create_connection(('localhost', 9))\nexcept OSError as e: print(e)\n"
    code += "print([n for n in ('torch', 'numba', 'scipy', 'anny') if u.find_spec(n)])"
    assert run(clean, tmp_path, "python", "-c", code).splitlines() == ["this test allows no network", "[]"]


@pytest.mark.slow
def test_predict(clean: Path, tmp_path: Path) -> None:
    sample = run(
        clean, tmp_path, "python", "-c", "import opendensepose; print(opendensepose.SAMPLE_IMAGE)"
    ).strip()
    assert not Path(sample).is_relative_to(ROOT)
    run(clean, tmp_path, "densepose", "predict", sample, "--out", "results")
    names = {path.name for path in (tmp_path / "results").iterdir()}
    assert {"sample.json", "sample.npz", "sample_iuv.png", "sample_overlay.jpg"} <= names
    assert len(json.loads((tmp_path / "results" / "sample.json").read_text())) >= 1


@pytest.mark.slow
def test_atlas(clean: Path, tmp_path: Path) -> None:
    run(clean, tmp_path, "densepose", "atlas", "--out", "atlas.png")
    assert (tmp_path / "atlas.png").stat().st_size > 10_000


@pytest.mark.slow
def test_synth(clean: Path, tmp_path: Path) -> None:
    run(clean, tmp_path, "densepose", "synth", "--count", "2", "--out", "set")
    content = json.loads((tmp_path / "set" / "annotations.json").read_text())
    assert len(content["images"]) == 2
    assert len(list((tmp_path / "set" / "images").iterdir())) == 2
    assert len(list((tmp_path / "set" / "dense").iterdir())) == 4
