"""densepose inpaint: dense pseudo ground truth from annotated points."""

from __future__ import annotations

import click

from opendensepose.cli.common import JsonCommand, json_option, write_summary


@click.command(cls=JsonCommand)
@click.argument("annotations", metavar="ANNOTATIONS")
@click.option("--teacher", required=True, metavar="FILE", help="Of `densepose train --model teacher`.")
@click.option("--out", required=True, metavar="DIR", help="Folder for the data set.")
@click.option("--images", metavar="DIR", help="Where the images are; default: beside the annotations.")
@click.option(
    "--sure", type=click.FloatRange(0, 1), default=0.6, show_default=True, help="Probability of a chart."
)
@click.option(
    "--spread", type=click.FloatRange(0), default=0.25, show_default=True, help="Deviation of U, V at most."
)
@click.option("--quiet", is_flag=True, help="No progress bar.")
@json_option
def inpaint(
    annotations: str,
    teacher: str,
    out: str,
    images: str | None,
    sure: float,
    spread: float,
    quiet: bool,
    json_file: str | None,
) -> None:
    """Fill the masks of people from their annotated points: a folder for `densepose train --data`."""
    from opendensepose.train.inpaint import inpaint as run

    done = run(annotations, teacher, out, images=images, sure=sure, spread=spread, progress=not quiet)
    share = done.filled / max(done.pixels, 1)
    if json_file != "-":
        click.echo(f"{out}: {done.people} people, {share:.1%} of their masks filled")
    write_summary({"out": out, "people": done.people, "filled": round(share, 4)}, json_file)
