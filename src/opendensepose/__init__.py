"""Dense human pose estimation: every human pixel mapped to the surface of the body.

>>> import opendensepose as odp
>>> result = odp.load()(odp.SAMPLE_IMAGE)
>>> result.save("results/")
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opendensepose.core.decode import decode
    from opendensepose.core.types import ChartLogits, DenseMap, Result, SurfacePoints
    from opendensepose.eval.run import evaluate
    from opendensepose.io.files import InputError
    from opendensepose.io.image import read_image
    from opendensepose.runtime import Predictor, load
    from opendensepose.surface.atlas import Atlas
    from opendensepose.surface.parts import PART_NAMES

__version__ = "0.1.0"
__all__ = [
    "PART_NAMES",
    "SAMPLE_IMAGE",
    "Atlas",
    "ChartLogits",
    "DenseMap",
    "InputError",
    "Predictor",
    "Result",
    "SurfacePoints",
    "decode",
    "evaluate",
    "load",
    "read_image",
]

SAMPLE_IMAGE = Path(__file__).parent / "assets" / "sample.jpg"  # a render of ours, to try things on

# name -> the module that has it: imported on first use, so that `import opendensepose` stays fast
_HOMES = {
    "Atlas": "surface.atlas",
    "ChartLogits": "core.types",
    "DenseMap": "core.types",
    "InputError": "io.files",
    "PART_NAMES": "surface.parts",
    "Predictor": "runtime",
    "Result": "core.types",
    "SurfacePoints": "core.types",
    "decode": "core.decode",
    "evaluate": "eval.run",
    "load": "runtime",
    "read_image": "io.image",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
