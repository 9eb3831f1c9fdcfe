"""Files and folders: the error for unreadable inputs, atomic writing, and the list of inputs."""

from __future__ import annotations

import glob
import os
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# fmt: off
IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif",
                            ".tiff", ".ppm", ".pgm", ".pnm", ".jp2", ".j2k", ".avif", ".mpo"))
VIDEO_SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mts",
                            ".wmv", ".flv", ".3gp", ".ogv"))
# fmt: on


class InputError(ValueError):
    """An input file that cannot be read; the text says what, expected and got, in one line."""


def brief(value: Any) -> str:
    """A value for an error message, in one short line."""
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number of more than 30 digits"
    text = f"{type(value).__name__} with keys {sorted(value)[:8]}" if isinstance(value, dict) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def wrong(where: str, key: str, expected: str, entry: Mapping[str, Any]) -> InputError:
    """The error for a value that is not as expected, or missing."""
    return InputError(f"{where}: {misfit(key, expected, entry)}")


def misfit(key: str, expected: str, entry: Mapping[str, Any]) -> str:
    """What was expected of a key's value, and what is there."""
    got = brief(entry[key]) if key in entry else "no such key"
    return f"key {key!r}: expected {expected}, got {got}"


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path beside `path` (same suffix) to write to; rename it into place if the block succeeds.

    Missing folders are made. After an exception neither a half-written file nor a changed old one is left.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f".{uuid.uuid4().hex[:12]}.tmp{final.suffix}")
    try:
        yield temporary
        os.replace(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)


@dataclass(frozen=True)
class Input:
    """One thing to process: an image or video file, or the image on standard input (`path` is None)."""

    path: Path | None
    stem: str  # where its results go below the output folder, without suffix: "sub/photo"

    @property
    def is_video(self) -> bool:
        return self.path is not None and self.path.suffix.lower() in VIDEO_SUFFIXES

    def __str__(self) -> str:
        return "-" if self.path is None else str(self.path)


def expand_inputs(arguments: Iterable[str | os.PathLike[str]]) -> list[Input]:
    """List the images and videos that `arguments` (files, folders, globs, `-` for stdin) name, each once.

    Folders are walked by name, hidden files left out, and their sub-folders stay in the stems. Whatever
    cannot be found stays in the list as it was written, so that reading it fails in its turn and the others
    are done.

    Stems are unique, on file systems without letter case too: where inputs share one, all of them take their
    suffix in ("a.jpg", "a.png" -> "a_jpg", "a_png"), and those still equal are numbered ("a_jpg-2").
    """
    found: dict[str, Input] = {}
    for argument in arguments:
        for path, name in _expand(os.fspath(argument)):
            key = "-" if path is None else os.path.realpath(path)
            found.setdefault(key, Input(path, name.with_suffix("").as_posix()))
    return _unique_stems(list(found.values()))


def _expand(argument: str) -> Iterator[tuple[Path | None, Path]]:
    """Yield (path, name below the output folder) of each file that one argument names."""
    if argument == "-":
        yield None, Path("stdin")
    elif os.path.isdir(argument):
        yield from _walk(Path(argument), Path())
    elif glob.has_magic(argument) and not os.path.exists(argument):
        yield from _glob(argument)
    else:
        yield Path(argument), Path(os.path.basename(argument))


def _walk(folder: Path, below: Path) -> Iterator[tuple[Path, Path]]:
    empty = True
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for file in sorted(files):
            path = Path(root, file)
            if not file.startswith(".") and path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES:
                empty = False
                yield path, below / path.relative_to(folder)
    if empty:
        yield folder, Path(folder.resolve().name or "folder")


def _glob(pattern: str) -> Iterator[tuple[Path, Path]]:
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    top = Path(*parts[:fixed])
    matches = sorted(glob.glob(pattern, recursive=True))
    for match in map(Path, matches):
        below = match.relative_to(top)
        if not match.is_dir():
            yield match, below
        elif "**" not in parts:  # "**" already gives the files inside
            yield from _walk(match, below)
    if not matches:
        yield Path(pattern), Path("pattern")


def _unique_stems(inputs: list[Input]) -> list[Input]:
    counts = Counter(entry.stem.casefold() for entry in inputs)
    taken = {stem for stem, count in counts.items() if count == 1}
    unique = []
    for entry in inputs:
        stem = entry.stem
        if counts[stem.casefold()] > 1:
            stem = base = stem + (entry.path.suffix.replace(".", "_") if entry.path else "")
            number = 1
            while stem.casefold() in taken:
                number += 1
                stem = f"{base}-{number}"
            taken.add(stem.casefold())
        unique.append(replace(entry, stem=stem))
    return unique
