"""Who is matched with whom in one image and category: greedy by score, one annotation each, per threshold.

D detections by falling score, G annotations, T thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    order = np.argsort(pairs.ignored, kind="stable")
    flags = np.zeros((len(thresholds), len(similarity)), bool)
    if rules.absent_truth_ignores and pairs.ignored.all():
        flags[:] = True
    state = _State(
        truth=np.full(flags.shape, -1),
        flags=flags,
        taken=np.zeros((len(thresholds), len(order)), bool),
        ignored=pairs.ignored[order],
        crowd=pairs.crowd[order],
        # the last one: what -1, no annotation, is looked up as
        counts=np.append((pairs.truth_ids[order] != 0) | (not rules.zero_is_unmatched), False),
    )
    for d, row in enumerate(similarity[:, order]):
        _take_best(state, d, row, thresholds)
    if rules.box_rule and len(thresholds):
        _box_rule(state, pairs.box_iou[:, order])
    counted = state.counts[state.truth]
    return Match(np.append(order, -1)[state.truth], counted, state.flags | (~counted & pairs.out_of_range))


@dataclass(eq=False)
class _State:
    """What is being filled in; annotations with the ignored ones last."""

    truth: NDArray[np.int64]  # [T, D] -1 = none
    flags: NDArray[np.bool_]  # [T, D] detection ignored
    taken: NDArray[np.bool_]  # [T, G]
    ignored: NDArray[np.bool_]  # [G]
    crowd: NDArray[np.bool_]  # [G]
    counts: NDArray[np.bool_]  # [G + 1] whether a match with it counts


def _take_best(state: _State, d: int, row: NDArray[np.float64], thresholds: NDArray[np.float64]) -> None:
    """Match detection `d` of similarities `row` [G] at every threshold."""
    candidates = [(g, value) for g, value in enumerate(row.tolist()) if value > 0]
    highest = max((value for _, value in candidates), default=0.0)
    for t, threshold in enumerate(thresholds.tolist()):
        best, chosen = min(threshold, 1 - 1e-10), -1
        if highest < best:
            continue
        for g, value in candidates:
            if state.taken[t, g] and not state.crowd[g]:
                continue
            if chosen >= 0 and state.ignored[g] and not state.ignored[chosen]:
                break
            if value >= best:
                best, chosen = value, g
        if chosen >= 0:
            state.truth[t, d], state.flags[t, d] = chosen, state.ignored[chosen]
            state.taken[t, chosen] = True


def _box_rule(state: _State, box_iou: NDArray[np.float64]) -> None:
    """A detection that stays unmatched at the last threshold, on a person's box: takes that person's flag.

    Its flag at ALL thresholds becomes that of the annotation with the best box IoU, if that is 0.8 or more;
    where the annotation is an ignored one, both also become matched at the last threshold. (Meant for people
    without dense annotation; it also makes false positives of detections that were ignored.)
    """
    for d in np.flatnonzero(~state.counts[state.truth[-1]]):
        best, chosen = BOX_RULE_IOU, -1
        for g, value in enumerate(box_iou[d].tolist()):
            if value >= best and (state.crowd[g] or not state.taken[-1, g]):
                best, chosen = value, g
        if chosen >= 0:
            state.flags[:, d] = state.ignored[chosen]
            if state.ignored[chosen]:
                state.truth[-1, d] = chosen
                state.taken[-1, chosen] = True
