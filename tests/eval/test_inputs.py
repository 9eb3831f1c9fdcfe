"""Odd inputs give numbers, broken ones one clear line: single cases, and files with random damage."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eval_files import content, numbers, score
from opendensepose.cli import main

ONE_WRONG = 0.75 * 76 / 101  # AP where the best-scored of four is wrong: precision 3/4 up to recall 3/4


def test_the_files_as_they_are(tmp_path: Path) -> None:
    done = score(tmp_path, *content())
    assert done.exit_code == 0, done.output
    summary = numbers(tmp_path)
    assert all(summary[mode]["AP"] == pytest.approx(1) for mode in ("gps", "gpsm", "segm"))
    assert {kind: row["AP"] for kind, row in summary["coco"].items()} == pytest.approx(
        {"bbox": 1, "segm": 1, "keypoints": 1}
    )
    assert summary["rules"] == "reference"


def change(kind: str, number: int, **values: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The files with some keys of one annotation or detection replaced; None takes a key away."""
    truth, results = content()
    entry = {"annotation": truth["annotations"], "detection": results, "image": truth["images"]}[kind][number]
    for key, value in values.items():
        if value is None:
            del entry[key]
        else:
            entry[key] = value
    return truth, results


@pytest.mark.parametrize(
    ("kind", "values", "ap"),
    [
        ("detection", {"bbox": [500.0, 10.0, 30.0, 50.0]}, ONE_WRONG),  # wholly outside: finds nobody
        ("detection", {"bbox": [-400.0, 10.0, 30.0, 50.0]}, ONE_WRONG),
        ("annotation", {"bbox": [500.0, 10.0, 30.0, 50.0]}, ONE_WRONG),
        ("annotation", {"segmentation": [[1, 2]]}, 1.0),  # too few corners; parts are used anyway
        ("annotation", {"segmentation": [[]], "dp_masks": None}, 1.0),
        ("annotation", {"area": None}, 1.0),  # the box's
        ("annotation", {"category_id": None}, 1.0),  # a person
        ("annotation", {"dp_masks": []}, 1.0),
        ("annotation", {"dp_U": [7.0] * 6}, 0.9 + 0.1 * ONE_WRONG),  # U = 1 is 15 cm away: GPS 0.91
        ("annotation", {"dp_I": [25.0] * 6}, ONE_WRONG),  # no counted point: not ignored, cannot be matched
        ("annotation", {"segmentation": {"size": [3, 3], "counts": [4, 5]}, "dp_masks": None}, 1.0),
        ("image", {"ignore_regions_x": [[0, 5]], "ignore_regions_y": [[0, 5]]}, 1.0),
        ("image", {"ignore_regions_x": [[0], []], "ignore_regions_y": [[0], []]}, 1.0),
        ("image", {"file_name": None}, 1.0),
    ],
)
def test_odd_inputs_give_numbers(kind: str, values: dict[str, Any], ap: float, tmp_path: Path) -> None:
    done = score(tmp_path, *change(kind, 0, **values))
    assert done.exit_code == 0, done.output
    assert numbers(tmp_path)["gps"]["AP"] == pytest.approx(ap)


def test_nobody_is_found_in_an_empty_list(tmp_path: Path) -> None:
    truth, _ = content()
    done = score(tmp_path, truth, [])
    assert done.exit_code == 0 and "empty list" in done.output
    summary = numbers(tmp_path)
    assert summary["gps"]["AP"] == summary["segm"]["AR"] == 0
    assert summary["pointwise"]["all_people"]["lost"] == 1


def test_no_annotations(tmp_path: Path) -> None:
    truth, results = content()
    done = score(tmp_path, truth | {"annotations": []}, results)
    assert done.exit_code == 0, done.output
    assert set(numbers(tmp_path)["gps"].values()) == {-1.0}


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        ("detection", {"bbox": [5.0, 10.0, -30.0, 50.0]}, "bbox"),
        ("detection", {"bbox": [5.0, float("nan"), 30.0, 50.0]}, "bbox"),
        ("detection", {"bbox": [5.0, 10.0, float("inf"), 50.0]}, "bbox"),
        ("detection", {"bbox": [5, 10, 30]}, "bbox"),
        ("detection", {"bbox": [5, 10, 60.0, 50.0]}, "expected a map of the box, 60 x 50, got 30 x 50"),
        ("detection", {"score": float("nan")}, "score"),
        ("detection", {"score": "high"}, "score"),
        ("detection", {"image_id": 99}, "expected an image of"),
        ("detection", {"uv_data": "!!"}, "uv_data"),
        ("detection", {"uv_data": "aGVsbG8="}, "expected a PNG"),
        ("detection", {"uv_shape": [3, 49, 30]}, "30 x 49"),
        ("detection", {"uv_shape": [3, 10**9, 10**9]}, "uv_shape"),
        ("detection", {"uv_data": None}, "uv_data"),
        ("annotation", {"dp_I": None}, "dp_I"),
        ("annotation", {"dp_x": [1, 2]}, "expected 2 numbers"),
        ("annotation", {"dp_x": [1, 2, 3, "x", 5, 6]}, "dp_x"),
        ("annotation", {"id": 11}, "annotation 11: expected each id once"),
        ("annotation", {"image_id": 99}, "expected an image of the file"),
        ("annotation", {"bbox": "wide"}, "bbox"),
        ("annotation", {"dp_masks": [{"size": [256, 256], "counts": "0oo1"}]}, "dp_masks"),
        ("annotation", {"dp_masks": [{"size": [9, 9], "counts": "1"}]}, "256 x 256"),
        ("annotation", {"dp_masks": {}}, "dp_masks"),
        ("annotation", {"segmentation": [[0, 0, 1e8, 0, 1e8, 1e8]], "dp_masks": None}, "corners"),
        ("image", {"width": 10**7, "height": 10**7}, "pixels"),
        ("image", {"id": 1}, "twice"),
        ("image", {"height": None}, "height"),
        ("image", {"ignore_regions_x": [[0, 1, 2]]}, "ignore_regions"),
    ],
)
def test_broken_inputs_get_one_line(kind: str, values: dict[str, Any], says: str, tmp_path: Path) -> None:
    done = score(tmp_path, *change(kind, 0, **values))
    assert done.exit_code in (1, 2) and isinstance(done.exception, SystemExit)
    assert len(done.output.strip().splitlines()) == 1 and says in done.output, done.output
    assert "json" in done.output  # the file's name
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("truth", "results"),
    [("{", "[]"), ("[]", "[]"), ("{}", "[]"), (None, "{}"), (None, "[3]"), (None, ""), (None, b"\x00\xff")],
)
def test_files_that_are_something_else(truth: Any, results: Any, tmp_path: Path) -> None:
    done = score(tmp_path, content()[0] if truth is None else truth, results)
    assert done.exit_code == 1 and len(done.output.strip().splitlines()) == 1


