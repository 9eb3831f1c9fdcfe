"""Where a model sees people in images that show nobody: animals, fruit, vehicles, textures, empty streets.

    python -m benchmarks.alarms PATH... [--without WORD]... [--model NAME|PATH] [--json FILE]

Each PATH is an image or a folder, whose images are found at any depth; files with one of the WORDs in their
path below it are left out. That the rest shows nobody is for the one who calls it to know.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import opendensepose as odp
from benchmarks import machine
from opendensepose.io.files import InputError, expand_inputs

LEAST = 0.2  # scores below it are not looked at
THRESHOLDS = (0.3, 0.35, 0.4, 0.6, 0.8)  # and the model's own
SHOWN = 12  # groups that are printed: those with somebody in most images, from the first threshold on


@dataclass(frozen=True)
class Alarm:
    """What a model sees in one image."""

    group: str  # the path that it was found in, and the folder below that holds it
    name: str
    score: float  # of the best detection; 0 without any


def find_images(path: Path, without: Sequence[str] = ()) -> list[Path]:
    """The image itself, or all below a folder, by name; FileNotFoundError where there are none."""
    found = [entry.path for entry in expand_inputs([path]) if not entry.is_video]
    files = [file for file in found if file is not None and file.is_file()]
    kept = [file for file in files if not any(word in str(file.relative_to(path)) for word in without)]
    if not kept:
        raise FileNotFoundError(f"{path}: expected an image or a folder with some, got none")
    return kept


def look(predictor: odp.Predictor, path: Path, image: Path) -> Alarm | None:
    """The best score in one image; None if it cannot be read."""
    try:
        scores = predictor(image, threshold=LEAST).scores
    except InputError:
        return None
    group = path.name if image.parent == path or image == path else f"{path.name}/{image.parent.name}"
    return Alarm(group, image.name, float(scores.max(initial=0.0)))


def summarise(alarms: Sequence[Alarm], thresholds: Sequence[float] = THRESHOLDS) -> dict[str, Any]:
    """Share of images with somebody from each threshold on, all and by group."""
    groups = defaultdict(list)
    for alarm in alarms:
        groups[alarm.group].append(alarm.score)

    def row(scores: list[float]) -> dict[str, Any]:
        shares = [float((np.array(scores) >= t).mean()) for t in thresholds]
        return {"images": len(scores), "somebody": shares}

    return {
        "thresholds": list(thresholds),
        "all": row([alarm.score for alarm in alarms]),
        "groups": {name: row(scores) for name, scores in sorted(groups.items())},
        "images": {f"{alarm.group}/{alarm.name}": alarm.score for alarm in alarms},
    }


def print_summary(numbers: dict[str, Any]) -> None:
    """One line for all images, and for the groups with most of the alarms."""
    groups = numbers["groups"]
    often = sorted(groups, key=lambda name: -groups[name]["images"] * groups[name]["somebody"][0])
    print(
        f"{'share of images with somebody, threshold':42s} images",
        *(f"{t:5.2f}" for t in numbers["thresholds"]),
    )
    for name, row in (("all", numbers["all"]), *((name, groups[name]) for name in often[:SHOWN])):
        print(f"  {name:40s} {row['images']:6d}", *(f"{value:5.2f}" for value in row["somebody"]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--without", action="append", default=[], metavar="WORD")
    parser.add_argument("--model", default="small")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    predictor = odp.load(options.model)
    files = [(path, image) for path in options.paths for image in find_images(path, options.without)]
    seen = [look(predictor, *each) for each in tqdm(files, unit="image", disable=None)]
    thresholds = sorted({*THRESHOLDS, predictor.meta["threshold"]})
    numbers = summarise([alarm for alarm in seen if alarm is not None], thresholds)
    numbers |= {"unreadable": seen.count(None), "machine": machine.describe()}
    print_summary(numbers)
    print(machine.line(numbers["machine"]))
    machine.save(options.json, numbers)


if __name__ == "__main__":
    main()
