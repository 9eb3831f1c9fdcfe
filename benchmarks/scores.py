"""How a person's score is made, and where the threshold belongs, on pictures that are of no other set.

    densepose synth --assets DIR --split test --count 300 --seed 2011 --empty 0.3 --out val
    python -m benchmarks.scores val [--model NAME|PATH] [--json FILE]

The detector, the probability that a crop shows somebody, and the mean probability of the best charts each
have an opinion on every box, the last two of the crop and of its mirror image. Their weights are those of a
logistic regression of whether the box meets a person with IoU >= 0.5. The detector's is `runtime.predictor`:
TRUST, and the dense graph's certainty holds the other two (`model.graphs`: CLEAR, USUAL). Of candidates
whose fitted boxes meet one counts here; the predictor keeps two whose pixels differ.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit

import opendensepose as odp
from benchmarks import machine, measures
from opendensepose.core.boxes import distinct, iou
from opendensepose.data import Sample, read_annotations
from opendensepose.io.image import read_image
from opendensepose.io.modelfile import CERTAINTY
from opendensepose.model.graphs import CLEAR, USUAL
from opendensepose.runtime.predictor import CANDIDATE, CHUNK, SAME, TRUST

OPINIONS = ("detector", "person", "charts")
TINY = 1e-6  # probabilities are kept so far from 0 and 1


@dataclass(frozen=True)
class Seen:
    """The candidates of one picture and its people."""

    boxes: NDArray[np.float32]  # [N, 4] xyxy, fitted
    logits: NDArray[np.float64]  # [N, 3] of OPINIONS
    truth: NDArray[np.float64]  # [K, 4] xyxy

    def fits(self) -> NDArray[np.bool_]:
        """[N] which candidates meet a person."""
        if not len(self.truth):
            return np.zeros(len(self.boxes), bool)
        return iou(self.boxes, self.truth).max(1) >= 0.5


def look(predictor: odp.Predictor, folder: Path, sample: Sample) -> Seen:
    """All candidates of a picture and what is thought of them."""
    picture = read_image(folder / "images" / sample.file_name)
    assert predictor._finder is not None and predictor._looks is not None
    boxes, scores = predictor._finder(picture, CANDIDATE)
    logits = [np.zeros((0, 3))]
    for start in range(0, len(boxes), CHUNK):
        part = slice(start, start + CHUNK)
        _, crops, maps = predictor._looks(picture, boxes[part], fit=True)
        both = (opinions(maps) + opinions(predictor._looks.in_mirror(crops))) / 2
        detector = logit(scores[part].astype(np.float64).clip(TINY, 1 - TINY))
        logits.append(np.column_stack([detector, both]))
    truth = np.array([person.box for person in sample.people]).reshape(-1, 4)
    return Seen(boxes, np.concatenate(logits), truth)


def opinions(maps: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """Logits [N, 2] by the maps of N crops: that it shows somebody, and the charts' mean probability."""
    body = maps["coarse"].argmax(1) > 0
    best = np.exp(log_softmax(maps["fine"], 1)[:, 1:].max(1))
    sure = (best * body).sum((1, 2)) / np.maximum(body.sum((1, 2)), 1)
    charts = logit(sure.clip(TINY, 1 - TINY))
    both = logit(maps[CERTAINTY].astype(np.float64).clip(1e-12, 1 - 1e-12))
    return np.stack([both - CLEAR * (charts - USUAL), charts], 1)


def regress(logits: NDArray[np.float64], fits: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights [4] of the three opinions and the constant: the most likely ones, hardly held back."""
    columns = np.column_stack([logits, np.ones(len(logits))])
    sign = np.where(fits, 1, -1)

    def loss(weights: NDArray[np.float64]) -> float:
        return float(np.logaddexp(0, -sign * (columns @ weights)).sum() + 0.01 * (weights[:3] ** 2).sum())

    return np.asarray(minimize(loss, np.array([0.5, 0.5, 0.5, -1.0])).x, np.float64)


def curve(seen: list[Seen], scores: list[NDArray[np.float64]], share: float = 0.95) -> dict[str, float]:
    """Recall at precision 0.85 and 0.9; what holds where a `share` of the empty pictures stays empty."""
    people = sum(len(picture.truth) for picture in seen)
    hits: list[tuple[float, bool]] = []
    empty = []
    for picture, score in zip(seen, scores, strict=True):
        order = np.argsort(-score)
        order = order[distinct(picture.boxes[order], SAME)]
        if len(picture.truth):
            matched = set(measures.match(picture.boxes[order], picture.truth).tolist())
            hits += [(float(score[n]), k in matched) for k, n in enumerate(order)]
        else:
            empty.append(float(score.max(initial=0)))
    hits.sort(reverse=True)
    right = np.cumsum([hit for _, hit in hits])
    precision, recall = right / np.arange(1, len(hits) + 1), right / people
    least = float(np.quantile(empty, share)) if empty else 0.0
    above = max(sum(score > least for score, _ in hits), 1) - 1
    found = {f"recall_at_{level}": float(recall[precision >= level].max(initial=0)) for level in (0.85, 0.9)}
    return {**found, "threshold": least, "recall": float(recall[above]), "precision": float(precision[above])}


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="small")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    predictor = odp.load(options.model, device="cpu")
    if predictor._looks is None:
        parser.error("--model: expected a net on crops")
    samples = list(read_annotations(options.folder / "annotations.json"))
    seen = [look(predictor, options.folder, sample) for sample in samples]
    fits = np.concatenate([picture.fits() for picture in seen])
    weights = regress(np.concatenate([picture.logits for picture in seen]), fits)
    used = np.array([TRUST, 1 - TRUST, (1 - TRUST) * CLEAR, (TRUST - 1) * CLEAR * USUAL])
    rows = {
        "detector": np.array([1.0, 0, 0, 0]),
        "person": np.array([0, 1.0, 0, 0]),
        "charts": np.array([0, 0, 1.0, 0]),
    }
    rows |= {"all, as used": used, "all, regression": weights}
    told = machine.describe()
    print(machine.line(told))
    people = sum(len(picture.truth) for picture in seen)
    print(f"{len(seen)} pictures, {people} people, {len(fits)} candidates, {fits.sum()} fit")
    print(
        "regression:",
        ", ".join(f"{n} {w:.2f}" for n, w in zip((*OPINIONS, "constant"), weights, strict=True)),
    )
    print(
        f"{'':18s}recall at precision 0.85   0.9   95 % of empty pictures empty: threshold  recall  precision"
    )
    table: dict[str, Any] = {}
    for name, of in rows.items():
        scores = [expit(picture.logits @ of[:3] + of[3]) for picture in seen]
        table[name] = line = curve(seen, scores)
        print(
            f"{name:18s}{line['recall_at_0.85']:24.2f}{line['recall_at_0.9']:6.2f}"
            f"{line['threshold']:40.2f}{line['recall']:8.2f}{line['precision']:11.2f}"
        )
    machine.save(options.json, {"machine": told, "regression": weights.tolist(), "scores": table})


if __name__ == "__main__":
    main()
