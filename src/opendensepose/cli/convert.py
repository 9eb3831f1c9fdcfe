"""`densepose convert`: official weights -> the one-file model that `predict` reads."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from opendensepose.cli.common import JsonCommand, json_option, write_summary


@click.command(cls=JsonCommand)
@click.argument("file")
@click.option("--out", metavar="NAME.odp", help="Model file to write; default: the file's stem, here.")
@click.option(
    "--config", metavar="NAME", help="Published name, such as R_50_FPN_s1x, instead of recognition."
)
@click.option(
    "--short",
    type=click.IntRange(32, 4096),
    default=800,
    show_default=True,
    help="Of the network's input: the short side ...",
)
@click.option(
    "--long",
    type=click.IntRange(32, 8192),
    default=1333,
    show_default=True,
    help="... and the most that the long side may have.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.8,
    show_default=True,
    help="Least score of a person.",
)
@click.option("--quiet", is_flag=True, help="Print nothing.")
@json_option
def convert(file: str, out: str | None, json_file: str | None, quiet: bool, **options: Any) -> None:
    """Make a model file of official DensePose weights (.pkl of Detectron2 or of 2018, .pth).

    Once, with the extra [train]; `densepose predict --model NAME.odp` then needs no torch. Smaller --short
    is faster: the official 800 is slow on a CPU.
    """
    from opendensepose.convert import convert as write_model

    done = write_model(file, out or f"{Path(file).stem}.odp", **options)
    megabytes = round(done.path.stat().st_size / 1e6, 1)
    if not quiet and json_file != "-":
        left = f"; {len(done.ignored)} by-products of training left out" if done.ignored else ""
        click.echo(f"{file}: {done.name}, {done.arrays} arrays{left}")
        click.echo(f"{done.path}: {megabytes} MB; use it with densepose predict --model {done.path}")
    summary = {**asdict(done), "path": str(done.path), "megabytes": megabytes, **options}
    write_summary(summary, json_file)
