"""Scores of a results file against an annotation file: ten numbers in each of three modes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opendensepose.eval.accumulate import AREAS, Scored, precision_recall, summarise
from opendensepose.eval.matching import THRESHOLDS, Match, Pairs, match
from opendensepose.eval.results import Results
from opendensepose.eval.rules import REFERENCE, Rules
from opendensepose.eval.scoring import Group, score
from opendensepose.eval.truth import Truth
from opendensepose.surface.sampled import SampledSurface

MODES = ("gps", "gpsm", "segm")


@dataclass(frozen=True, eq=False)
class ModeScore:
    """One mode: the arrays behind its numbers, and the matches without limits of area."""

    precision: NDArray[np.float64]  # [T, R, K, A]
    recall: NDArray[np.float64]  # [T, K, A]
    matches: list[Match]  # of each group
    metrics: dict[str, float]

    def per_category(self) -> list[float]:
        """AP of each category; -1 without ground truth."""
        return [
            summarise(self.precision[:, :, k : k + 1], self.recall[:, k : k + 1])["AP"]
            for k in range(self.precision.shape[2])
        ]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All that was measured."""

    groups: list[Group]
    categories: tuple[int, ...]
    modes: dict[str, ModeScore]
    rules: Rules


def measure(
    truth: Truth,
    results: Results,
    surface: SampledSurface,
    *,
    category: int | None = None,
    rules: Rules = REFERENCE,
    keep_masks: bool = False,
) -> Evaluation:
    """Score a results file; `category` leaves out the others. Raises InputError and ValueError."""
    categories = truth.categories
    if category is not None:
        if category not in categories:
            raise ValueError(f"category: expected one of {', '.join(map(str, categories))}, got {category}")
        categories = (category,)
    groups = list(score(truth, results, surface, categories, rules, keep_masks=keep_masks))
    pairs = [_pairs_by_area(group) for group in groups]
    modes = {mode: score_mode(groups, pairs, mode, categories, rules) for mode in MODES}
    return Evaluation(groups, categories, modes, rules)


def similarity(group: Group, mode: str) -> NDArray[np.float64]:
    """[D, G] in one of the MODES: GPS, sqrt(GPS * mask IoU), mask IoU."""
    if mode == "gpsm":
        return np.sqrt(group.gps * group.mask_iou)
    return group.gps if mode == "gps" else group.mask_iou


def score_mode(
    groups: Sequence[Group],
    pairs: Sequence[Sequence[Pairs]],  # of each group, for each range of areas
    mode: str,
    categories: Sequence[int],
    rules: Rules = REFERENCE,
) -> ModeScore:
    """Match and accumulate one mode, for every category and range of areas."""
    precision = np.zeros((len(THRESHOLDS), 101, len(categories), len(AREAS)))
    recall = np.zeros((len(THRESHOLDS), len(categories), len(AREAS)))
    everywhere: list[Match] = []
    scored: dict[tuple[int, int], list[Scored]] = {}
    for group, by_area in zip(groups, pairs, strict=True):
        table = similarity(group, mode)
        scores = np.array([d.score for d in group.detections], np.float64)
        for a, one in enumerate(by_area):
            if a == 0:
                everywhere.append(match(table, one, THRESHOLDS, rules))
            same = one is by_area[0]
            outcome = everywhere[-1] if same else match(table, one, THRESHOLDS, rules)
            people = len(one.ignored) - int(np.count_nonzero(one.ignored))
            scored.setdefault((group.category, a), []).append(
                Scored(scores, outcome.counted, outcome.ignored, people)
            )
    for k, category in enumerate(categories):
        for a in range(len(AREAS)):
            images = scored.get((category, a), [])
            precision[:, :, k, a], recall[:, k, a] = precision_recall(images, len(THRESHOLDS))
    return ModeScore(precision, recall, everywhere, summarise(precision, recall))


def _pairs_by_area(group: Group) -> list[Pairs]:
    """The group for each range of areas; the first one again where a range leaves nobody out."""
    first, *others = (_pairs(group, limits) for limits in AREAS.values())

    def alike(other: Pairs) -> bool:
        same_people = np.array_equal(other.ignored, first.ignored)
        return same_people and np.array_equal(other.out_of_range, first.out_of_range)

    return [first, *(first if alike(other) else other for other in others)]


def _pairs(group: Group, limits: tuple[float, float]) -> Pairs:
    """The group for one range of areas: people outside it are ignored too."""
    low, high = limits
    area = np.array([a.area for a in group.annotations], np.float64)
    size = np.array([d.box[2] * d.box[3] for d in group.detections], np.float64)
    return Pairs(
        truth_ids=np.array([a.id for a in group.annotations], np.int64),
        ignored=group.ignored | (area < low) | (area > high),
        crowd=np.array([a.crowd for a in group.annotations], bool),
        out_of_range=(size < low) | (size > high),
        box_iou=group.box_iou,
    )
