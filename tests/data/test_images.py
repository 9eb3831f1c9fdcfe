"""Images found where people have them, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from opendensepose.data.images import ImageFolder


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    root = tmp_path / "coco"
    for name in ("annotations/a.json", "val2014/v.jpg", "train2014/t.jpg", "images/val/34/0.jpg", "top.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


@pytest.mark.parametrize(
    "images, name, found",
    [
        (".", "v.jpg", "val2014/v.jpg"),  # the root of the data set
        ("val2014", "v.jpg", "val2014/v.jpg"),  # the folder itself
        (None, "v.jpg", "val2014/v.jpg"),  # by the place of the annotation file
        (None, "top.jpg", "top.jpg"),
        (".", "images/val/34/0.jpg", "images/val/34/0.jpg"),  # PoseTrack's names
        ("images", "images/val/34/0.jpg", "images/val/34/0.jpg"),
    ],
)
def test_places(coco: Path, images: str | None, name: str, found: str) -> None:
    folder = ImageFolder(None if images is None else coco / images, coco / "annotations/a.json")
    assert folder.find(name).resolve() == (coco / found).resolve()


def test_missing_ones_say_where(coco: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"x\.jpg: expected an image in .*coco or its usual"):
        ImageFolder(coco).find("x.jpg")
    with pytest.raises(NotADirectoryError, match="absent: expected the folder of the images, got no folder"):
        ImageFolder(coco / "absent")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "..\\b", "C:\\b", "", ".", "a\0b"])
def test_names_stay_inside(coco: Path, name: str) -> None:
    with pytest.raises(ValueError, match="expected a name inside the folder of the images"):
        ImageFolder(coco).find(name)
