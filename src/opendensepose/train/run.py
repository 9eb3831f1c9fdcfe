"""One training: its state, the step that changes it, and the checkpoints that hold it."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from opendensepose.model.targets import Points, Truth
from opendensepose.model.tasks import FIRST
from opendensepose.train.build import build
from opendensepose.train.checkpoint import Average, load_all, load_checkpoint, save_checkpoint
from opendensepose.train.config import TrainConfig
from opendensepose.train.dataset import Batch, still_batches
from opendensepose.train.evaluate import evaluate
from opendensepose.train.memory import keep_memory
from opendensepose.train.muon import Muon
from opendensepose.train.pictures import comparison
from opendensepose.train.sources import Source, find_sources

LAST, BEST = "last.pt", "best.pt"
STILL_CANVAS = (256, 320)
FIRST_SHARE = 0.5  # weight of a first stage's losses


def learning_rate(progress: float, config: TrainConfig) -> float:
    """Linear warm-up over the first `warmup` share of the run, then half a cosine to 0, or steps."""
    if progress < config.warmup:
        return config.lr * max(progress / config.warmup, 0.02)
    if config.schedule == "step":
        return config.lr * 0.1 ** sum(progress >= share for share in config.step_at)
    done = min((progress - config.warmup) / (1 - config.warmup), 1.0)
    return config.lr * 0.5 * (1 + math.cos(math.pi * done))


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Weight decay for matrices and kernels, none for biases and norms; frozen parameters are left out."""
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        raise ValueError("freeze: expected something left to train, got nothing")
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=0.9)
    if config.optimizer == "muon":  # matrices are the last layers, which it does not suit
        kernels = [p for p in trained if p.ndim == 4]
        groups[0]["params"] = [p for p in trained if 1 < p.ndim < 4]
        groups.append({"params": kernels, "weight_decay": config.weight_decay, "orthogonal": True})
        return Muon(groups, config.lr)
    return torch.optim.AdamW(groups, lr=config.lr, fused=True)


