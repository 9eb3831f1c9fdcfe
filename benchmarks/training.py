"""Throughput of training: images per second, share of time spent waiting for data, arithmetic against peak.

    densepose synth --count 200 --out people
    python -m benchmarks.training people [--models crops small r50] [--seconds 60] [--json FILE]

GFLOP/s counts multiplications and additions of forward and backward passes; the peak is that of a matrix
product of the same precision on the same threads, measured here.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import machine
from opendensepose.train.config import TrainConfig
from opendensepose.train.dataset import Batches, loader
from opendensepose.train.loop import resolve
from opendensepose.train.run import Run

PRECISIONS = {"32": torch.float32, "bf16": torch.bfloat16}


def peak(precision: str, device: torch.device) -> float:
    """GFLOP/s of a matrix product."""
    a = torch.rand(2048, 2048, device=device).to(PRECISIONS[precision])
    _ = a @ a
    _wait(device)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < 1:
        _ = a @ a
        _wait(device)
        count += 1
    return count * 2 * 2048**3 / (time.perf_counter() - start) / 1e9


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def measure(config: TrainConfig, seconds: float) -> dict[str, Any]:
    """Train for a while; the first two steps do not count."""
    fabric = Fabric(
        accelerator="auto", devices=1, precision="bf16-mixed" if config.precision == "bf16" else "32-true"
    )
    run = Run(fabric, config)
    batches = iter(loader(Batches(run.sources, config), range(10**6), config.workers))
    run.train_step(batches, 0.1)
    with FlopCounterMode(display=False) as counter:
        run.train_step(batches, 0.1)
    _wait(fabric.device)
    start, waited, steps = time.perf_counter(), run.waited, 0
    while time.perf_counter() - start < seconds:
        run.train_step(batches, 0.1)
        steps += 1
    _wait(fabric.device)
    spent = time.perf_counter() - start
    return {
        "images_per_second": steps * config.batch_size / spent,
        "waiting": (run.waited - waited) / spent,
        "gflop_per_image": counter.get_total_flops() / config.batch_size / 1e9,
        "gflops": counter.get_total_flops() * steps / spent / 1e9,
        "peak_gflops": peak(config.precision, fabric.device),
        "device": str(fabric.device),
        "steps": steps,
    }


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("data", help="folder of dense truth")
    parser.add_argument("--models", nargs="+", default=["crops", "small", "r50"])
    parser.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=list(PRECISIONS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--freeze-norms", action="store_true", help="batch norms use their stored statistics")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    numbers: dict[str, Any] = {"machine": machine.describe()}
    print("model  precision  images/s  waiting  GFLOP/image  GFLOP/s   peak  of peak")
    for model in options.models:
        for precision in options.precisions:
            with tempfile.TemporaryDirectory() as out:
                config = TrainConfig(
                    data=(options.data,),
                    out=out,
                    model=model,
                    steps=10**6,
                    batch_size=options.batch_size,
                    canvases=((256, 256),),
                    threads=options.threads,
                    precision=precision,
                    freeze_norms=options.freeze_norms,
                    lr=1e-5,
                    held_out=0,
                )
                row = measure(resolve(config), options.seconds)
            numbers[f"{model} {precision}"] = row
            print(
                f"{model:6} {precision:9} {row['images_per_second']:9.2f} {row['waiting']:8.1%} "
                f"{row['gflop_per_image']:12.1f} {row['gflops']:8.1f} {row['peak_gflops']:6.0f} "
                f"{row['gflops'] / row['peak_gflops']:8.1%}",
                flush=True,
            )
    machine.save(options.json, numbers)


if __name__ == "__main__":
    main()
