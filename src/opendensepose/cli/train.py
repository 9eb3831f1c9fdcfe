"""densepose train: fit a net to folders of dense truth."""

from __future__ import annotations

import os

import click


@click.command()
@click.option(
    "--data", multiple=True, required=True, metavar="DIR", help="Folder of dense truth; may be repeated."
)
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    help="Where checkpoints and logs go; an unfinished run there continues.",
)
@click.option("--model", default="small", show_default=True, help="Which net: small or r50.")
@click.option(
    "--init", default="none", show_default=True, metavar="none|small|FILE", help="Weights to start from."
)
@click.option("--steps", type=int, help="Length of the run in steps.")
@click.option("--minutes", type=float, help="Length of the run on the clock; the learning rate ends with it.")
@click.option("--batch-size", type=int, default=4, show_default=True, help="Images per step.")
@click.option("--lr", type=float, default=1.5e-3, show_default=True, help="Highest learning rate.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--processes",
    type=int,
    default=1,
    show_default=True,
    help="Training processes; each has its own batches.",
)
@click.option(
    "--workers", type=int, default=1, show_default=True, help="Reading processes of each training process."
)
@click.option("--threads", type=int, default=2, show_default=True, help="Threads of each training process.")
@click.option("--precision", type=click.Choice(["32", "bf16"]), default="32", show_default=True)
@click.option("--quiet", is_flag=True, help="No progress bar.")
def train(data: tuple[str, ...], quiet: bool, **options: object) -> None:
    """Train a dense pose net, or continue a run that was stopped.

    Exactly one of --steps and --minutes is needed. The result is OUT/best.pt.
    """
    # Threads that spin while they wait starve each other on a machine with other work: ten times slower there
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from opendensepose.train import TrainConfig
    from opendensepose.train import train as run

    click.echo(run(TrainConfig(data=data, **options), quiet=quiet))  # type: ignore[arg-type]
