"""Files of given boxes in their three forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opendensepose.data.boxes import GivenBoxes
from opendensepose.io.files import InputError


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "boxes.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_list_is_for_every_image(tmp_path: Path) -> None:
    given = GivenBoxes(written(tmp_path, [[1, 2, 3, 4], [5, 6, 7, 8]]))
    assert given.of("a.jpg").tolist() == given.of("b/c.png").tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_an_object_is_by_path_or_file_name(tmp_path: Path) -> None:
    table = {"a.jpg": [[1, 2, 3, 4]], "sub/a.jpg": [[0, 0, 9, 9]], "none.jpg": []}
    given = GivenBoxes(written(tmp_path, table))
    assert given.of("a.jpg").tolist() == given.of("elsewhere/a.jpg").tolist() == [[1, 2, 3, 4]]
    assert given.of("sub/a.jpg").tolist() == [[0, 0, 9, 9]]
    assert given.of("none.jpg").shape == (0, 4)
    with pytest.raises(InputError, match=r"b.jpg: expected boxes for it in .*, got none"):
        given.of("b.jpg")


def test_coco_annotations_are_xywh(tmp_path: Path) -> None:
    image = {"id": 5, "file_name": "a.jpg", "height": 50, "width": 60}
    person = {"id": 1, "image_id": 5, "category_id": 1, "bbox": [1, 2, 10, 20], "iscrowd": 0}
    content = {"images": [image], "annotations": [person, {**person, "id": 2, "iscrowd": 1}]}
    boxes = GivenBoxes(written(tmp_path, content)).of("a.jpg")
    assert boxes.tolist() == [[1, 2, 11, 22]] and boxes.dtype == np.float32


@pytest.mark.parametrize(
    "content", ["{", "5", '{"a.jpg": [[1, 2]]}', "[[3, 3, 1, 1]]", '{"annotations": 1}', '"x"']
)
def test_broken_files(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match=r"boxes.json: .*expected"):
        GivenBoxes(written(tmp_path, content))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected a file of boxes"):
        GivenBoxes(tmp_path / "none.json")