class Run:
    """State of one training: what a checkpoint holds, and the steps that change it."""

    def __init__(self, fabric: Fabric, config: TrainConfig, sources: list[Source] | None = None) -> None:
        """`sources`: what `find_sources` gives, where it is known already."""
        keep_memory()
        torch.set_num_threads(config.threads)
        self.fabric, self.config, self.out = fabric, config, Path(config.out)
        if sources is None:
            sources = find_sources(config.data, config.annotations, config.images)
        kept = min(config.held_out, len(sources) // 5)
        self.sources = sources[: len(sources) - kept]
        self.still: list[Batch] = []
        if fabric.is_global_zero:
            canvas = config.canvases[0] if config.crops else STILL_CANVAS
            fill = config.fill if config.crops else None
            self.still = still_batches(sources[len(sources) - kept :], canvas, 8, fill)
        self.trainee = build(config)
        self.plain = self.trainee.model
        optimizer = make_optimizer(self.trainee, config)
        self.step, self.elapsed, self.waited, self.best = 0, 0.0, 0.0, -1.0
        self.average = Average(self.plain, config.ema)
        self._resume(optimizer)
        self._met = self.progress
        self.wrapped, self.optimizer = fabric.setup(self.trainee, optimizer)

    def _resume(self, optimizer: torch.optim.Optimizer) -> None:
        """Continue from `last.pt` if there is one."""
        if not (self.out / LAST).is_file():
            return
        saved = load_checkpoint(self.out / LAST)
        load_all(self.plain, saved["model"], f"run {self.out / LAST}")
        optimizer.load_state_dict(saved["optimizer"])
        self.average.load(saved["ema"])
        self.step, self.elapsed, self.best = saved["step"], saved["elapsed"], saved["best"]

    @property
    def progress(self) -> float:
        """Share of the run that is done, by steps or by the clock."""
        if self.config.steps is not None:
            return self.step / self.config.steps
        return self.elapsed / (60 * float(self.config.minutes or 1))

    def train_step(
        self, batches: Iterator[Batch], progress: float
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """One step: losses of all processes by name, and whom it saw; `progress` sets the learning rate."""
        config, losses = self.config, []
        shown: dict[str, Tensor] = {}
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(progress, config)
        for part in range(config.accumulate):
            start = time.monotonic()
            batch = next(batches)
            self.waited += time.monotonic() - start
            last = part == config.accumulate - 1 and not config.alone
            with (
                self.fabric.no_backward_sync(self.wrapped, enabled=not last)
                if config.processes > 1
                else (contextlib.nullcontext())
            ):
                found, shown = self._accumulate(batch)
            losses.append(found)
        nn.utils.clip_grad_norm_(self.plain.parameters(), config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.fabric.is_global_zero:
            self.average.update(self.plain)
        self.step += 1
        return {name: sum(x[name] for x in losses) / len(losses) for name in losses[0]}, shown

    def _accumulate(self, batch: Batch) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Add the gradients of one batch, each loss divided by the counts of all who share a step."""
        config = self.config
        together = 1 if config.alone else self.fabric.world_size
        images = self.fabric.to_device(batch.images).float().contiguous(memory_format=torch.channels_last)
        generators = [torch.Generator().manual_seed(config.seed * 1_000_003 + p) for p in batch.positions]
        terms, shown = self.wrapped(images, _to_device(self.fabric, batch.truth), generators)
        sums = torch.stack([torch.stack([t.total.detach(), t.divisor]) for t in terms.values()])
        if together > 1:
            sums = torch.as_tensor(self.fabric.all_reduce(sums, reduce_op="sum"))
        counts = torch.where(sums[:, 1] > 0, sums[:, 1], 1.0)
        weights = [_weight(name, config.weights) / config.accumulate for name in terms]
        shares = torch.stack([t.total for t in terms.values()]) / counts * counts.new_tensor(weights)
        total = shares.sum() * together  # the mean of gradients over processes is their sum
        if not torch.isfinite(total):
            got = float(total.detach())
            raise RuntimeError(f"step {self.step}: expected a finite loss, got {got}; try a smaller lr")
        self.fabric.backward(total)
        return dict(zip(terms, (sums[:, 0] / counts).tolist(), strict=True)), shown

    def meet(self) -> float:
        """The progress, which all processes share; those that step alone get the mean of their weights.

        Local SGD (Stich 2019): they meet every so many steps only, so that none waits for others at each.
        """
        config = self.config
        if config.alone and self.step % config.alone and self.step != config.steps:
            return self._met
        if config.alone and self.fabric.world_size > 1:
            state = [v for v in self.plain.state_dict().values() if v.is_floating_point()]
            flat = torch.cat([v.flatten() for v in state])
            mean = torch.as_tensor(self.fabric.all_reduce(flat, reduce_op="mean"))
            for own, part in zip(state, mean.split([v.numel() for v in state]), strict=True):
                own.copy_(part.view_as(own))
        self._met = float(self.fabric.broadcast(self.progress))
        return self._met

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
        figures, shown = evaluate(self.trainee, self.still)
        self.plain.load_state_dict(own)
        self.fabric.log_dict({f"held_out/{k}": v for k, v in figures.items()}, self.step)
        if shown:
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


def _weight(name: str, weights: dict[str, float]) -> float:
    return FIRST_SHARE * weights[name.removeprefix(FIRST)] if name.startswith(FIRST) else weights[name]


def _to_device(fabric: Fabric, truth: Truth) -> Truth:
    def moved(value: Any) -> Any:
        if isinstance(value, Tensor):
            return fabric.to_device(value)
        return [fabric.to_device(v) for v in value] if isinstance(value, list) else value

    points = truth.points
    moved_points = None if points is None else Points._make(map(moved, points))
    return Truth._make([*map(moved, truth[:-1]), moved_points])
