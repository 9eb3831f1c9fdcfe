"""`densepose eval`: the field's numbers of a results file against an annotation file."""

from __future__ import annotations

from typing import Any

import click

from opendensepose.cli.common import JsonCommand, json_option, write_summary


@click.command(cls=JsonCommand)
@click.argument("results")
@click.argument("annotations")
@click.option(
    "--atlas",
    metavar="odp24|DIR|FILE",
    help="Surface: ours, the official files, or one .npz; else as the files say.",
)
@click.option("--category", type=int, metavar="ID", help="Only this category.")
@click.option(
    "--kappa", type=click.FloatRange(0, min_open=True), help="One normalisation in metres (0.255: 2018)."
)
@click.option("--strict-coco", is_flag=True, help="Without the reference's deviations from COCO's rules.")
@click.option("--details", metavar="FILE.npz", help="Write similarities and matches.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
@json_option
def eval(results: str, annotations: str, json_file: str | None, quiet: bool, **options: Any) -> None:
    """Score RESULTS (of `predict --results`) against ANNOTATIONS: GPS, GPSm and mask AP and AR.

    Both are JSON files. Numbers are those of the DensePose evaluation of Detectron2.
    """
    from opendensepose.eval.run import run

    report = run(results, annotations, **options)
    if not quiet and json_file != "-":
        click.echo("\n".join(report.lines()))
    write_summary(report.summary(), json_file)
