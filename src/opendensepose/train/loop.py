"""The training loop on Lightning Fabric; the schedule follows steps or the clock."""

from __future__ import annotations

import json
import math
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers import TensorBoardLogger
from lightning.fabric.strategies import DDPStrategy
from torch import Tensor, nn
from tqdm import tqdm

from opendensepose.io.files import atomic
from opendensepose.model.rcnn import MODELS, DensePoseRCNN, Sampling
from opendensepose.train.checkpoint import Average, load_checkpoint, load_weights, save_checkpoint
from opendensepose.train.config import TrainConfig
from opendensepose.train.dataset import Batch, Batches, find_entries, loader, still_batches
from opendensepose.train.evaluate import evaluate
from opendensepose.train.pictures import comparison

LAST, BEST = "last.pt", "best.pt"
STILL_CANVAS = (256, 320)
FOREVER = 1 << 60


def learning_rate(progress: float, config: TrainConfig) -> float:
    """Linear warm-up over the first `warmup` share of the run, then a half cosine to 0 at progress 1."""
    if progress < config.warmup:
        return config.lr * max(progress / config.warmup, 0.02)
    done = min((progress - config.warmup) / (1 - config.warmup), 1.0)
    return config.lr * 0.5 * (1 + math.cos(math.pi * done))


def build_model(config: TrainConfig) -> DensePoseRCNN:
    """The net of `config.model` with the weights of `config.init`; ValueError for an unknown name."""
    if config.model not in MODELS:
        raise ValueError(f"model: expected one of {', '.join(MODELS)}, got {config.model!r}")
    torch.manual_seed(config.seed)
    model = MODELS[config.model]()
    if config.init != "none":
        from opendensepose.export import read_weights

        load_weights(model, read_weights(config.init), f"init {config.init}")
    return model.to(memory_format=torch.channels_last)


def parameter_groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels, none for biases and norms."""
    many = [p for p in model.parameters() if p.ndim > 1]
    few = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": many, "weight_decay": decay}, {"params": few, "weight_decay": 0.0}]


class Run:
    """State of one training: what a checkpoint holds, and the steps that change it."""

    def __init__(self, fabric: Fabric, config: TrainConfig) -> None:
        torch.set_num_threads(config.threads)
        self.fabric, self.config, self.out = fabric, config, Path(config.out)
        entries = find_entries(config.data)
        kept = min(config.held_out, len(entries) // 5)
        self.entries = entries[: len(entries) - kept]
        self.still = (
            still_batches(entries[len(entries) - kept :], STILL_CANVAS, 8) if fabric.is_global_zero else []
        )
        self.plain = build_model(config)
        optimizer = torch.optim.AdamW(
            parameter_groups(self.plain, config.weight_decay), lr=config.lr, fused=True
        )
        self.step, self.elapsed, self.best = 0, 0.0, -1.0
        self.average = Average(self.plain, config.ema)
        self._resume(optimizer)
        self.model, self.optimizer = fabric.setup(self.plain, optimizer)
        self.model.mark_forward_method("losses")

    def _resume(self, optimizer: torch.optim.Optimizer) -> None:
        """Continue from `last.pt` if there is one."""
        if not (self.out / LAST).is_file():
            return
        saved = load_checkpoint(self.out / LAST)
        self.plain.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        self.average.load(saved["ema"])
        self.step, self.elapsed, self.best = saved["step"], saved["elapsed"], saved["best"]

    @property
    def progress(self) -> float:
        """Share of the run that is done, by steps or by the clock."""
        if self.config.steps is not None:
            return self.step / self.config.steps
        return self.elapsed / (60 * float(self.config.minutes or 1))

    def train_step(self, batch: Batch, progress: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """One step: losses by name and the dense maps; `progress` 0..1 sets the learning rate."""
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(progress, config)
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + batch.step)
        images = batch.images.float().contiguous(memory_format=torch.channels_last)
        losses, shown = self.model.losses(
            images, batch.truth, sampling=Sampling(people=config.people), generator=generator
        )
        total = torch.stack([config.loss_weights[k] * v for k, v in losses.items()]).sum()
        if not torch.isfinite(total):
            raise RuntimeError(
                f"step {batch.step}: expected a finite loss, got {float(total.detach())}; try a smaller lr"
            )
        self.fabric.backward(total)
        nn.utils.clip_grad_norm_(self.plain.parameters(), config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.fabric.is_global_zero:
            self.average.update(self.plain)
        self.step += 1
        return losses, shown

    def save(self, name: str) -> None:
        """Write everything that a resumed run needs."""
        save_checkpoint(
            self.out / name,
            {
                "config": json.loads(json.dumps(self.config.to_dict())),
                "step": self.step,
                "elapsed": self.elapsed,
                "best": self.best,
                "model": self.plain.state_dict(),
                "ema": self.average.to_dict(),
                "optimizer": self.optimizer.state_dict(),
            },
        )

    def judge(self) -> dict[str, float]:
        """Figures of the averaged weights on the held-out pictures; keeps the best checkpoint."""
        if not self.still:
            self.save(LAST)
            self.save(BEST)
            return {}
        own = {k: v.clone() for k, v in self.plain.state_dict().items()}
        self.plain.load_state_dict(self.average.state)
        figures, shown = evaluate(self.plain, self.still)
        self.plain.load_state_dict(own)
        self.fabric.log_dict({f"held_out/{k}": v for k, v in figures.items()}, self.step)
        self._show("held_out", self.still[-1].images, shown)
        better = figures["surface"] > self.best
        self.best = max(self.best, figures["surface"])
        self.save(LAST)
        if better:
            self.save(BEST)
        return figures

    def _show(self, tag: str, images: Tensor, shown: dict[str, Tensor]) -> None:
        shown = {k: v.detach() for k, v in shown.items()}
        logger: Any = self.fabric.logger
        logger.experiment.add_image(tag, comparison(images, shown), self.step, dataformats="HWC")


def train(config: TrainConfig, *, quiet: bool = False) -> Path:
    """Train, or continue a run that was stopped: the path of the best checkpoint.

    Writes last.pt, best.pt, config.json and TensorBoard logs into `config.out`. With `config.processes` > 1
    each process trains on its own batches and the gradients are averaged.
    """
    find_entries(config.data)  # complain here, not in a child
    with atomic(Path(config.out) / "config.json") as beside:
        beside.write_text(json.dumps(config.to_dict(), indent=1))
    logger = TensorBoardLogger(root_dir=config.out, name="logs", version="")
    strategy: Any = "auto"
    if config.processes > 1:
        # own statistics of norms in each process: nothing waits for them
        strategy = DDPStrategy(start_method="spawn", process_group_backend="gloo", broadcast_buffers=False)
    fabric = Fabric(
        accelerator="cpu" if config.processes > 1 else "auto",
        devices=config.processes,
        strategy=strategy,
        precision="bf16-mixed" if config.precision == "bf16" else "32-true",
        loggers=logger,
    )
    fabric.launch(fit, config.to_dict(), quiet)  # type: ignore[arg-type]
    return Path(config.out) / BEST


def fit(fabric: Fabric, options: dict[str, Any], quiet: bool) -> None:
    """What each process does; `options`: the config's fields (only plain types cross to a child)."""
    config = TrainConfig(**options)
    run = Run(fabric, config)
    rank, world = fabric.global_rank, fabric.world_size
    stop = None if config.steps is None else config.steps * world
    batches = iter(
        loader(
            Batches(run.entries, config),
            range(run.step * world + rank, stop or FOREVER, world),
            config.workers,
        )
    )
    report = Report(run, quiet=quiet or rank > 0)
    before, start = run.elapsed, time.monotonic()
    next_save = run.elapsed + 60 * config.save_minutes
    parent = os.getppid() if world > 1 else None  # a run of one process may outlive its shell
    while (progress := fabric.broadcast(run.progress)) < 1:
        if parent not in (None, os.getppid()):  # the run was killed: nobody else could stop its children
            raise SystemExit(f"step {run.step}: the starting process has ended")
        losses, shown = run.train_step(next(batches), progress)
        run.elapsed = before + time.monotonic() - start
        report.add(losses, len(shown["image"]))
        if rank == 0 and run.elapsed >= next_save:
            report.say(run.judge())
            next_save = run.elapsed + 60 * config.save_minutes
    if rank == 0:
        report.say(run.judge())
    fabric.barrier()


