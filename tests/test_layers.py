"""The table of layers in docs/design.md, walked over every import, those inside functions too."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = "opendensepose"
ROOT = Path(__file__).parents[1] / "src" / PACKAGE

# folder (or file) -> what it must not import; a name without a dot is one of our folders or another package
FORBIDDEN = {
    "surface": {"torch", "data"},
    "io": {"model", "runtime"},
    "runtime": {"torch", "torchvision", "lightning", "train", "model", "numba", "scipy"},
    "data": {"model", "runtime"},
    "synth": {"model", "train"},
    "model": {"runtime", "viz"},
    "train": {"runtime"},
    "eval": {"model", "runtime", "train", "torch"},
    "export": {"runtime"},
    "quantise": {"runtime", "model", "train", "torch"},
    "convert": {"runtime"},
    "viz": {"runtime", "model"},
    "annotate": {"model", "train"},
}
CORE_MAY = {"numpy", "cv2", "core"}
CORE_MAY_LATE = {"core.types": {"io", "viz"}}  # Result.save and Result.plot hand over to them when called
OFTEN_ABSENT = {  # packages of the extras: imported where they are used, never by what everybody runs
    *(
        "torch",
        "torchvision",
        "lightning",
        "numba",
        "scipy",
        "pycocotools",
        "matplotlib",
        "plotly",
        "onnx",
        "anny",
    ),
    *("igl", "plotly", "openvino"),
    *("fastapi", "sqlalchemy", "uvicorn", "pydantic"),
}
# need the extras [train], [annotate] anyway
MAY_AT_TOP = {"model", "train", "export", "quantise", "convert", "annotate"}


def module_name(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__init__").replace("/", ".")


def layer(path: Path) -> str:
    return module_name(path).split(".")[0]


def imports(path: Path) -> list[tuple[str, bool]]:
    """(folder of ours or other package, whether it runs when the module is imported) for every import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {
        id(node)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef) or _is_type_checking(outer)
        for node in ast.walk(outer)
    }
    found = []
    for node in ast.walk(tree):
        for name in _targets(node):
            parts = name.split(".")
            known = parts[1] if parts[0] == PACKAGE and len(parts) > 1 else parts[0]
            found.append((known, id(node) not in lazy))
    return found


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"line {node.lineno}: relative imports hide the layer"
        module = node.module or ""
        return [f"{module}.{alias.name}" for alias in node.names] if module == PACKAGE else [module]
    return []


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[module_name(p) or PACKAGE for p in FILES])
def test_imports_of(path: Path) -> None:
    own = layer(path)
    for name, at_top in imports(path):
        assert name not in FORBIDDEN.get(own, set()), f"{own}/ must not import {name}"
        assert name != "cli" or own == "cli", "cli/ is imported by no one"
        if own == "core":
            may = CORE_MAY if at_top else CORE_MAY | CORE_MAY_LATE.get(module_name(path), set())
            assert name in may or name in sys.stdlib_module_names, f"core/ must not import {name}"
        if at_top and own not in MAY_AT_TOP and module_name(path) != "surface.jit":
            assert name not in OFTEN_ABSENT, f"{name} is of an extra: import it in the function that needs it"


def test_the_walk_sees_imports() -> None:
    assert ("numpy", True) in imports(ROOT / "core" / "types.py")
    assert ("core", True) in imports(ROOT / "data" / "boxes.py")
    assert ("numba", True) in imports(ROOT / "surface" / "jit.py")
    assert ("runtime", False) in imports(ROOT / "__init__.py")  # under TYPE_CHECKING
    assert len(FILES) > 10