def test_missing_files_and_wrong_options(tmp_path: Path) -> None:
    def fails(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["eval", *arguments])
        assert done.exit_code in (1, 2) and isinstance(done.exception, SystemExit), done.output
        return done.output

    assert "absent.json" in fails("absent.json", "absent.json")
    truth, results = content()
    score(tmp_path, truth, results)
    both = [str(tmp_path / "results.json"), str(tmp_path / "annotations.json")]
    assert "--atlas" in fails(*both)  # neither file says
    assert "nowhere" in fails(*both, "--atlas", "nowhere")
    assert "got 7" in fails(*both, "--atlas", str(tmp_path / "plane.npz"), "--category", "7")
    assert "kappa" in fails(*both, "--kappa", "0")
    assert "no folder" in fails(*both, "--images", str(tmp_path / "nowhere"))
    assert "SMPL_subdiv.mat" in fails(*both, "--atlas", str(tmp_path))  # a folder without the official files


def test_strict_rules_say_so(tmp_path: Path) -> None:
    done = score(tmp_path, *content(), "--strict-coco")
    assert done.exit_code == 0 and "box_rule" in done.output
    assert "box_rule" in numbers(tmp_path)["rules_switched_off"]


# ---------------------------------------------------------------- random damage

JUNK: list[Any] = [
    None,
    True,
    -1,
    0,
    3.7,
    1e300,
    float("nan"),
    "",
    "text",
    [],
    [[]],
    {},
    [1, 2],
    {"a": 1},
    2**70,
]


def damaged(rng: random.Random) -> tuple[Any, Any]:
    """Both files with one to three random changes: to values, to keys, or to the bytes."""
    truth, results = content()
    for _ in range(rng.randint(1, 3)):
        root = rng.choice([truth, results])
        spoil(root, rng)
    pair: list[Any] = [truth, results]
    if rng.random() < 0.35:
        which = rng.randrange(2)
        text = bytearray(json.dumps(pair[which]).encode())
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(text))
            if rng.random() < 0.3:
                del text[place:]
                break
            text[place] = rng.randrange(256)
            if len(text) < 2:
                break
        pair[which] = bytes(text)
    return pair[0], pair[1]


def spoil(root: Any, rng: random.Random) -> None:
    """Change one random place below `root`."""
    node, path = root, []
    while isinstance(node, dict | list) and node and (not path or rng.random() < 0.8):
        key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        path.append((node, key))
        node = node[key]
    if not path:
        return
    parent, key = path[-1]
    action = rng.random()
    if action < 0.2:
        del parent[key]
    elif action < 0.35 and isinstance(parent[key], str) and parent[key]:
        text, place = parent[key], rng.randrange(len(parent[key]))
        parent[key] = text[:place] + chr(rng.randrange(32, 127)) + text[place + 1 :]
    elif action < 0.5 and isinstance(parent[key], int | float):
        parent[key] = parent[key] * rng.choice([-1, 10, 1e6, 0.1])
    elif action < 0.6 and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    else:
        parent[key] = copy.deepcopy(rng.choice(JUNK))


def run_damaged(seeds: range, folder: Path) -> int:
    """How many of the damaged files were refused; all others gave numbers."""
    refused = 0
    for seed in seeds:
        truth, results = damaged(random.Random(seed))
        (folder / "out.json").unlink(missing_ok=True)
        done = score(folder, truth, results, "--quiet")
        assert done.exception is None or isinstance(done.exception, SystemExit), (seed, done.exception)
        if done.exit_code == 0:
            summary = numbers(folder)
            for mode in ("gps", "gpsm", "segm"):
                assert all(n == -1 or 0 <= n <= 1.0 + 1e-9 for n in summary[mode].values()), (seed, mode)
        else:
            refused += 1
            lines = done.output.strip().splitlines()
            assert done.exit_code in (1, 2) and len(lines) == 1 and len(lines[0]) < 600, (seed, done.output)
            assert not (folder / "out.json").exists()
    return refused


def test_a_hundred_damaged_files(tmp_path: Path) -> None:
    assert 30 < run_damaged(range(100), tmp_path) < 95


@pytest.mark.slow
def test_two_thousand_damaged_files(tmp_path: Path) -> None:
    assert 600 < run_damaged(range(100, 2100), tmp_path) < 1900
