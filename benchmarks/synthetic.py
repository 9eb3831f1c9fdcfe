"""The model on synthetic people with dense truth: right parts and surface error, with given and own boxes.

    python -m benchmarks.synthetic FOLDER [--model NAME|PATH] [--limit N] [--gps] [--json FILE]

FOLDER is one that `densepose synth` wrote. All pixels of all people count, a missed person's as misses.
Pictures without people (`synth --empty SHARE`) count for false alarms only.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import opendensepose as odp
from benchmarks import machine, measures
from benchmarks.report import share
from opendensepose.core.types import DenseMap
from opendensepose.core.visible import visible
from opendensepose.data import Person, Sample, read_annotations, read_dense
from opendensepose.eval.run import evaluate
from opendensepose.runtime.jobs import predict_dataset
from opendensepose.surface.parts import FINE_TO_COARSE, MIRROR_CHART

HEIGHTS = (0, 60, 150, 300, 100_000)  # pixels: limits of the groups by which recall is told
PIXELS = 1000  # looked at per person, evenly spread: enough for the medians, and quick
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
LIMB = np.where(np.arange(25) == 24, 15, FINE_TO_COARSE)  # [25] of each chart; each half of the head is one
NEAR = 0.015  # of a person's height: what is less far from another chart, or from their outline, is near it


@dataclass(frozen=True)
class Pixels:
    """P pixels of people: what is true there and what was predicted."""

    true: NDArray[np.uint8]  # [P] chart 1..24
    predicted: NDArray[np.uint8]  # [P] chart 0..24, 0 = background or missed
    error: NDArray[np.float64]  # [P] metres on the rest-pose body; infinite where predicted is 0
    near: NDArray[np.bool_]  # [P] near another chart

    def summary(self) -> dict[str, Any]:
        """Shares of all pixels; the median error is over those where a body was predicted."""
        if not len(self.true):
            return {"pixels": 0}
        body = self.predicted > 0
        limb, told, other = (LIMB[k] for k in (self.true, self.predicted, MIRROR_CHART[self.true]))
        side = (told == other) & (told != limb)
        face = (told == limb) & (self.predicted != self.true)
        return {
            "pixels": len(self.true),
            "on_body": float(body.mean()),
            "right_part": float((self.predicted == self.true).mean()),
            "other_side": float(side.mean()),  # the left one's for the right one's
            "other_face": float(face.mean()),  # the same limb, its front for its back
            "within_10cm": float((self.error < 0.10).mean()),
            "within_20cm": float((self.error < 0.20).mean()),
            "median_error_cm": float(100 * np.median(self.error[body])) if body.any() else None,
        }

    def chosen(self, keep: NDArray[np.bool_]) -> Pixels:
        """Those with `keep` [P]."""
        return Pixels(*(getattr(self, name)[keep] for name in COLUMNS))


# people's pixels that several detections claim; those with the right one on top; and if the score decided
SHARED = ("pixels", "right_person", "right_person_by_score")
COLUMNS = tuple(column.name for column in fields(Pixels))
NO_PIXELS = Pixels(np.zeros(0, np.uint8), np.zeros(0, np.uint8), np.zeros(0), np.zeros(0, bool))


def joined(parts: list[Pixels]) -> Pixels:
    """All of them in one."""
    columns = ([getattr(part, name) for part in [NO_PIXELS, *parts]] for name in COLUMNS)
    return Pixels(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True)
class Truth:
    """The dense truth of one image."""

    chart: NDArray[np.uint8]  # [H, W]
    uv: NDArray[np.float32]  # [2, H, W]
    instance: NDArray[np.uint8]  # [H, W]

    def compare(self, person: Person, dense: DenseMap | None, atlas: odp.Atlas) -> Pixels:
        """The person's pixels against a predicted map (None: missed)."""
        own = np.where(self.instance == person.instance, self.chart, 0)
        rows, columns = np.nonzero(own)
        step = max(len(rows) // PIXELS, 1)
        rows, columns = rows[::step], columns[::step]
        true, true_uv = self.chart[rows, columns], self.uv[:, rows, columns].T
        chart, uv = measures.read_map(dense, np.stack([columns, rows], axis=1) + 0.5)
        here = measures.surface_points(atlas, chart, uv)
        error = measures.distance(here, measures.surface_points(atlas, true, true_uv))
        height = person.box[3] - person.box[1]
        near = to_another_label(own)[rows, columns] < NEAR * height
        return Pixels(true, chart, error, near)


def to_another_label(labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How far each pixel of [H, W] is from the border of its label, pixels, to about half a pixel."""
    inside = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) == 0
    return np.asarray(cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5) + 0.5, np.float32)


@dataclass(frozen=True)
class Answer:
    """One image: its people's pixels with given and with own boxes, and how many people were found."""

    given: Pixels
    own: Pixels
    detections: int
    found: NDArray[np.bool_]  # [K] which of the annotated people
    right: NDArray[np.float64]  # [K] share of each one's pixels with the right part, given boxes, or NaN
    height: NDArray[np.float64]  # [K] of their visible boxes, pixels
    shared: NDArray[np.int64]  # [3] SHARED


def shared_pixels(
    result: odp.Result, numbers: dict[int, int], instance: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """People's pixels that several detections claim, how many go to the right one, and would by score alone.

    `numbers` has the value in `instance` [H, W] of each detection that is somebody.
    """
    bare = replace(result, dense=tuple(replace(dense, hidden=None) for dense in result.dense))
    claims = np.zeros(instance.shape, np.int64)
    for part in (part for n in numbers for part in visible(bare[n])):
        claims[part.window] += part.labels > 0
    several = (claims > 1) & (instance > 0)
    right = []
    for seen in (result, bare):
        owner = np.zeros(instance.shape, np.int64)
        for part in visible(seen):
            owner[part.window][part.labels > 0] = numbers.get(part.number, -1)
        right.append((several & (owner == instance)).sum())
    return np.array([several.sum(), *right])


def compare(predictor: odp.Predictor, atlas: odp.Atlas, folder: Path, sample: Sample) -> Answer:
    """Predict one image twice, with given and with own boxes, and compare both with its dense truth."""
    path = folder / "images" / sample.file_name
    truth = Truth(*read_dense(folder / "dense", path.stem))
    boxes = np.array([person.box for person in sample.people]).reshape(-1, 4)
    given, own = predictor(path, boxes=boxes), predictor(path)
    found = measures.match(own.boxes, boxes)
    mine = [own.dense[n] if n >= 0 else None for n in found]
    each = [truth.compare(p, d, atlas) for p, d in zip(sample.people, given.dense, strict=True)]
    return Answer(
        joined(each),
        joined([truth.compare(p, d, atlas) for p, d in zip(sample.people, mine, strict=True)]),
        len(own),
        found >= 0,
        np.array([pixels.summary().get("right_part", np.nan) for pixels in each]),
        boxes[:, 3] - boxes[:, 1],
        shared_pixels(
            own,
            {int(n): p.instance for n, p in zip(found, sample.people, strict=True) if n >= 0 and p.instance},
            truth.instance,
        ),
    )


def summarise(answers: list[Answer]) -> dict[str, Any]:
    """All numbers, with those of each part."""
    given, own = joined([a.given for a in answers]), joined([a.own for a in answers])
    found, height, right = (
        np.concatenate([getattr(a, k) for a in answers]) for k in ("found", "height", "right")
    )
    detections, hits = sum(a.detections for a in answers), int(found.sum())
    empty = [a.detections == 0 for a in answers if not len(a.found)]
    return {
        "images": len(answers),
        "people": len(found),
        "detections": detections,
        "found": hits,
        "precision": hits / detections if detections else None,
        "recall": hits / len(found) if len(found) else None,
        "recall_by_height": [by_height(found, height, *limits) for limits in itertools.pairwise(HEIGHTS)],
        "without_people": {"images": len(empty), "nobody_found": float(np.mean(empty)) if empty else None},
        "shared": dict(zip(SHARED, np.sum([a.shared for a in answers], 0).tolist(), strict=True)),
        "given_boxes": given.summary(),
        "own_boxes": own.summary(),
        "right_part_of_people": {str(q): float(np.nanquantile(right, q)) for q in QUANTILES if len(right)},
        "near_given_boxes": given.chosen(given.near).summary(),
        "inside_given_boxes": given.chosen(~given.near).summary(),
        "parts_given_boxes": {
            n: given.chosen(given.true == k).summary() for k, n in enumerate(odp.PART_NAMES) if k
        },
    }


def gps(predictor: odp.Predictor, samples: Sequence[Sample], folder: Path) -> dict[str, float]:
    """AP and AR of all images by geodesic point similarity at the annotated points."""
    with tempfile.TemporaryDirectory() as temporary:
        results = Path(temporary) / "results.json"
        predict_dataset(predictor, samples, folder, results)
        return dict(evaluate(results, folder / "annotations.json", atlas="odp24").summary()["gps"])


def by_height(found: NDArray[np.bool_], height: NDArray[np.float64], low: int, high: int) -> dict[str, Any]:
    """Recall of the people whose boxes are `low` to `high` pixels tall."""
    group = (height >= low) & (height < high)
    recall = float(found[group].mean()) if group.any() else None
    return {"from": low, "to": high, "people": int(group.sum()), "recall": recall}


def print_summary(numbers: dict[str, Any]) -> None:
    """People found, then one line for each way to get the boxes and for each part."""
    print(
        f"{numbers['images']} images, {numbers['people']} people, {numbers['detections']} detections, "
        f"{numbers['found']} found (IoU >= 0.5): "
        f"precision {share(numbers['precision'])}, recall {share(numbers['recall'])}"
    )
    groups = [
        f"{g['from']}-{g['to']} px {share(g['recall'])} of {g['people']}" for g in numbers["recall_by_height"]
    ]
    print("recall by height:", "; ".join(groups))
    if "gps" in numbers:
        print("GPS:", ", ".join(f"{name} {share(value)}" for name, value in numbers["gps"].items()))
    people = ", ".join(f"{q}: {share(value)}" for q, value in numbers["right_part_of_people"].items())
    print("right part of single people, given boxes, quantiles", people)
    empty = numbers["without_people"]
    print(f"pictures without people: {empty['images']}, nobody found in {share(empty['nobody_found'])}")
    shared = numbers["shared"]
    if shared["pixels"]:
        right, by_score = (shared[k] / shared["pixels"] for k in SHARED[1:])
        print(
            f"pixels that several people claim, own boxes: {shared['pixels']}, "
            f"with the right one on top {share(right)}, by score alone {share(by_score)}"
        )
    if (given := numbers["given_boxes"])["pixels"]:
        kinds = (1 - given["on_body"], given["other_side"], given["other_face"])
        elsewhere = 1 - given["right_part"] - sum(kinds)
        print(
            "wrong pixels, given boxes: no body {:.2f}, the other side {:.2f}, front for back {:.2f}, "
            "elsewhere {:.2f}".format(*kinds, elsewhere)
        )
    rows = {"given boxes": given, "own boxes (missed: misses)": numbers["own_boxes"]}
    rows |= {
        f"  within {NEAR:.1%} of a chart's border": numbers["near_given_boxes"],
        "  further inside": numbers["inside_given_boxes"],
    }
    rows |= {f"  {name}": row for name, row in numbers["parts_given_boxes"].items() if row["pixels"]}
    print(f"{'':34s}  pixels  on body  right part  <10 cm  <20 cm  median error")
    for name, row in rows.items():
        if not row["pixels"]:
            continue
        error = row["median_error_cm"]
        print(
            f"{name:34s} {row['pixels']:7d} {row['on_body']:8.2f} {row['right_part']:11.2f} "
            f"{row['within_10cm']:7.2f} {row['within_20cm']:7.2f} "
            + ("            -" if error is None else f"{error:10.1f} cm")
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="small")
    parser.add_argument("--limit", type=int)
    parser.add_argument(
        "--gps", action="store_true", help="also GPS AP and AR, as `densepose eval` counts them"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    predictor, atlas = odp.load(options.model), odp.Atlas.load("odp24")
    samples = read_annotations(options.folder / "annotations.json")
    if not samples:
        parser.error(f"{options.folder}: expected images, got none")
    chosen = tqdm(samples[: options.limit], unit="image", disable=None)
    numbers = summarise([compare(predictor, atlas, options.folder, sample) for sample in chosen])
    if options.gps:
        numbers["gps"] = gps(predictor, samples, options.folder)
    numbers |= {"machine": machine.describe(), "model": predictor.meta}
    print(machine.line(numbers["machine"]))
    print_summary(numbers)
    machine.save(options.json, numbers)


if __name__ == "__main__":
    main()
