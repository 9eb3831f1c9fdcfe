"""`densepose eval`: the field's numbers of a results file against an annotation file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
from tqdm import tqdm

from opendensepose.cli.common import JsonCommand, json_option, write_summary


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
@click.option("--quiet", is_flag=True, help="Print nothing.")
@json_option
def eval(results: str, annotations: str, json_file: str | None, quiet: bool, **options: Any) -> None:
    """Score RESULTS (of `predict --results`) against ANNOTATIONS: GPS, GPSm and mask AP and AR.

    Both are JSON files. The numbers are those of Detectron2's DensePose evaluation, to the last digit.
    """
    from opendensepose.eval.run import run

    def watch(rows: Iterable[int]) -> Iterable[int]:
        text = "measuring the atlas, once"
        return tqdm(rows, desc=text, unit="row", disable=True if quiet else None, leave=False)

    report = run(results, annotations, watch=watch, **options)
    if not quiet and json_file != "-":
        click.echo("\n".join(report.lines()))
    write_summary(report.summary(), json_file)
