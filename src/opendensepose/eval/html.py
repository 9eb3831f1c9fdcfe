"""The report as one HTML file that needs nothing else: numbers, curves, the body, and people to look at."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.eval.accumulate import METRICS
from opendensepose.eval.figures import WORST, as_svg, body_errors, curves, error_colour
from opendensepose.eval.overlays import Case, pictures, worst
from opendensepose.eval.pointwise import measures
from opendensepose.eval.results import Results
from opendensepose.eval.run import Report
from opendensepose.eval.surfaces import distance_line
from opendensepose.eval.table import COCO_TITLES, TITLES, percent
from opendensepose.io.files import atomic
from opendensepose.surface.parts import PART_NAMES

PEOPLE = 20  # shown of those found
MISSED = 8  # shown of those whom nobody found
_COLUMNS = ("lost", "AUC10", "AUC30")

_CSS = """
:root { color-scheme: light; --ink: #1d2430; --soft: #667085; --line: #e4e6eb; --paper: #f6f7f9; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 24px 60px; }
h1 { font-size: 25px; margin: 0 0 2px; } h2 { font-size: 18px; margin: 36px 0 10px; }
p { margin: 4px 0 10px; } .soft { color: var(--soft); font-size: 13.5px; }
section, .card { background: #fff; border: 1px solid var(--line); border-radius: 10px; }
section { padding: 16px 18px; overflow-x: auto; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 12px;
  margin: 20px 0; }
.card { padding: 12px 16px; } .card b { display: block; font-size: 23px; line-height: 1.25; }
.card b { white-space: nowrap; } .card span { color: var(--soft); font-size: 13px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 600; }
tbody tr:hover { background: #f3f6fb; }
.metrics td:nth-child(2) { font-weight: 700; }
.bar { display: inline-block; width: 70px; height: 9px; border-radius: 5px; background: var(--line); }
.bar i { display: block; height: 9px; border-radius: 5px; }
.body { display: grid; grid-template-columns: minmax(300px, 420px) 1fr; gap: 20px; align-items: start; }
.body > div:first-child { position: sticky; top: 16px; }
.body img { width: 100%; } svg { width: 100%; height: auto; }
.scale { height: 12px; border-radius: 6px; margin: 4px 0; }
.ends { display: flex; justify-content: space-between; }
.people { display: grid; grid-template-columns: repeat(auto-fill, minmax(345px, 1fr)); gap: 14px; }
figure { margin: 0; background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 10px; }
figure div { display: flex; gap: 6px; justify-content: center; } figure img { height: 230px; max-width: 49%;
  object-fit: contain; background: #f8f8f8; } figure.one img { max-width: 100%; }
figcaption { font-size: 13px; margin-top: 6px; overflow-wrap: anywhere; } .note { color: #9a5b00; }
@media (max-width: 760px) { .body { grid-template-columns: 1fr; } }
@media print { body { background: #fff; } figure, section { break-inside: avoid; } }
"""


def write_html(
    path: str | os.PathLike[str],
    report: Report,
    images: Path | None = None,  # the folder of the photos; without it people are drawn on grey paper
) -> None:
    """Write the page; raises OSError and InputError."""
    with report.found as results:
        people = _people(report, results, images)
    parts = [
        _head(report),
        _cards(report),
        "<h2>AP and AR</h2>",
        _metrics(report),
        "<h2>Curves</h2>",
        f"<section>{as_svg(curves(report.evaluation, report.points))}</section>",
        "<h2>Errors on the body</h2>",
        _body(report),
        people,
    ]
    title = escape(f"Dense pose evaluation: {Path(report.results).name}")
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_CSS}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _head(report: Report) -> str:
    truth = report.truth
    lines = [
        f"<h1>{escape(Path(report.results).name)}</h1>",
        f'<p class="soft">against {escape(truth.path.name)}: {truth.people} people in {len(truth.images)} '
        f"images, {report.detections} detections<br>"
        f"{escape(distance_line(report.surface, report.surface.kappa))}</p>",
    ]
    lines += [f'<p class="note">Note: {escape(note)}.</p>' for note in report.notes]
    return "".join(lines)


def _cards(report: Report) -> str:
    modes = report.evaluation.modes
    points = report.points
    all_points, found = measures(points.distance), measures(points.of_found().distance)
    error = found["mean_error_m"]
    cards = {
        "GPS AP": percent(modes["gps"].metrics["AP"]),
        "GPSm AP": percent(modes["gpsm"].metrics["AP"]),
        "mask AP": percent(modes["segm"].metrics["AP"]),
        "people found": f"{points.people_found} / {points.people}",
        "mean error, on the body": "-" if error is None else f"{100 * error:.1f} cm",
        "AUC10, all people": percent(all_points["AUC10"]),
        "AUC30, all people": percent(all_points["AUC30"]),
    }
    items = (f'<div class="card"><b>{value}</b><span>{name}</span></div>' for name, value in cards.items())
    return f'<div class="cards">{"".join(items)}</div>'


def _metrics(report: Report) -> str:
    rows = [
        [TITLES[mode], *(percent(score.metrics[name]) for name in METRICS)]
        for mode, score in report.evaluation.modes.items()
    ]
    for kind, numbers in report.coco.items():
        rows.append([COCO_TITLES[kind], *(percent(numbers.get(name)) for name in METRICS)])
    note = (
        '<p class="soft">Percent. GPS, GPSm and mask IoU: thresholds 0.50 to 0.95, the best 20 of an image, '
        "as the field counts them. COCO: its own evaluation of boxes, masks and keypoints.</p>"
    )
    return f'<section class="metrics">{_table(["", *METRICS], rows)}{note}</section>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{name}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _body(report: Report) -> str:
    found = report.points.of_found()
    rows = []
    for c in range(1, 25):
        own = measures(found.distance[found.chart == c])
        if own["points"]:
            cells = [f"{c}&ensp;{PART_NAMES[c]}", _bar(own["mean_error_m"]), str(own["points"])]
            rows.append([*cells, _cm(own["mean_error_m"]), *(percent(own[key]) for key in _COLUMNS)])
    head = ["part", "", "points", "mean error", "off body %", "AUC10", "AUC30"]
    table = _table(head, rows) if rows else "<p>No annotated points on people who were found.</p>"
    steps = ", ".join(_css(error_colour(np.array(e))) for e in np.linspace(0, WORST, 9))
    scale = f'<div class="scale" style="background: linear-gradient(90deg, {steps})"></div>'
    last = f"{100 * WORST:.0f} cm +"
    ends = f'<div class="ends soft"><span>0</span><span>mean error</span><span>{last}</span></div>'
    picture = f'<img alt="the body, front and back" src="{_png(body_errors(found))}">'
    return f'<section class="body"><div>{picture}{scale}{ends}</div><div>{table}</div></section>'


def _bar(error: float | None) -> str:
    if error is None:
        return ""
    width = min(error / WORST, 1) * 100
    colour = _css(error_colour(np.array(error)))
    return f'<span class="bar"><i style="width: {width:.0f}%; background: {colour}"></i></span>'


def _cm(length: float | None) -> str:
    return "-" if length is None else f"{100 * length:.1f} cm"


def _css(colour: NDArray[np.uint8]) -> str:
    return f"rgb({', '.join(map(str, colour.tolist()))})"


def _people(report: Report, results: Results, images: Path | None) -> str:
    """Those found with the lowest GPS, and the largest of those whom nobody found."""
    found, missed = worst(report.truth, report.evaluation.groups, PEOPLE)
    parts = []
    if found:
        parts += [f"<h2>The {len(found)} people found with the lowest GPS</h2>", _legend(images)]
        parts.append(_figures(found, results, images))
    if missed:
        total = report.points.people - report.points.people_found
        parts += [f"<h2>People whom nobody found: {total}</h2>"]
        parts.append(f'<p class="soft">The largest {min(MISSED, total)}.</p>')
        parts.append(_figures(missed[:MISSED], results, images))
    return "".join(parts)


def _figures(cases: Sequence[Case], results: Results, images: Path | None) -> str:
    figures = "".join(_person(case, pictures(case, results, images)) for case in cases)
    return f'<div class="people">{figures}</div>'


def _legend(images: Path | None) -> str:
    grey = "" if images else " Give the folder of the photos (--images) to see them."
    return (
        '<p class="soft">Left: the annotated points, yellow at 0 to dark red at 30 cm of error; black: the '
        "detection says background there. Right: the detection that was measured, in the colours of its "
        f"parts.{grey}</p>"
    )


def _person(case: Case, shown: Sequence[NDArray[np.uint8]]) -> str:
    finite = case.errors.distance[np.isfinite(case.errors.distance)]
    text = f"<b>{escape(case.title)}</b><br>"
    if case.detection is not None:
        off = len(case.errors.distance) - len(finite)
        mean = f"mean error {100 * float(finite.mean()):.1f} cm, " if len(finite) else ""
        text += f"GPS {case.errors.gps:.2f}, score {case.detection.score:.2f}, {mean}"
        text += f"{off} of {len(case.errors.distance)} points off the body"
    else:
        text += f"{len(case.errors.distance)} points, area {case.annotation.area:.0f} pixels"
    images = "".join(f'<img alt="" src="{_jpeg(picture)}">' for picture in shown)
    kind = ' class="one"' if len(shown) == 1 else ""
    return f"<figure{kind}><div>{images}</div><figcaption>{text}</figcaption></figure>"


def _jpeg(picture: NDArray[np.uint8]) -> str:
    return _data(picture, ".jpg", "jpeg")


def _png(picture: NDArray[np.uint8]) -> str:
    return _data(picture, ".png", "png")


def _data(picture: NDArray[np.uint8], suffix: str, kind: str) -> str:
    _, packed = cv2.imencode(suffix, np.ascontiguousarray(picture[..., ::-1]))
    return f"data:image/{kind};base64,{base64.b64encode(packed.tobytes()).decode('ascii')}"
