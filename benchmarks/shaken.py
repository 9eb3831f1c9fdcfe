"""The figures of `benchmarks.real_photos` on the same photos in slightly other light, compressed anew.

    python -m benchmarks.shaken [--model NAME|PATH ...] [--versions 16] [--shared ../shared] [--json FILE]

On a few photos one person decides about a figure, and may be found or not by a hair. Over many versions of
them, hardly to be told apart, the mean says more, and the worst what may happen. Several models see
the same versions.
"""

from __future__ import annotations

import argparse
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

import opendensepose as odp
from benchmarks import machine
from benchmarks.real_photos import MISSED, UNOCCLUDED, Numbers, Template, measure, parse_options
from opendensepose.core.types import Result
from opendensepose.io.image import read_image

LIGHT = 0.06  # standard deviation of the logarithms of the gain and of the gamma
QUALITY = (60, 96)  # of the JPEG


class Shaken:
    """A predictor that sees version `version` of every photo."""

    def __init__(self, predictor: odp.Predictor, version: int) -> None:
        self._predictor, self._version = predictor, version

    def __call__(self, path: str | os.PathLike[str], **options: Any) -> Result:
        """As the predictor's, of a file."""
        rng = np.random.default_rng([self._version, zlib.crc32(Path(path).name.encode())])
        return self._predictor(shake(read_image(path), rng), **options)


def shake(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """An RGB image [H, W, 3] with another gain and gamma, after a JPEG's compression."""
    gain, gamma = np.exp(rng.normal(0, LIGHT, 2))
    table = np.clip(255 * gain * np.linspace(0, 1, 256) ** gamma + 0.5, 0, 255).astype(np.uint8)
    _, file = cv2.imencode(
        ".jpg", table[image][..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*QUALITY))]
    )
    return read_image(file.tobytes())


def figures(numbers: Numbers) -> dict[str, float]:
    """Those that have bars, and a few others, by their names; people who are missed agree on nothing."""
    coco, people = numbers["coco"], numbers["street"]["people"]
    found = {
        "precision": coco["precision"] or 0.0,
        "recall": coco["recall"],
        "PCK10, given boxes": coco["given_boxes"]["PCK10"],
        "PCK20, given boxes": coco["given_boxes"]["PCK20"],
        "PCK20, own boxes": coco["own_boxes"]["PCK20"],
    }
    for which in ("given", "own"):
        found[f"swapped, {which} boxes"] = coco[f"{which}_boxes"]["swapped"]
        found[f"swapped, from behind, {which} box"] = coco[f"{which}_boxes"]["behind"]["swapped"]
    for number in UNOCCLUDED:
        seen = people[number]["own"] or MISSED
        found[f"street {number}: IoU"] = seen["foreground_iou"]
        found[f"street {number}: same part"] = seen["part_agreement"]
    for which in ("given", "own"):
        found[f"annotated_person, {which} box"] = numbers["annotated_person"][which]["right_part"]
    return {name: float("nan" if value is None else value) for name, value in found.items()}


def run(predictor: odp.Predictor, template: Template, real: Path, versions: int) -> dict[str, list[float]]:
    """Every figure's values, one for each version."""
    rows = []
    for version in range(versions):
        shaken = cast(odp.Predictor, Shaken(predictor, version))
        rows.append(figures(measure(shaken, real, template, [])))
    return {name: [row[name] for row in rows] for name in rows[0]}


def summary(values: list[float], worst: Callable[[list[float]], float]) -> dict[str, float]:
    """Mean, standard deviation and the worst of some figure."""
    known = [value for value in values if not np.isnan(value)] or [float("nan")]
    return {"mean": float(np.mean(known)), "sd": float(np.std(known)), "worst": float(worst(known))}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", nargs="+", default=["small"])
    parser.add_argument("--versions", type=int, default=16)
    options, real = parse_options(parser)
    if options.versions < 1:
        parser.error(f"--versions: expected 1 or more, got {options.versions}")
    template, described = Template(), machine.describe()
    answers: dict[str, dict[str, dict[str, float]]] = {}
    for name in options.model:
        found = run(odp.load(name), template, real, options.versions)
        answers[name] = {
            figure: summary(values, max if figure.startswith("swapped") else min)
            for figure, values in found.items()
        }
    print(machine.line(described))
    print(f"{options.versions} versions of each photo: mean +- standard deviation (worst)")
    print(" " * 32 + "  ".join(f"{Path(name).stem:>20}" for name in answers))
    for figure in next(iter(answers.values())):
        cells = (answer[figure] for answer in answers.values())
        print(
            f"{figure:32}" + "  ".join(f"{c['mean']:.3f} +- {c['sd']:.3f} ({c['worst']:.2f})" for c in cells)
        )
    machine.save(options.json, {"machine": described, "versions": options.versions, "models": answers})


if __name__ == "__main__":
    main()
