"""`densepose export`: a training checkpoint -> the one-file model that `predict` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from opendensepose.cli.common import JsonCommand, json_option, write_summary


@click.command(cls=JsonCommand)
@click.argument("checkpoint")
@click.option("--out", default="model.odp", show_default=True, help="Model file to write.")
@click.option("--name", help="Of the model; default: the file's stem.")
@click.option(
    "--detector",
    default="small",
    show_default=True,
    metavar="NAME|FILE",
    help="Of a net on crops: the model or checkpoint that finds its people.",
)
@click.option("--short", default=256, show_default=True, help="Of the network's input: the short side ...")
@click.option("--long", default=448, show_default=True, help="... and the most that the long side may have.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Least score of a person.",
)
@click.option(
    "--calibrate",
    metavar="DIR",
    help="Of a net on crops: run it and its detector in 8-bit integers, as the pictures of DIR suggest.",
)
@click.option(
    "--average", metavar="NAME|FILE", help="Mix the weights with those of this model or checkpoint."
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1),
    default=0.6,
    show_default=True,
    help="Of the checkpoint's own weights in the mixture.",
)
@click.option("--quiet", is_flag=True, help="Print nothing.")
@json_option
def export(
    checkpoint: str, out: str, name: str | None, json_file: str | None, quiet: bool, **options: Any
) -> None:
    """Make a model file of a checkpoint of `densepose train` (RUN/best.pt)."""
    from opendensepose.export import export as write_model

    path = write_model(checkpoint, out, name=name or Path(out).stem, **options)
    megabytes = round(path.stat().st_size / 1e6, 1)
    if not quiet and json_file != "-":
        click.echo(f"{path}: {megabytes} MB; use it with densepose predict --model {path}")
    write_summary({"out": str(path), "megabytes": megabytes, **options}, json_file)
