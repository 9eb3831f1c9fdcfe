"""Counts of images with somebody against counting by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.alarms import Alarm, find_images, summarise


def test_shares_are_counted() -> None:
    seen = [Alarm("a", "1", 0.95), Alarm("a", "2", 0.0), Alarm("b", "1", 0.5), Alarm("b", "2", 0.35)]
    told = summarise(seen)
    assert told["thresholds"] == [0.3, 0.35, 0.4, 0.6, 0.8]
    assert told["all"] == {"images": 4, "somebody": [0.75, 0.75, 0.5, 0.25, 0.25]}
    assert told["groups"]["b"] == {"images": 2, "somebody": [1.0, 1.0, 0.5, 0.0, 0.0]}
    assert told["images"]["b/2"] == 0.35
    told = summarise(seen, [0.34, 0.36])
    assert told["thresholds"] == [0.34, 0.36] and told["all"]["somebody"] == [0.75, 0.5]


def test_images_are_found_at_any_depth_but_for_some(tmp_path: Path) -> None:
    for name in ("a.png", "deep/er/b.JPG", "people/c.png", "d.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [str(p.relative_to(tmp_path)) for p in find_images(tmp_path, ["people"])]
    assert found == ["a.png", "deep/er/b.JPG"]
    assert find_images(tmp_path / "a.png") == [tmp_path / "a.png"]
    with pytest.raises(FileNotFoundError, match="expected an image or a folder with some, got none"):
        find_images(tmp_path / "people", ["c.png"])
