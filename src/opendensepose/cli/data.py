"""`densepose data`: what an annotation file holds (`info`), and what is wrong with it (`check`)."""

from __future__ import annotations

import sys
from typing import Any

import click

from opendensepose.cli.common import JsonCommand, json_option, write_summary
from opendensepose.data.check import KINDS
from opendensepose.data.images import ImageFolder
from opendensepose.data.summary import Summary, summarise

SHOWN = 50  # problems printed; all are in the JSON
_BAR = 30  # characters


@click.group()
def data() -> None:
    """Look into annotation files of DensePose-COCO and DensePose-PoseTrack."""


@data.command(cls=JsonCommand)
@click.argument("file")
@json_option
def info(file: str, json_file: str | None) -> None:
    """Tell what FILE holds: people, points, points per part, sizes, tracks, and problems by kind."""
    summary = summarise(file, progress=True)
    figures = summary.as_json()
    if json_file != "-":
        click.echo("\n".join([*_counts(figures), "", *_parts(figures), "", *_problems(summary)]))
    write_summary(figures, json_file)


@data.command(cls=JsonCommand)
@click.argument("file")
@click.option("--images", metavar="DIR", help="Look at the image files too: there, and their sizes.")
@click.option("--all", "everything", is_flag=True, help=f"Print every problem, not only the first {SHOWN}.")
@json_option
def check(file: str, images: str | None, everything: bool, json_file: str | None) -> None:
    """List what is wrong with FILE; ends with 1 if anything is."""
    folder = None if images is None else ImageFolder(images)
    summary = summarise(file, folder, progress=True)
    shown = summary.problems if everything else summary.problems[:SHOWN]
    if json_file != "-":
        for problem in shown:
            place = [f"{name} {n}" for name, n in zip(("image", "annotation"), problem[1:3], strict=True)]
            known = [p for p, n in zip(place, problem[1:3], strict=True) if n is not None]
            click.echo(f"{', '.join(known) or 'file'}: {problem.text}")
        if len(shown) < summary.counts.total():
            click.echo(f"... {summary.counts.total() - len(shown)} more")
        click.echo("\n".join(_problems(summary)))
    found = [problem._asdict() for problem in summary.problems]
    write_summary({"file": file, "problems": dict(sorted(summary.counts.items())), "found": found}, json_file)
    sys.exit(1 if summary.counts else 0)


def _counts(figures: dict[str, Any]) -> list[str]:
    """The lines of the figures, without those of parts."""
    lines = [f"{figures['file']}"]

    def line(name: str, value: Any, more: str = "") -> None:
        lines.append(f"  {name:18s}{value:>10,}{'  ' + more if more else ''}")

    line("images", figures["images"], _sizes(figures))
    crowds, others = figures["crowds"], figures["other_categories"]
    more = [f"{crowds:,} of them crowds"] * (crowds > 0) + [f"{others:,} of other categories"] * (others > 0)
    line("people", figures["people"], ", ".join([*_range("height", figures["person_height"], " px"), *more]))
    line("  with points", figures["people_with_points"])
    line("points", figures["points"], "".join(_range("per person", figures["points_per_person"])))
    if figures["videos"]:
        line("videos", figures["videos"], f"{figures['frames_labelled']:,} frames labelled")
        line("tracks", figures["tracks"], "".join(_range("people each", figures["people_per_track"])))
    return lines


def _sizes(figures: dict[str, Any]) -> str:
    if figures["image_width"] is None:
        return "sizes not in the file" if figures["images"] else ""
    width, height = figures["image_width"], figures["image_height"]
    return f"{width[0]:g} x {height[0]:g} to {width[2]:g} x {height[2]:g} pixels"


def _range(name: str, spread: list[float] | None, unit: str = "") -> list[str]:
    if spread is None:
        return []
    return [f"{name} {spread[0]:g} to {spread[2]:g}{unit}, median {spread[1]:g}"]


def _parts(figures: dict[str, Any]) -> list[str]:
    """A bar for each part."""
    counts = figures["points_per_part"]
    most = max(counts.values()) or 1
    return [
        f"  {chart:2d} {name:27s}{count:>9,}  {'#' * round(_BAR * count / most)}".rstrip()
        for chart, (name, count) in enumerate(counts.items(), start=1)
    ]


def _problems(summary: Summary) -> list[str]:
    """How many problems of which kind."""
    if not summary.counts:
        return ["no problems found"]
    total = summary.counts.total()
    lines = [f"{total:,} {'problem' if total == 1 else 'problems'} found"]
    return lines + [f"{count:>9,}  {KINDS[kind]}" for kind, count in summary.counts.most_common()]
