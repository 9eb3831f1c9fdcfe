"""Pictures of an evaluation: its curves, and the errors of the parts on the body."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.eval.accumulate import RECALLS
from opendensepose.eval.evaluate import Evaluation
from opendensepose.eval.matching import THRESHOLDS
from opendensepose.eval.pointwise import AUC_LIMITS, CURVE, Pointwise, area_under_curve, ratio_correct
from opendensepose.eval.table import TITLES
from opendensepose.io.files import atomic
from opendensepose.surface.atlas import Atlas
from opendensepose.viz.atlas import draw_body

WORST = 0.30  # metres: errors from here on have the last colour
GREY = (206, 208, 214)  # parts without points
_LINES = ("#1b6ca8", "#e07a1f", "#3a8f5c")
_PR = (0, 5, 8)  # thresholds 0.5, 0.75, 0.9


def error_colour(error: NDArray[Any]) -> NDArray[np.uint8]:
    """RGB [..., 3] of errors in metres: pale yellow at 0 to dark red at WORST; black where infinite."""
    from matplotlib import colormaps

    finite = np.isfinite(error)
    scaled = np.clip(np.where(finite, error, 0) / WORST, 0, 1)
    mapped = np.asarray(colormaps["YlOrRd"](0.08 + 0.92 * scaled))  # a tuple for a single number
    colours = np.rint(255 * mapped[..., :3]).astype(np.uint8)
    colours[~finite] = 0
    return colours


def body_errors(points: Pointwise, height: int = 560) -> NDArray[np.uint8]:
    """The body, front and back, each part in the colour of its mean error: [height, *, 3] RGB."""
    colours = np.tile(np.array(GREY, np.uint8), (25, 1))
    for c in range(1, 25):
        error = points.distance[(points.chart == c) & np.isfinite(points.distance)]
        if len(error):
            colours[c] = error_colour(np.array(error.mean(dtype=np.float64)))
    return draw_body(Atlas.load(), height, colours=colours)


def curves(evaluation: Evaluation, points: Pointwise) -> Any:
    """A matplotlib figure: ratio of correct points, AP over thresholds, precision over recall."""
    from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=(13, 3.8), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        _ratio(left, points)
        _thresholds(middle, evaluation)
        _precision(right, evaluation)
        for axes in (left, middle, right):
            axes.set_ylim(0, 1.02)
            axes.grid(color="#e4e6eb", linewidth=0.8)
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
    return figure


def _ratio(axes: Any, points: Pointwise) -> None:
    for (name, part), colour in zip(
        {"all people": points, "people found": points.of_found()}.items(), _LINES, strict=False
    ):
        if len(part.distance) == 0:
            continue
        areas = [area_under_curve(part.distance, limit) for limit in AUC_LIMITS]
        label = f"{name}: AUC10 {100 * areas[0]:.1f}, AUC30 {100 * areas[1]:.1f}"
        axes.plot(100 * CURVE, ratio_correct(part.distance, CURVE), color=colour, label=label, linewidth=2)
    for limit in AUC_LIMITS:
        axes.axvline(100 * limit, color="#9aa0aa", linewidth=0.8, linestyle=":")
    axes.set(title="Correct points", xlabel="geodesic error (cm)", ylabel="ratio of points", xlim=(0, 50))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right")


def _thresholds(axes: Any, evaluation: Evaluation) -> None:
    for (mode, score), colour in zip(evaluation.modes.items(), _LINES, strict=True):
        table = score.precision[..., 0]  # [T, R, K]
        defined = table > -1
        total = np.where(defined, table, 0).sum((1, 2))
        axes.plot(
            THRESHOLDS,
            total / np.maximum(defined.sum((1, 2)), 1),
            color=colour,
            marker="o",
            markersize=4,
            linewidth=2,
            label=f"{TITLES[mode]}: AP {100 * max(score.metrics['AP'], 0):.1f}",
        )
    axes.set(title="AP at each threshold", xlabel="threshold", ylabel="AP", xlim=(0.48, 0.97))
    axes.legend(loc="lower left")


def _precision(axes: Any, evaluation: Evaluation) -> None:
    table = evaluation.modes["gps"].precision[..., 0]  # [T, R, K]
    for t, colour in zip(_PR, _LINES, strict=True):
        defined = (table[t] > -1).all(0)
        if defined.any():
            label = f"GPS >= {THRESHOLDS[t]:.2f}"
            axes.plot(RECALLS, table[t][:, defined].mean(1), color=colour, label=label, linewidth=2)
    axes.set(title="Precision and recall, GPS", xlabel="recall", ylabel="precision", xlim=(0, 1.01))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left")


def _style() -> Any:
    import matplotlib

    return matplotlib.rc_context(
        {
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.edgecolor": "#9aa0aa",
            "legend.frameon": False,
            "svg.fonttype": "none",
            "svg.hashsalt": "opendensepose",  # the same file for the same numbers
        }
    )


def as_svg(figure: Any) -> str:
    """The figure as the text of an <svg> element, the same for the same numbers."""
    buffer = io.StringIO()
    with _style():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def save(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write the figure as .png, .pdf or .svg; ValueError for another suffix."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in (".png", ".pdf", ".svg"):
        raise ValueError(f"--plot: expected a file .png, .pdf or .svg, got {path}")
    with atomic(path) as temporary, _style():
        figure.savefig(temporary, dpi=150)
