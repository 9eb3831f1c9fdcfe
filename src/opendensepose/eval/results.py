"""What a results file says: where its entries lie, and their maps when they are asked for.

The first reading keeps a few numbers per detection; maps are read again image by image, so that a file of
any length fits in memory.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opendensepose.data.sample import PERSON
from opendensepose.eval import fields
from opendensepose.eval.fields import Box
from opendensepose.io.files import InputError
from opendensepose.io.jsonstream import read_item, read_list
from opendensepose.io.pngtext import decode_map


class Detection(NamedTuple):
    """One entry of a results file, without its map."""

    number: int  # position in the file, from 0
    image_id: int
    category: int
    box: Box
    score: float
    start: int  # bytes of the file
    end: int


class Results:
    """A results file: detections by image, in the order of the file; its maps are read in a `with` block."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read the list; raises FileNotFoundError, or InputError naming the file, the entry and the key."""
        self.path = Path(path)
        self.by_image: dict[int, list[Detection]] = defaultdict(list)
        self.count = 0
        self.has_keypoints = False
        atlases: set[str] = set()
        for value, start, end in read_list(path):
            where = self._where(self.count)
            entry = fields.entry_of(value, where)
            detection = self._detection(entry, start, end, where)
            self.by_image[detection.image_id].append(detection)
            self.count += 1
            self.has_keypoints |= bool(entry.get("keypoints"))
            if isinstance(entry.get("odp_atlas"), str):
                atlases.add(entry["odp_atlas"])
        self.atlas = fields.one_atlas(atlases, path)

    def __enter__(self) -> Results:
        self._file = self.path.open("rb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _where(self, number: int) -> str:
        return f"{self.path}: entry {number}"

    def _detection(self, entry: Mapping[str, Any], start: int, end: int, where: str) -> Detection:
        if not isinstance(entry.get("uv_data"), str):
            raise fields.wrong(where, "uv_data", "a PNG in base64", entry)
        return Detection(
            self.count,
            fields.integer(entry, "image_id", where),
            fields.integer(entry, "category_id", where) if "category_id" in entry else PERSON,
            fields.box(entry, where),
            fields.number(entry, "score", where),
            start,
            end,
        )

    def entry(self, detection: Detection) -> dict[str, Any]:
        """The entry as it stands in the file."""
        try:
            entry: dict[str, Any] = read_item(self._file, detection.start, detection.end)
        except ValueError:
            raise InputError(f"{self.path}: expected an unchanged file, got another one") from None
        return entry

    def map(self, detection: Detection) -> NDArray[np.uint8]:
        """The map [h, w, 3] of one detection: part label, U, V; raises InputError."""
        where = self._where(detection.number)
        entry = self.entry(detection)
        iuv = decode_map(entry, where)
        _, _, w, h = detection.box
        expected = max(int(h), 1), max(int(w), 1)
        if iuv.shape[0] < expected[0] or iuv.shape[1] < expected[1]:
            got = f"{iuv.shape[1]} x {iuv.shape[0]}"
            raise InputError(f"{where}: expected a map of the box, {expected[1]} x {expected[0]}, got {got}")
        return iuv
