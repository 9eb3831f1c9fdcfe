"""`densepose models`: what can be run here, and where official files are."""

from __future__ import annotations

from dataclasses import asdict

import click

from opendensepose.cli.common import JsonCommand, json_option, write_summary
from opendensepose.io.modelfile import read_card
from opendensepose.zoo import listing


@click.command(cls=JsonCommand)
@click.option("--card", metavar="NAME", help="Print what is known of a packaged model instead: its card.")
@json_option
def models(card: str | None, json_file: str | None) -> None:
    """List our models and the official ones that `densepose convert` reads.

    GFLOP: of an 800 x 1100 image (`small`: at its own input size) + of each person. AP: published, GPS on
    DensePose-COCO minival.
    """
    if card is not None:
        click.echo(read_card(card).rstrip())
        return
    rows = listing()
    if json_file != "-":
        click.echo(f"{'name':32s} {'M par.':>6s} {'GFLOP':>14s} {'AP':>5s}  {'licence':34s} file")
        for row in rows:
            cost = f"{row.gflops:.1f} + {row.gflops_person:.1f} n"
            ap = "-" if row.gps_ap is None else f"{row.gps_ap:.1f}"
            place = row.address or "in the package"
            click.echo(
                f"{row.name:32s} {row.parameters:6.1f} {cost:>14s} {ap:>5s}  {row.licence:34s} {place}"
            )
    write_summary({"models": [{**asdict(row), "licence": row.licence} for row in rows]}, json_file)
