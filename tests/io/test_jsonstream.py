"""Items of long JSON files: the same as json.loads gives, with their places, in any window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opendensepose.io import jsonstream
from opendensepose.io.files import InputError
from opendensepose.io.jsonstream import read_item, read_list, read_object

VALUES: list[Any] = [
    {"a": 1, "b": [1.5, -2e-3, None, True]},
    12345,
    -0.25,
    'text with ] and , and \\ and "',
    "ünïcödé: 人",
    [],
    [[1], {}],
    {"long": "x" * 300},
]


@pytest.mark.parametrize("window", [7, 16, 64, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_list(
    window: int, indent: int | None, ascii_only: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonstream, "_WINDOW", window)
    path = tmp_path / "list.json"
    path.write_text(json.dumps(VALUES, indent=indent, ensure_ascii=ascii_only) + "\n", encoding="utf-8")
    items = list(read_list(path))
    assert [item.value for item in items] == VALUES
    with path.open("rb") as file:
        assert [read_item(file, item.start, item.end) for item in items] == VALUES


@pytest.mark.parametrize("window", [5, 1 << 20])
def test_an_object(window: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonstream, "_WINDOW", window)
    path = tmp_path / "object.json"
    path.write_bytes(
        b"\xef\xbb\xbf" + json.dumps({"info": {"x": 1}, "images": VALUES, "none": [], "n": 7}).encode()
    )
    pairs = list(read_object(path, ("images", "none")))
    assert [(key, item.value) for key, item in pairs] == [
        ("info", {"x": 1}),
        *(("images", value) for value in VALUES),
        ("n", 7),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "end of the file"),
        ("{}", "expected a JSON list"),
        ("[1, 2", "expected ','"),
        ("[1 2]", "expected ','"),
        ("[1,]", "expected JSON"),
        ('["unfinished', "expected JSON"),
        ("[1] 2", "end of the file"),
        ("[nonsense]", "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ("[" + "9" * 5000 + "]", "expected JSON"),
    ],
)
def test_broken_files_are_named_with_the_place(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"broken\.json") as caught:
        list(read_list(path))
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "bytes.json"
    path.write_bytes(b'["\xff\xfe"]')
    with pytest.raises(InputError, match="UTF-8"):
        list(read_list(path))


def test_a_list_where_an_object_should_be(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("[]")
    with pytest.raises(InputError, match="expected a JSON object"):
        list(read_object(path, ()))
    path.write_text('{"images": 3}')
    with pytest.raises(InputError, match="'images': expected a list"):
        list(read_object(path, ("images",)))
    path.write_text('{"a": 1, "a": 2}')
    with pytest.raises(InputError, match="the key 'a' twice"):
        list(read_object(path, ()))
    with pytest.raises(InputError, match="with the keys 'b', got an object with keys"):
        path.write_text('{"a": []}')
        list(read_object(path, ("a",), needed=("b",)))
