"""From a file of official weights to the one-file model that the torch-free runtime reads."""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from opendensepose.export import export
from opendensepose.io.files import InputError
from opendensepose.io.unpickle import load_pickle
from opendensepose.model.official import from_content

SHORT, LONG = 800, 1333  # of the network's input, as published
THRESHOLD = 0.8  # the published demonstration's; evaluations use the graphs' 0.05
LICENCE = "that of the source file; official weights are for non-commercial use"
TORCH_SUFFIXES = (".pth", ".pt")
# graphs that may run in bfloat16; Winograd's tiles, in the dense graph, need single precision
BFLOAT16 = ("detector.onnx", "decoder.onnx")
LARGEST = 4 << 30  # bytes: the largest official file has 0.8 GB


@dataclass(frozen=True)
class Converted:
    """What `convert` did."""

    path: Path
    name: str  # of the architecture, as published
    arrays: int  # that went in
    ignored: tuple[str, ...]  # by-products of training that were left out


def convert(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    config: str | None = None,
    short: int = SHORT,
    long: int = LONG,
    threshold: float = THRESHOLD,
) -> Converted:
    """Write a model file (full precision) of a Detectron2 pickle, a .pth or a Caffe2 pickle of 2018.

    The architecture is read from names and shapes; `config`, a published name, overrules. `short` and `long`
    bound the sides of the network's input. Nothing in the source is executed. Raises FileNotFoundError, or
    InputError for a file that is broken or of another net.
    """
    source = Path(source)
    content = read_official(source)
    try:
        official = from_content(content, config)
    except ValueError as error:
        raise InputError(f"{source}: {error}") from None
    extra = {
        "atlas": "smpl24",
        "licence": LICENCE,
        "architecture": official.variant.name,
        "bfloat16": list(BFLOAT16),
        "input": {"short": short, "long": long, "upscale": True},
        "source_sha256": _digest(source),
    }
    name = Path(path).stem
    written = export(official.model, path, name=name, threshold=threshold, half=False, extra=extra)
    return Converted(written, official.variant.name, official.arrays, official.ignored)


def read_official(source: str | os.PathLike[str]) -> Any:
    """The dictionaries and arrays of a pickle or a torch file; no code in it is run.

    Raises FileNotFoundError or InputError.
    """
    source = Path(source)
    if not source.is_file():
        raise FileNotFoundError(f"{source}: expected a file of official weights, got no such file")
    size = source.stat().st_size
    if not 0 < size <= LARGEST:
        raise InputError(f"{source}: expected a file of 1 byte to {LARGEST >> 30} GB, got {size} bytes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the odd contents of broken files, which end as errors
        if source.suffix.lower() in TORCH_SUFFIXES or _starts_with(source, b"PK"):
            return _read_torch(source)
        return load_pickle(source)


def _read_torch(source: Path) -> Any:
    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # of a broken file torch's reader raises all kinds, struct.error among them
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{source}: expected tensors and plain types, got {reason}") from None


def _starts_with(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