class Report:
    """Means of the losses and the speed, for the progress bar and TensorBoard."""

    def __init__(self, run: Run, *, quiet: bool) -> None:
        form = "{desc} {percentage:3.0f}% {elapsed} {postfix}"
        self.run, self.bar = run, tqdm(total=100, desc="train", disable=quiet, bar_format=form)
        self.sums: dict[str, float] = defaultdict(float)
        self.steps, self.people, self.since = 0, 0, time.monotonic()

    def add(self, losses: dict[str, Tensor], people: int) -> None:
        """One step; every `log_steps` steps the means are shown and start again."""
        for name, value in losses.items():
            self.sums[name] += float(value.detach())
        self.steps, self.people = self.steps + 1, self.people + people
        config, world = self.run.config, self.run.fabric.world_size
        if self.steps < config.log_steps:
            return
        seconds = time.monotonic() - self.since
        values = {f"loss/{name}": total / self.steps for name, total in self.sums.items()}
        values["speed/images"] = self.steps * config.batch_size * world / seconds
        values["speed/people"] = self.people * world / seconds
        values["lr"] = learning_rate(self.run.progress, config)
        self.run.fabric.log_dict(values, self.run.step)
        self.bar.update(min(100.0, 100 * self.run.progress) - self.bar.n)
        text = " ".join(f"{name.split('/')[-1]} {value:.3g}" for name, value in values.items())
        self.bar.set_postfix_str(f"step {self.run.step} {text}")
        self.sums.clear()
        self.steps, self.people, self.since = 0, 0, time.monotonic()

    def say(self, figures: dict[str, float]) -> None:
        """Figures of the held-out pictures, on a line of their own."""
        text = " ".join(f"{name} {value:.3f}" for name, value in figures.items())
        self.bar.write(f"step {self.run.step}, {self.run.elapsed / 60:.1f} min, held out: {text}")
