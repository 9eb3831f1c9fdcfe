"""One evaluation from files to files: what `densepose eval` does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from opendensepose.eval.coco import coco_scores
from opendensepose.eval.details import write_details
from opendensepose.eval.evaluate import Evaluation, measure
from opendensepose.eval.pointwise import Pointwise
from opendensepose.eval.results import Results
from opendensepose.eval.rules import REFERENCE, STRICT
from opendensepose.eval.surfaces import distance_line, open_surface
from opendensepose.eval.table import metric_rows, pointwise_rows, small_rows
from opendensepose.eval.truth import Truth, read_truth
from opendensepose.surface.geodesic_atlas import Watch
from opendensepose.surface.sampled import SampledSurface


@dataclass(frozen=True, eq=False)
class Report:
    """What was measured, for a terminal and for machines."""

    truth: Truth
    surface: SampledSurface
    evaluation: Evaluation
    points: Pointwise
    coco: dict[str, dict[str, float]]
    results: str
    found: Results
    notes: tuple[str, ...]

    @property
    def detections(self) -> int:
        """How many the results file holds."""
        return self.found.count

    def lines(self) -> list[str]:
        """Tables for a terminal."""
        head = f"{self.truth.people} people in {len(self.truth.images)} images, {self.detections} detections"
        modes = {mode: score.metrics for mode, score in self.evaluation.modes.items()}
        lines = [head, distance_line(self.surface, self.surface.kappa), *metric_rows(modes)]
        lines += small_rows(self.coco) + pointwise_rows(self.points)
        return lines + [f"note: {note}" for note in self.notes]

    def summary(self) -> dict[str, Any]:
        """The same for JSON: fractions, metres; -1 or null where not defined."""
        modes = self.evaluation.modes
        return {
            **{mode: score.metrics for mode, score in modes.items()},
            "coco": self.coco,
            "pointwise": {
                "all_people": self.points.summary(),
                "people_found": self.points.of_found().summary(),
            },
            "AP_per_category": {
                mode: dict(zip(map(str, self.evaluation.categories), score.per_category(), strict=True))
                for mode, score in modes.items()
            },
            "results": self.results,
            "annotations": str(self.truth.path),
            "images": len(self.truth.images),
            "people": self.truth.people,
            "detections": self.detections,
            "atlas": self.surface.name,
            "distances": self.surface.distance_kind,
            "kappa_m": self.surface.kappa[1:].tolist(),
            "rules": "strict-coco" if self.evaluation.rules.switched_off else "reference",
            "rules_switched_off": list(self.evaluation.rules.switched_off),
            "notes": list(self.notes),
        }


def evaluate(
    results: str | os.PathLike[str],
    annotations: str | os.PathLike[str],
    *,
    atlas: str | None = None,
    category: int | None = None,
    kappa: float | None = None,
    strict_coco: bool = False,
    details: str | None = None,
    watch: Watch = iter,
) -> Report:
    """Score a results file against an annotation file; `densepose eval` has the same options.

    `watch` may show the progress of measuring an atlas, which happens once. Raises FileNotFoundError,
    InputError and ValueError with text for users.

    >>> report = odp.evaluate("results.json", "annotations.json", atlas="odp24")
    >>> report.summary()["gps"]["AP"]
    """
    truth = read_truth(annotations)
    with Results(results) as found:
        surface = open_surface(atlas, found.atlas, truth.atlas, watch)
        if kappa is not None:
            surface = surface.with_kappa(kappa)
        rules = STRICT if strict_coco else REFERENCE
        evaluation = measure(truth, found, surface, category=category, rules=rules, keep_masks=True)
        coco = coco_scores(truth, found, evaluation.groups, evaluation.categories)
    if details is not None:
        write_details(details, evaluation)
    points = Pointwise.of([error for group in evaluation.groups for error in group.errors])
    notes = list(truth.notes)
    if found.count == 0:
        notes.append("the results are an empty list: nobody is found")
    if rules.switched_off:
        notes.append(f"strict COCO rules; switched off: {', '.join(rules.switched_off)}")
    return Report(truth, surface, evaluation, points, coco, str(results), found, tuple(notes))
