"""The training loop on Lightning Fabric; the schedule follows steps or the clock."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from lightning.fabric import Fabric
from lightning.fabric.loggers import TensorBoardLogger
from lightning.fabric.strategies import DDPStrategy
from tqdm import tqdm

from opendensepose.io.files import atomic
from opendensepose.train.build import CROPPED, CROPS, saved_model
from opendensepose.train.config import TrainConfig
from opendensepose.train.dataset import Batches, loader
from opendensepose.train.run import BEST, Run, learning_rate
from opendensepose.train.sources import Source, find_atlas, find_sources

BATCH_CROPS, BATCH_PICTURES = 16, 4  # where nothing else is asked for: small steps learn fastest on a CPU
FOREVER = 1 << 60


def train(config: TrainConfig, *, quiet: bool = False) -> Path:
    """Train, or continue a run that was stopped: the path of the best checkpoint.

    Writes last.pt, best.pt, config.json and TensorBoard logs into `config.out`. With `config.processes` > 1
    each process trains on its own batches; losses are divided by the counts of all, gradients are added.
    """
    sources = find_sources(config.data, config.annotations, config.images)  # complain here, not in a child
    config = resolve(config)
    with atomic(Path(config.out) / "config.json") as beside:
        beside.write_text(json.dumps(config.to_dict(), indent=1))
    logger = TensorBoardLogger(root_dir=config.out, name="logs", version="")
    strategy: Any = "auto"
    if config.processes > 1:
        # statistics of norms are each process's own, or equal already (sync_norms): nothing waits for them
        strategy = DDPStrategy(start_method="spawn", process_group_backend="gloo", broadcast_buffers=False)
    fabric = Fabric(
        accelerator="cpu" if config.processes > 1 else "auto",
        devices=config.processes,
        strategy=strategy,
        precision="bf16-mixed" if config.precision == "bf16" else "32-true",
        loggers=logger,
    )
    found = sources if config.processes == 1 else None  # children read the files themselves
    fabric.launch(fit, config.to_dict(), quiet, found)  # type: ignore[arg-type]
    return Path(config.out) / BEST


def resolve(config: TrainConfig) -> TrainConfig:
    """The configuration with what follows from others filled in; ValueError for what cannot be."""
    saved_model(config.to_dict())
    atlas = config.atlas or find_atlas(config.data, config.annotations)
    if config.model in CROPPED:  # people at one scale
        canvas, fill = CROPPED[config.model]
        config = replace(config, crops=True, canvases=(canvas,), fill=fill)
    elif config.crops:
        config = replace(config, rules={**config.rules, "given_boxes": True})
    if config.model != CROPS:
        config = replace(config, nobody=0.0)  # only this net says whether there is somebody
    config = replace(
        config, batch_size=config.batch_size or (BATCH_CROPS if config.crops else BATCH_PICTURES)
    )
    return replace(config, atlas=atlas)


def fit(fabric: Fabric, options: dict[str, Any], quiet: bool, sources: list[Source] | None = None) -> None:
    """What each process does; `options`: the config's fields (only plain types cross to a child)."""
    config = TrainConfig.from_dict(options)
    run = Run(fabric, config, sources)
    rank, world = fabric.global_rank, fabric.world_size
    stop = FOREVER if config.steps is None else config.steps * config.accumulate * world
    numbers = range(run.step * config.accumulate * world + rank, stop, world)
    batches = iter(loader(Batches(run.sources, config), numbers, config.workers))
    report = Report(run, quiet=quiet or rank > 0)
    before, start = run.elapsed, time.monotonic()
    next_save = run.elapsed + 60 * config.save_minutes
    parent = os.getppid() if world > 1 else None  # a run of one process may outlive its shell
    while (progress := run.meet()) < 1:
        if parent not in (None, os.getppid()):  # the run was killed: nobody else could stop its children
            raise SystemExit(f"step {run.step}: the starting process has ended")
        losses, shown = run.train_step(batches, progress)
        run.elapsed = before + time.monotonic() - start
        report.add(losses, len(shown["image"]))
        if rank == 0 and run.elapsed >= next_save:
            report.say(run.judge())
            next_save = run.elapsed + 60 * config.save_minutes
    if rank == 0:
        report.say(run.judge())
    fabric.barrier()


class Report:
    """Means of the losses, the speed and the time left, for the progress bar and TensorBoard."""

    def __init__(self, run: Run, *, quiet: bool) -> None:
        form = "{desc} {percentage:3.0f}% {elapsed} {postfix}"
        self.run, self.bar = run, tqdm(total=100, desc="train", disable=quiet, bar_format=form)
        self.sums: dict[str, float] = defaultdict(float)
        self.begun, self.begun_at = time.monotonic(), run.progress
        self._restart()

    def _restart(self) -> None:
        self.sums.clear()
        self.steps, self.people = 0, 0
        self.since, self.waited = time.monotonic(), self.run.waited

    def add(self, losses: dict[str, float], people: int) -> None:
        """One step; every `log_steps` steps the means are shown and start again."""
        for name, value in losses.items():
            self.sums[name] += value
        self.steps, self.people = self.steps + 1, self.people + people
        run, config, world = self.run, self.run.config, self.run.fabric.world_size
        if self.steps < config.log_steps:
            return
        seconds = time.monotonic() - self.since
        values = {f"loss/{name}": total / self.steps for name, total in self.sums.items() if total}
        values["speed/images"] = self.steps * config.batch_size * config.accumulate * world / seconds
        values["speed/people"] = self.people * world / seconds
        values["speed/waiting"] = (run.waited - self.waited) / seconds  # share of the time, for data
        values["lr"] = learning_rate(run.progress, config)
        run.fabric.log_dict(values, run.step)
        self.bar.update(min(100.0, 100 * run.progress) - self.bar.n)
        text = " ".join(f"{name.split('/')[-1]} {value:.3g}" for name, value in values.items())
        self.bar.set_postfix_str(f"{self._left()} left, step {run.step} {text}")
        self._restart()

    def _left(self) -> str:
        done = self.run.progress - self.begun_at
        seconds = (time.monotonic() - self.begun) * (1 - self.run.progress) / done if done > 0 else 0
        return tqdm.format_interval(max(seconds, 0))

    def say(self, figures: dict[str, float]) -> None:
        """Figures of the held-out pictures, on a line of their own."""
        text = " ".join(f"{name} {value:.3f}" for name, value in figures.items())
        self.bar.write(f"step {self.run.step}, {self.run.elapsed / 60:.1f} min, held out: {text}")
