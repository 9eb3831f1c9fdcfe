"""`densepose synth`: pictures of synthetic people with their ground truth."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import click

from opendensepose.cli.common import JsonCommand, json_option, write_summary
from opendensepose.surface.jit import COMPILED
from opendensepose.synth.clip import write_clips
from opendensepose.synth.dataset import write_dataset


def _size(_: click.Context, __: click.Parameter, text: str) -> tuple[int, int]:
    """'320x240' -> (240, 320)."""
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if not found:
        raise click.BadParameter(f"expected WIDTHxHEIGHT such as 320x240, got {text!r}")
    return int(found[2]), int(found[1])


@click.command(cls=JsonCommand)
@click.option(
    "--count", type=click.IntRange(1), default=100, show_default=True, help="Pictures, or sequences, to make."
)
@click.option("--out", default="synth", show_default=True, help="Folder for the data set.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed, other people."
)
@click.option(
    "--assets", metavar="DIR", help="Folder with makehuman/, panoramas/, mocap/; default: all procedural."
)
@click.option("--size", default="320x240", show_default=True, callback=_size, help="Of the pictures, WxH.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option(
    "--split", type=click.Choice(["train", "test"]), default="train", show_default=True, help="Of the assets."
)
@click.option("--empty", type=click.FloatRange(0, 1), default=0.0, help="Share of pictures without people.")
@click.option(
    "--things",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Share of pictures with an animal, a fruit, a vehicle among or instead of people.",
)
@click.option(
    "--portraits",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Share of pictures that show faces from near, alone or side by side.",
)
@click.option(
    "--groups",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Share of the other pictures in which people pose together, arm in arm, on a sofa, in two rows.",
)
@click.option(
    "--clip", "frames", type=click.IntRange(1, 9999), metavar="FRAMES", help="Sequences of so many frames."
)
@click.option("--quiet", is_flag=True, help="No progress bar.")
@json_option
def synth(
    count: int,
    out: str,
    frames: int | None,
    json_file: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Make pictures of synthetic people with exact truth: a DensePose-COCO data set with dense maps."""
    if not COMPILED and not quiet:
        hint = "pip install 'opendensepose[synth]' makes it about a hundred times faster"
        click.echo(f"numba is not installed: some 15 s per picture; {hint}", err=True)
    start = time.perf_counter()
    options["progress"] = not quiet
    shares = {name: options.pop(name) for name in ("empty", "things", "portraits", "groups")}
    for name, share in shares.items():
        if frames and share:
            raise click.UsageError(f"--{name}: expected single pictures, got it together with --clip")
    if frames is None:
        people = write_dataset(Path(out), count, **shares, **options)
    else:
        people = write_clips(Path(out), count, frames, **options)
    pictures = count * (frames or 1)
    seconds = time.perf_counter() - start
    if not quiet and json_file != "-":
        click.echo(f"{out}: {pictures} pictures, {people} annotated people, {seconds:.1f} s")
    summary = {"out": out, "pictures": pictures, "people": people, "seconds": round(seconds, 2)}
    write_summary(summary, json_file)
