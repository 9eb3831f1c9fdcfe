"""Maps inside JSON: PNG as base64, which is not trusted before it is unpacked."""

from __future__ import annotations

import base64
import binascii
import contextlib
import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.io.files import InputError, wrong
from opendensepose.io.image import MAX_PIXELS

_PNG = b"\x89PNG\r\n\x1a\n"


def encode_png(image: NDArray[np.uint8]) -> str:
    """A grey [h, w] or BGR [h, w, 3] picture as text."""
    return base64.b64encode(cv2.imencode(".png", image)[1].tobytes()).decode("ascii")


def decode_map(entry: dict[str, Any], where: str) -> NDArray[np.uint8]:
    """[h, w, 3] part label, U, V of an entry's `uv_data`, of the size in `uv_shape`; raises InputError."""
    return np.ascontiguousarray(decode_png(entry, "uv_data", where, cv2.IMREAD_COLOR)[..., ::-1])


def decode_png(
    entry: dict[str, Any],
    key: str,
    where: str,  # what errors begin with
    mode: int = cv2.IMREAD_GRAYSCALE,  # or IMREAD_COLOR
) -> NDArray[np.uint8]:
    """The picture that `key` of a result's entry holds, which must be of its `uv_shape` [3, h, w].

    Raises InputError: wrong sizes are found before unpacking (a small file can unpack to gigabytes), broken
    files before OpenCV's decoder writes of them on standard error.
    """
    shape = entry.get("uv_shape")
    good = isinstance(shape, list) and len(shape) == 3 and all(type(n) is int and n > 0 for n in shape)
    if not good or shape[0] != 3 or shape[1] * shape[2] > MAX_PIXELS:  # type: ignore[index]
        raise wrong(where, "uv_shape", "[3, h, w]", entry)
    height, width = shape[1:]  # type: ignore[index]
    if key not in entry:
        raise wrong(where, key, "a PNG in base64", entry)
    where = f"{where}: key {key!r}"
    try:
        png = base64.b64decode(entry[key], validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise InputError(f"{where}: expected a PNG in base64, got {error}") from None
    size = int.from_bytes(png[20:24], "big"), int.from_bytes(png[16:20], "big")
    if png[:8] != _PNG or size != (height, width):
        got = f"{size[1]} x {size[0]}" if png[:8] == _PNG else "no PNG"
        raise InputError(f"{where}: expected a PNG of {width} x {height}, got {got}")
    image = None
    if _is_whole(png):
        with contextlib.suppress(cv2.error):
            image = cv2.imdecode(np.frombuffer(png, np.uint8), mode | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None or image.shape[:2] != size:
        raise InputError(f"{where}: expected a whole PNG, got a broken one")
    return image.astype(np.uint8, copy=False)


def _is_whole(png: bytes) -> bool:
    """Whether every chunk has its length and sum."""
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
