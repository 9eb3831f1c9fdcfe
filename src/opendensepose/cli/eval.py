"""`densepose eval`: the field's numbers of a results file against an annotation file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from opendensepose.cli.common import JsonCommand, json_option, write_summary

if TYPE_CHECKING:
    from opendensepose.eval.run import Report


@click.command(cls=JsonCommand)
@click.argument("results")
@click.argument("annotations")
@click.option(
    "--atlas",
    metavar="odp24|DIR|FILE",
    help="Surface: ours, the folder of the official files, or one .npz; by default as the files say.",
)
@click.option("--category", type=int, metavar="ID", help="Only this category.")
@click.option(
    "--kappa",
    type=click.FloatRange(0, min_open=True),
    metavar="M",
    help="One for all parts: 0.255 is 2018's.",
)
@click.option("--strict-coco", is_flag=True, help="COCO's rules where the reference deviates from them.")
@click.option("--details", metavar="FILE.npz", help="Write similarities and matches.")
@click.option("--html", metavar="FILE", help="Write a report with curves, errors on the body, worst people.")
@click.option("--images", metavar="DIR", help="Folder of the photos, for the report.")
@click.option("--plot", metavar="FILE", help="Write the curves as .png, .pdf or .svg.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
@json_option
def eval(results: str, annotations: str, json_file: str | None, quiet: bool, **options: Any) -> None:
    """Score RESULTS (of `predict --results`) against ANNOTATIONS: GPS, GPSm and mask AP and AR.

    Both are JSON files. The numbers are those of Detectron2's DensePose evaluation, to the last digit.
    """
    from opendensepose.eval.run import evaluate

    if options["images"] is not None and not Path(options["images"]).is_dir():
        raise NotADirectoryError(f"{options['images']}: expected the folder of the images, got no folder")

    def watch(rows: Iterable[int]) -> Iterable[int]:
        text = "measuring the atlas, once"
        return tqdm(rows, desc=text, unit="row", disable=True if quiet else None, leave=False)

    drawn = {name: options.pop(name) for name in ("html", "images", "plot")}
    report = evaluate(results, annotations, watch=watch, **options)
    _draw(report, **drawn)
    if not quiet and json_file != "-":
        click.echo("\n".join(report.lines()))
    write_summary(report.summary(), json_file)


def _draw(report: Report, html: str | None, images: str | None, plot: str | None) -> None:
    """Write the pictures that were asked for."""
    if plot is not None:
        from opendensepose.eval.figures import curves, save

        save(curves(report.evaluation, report.points), plot)
    if html is not None:
        from opendensepose.eval.html import write_html

        write_html(html, report, Path(images) if images else None)
