"""densepose train: fit a net to annotated pictures."""

from __future__ import annotations

import json
import os
from typing import Any

import click


def _setting(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """("clip=0.5", "freeze=[\\"fpn\\"]") -> {"clip": 0.5, "freeze": ["fpn"]}: JSON, or a word."""
    found = {}
    for text in values:
        name, sign, value = text.partition("=")
        if not sign:
            raise click.BadParameter(f"expected NAME=VALUE, got {text!r}")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


@click.command()
@click.option("--data", multiple=True, metavar="DIR", help="Folder of dense truth; may be repeated.")
@click.option(
    "--annotations", multiple=True, metavar="FILE", help="DensePose-COCO annotations; may be repeated."
)
@click.option("--images", metavar="DIR", help="Where the images of --annotations are; default: beside them.")
@click.option("--out", metavar="DIR", help="For checkpoints and logs; an unfinished run there continues.")
@click.option(
    "--model", metavar="NAME", help="crops (default), small, teacher, r50, or a name such as R_50_FPN_s1x."
)
@click.option("--confidence", type=click.Choice(["WC1", "WC2"]), help="Learn how sure U and V are.")
@click.option("--tasks", type=click.Choice(["keypoints", "mask"]), multiple=True, help="Further heads.")
@click.option("--cascade", is_flag=True, default=None, help="A second stage: the tasks see each other.")
@click.option("--init", metavar="none|small|FILE", help="Model file, checkpoint or official weights.")
@click.option("--recipe", type=click.Choice(["own", "2018", "2020"]), help="Weights of the losses.")
@click.option("--steps", type=int, help="Length of the run in steps.")
@click.option("--minutes", type=float, help="Length of the run on the clock; the learning rate ends with it.")
@click.option("--batch-size", type=int, help="Images per step and process (16 crops, 4 pictures).")
@click.option("--accumulate", type=int, help="Batches per step (1).")
@click.option("--lr", type=float, help="Highest learning rate (0.0015).")
@click.option("--seed", type=int)
@click.option("--processes", type=int, help="Training processes; each has its own batches (1).")
@click.option("--workers", type=int, help="Reading processes of each training process (1).")
@click.option("--threads", type=int, help="Threads of each training process (2).")
@click.option("--precision", type=click.Choice(["32", "bf16"]))
@click.option("--config", metavar="FILE", help="Start from the config.json of another run.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    callback=_setting,
    metavar="NAME=VALUE",
    help="Any other option there.",
)
@click.option("--quiet", is_flag=True, help="No progress bar.")
def train(config: str | None, settings: dict[str, Any], quiet: bool, **options: Any) -> None:
    """Train a dense pose net, or continue a run that was stopped.

    Exactly one of --steps and --minutes is needed. The result is OUT/best.pt, of which `densepose export`
    makes a model file.
    """
    # Threads that spin while they wait starve each other on a machine with other work: ten times slower there
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from opendensepose.train import TrainConfig, read_options
    from opendensepose.train import train as run

    given = {name: value for name, value in options.items() if value not in (None, ())}
    base = read_options(config) if config else {}
    if {"steps", "minutes"} & (given.keys() | settings.keys()):
        base = {name: value for name, value in base.items() if name not in ("steps", "minutes")}
    resolved = TrainConfig.from_dict({**base, **given, **settings})
    if not resolved.out:
        raise click.UsageError("--out: expected a folder for the result, got none")
    click.echo(run(resolved, quiet=quiet))
