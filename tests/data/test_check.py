"""Every rule finds its problem and nothing else; figures are those of a slow count."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from annotation_files import coco_file, posetrack_file
from opendensepose.data.check import KINDS
from opendensepose.data.images import ImageFolder
from opendensepose.data.summary import Summary, summarise

File = dict[str, Any]


def check(path: Path, content: File) -> Summary:
    path.write_text(json.dumps(content))
    return summarise(path)


@pytest.mark.parametrize("make", [coco_file, posetrack_file])
def test_good_files_have_no_problems(tmp_path: Path, make: Callable[[Path], File]) -> None:
    make(tmp_path / "a.json")
    assert summarise(tmp_path / "a.json").problems == []


def person(key: str, change: Any) -> Callable[[File], None]:
    """Change a key of annotation 1, which has everything."""

    def apply(content: File) -> None:
        entry = content["annotations"][0]
        entry[key] = change(copy.deepcopy(entry.get(key))) if callable(change) else change

    return apply


def image(key: str, value: Any) -> Callable[[File], None]:
    def apply(content: File) -> None:
        content["images"][0][key] = value

    return apply


def without(key: str) -> Callable[[File], None]:
    return lambda content: content["images"][0].pop(key)


def at(index: int, value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [*values[:index], value, *values[index + 1 :]]


MASK = {"size": [256, 256], "counts": [256 * 256]}
COCO = [
    (person("bbox", [1, 2, 3]), "form", "key 'bbox': expected 4 finite numbers"),
    (person("bbox", [20, 10, 0, 5]), "box", "expected a width and height above 0, got 0 x 5"),
    (person("bbox", [200, 10, 5, 5]), "box", "expected a box in the image of 100 x 120"),
    (person("dp_I", at(3, 25.0)), "chart", "expected whole numbers 1..24, got 1 of 14 points: 25"),
    (person("dp_I", at(3, 1.5)), "chart", "got 1 of 14 points: 1.5"),
    (person("dp_U", at(0, 1.25)), "uv", "dp_U: expected 0..1, got 1 of 14 points: 1.25"),
    (person("dp_V", at(0, -0.5)), "uv", "dp_V: expected 0..1"),
    (person("dp_x", at(0, 256.0)), "outside", "dp_x: expected 0..255, got 1 of 14 points: 256"),
    (person("dp_x", lambda x: x[:-1]), "form", "key 'dp_y': expected 13 finite numbers"),
    (person("dp_I", None), "form", "key 'dp_I'"),
    (person("dp_y", lambda y: [(v + 18) % 252 for v in y]), "part", "of 14 points lie beside the mask"),
    (person("dp_masks", at(0, {"size": [9, 9], "counts": [81]})), "mask", "torso: expected 256 x 256"),
    (person("dp_masks", at(0, {"size": [256, 256], "counts": "0"})), "mask", "RLE counts: expected runs"),
    (person("dp_masks", lambda m: [*m, MASK]), "mask", "expected 14 masks, got 15"),
    (person("segmentation", {"size": [5, 5], "counts": [25]}), "segmentation", "expected 100 x 120, got 5"),
    (person("segmentation", {"size": [120, 100], "counts": [25]}), "segmentation", "RLE counts"),
    (person("segmentation", [[1, 2, 3, 4]]), "segmentation", "3 corners or more"),
    (person("segmentation", "x"), "form", "key 'segmentation'"),
    (person("keypoints", [1, 2, 3] * 17), "keypoints", "expected visibility 0, 1 or 2"),
    (person("num_keypoints", 3), "keypoints", "num_keypoints: expected 17, got 3"),
    (person("id", 2), "id", "expected one of its own, got one used twice"),
    (person("image_id", 99), "id", "expected the id of an image of the file, got 99"),
    (image("height", 0), "form", "height, width: expected numbers above 0, got [0, 100]"),
    (image("file_name", 3), "form", "key 'file_name': expected str, got 3"),
    (without("file_name"), "form", "key 'file_name': expected str, got no such key"),
    (image("id", 3), "id", "image id: expected one of its own"),
]


@pytest.mark.parametrize("change, kind, text", COCO, ids=[f"{k} {t}" for _, k, t in COCO])
def test_rules(tmp_path: Path, change: Callable[[File], None], kind: str, text: str) -> None:
    content = coco_file(tmp_path / "a.json")
    change(content)
    if kind == "id" and content["images"][0]["id"] == 3:  # the people of image 7 have lost theirs
        content["annotations"] = [a for a in content["annotations"] if a["image_id"] != 7]
    problems = check(tmp_path / "a.json", content).problems
    assert [p.kind for p in problems] == [kind] and text in problems[0].text
    assert kind in KINDS and "\n" not in problems[0].text


POSETRACK = [
    (lambda c: c["annotations"][0].update(track_id=1), "track", "got 1 twice"),
    (lambda c: c["images"][3].update(nframes=7), "frame", "expected 6 as before in video 000034, got 7"),
    (lambda c: [i.update(nframes=5) for i in c["images"]], "frame", "expected 5 frames, got 6"),
    (image("is_labeled", "yes"), "frame", "is_labeled: expected true or false"),
    (image("ignore_regions_x", [[1, 2, 3]]), "ignore", "expected two equal lists"),
    (image("ignore_regions_y", None), "ignore", "expected two equal lists"),
]


@pytest.mark.parametrize("change, kind, text", POSETRACK, ids=[f"{k} {t}" for _, k, t in POSETRACK])
def test_rules_of_posetrack(tmp_path: Path, change: Callable[[File], Any], kind: str, text: str) -> None:
    content = posetrack_file(tmp_path / "a.json")
    change(content)
    problems = check(tmp_path / "a.json", content).problems
    assert [p.kind for p in problems] == [kind] and text in problems[0].text


def test_image_files(tmp_path: Path) -> None:
    coco_file(tmp_path / "a.json")
    for name, size in (("COCO_val2014_7.jpg", (100, 120)), ("empty.jpg", (10, 11))):
        Image.new("RGB", size).save(tmp_path / name)
    problems = summarise(tmp_path / "a.json", ImageFolder(tmp_path)).problems
    assert [(p.kind, p.image) for p in problems] == [("image", 3), ("image", 9)]
    assert "expected 10 x 10 pixels, got 10 x 11" in problems[1].text


def test_annotations_before_images(tmp_path: Path) -> None:
    content = coco_file(tmp_path / "a.json")
    first = summarise(tmp_path / "a.json").as_json()
    turned = {key: content[key] for key in ("annotations", "images")}
    assert check(tmp_path / "a.json", turned).as_json() == first


def test_figures(tmp_path: Path) -> None:
    content = posetrack_file(tmp_path / "a.json", frames=8)
    got = summarise(tmp_path / "a.json").as_json()
    people = content["annotations"]
    charts = Counter(int(c) for p in people for c in p["dp_I"])
    assert list(got["points_per_part"].values()) == [charts[c] for c in range(1, 25)]
    assert (got["images"], got["people"], got["points"]) == (8, len(people), 14 * len(people))
    assert (got["videos"], got["frames_labelled"], got["tracks"]) == (1, 4, 2)
    assert got["people_per_track"] == [4, 4, 4] and got["points_per_person"] == [14, 14, 14]
    assert got["person_height"] == [100.33] * 3 and got["image_width"] is None


def test_points_near_their_mask_pass(tmp_path: Path) -> None:
    """Three cells beside is near, five is not."""
    for beside, kinds in ((3, []), (5, ["part"])):
        content = coco_file(tmp_path / "a.json")
        entry = content["annotations"][0]
        part = int(np.argmax(entry["dp_I"]))  # the head or a lower arm: its rows are the last with points
        entry |= {key: [entry[key][part]] for key in ("dp_I", "dp_U", "dp_V", "dp_x")}
        mask = {"size": [256, 256], "counts": [0, 100, 256 * 256 - 100]}
        entry["dp_masks"] = [mask] * 14
        entry |= {"dp_x": [0.5], "dp_y": [99.5 + beside]}
        assert [p.kind for p in check(tmp_path / "a.json", content).problems] == kinds
