"""The pages' JavaScript: types as its comments say, and helpers against their Python twins."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from opendensepose.annotate.server import STATIC
from opendensepose.data.rle import encode_mask, unpack_counts

STRICT = "--allowJs --checkJs --noEmit --strict --target es2022 --module es2022 --moduleResolution bundler"
TSC = shutil.which("tsc")
NODE = shutil.which("node")


@pytest.mark.skipif(TSC is None, reason="needs TypeScript: npm install -g typescript")
def test_types() -> None:
    files = sorted(map(str, STATIC.glob("*.js")))
    command = [str(TSC), *STRICT.split(), "--lib", "es2022,dom,dom.iterable", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and len(files) > 8, done.stdout


def run(code: str) -> object:
    """What a module that may import the pages' modules prints as JSON."""
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-"], input=code, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def module(name: str, folder: Path) -> str:
    """A copy of a page's module that node takes for one."""
    path = folder / f"{name}.mjs"
    path.write_text((STATIC / f"{name}.js").read_text())
    return path.as_uri()


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_runs_are_unpacked_as_in_python(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    masks = [rng.random((40, 60)) < share for share in (0.02, 0.5, 0.97)] + [np.zeros((256, 256), bool)]
    texts = [encode_mask(mask)["counts"] for mask in masks]
    code = f"import {{ unpack }} from '{module('shapes', tmp_path)}';"
    found = run(code + f"console.log(JSON.stringify({json.dumps(texts)}.map(unpack)))")
    assert found == [unpack_counts(text).tolist() for text in texts]


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_simplified_lines_stay_near(tmp_path: Path) -> None:
    t = np.linspace(0, 6, 200)
    line = np.stack([40 * t, 30 * np.sin(t)], 1).round(3)
    code = f"import {{ inside, simplify }} from '{module('shapes', tmp_path)}';"
    code += f"const kept = simplify({line.tolist()}, 0.5);"
    square = "[[0, 0], [10, 0], [10, 10], [0, 10]]"
    code += f"console.log(JSON.stringify([kept, inside({square}, 5, 5), inside({square}, 15, 5)]))"
    kept, within, outside = run(code)  # type: ignore[misc]
    assert within is True and outside is False
    kept = np.array(kept)
    assert len(kept) < 40 and kept[0].tolist() == line[0].tolist() and kept[-1].tolist() == line[-1].tolist()
    drawn = np.interp(line[:, 0], kept[:, 0], kept[:, 1])
    assert np.abs(drawn - line[:, 1]).max() < 0.75  # up and down; 0.5 across the line
