"""What a results file says: where its entries lie, and their maps when they are asked for.

The first reading keeps a few numbers per detection; maps are read again image by image, so that a file of
any length fits in memory.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import zlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.data.sample import PERSON
from opendensepose.eval import fields
from opendensepose.eval.fields import Box
from opendensepose.io.files import InputError
from opendensepose.io.jsonstream import read_item, read_list

_PNG = b"\x89PNG\r\n\x1a\n"


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
        iuv = decode_map(entry["uv_data"], entry.get("uv_shape"), where)
        _, _, w, h = detection.box
        expected = max(int(h), 1), max(int(w), 1)
        if iuv.shape[0] < expected[0] or iuv.shape[1] < expected[1]:
            got = f"{iuv.shape[1]} x {iuv.shape[0]}"
            raise InputError(f"{where}: expected a map of the box, {expected[1]} x {expected[0]}, got {got}")
        return iuv


def decode_map(data: str, shape: Any, where: str) -> NDArray[np.uint8]:
    """[h, w, 3] part label, U, V of a base64 PNG (R, G, B) of `shape` [3, h, w]; raises InputError."""
    good = isinstance(shape, list) and len(shape) == 3 and all(type(n) is int and n > 0 for n in shape)
    if not good or shape[0] != 3 or shape[1] * shape[2] > fields.MAX_PIXELS:
        raise InputError(f"{where}: key 'uv_shape': expected [3, h, w], got {fields.brief(shape)}")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"{where}: key 'uv_data': expected base64, got {error}") from None
    size = int.from_bytes(raw[20:24], "big"), int.from_bytes(raw[16:20], "big")
    if raw[:8] != _PNG or size != (shape[1], shape[2]):  # before decoding: a small file can unpack to GBs
        got = f"{size[1]} x {size[0]}" if raw[:8] == _PNG else "no PNG"
        raise InputError(f"{where}: key 'uv_data': expected a PNG of {shape[2]} x {shape[1]}, got {got}")
    bgr = None
    if _is_whole(raw):
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        with contextlib.suppress(cv2.error):
            bgr = cv2.imdecode(np.frombuffer(raw, np.uint8), flags)
    if bgr is None or bgr.shape[:2] != size:
        raise InputError(f"{where}: key 'uv_data': expected a whole PNG, got a broken one")
    return np.ascontiguousarray(bgr[..., ::-1], np.uint8)


def _is_whole(png: bytes) -> bool:
    """Whether every chunk has its length and sum: the decoder would write of others on standard error."""
    at = len(_PNG)
    while at + 12 <= len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        kind, end = png[at + 4 : at + 8], at + 8 + size
        if zlib.crc32(png[at + 4 : end]) != int.from_bytes(png[end : end + 4], "big"):
            return False
        if kind == b"IEND":
            return True
        at = end + 4
    return False
