"""Annotation files read as a stream: one image or annotation in memory at a time, and where it stands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from opendensepose.io.files import InputError, brief
from opendensepose.io.jsonstream import read_object

LISTS = ("images", "annotations")


class Found(NamedTuple):
    """One value of the file: an entry of `images` or `annotations`, or all under another key."""

    key: str
    value: Any
    start: int  # byte in the file
    end: int


def scan(path: str | os.PathLike[str]) -> Iterator[Found]:
    """Every image, every annotation and every other top-level value, in the order of the file.

    Raises FileNotFoundError, or InputError for what is no JSON object with `images` and `annotations`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected an annotation file, got no such file")
    for key, item in read_object(path, LISTS, needed=LISTS):
        if key in LISTS and not isinstance(item.value, dict):
            got = brief(item.value)
            raise InputError(f"{path}: key {key!r}: expected a list of objects, got {got} in it")
        yield Found(key, *item)
