"""Model files: one uncompressed zip with two ONNX graphs and model.json (docs/design.md, "Files").

Nothing is unpacked to disk and nothing in the file is executed: members are read into memory by their names.
"""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opendensepose.core.types import ATLASES

WEIGHTS = Path(__file__).parents[1] / "weights"  # the models that come with the package
FORMAT = 1
CERTAINTY = "certainty"  # output [N] of the dense graph: how sure it is of each person, 0..1
LIMITS = {"model.json": 1 << 20, "detector.onnx": 2 << 30, "dense.onnx": 2 << 30}  # bytes
REST = "rest.onnx"  # weights that only training reads
OPTIONAL = {"decoder.onnx": 2 << 30, REST: 2 << 30}


@dataclass(frozen=True)
class ModelFile:
    """The contents of one model file."""

    meta: dict[str, Any]  # model.json, checked
    detector: bytes = field(repr=False)  # ONNX
    dense: bytes = field(repr=False)  # ONNX
    decoder: bytes | None = field(repr=False, default=None)  # ONNX, of full-size nets
    rest: bytes | None = field(repr=False, default=None)  # ONNX: weights that only training reads

    @classmethod
    def open(cls, name_or_path: str | os.PathLike[str]) -> ModelFile:
        """Read a model by the name of a packaged one ("small") or by its path.

        Raises FileNotFoundError if there is none and ValueError if it is not a whole, valid model file.
        """
        path = find_model(name_or_path)
        try:
            with zipfile.ZipFile(path) as archive:
                found = {name for name in OPTIONAL if name in archive.namelist()}
                parts = {name: _member(archive, name, path) for name in (*LIMITS, *found)}
        except (
            zipfile.BadZipFile,
            zipfile.LargeZipFile,
            EOFError,
            RuntimeError,
            NotImplementedError,
        ) as error:
            raise ValueError(
                f"{path}: expected a whole model file, got a broken or foreign one ({error})"
            ) from error
        meta = _parse_meta(parts["model.json"], path)
        detector, dense = parts["detector.onnx"], parts["dense.onnx"]
        return cls(meta, detector, dense, parts.get("decoder.onnx"), parts.get(REST))


def find_model(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of a packaged model's name or of a path; FileNotFoundError names the choices."""
    text = os.fspath(name_or_path)
    path = Path(text)
    if path.is_file():
        return path
    if path.name == text and not path.suffix:  # a bare word
        path = WEIGHTS / f"{text}.odp"
        if path.is_file():
            return path
    names = ", ".join(sorted(file.stem for file in WEIGHTS.glob("*.odp"))) or "none here"
    expected = f"a model file or a packaged name ({names})"
    raise FileNotFoundError(f"model {text!r}: expected {expected}, got no such file")


def read_card(name: str) -> str:
    """The model card, in Markdown, of a packaged model; FileNotFoundError names the choices."""
    cards = {file.stem: file for file in sorted(WEIGHTS.glob("*.md"))}
    if name not in cards:
        expected = f"a packaged model with a card ({', '.join(cards) or 'none here'})"
        raise FileNotFoundError(f"model {name!r}: expected {expected}, got no such card")
    return cards[name].read_text(encoding="utf-8")


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError:
        got = ", ".join(archive.namelist()[:5]) or "an empty file"
        raise ValueError(f"{path}: expected {', '.join(LIMITS)} inside, got {got}") from None
    # uncompressed only: then the size of the file bounds the memory that reading it can take
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{path}: expected {name} stored uncompressed, got compression {info.compress_type}")
    limit = (LIMITS | OPTIONAL)[name]
    if info.file_size > limit:
        raise ValueError(f"{path}: expected {name} of at most {limit} bytes, got {info.file_size}")
    return archive.read(info)  # checks the CRC


def _parse_meta(text: bytes, path: Path) -> dict[str, Any]:
    """The checked contents of model.json."""
    try:
        meta = json.loads(text)
    except ValueError as error:  # also UnicodeDecodeError
        raise ValueError(f"{path}: expected JSON in model.json, got {error}") from None
    version = meta.get("format") if isinstance(meta, dict) else None
    if version != FORMAT:
        raise ValueError(f"{path}: expected model format {FORMAT}, got {version!r}")
    size = meta.get("input") if isinstance(meta.get("input"), dict) else {}
    rules = (
        ("name", meta.get("name"), "a text", lambda v: isinstance(v, str)),
        ("atlas", meta.get("atlas"), f"one of {', '.join(ATLASES)}", lambda v: v in ATLASES),
        ("input.short", size.get("short"), "an integer in 1..8192", _is_count),
        ("input.long", size.get("long"), "an integer in 1..8192", _is_count),
        ("input.upscale", size.get("upscale"), "true or false", lambda v: isinstance(v, bool)),
        ("threshold", meta.get("threshold"), "a number in 0..1", _is_fraction),
        ("bfloat16", meta.get("bfloat16", []), "a list of graphs", lambda v: isinstance(v, list)),
        ("int8", meta.get("int8", []), "a list of graphs", lambda v: isinstance(v, list)),
        ("crop", meta.get("crop"), "height, width and fill", _is_crop),
        ("max_people", meta.get("max_people"), "an integer in 1..8192", _is_count),
    )
    for key, value, expected, valid in rules:
        if not valid(value):
            raise ValueError(f"{path}: expected {expected} as {key} in model.json, got {value!r}")
    return meta


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 8192


def _is_crop(value: object) -> bool:
    if value is None:  # the dense graph reads the detector's maps
        return True
    if not isinstance(value, dict) or not _is_fraction(value.get("fill")) or value["fill"] < 0.1:
        return False
    return all(_is_count(value.get(side)) and value[side] <= 1024 for side in ("height", "width"))


def _is_fraction(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
