"""JSON files of any length in little memory: the items of a long list come one by one, with their places.

Each item is parsed by the standard library; only one window of the file is held at a time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from opendensepose.io.files import InputError

_WINDOW = 1 << 22  # bytes read at a time
_LARGEST = 1 << 28  # bytes of one item; more is taken for a broken file
_SPACE = " \t\r\n"
_BOM = b"\xef\xbb\xbf"
_ENDS = tuple(",]}:" + _SPACE)  # what may follow a value


class Item(NamedTuple):
    """One value and where it lies in the file: bytes start..end."""

    value: Any
    start: int
    end: int


def read_list(path: str | os.PathLike[str]) -> Iterator[Item]:
    """The items of a file that holds one list; raises FileNotFoundError, or InputError with the place."""
    with open(path, "rb") as file:
        window = _Window(file, path)
        if window.peek() != "[":
            raise InputError(f"{path}: expected a JSON list, got {window.next_words()}")
        yield from window.items()
        window.expect_end()


def read_object(
    path: str | os.PathLike[str],
    lists: Collection[str],
    needed: Collection[str] = (),  # keys without which it is another kind of file
) -> Iterator[tuple[str, Item]]:
    """(key, item) for every item of the `lists` of a file that holds one object, (key, value) for the rest.

    An empty list gives nothing. Raises as `read_list` does; also if one of `lists` holds no list, for a key
    that comes twice, and at the end if a `needed` one has not come.
    """
    seen: set[str] = set()
    with open(path, "rb") as file:
        window = _Window(file, path)
        if window.peek() != "{":
            raise InputError(f"{path}: expected {_wanted(needed)}, got {window.next_words()}")
        window.skip("{")
        while window.peek() != "}":
            key = window.value().value
            if not isinstance(key, str) or key in seen:
                raise window.error(
                    f"expected a new key, got {f'the key {key!r} twice' if key in seen else key!r}"
                )
            seen.add(key)
            window.skip(":")
            if key in lists:
                if window.peek() != "[":
                    raise InputError(f"{path}: key {key!r}: expected a list, got {window.next_words()}")
                for item in window.items():
                    yield key, item
            else:
                yield key, window.value()
            if window.peek() != "}":
                window.skip(",")
        window.skip("}")
        window.expect_end()
    if not seen.issuperset(needed):
        raise InputError(f"{path}: expected {_wanted(needed)}, got an object with keys {sorted(seen)[:8]}")


def read_item(file: BinaryIO, start: int, end: int) -> Any:
    """The value at a place that `read_list` or `read_object` gave, from the open file."""
    file.seek(start)
    return json.loads(file.read(end - start))


def _wanted(needed: Collection[str]) -> str:
    return f"an object with the keys {' and '.join(map(repr, needed))}" if needed else "a JSON object"


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"broken JSON ({error.msg})"
    return "broken JSON (nested too deeply)" if isinstance(error, RecursionError) else "a number too long"


class _Window:
    """Part of a file as text, one character per byte (latin-1), so that places are those of the file."""

    def __init__(self, file: BinaryIO, path: str | os.PathLike[str]) -> None:
        self.file, self.path = file, Path(path)
        first = file.read(max(_WINDOW, len(_BOM)))
        self.text, self.before = first.decode("latin-1"), 0  # bytes of the file before `text`
        self.at = 3 if first.startswith(_BOM) else 0  # place in `text`, after any byte order mark
        self.decoder = json.JSONDecoder()

    def more(self) -> bool:
        """Drop what is done and read on; False at the end of the file."""
        size = max(_WINDOW, len(self.text) - self.at)  # a long item: twice as much each time
        if len(self.text) - self.at > _LARGEST:
            raise self.error(f"expected items of at most {_LARGEST >> 20} MB, got a longer one")
        added = self.file.read(size).decode("latin-1")
        self.before += self.at
        self.text, self.at = self.text[self.at :] + added, 0
        return bool(added)

    def peek(self) -> str:
        """The next character that is no space; "" at the end of the file."""
        while True:
            while self.at < len(self.text):
                if self.text[self.at] not in _SPACE:
                    return self.text[self.at]
                self.at += 1
            if not self.more():
                return ""

    def skip(self, character: str) -> None:
        if self.peek() != character:
            raise self.error(f"expected {character!r}, got {self.next_words()}")
        self.at += 1

    def value(self) -> Item:
        """Parse the value that begins here."""
        self.peek()
        while True:
            try:
                value, end = self.decoder.raw_decode(self.text, self.at)
            except (ValueError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self.more():
                    raise self.error(f"expected JSON, got {_reason(error)}") from None
                continue
            length = end - self.at
            # "-0." at the end of the window is the beginning of -0.25, though -0 could be read
            if self.text[end : end + 1] in _ENDS or not self.more():
                break
        raw = self.text[self.at : self.at + length]
        if not raw.isascii():
            value = self._unicode(raw)
        start = self.before + self.at
        self.at += length
        return Item(value, start, start + length)

    def _unicode(self, raw: str) -> Any:
        try:
            return json.loads(raw.encode("latin-1"))
        except ValueError:
            raise self.error("expected JSON, got text that is not UTF-8") from None

    def items(self) -> Iterator[Item]:
        """The items of the list that begins here."""
        self.skip("[")
        if self.peek() != "]":
            yield self.value()
            while self.peek() != "]":
                self.skip(",")
                yield self.value()
        self.skip("]")

    def expect_end(self) -> None:
        if self.peek():
            raise self.error(f"expected the end of the file, got {self.next_words()}")

    def next_words(self) -> str:
        """What comes next, shortened, for an error."""
        self.peek()
        text = self.text[self.at : self.at + 30]
        return repr(text) if text else "the end of the file"

    def error(self, text: str) -> InputError:
        return InputError(f"{self.path}: at byte {self.before + self.at}: {text}")
