"""Who is matched with whom in one image and category: greedy by score, one annotation each, per threshold.

D detections by falling score, G annotations, T thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from opendensepose.eval.rules import REFERENCE, Rules

THRESHOLDS: NDArray[np.float64] = np.linspace(0.5, 0.95, 10)  # not k / 20: one of them is 0.8999999999999999
BOX_RULE_IOU = 0.8


@dataclass(frozen=True, eq=False)
class Pairs:
    """Everything about the detections and annotations of one image and category but their similarity."""

    truth_ids: NDArray[np.int64]  # [G]
    ignored: NDArray[np.bool_]  # [G]
    crowd: NDArray[np.bool_]  # [G]
    out_of_range: NDArray[np.bool_]  # [D] the detection's box is outside the range of areas
    box_iou: NDArray[np.float64]  # [D, G]

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """[G] the annotations, those that are ignored last."""
        return np.argsort(self.ignored, kind="stable")

    @cached_property
    def ordered(self) -> tuple[list[int], list[bool], list[bool], list[list[float]]]:
        """Ids, ignored, crowd [G] and box IoU [D][G] in that order, as lists: they are read item by item."""
        o = self.order
        columns = self.truth_ids[o].tolist(), self.ignored[o].tolist(), self.crowd[o].tolist()
        return *columns, self.box_iou[:, o].tolist()


@dataclass(frozen=True, eq=False)
class Match:
    """The outcome, in the given order of annotations."""

    truth: NDArray[np.int64]  # [T, D] number of the annotation, -1 = none
    counted: NDArray[np.bool_]  # [T, D] whether `truth` counts as a match
    ignored: NDArray[np.bool_]  # [T, D] the detection is neither right nor wrong


def match(
    similarity: NDArray[np.float64],  # [D, G]
    pairs: Pairs,
    thresholds: NDArray[np.float64] = THRESHOLDS,
    rules: Rules = REFERENCE,
) -> Match:
    """Match greedily: each detection takes the most similar annotation that is free, an ignored one last.

    Of equal similarities the last annotation wins; a similarity of 0 never matches; crowds are matched
    several times. A detection that is unmatched and out of the range of areas is ignored.
    """
    ids, ignored, crowd, box_iou = pairs.ordered
    absent = rules.absent_truth_ignores and all(ignored)
    state = _State(
        truth=[[-1] * len(similarity) for _ in thresholds],
        flags=[[absent] * len(similarity) for _ in thresholds],
        taken=[set() for _ in thresholds],
        ignored=ignored,
        crowd=crowd,
        counts=[*(number != 0 or not rules.zero_is_unmatched for number in ids), False],
    )
    bars = np.minimum(thresholds, 1 - 1e-10).tolist()
    for d, row in enumerate(similarity[:, pairs.order].tolist()):
        _take_best(state, d, row, bars)
    if rules.box_rule and bars:
        _box_rule(state, box_iou)
    truth = np.array(state.truth, np.int64).reshape(len(bars), len(similarity))
    counted = np.array(state.counts)[truth]
    flags = np.array(state.flags, bool).reshape(truth.shape) | (~counted & pairs.out_of_range)
    return Match(np.append(pairs.order, -1)[truth], counted, flags)


@dataclass(eq=False)
class _State:
    """What is being filled in; annotations in the order of `Pairs.order`."""

    truth: list[list[int]]  # [T][D] -1 = none
    flags: list[list[bool]]  # [T][D] detection ignored
    taken: list[set[int]]  # [T] annotations
    ignored: list[bool]  # [G]
    crowd: list[bool]  # [G]
    counts: list[bool]  # [G + 1] whether a match with it counts; the last: what -1, no annotation, looks up


def _take_best(state: _State, d: int, row: list[float], bars: list[float]) -> None:
    """Match detection `d` of similarities `row` [G] at every threshold."""
    highest = max(row, default=0.0)
    for t, bar in enumerate(bars):
        if highest < bar or highest <= 0:
            break  # and below all further ones
        best, chosen = bar, -1
        for g, value in enumerate(row):
            if g in state.taken[t] and not state.crowd[g]:
                continue
            if chosen >= 0 and state.ignored[g] and not state.ignored[chosen]:
                break
            if value >= best and value != 0:
                best, chosen = value, g
        if chosen >= 0:
            state.truth[t][d], state.flags[t][d] = chosen, state.ignored[chosen]
            state.taken[t].add(chosen)


def _box_rule(state: _State, box_iou: list[list[float]]) -> None:
    """A detection that stays unmatched at the last threshold, on a person's box: takes that person's flag.

    Its flag at ALL thresholds becomes that of the annotation with the best box IoU, if that is 0.8 or more;
    where the annotation is an ignored one, both also become matched at the last threshold. (Meant for people
    without dense annotation; it also makes false positives of detections that were ignored.)
    """
    for d, row in enumerate(box_iou):
        if state.counts[state.truth[-1][d]]:
            continue
        best, chosen = BOX_RULE_IOU, -1
        for g, value in enumerate(row):
            if value >= best and (state.crowd[g] or g not in state.taken[-1]):
                best, chosen = value, g
        if chosen >= 0:
            for flags in state.flags:
                flags[d] = state.ignored[chosen]
            if state.ignored[chosen]:
                state.truth[-1][d] = chosen
                state.taken[-1].add(chosen)
