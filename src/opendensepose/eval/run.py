"""One evaluation from files to files: what `densepose eval` does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opendensepose.eval.details import write_details
from opendensepose.eval.evaluate import Evaluation, evaluate
from opendensepose.eval.results import Results
from opendensepose.eval.rules import REFERENCE, STRICT
from opendensepose.eval.table import metric_rows
from opendensepose.eval.truth import Truth, read_truth
from opendensepose.surface.sampled import SampledSurface, read_sampled


@dataclass(frozen=True, eq=False)
class Report:
    """What was measured, for a terminal and for machines."""

    truth: Truth
    surface: SampledSurface
    evaluation: Evaluation
    detections: int

    def lines(self) -> list[str]:
        """The table."""
        head = f"{self.truth.people} people in {len(self.truth.images)} images, {self.detections} detections"
        return [head, *metric_rows({mode: s.metrics for mode, s in self.evaluation.modes.items()})]

    def summary(self) -> dict[str, Any]:
        """The same for JSON: each mode's ten numbers as fractions, -1 where not defined."""
        numbers: dict[str, Any] = {mode: score.metrics for mode, score in self.evaluation.modes.items()}
        return numbers | {"detections": self.detections}


def run(
    results: str | os.PathLike[str],
    annotations: str | os.PathLike[str],
    *,
    atlas: str | None = None,
    category: int | None = None,
    kappa: float | None = None,
    strict_coco: bool = False,
    details: str | None = None,
) -> Report:
    """Read, score and write; raises FileNotFoundError, InputError and ValueError with text for users."""
    truth = read_truth(annotations)
    with Results(results) as found:
        surface = open_surface(atlas, found.atlas, truth.atlas)
        if kappa is not None:
            surface = surface.with_kappa(kappa)
        rules = STRICT if strict_coco else REFERENCE
        evaluation = evaluate(truth, found, surface, category=category, rules=rules)
        count = found.count
    if details is not None:
        write_details(details, evaluation)
    return Report(truth, surface, evaluation, count)


def open_surface(atlas: str | None, of_results: str | None, of_truth: str | None) -> SampledSurface:
    """The surface that `--atlas` names; ValueError where atlases would be mixed."""
    if atlas is not None and Path(atlas).is_file():
        return read_sampled(atlas)
    raise ValueError(f"--atlas: expected a surface file (.npz), got {atlas!r}")
