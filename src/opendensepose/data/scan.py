"""Annotation files read as a stream: one image or annotation in memory at a time, and where it stands."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from opendensepose.data.entries import brief
from opendensepose.io.files import InputError

CHUNK = 1 << 22  # bytes read at a time
LARGEST = 1 << 26  # bytes of one entry; more is taken for a broken file
LISTS = ("images", "annotations")
_BOM = "\xef\xbb\xbf"


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
    with path.open("rb") as file:
        yield from _Scanner(file, path).walk()


class _Scanner:
    """Walks the top level itself and leaves every value to `json`.

    The text is taken for Latin-1, so that its characters are the bytes of the file: JSON's own signs are
    ASCII, and UTF-8 has no such byte in the middle of a character. Values with other than ASCII are then read
    again as UTF-8.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self._text, self._at, self._before = "", 0, 0  # _before: bytes of the file before _text
        self._whole = False  # the text reaches to the end of the file
        self._decode = json.JSONDecoder().raw_decode

    def walk(self) -> Iterator[Found]:
        seen: set[str] = set()
        for sign in _BOM:
            if self._peek() == sign:
                self._at += 1
        if self._peek() != "{":
            raise self._wrong(brief(self._value()[0]))
        self._at += 1
        while self._peek() != "}":
            key, _, _ = self._value()
            self._take(":")
            if not isinstance(key, str):
                raise self._broken("a key that is no text")
            if key in seen:
                raise self._broken(f"the key {key!r} twice")
            seen.add(key)
            if key in LISTS:
                yield from self._entries(key)
            else:
                yield Found(key, *self._value())
            if self._peek() != "}":
                self._take(",")
        self._at += 1
        if self._peek():
            raise self._broken("more after its end")
        if not seen.issuperset(LISTS):
            raise self._wrong(f"an object with keys {sorted(seen)[:8]}")

    def _entries(self, key: str) -> Iterator[Found]:
        if self._peek() != "[":
            raise InputError(f"{self._path}: key {key!r}: expected a list, got {brief(self._value()[0])}")
        self._at += 1
        while self._peek() != "]":
            value, start, end = self._value()
            if not isinstance(value, dict):
                raise InputError(
                    f"{self._path}: key {key!r}: expected a list of objects, got {brief(value)} in it"
                )
            yield Found(key, value, start, end)
            if self._peek() != "]":
                self._take(",")
        self._at += 1

    def _value(self) -> tuple[Any, int, int]:
        """The next value, and its first and last byte."""
        self._peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
                if end < len(self._text) or self._whole:  # else a number may go on
                    break
            except (ValueError, RecursionError) as error:
                if isinstance(error, RecursionError) or self._whole or self._long():
                    raise self._broken(_reason(error)) from None
            self._read_on(2 * (len(self._text) - self._at))
        piece = self._text[self._at : end]
        start, self._at = self._before + self._at, end
        if not piece.isascii():
            try:
                value = json.loads(piece.encode("latin-1").decode("utf-8"))
            except UnicodeDecodeError as error:
                raise self._broken(f"text that is not UTF-8 ({error.reason})") from None
        return value, start, self._before + end

    def _long(self) -> bool:
        return len(self._text) - self._at >= LARGEST

    def _peek(self) -> str:
        """The next character that is no white space; "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if self._whole:
                return ""
            self._read_on(CHUNK)

    def _take(self, sign: str) -> None:
        if self._peek() != sign:
            raise self._broken(f"{self._peek()!r} for {sign!r}" if self._peek() else "its end too early")
        self._at += 1

    def _read_on(self, count: int) -> None:
        """Drop what was read, and read at least `count` bytes more."""
        more = self._file.read(max(count, CHUNK))
        self._before += self._at
        self._text, self._at = self._text[self._at :] + more.decode("latin-1"), 0
        self._whole = not more

    def _wrong(self, got: str) -> InputError:
        return InputError(f"{self._path}: expected the keys 'images' and 'annotations', got {got}")

    def _broken(self, what: str) -> InputError:
        place = f"at byte {self._before + self._at}"
        return InputError(f"{self._path}: expected an annotation file in JSON, got {what} {place}")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"broken JSON ({error.msg})"
    return "broken JSON (nested too deeply)" if isinstance(error, RecursionError) else "a number too long"
