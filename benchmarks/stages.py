"""Each stage and the whole, by number of people, in operations per second against the machine's peak.

Pictures of 320x240 and 1100x800 enter the network at their own size, people as given boxes. Times are
processor time, which other programs on the machine do not lengthen; the wall time of the whole is beside
them. GFLOP are those of direct convolutions (a multiply-add is two), so that a stage may pass 100 %.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from opendensepose.io.modelfile import ModelFile
from opendensepose.runtime import Predictor
from opendensepose.runtime import finder as finder_module
from opendensepose.runtime import predictor as predictor_module

STAGES = ("read", "resize", "detector", "decoder", "dense", "decode")
HEAVY = ("detector", "decoder", "dense")
SIZES = ((240, 320), (800, 1100))  # height, width


@contextmanager
def watched(
    predictor: Predictor, stages: dict[str, list[float]], clock: Callable[[], float] = time.perf_counter
) -> Iterator[None]:
    """Note the time of every call that belongs to a stage."""

    def watch(stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            start = clock()
            try:
                return call(*args, **kwargs)
            finally:
                stages[stage].append(clock() - start)

        return wrapped

    def replaced(owner: Any, name: str, stage: str) -> Any:
        return patch.object(owner, name, watch(stage, getattr(owner, name)))

    decoder = predictor._decoder
    with (
        replaced(predictor_module, "read_image", "read"),
        replaced(predictor_module, "preprocess", "resize"),
        replaced(finder_module, "preprocess", "resize"),
        replaced(finder_module, "coarser", "resize"),
        replaced(predictor_module, "decode", "decode"),
        replaced(predictor._detector, "run", "detector"),
        replaced(decoder, "run", "decoder") if decoder is not None else nullcontext(),
        replaced(predictor._dense, "run", "dense"),
    ):
        yield


def measured_peak(size: int = 1536) -> float:
    """GFLOP per second of processor time of float32 matrix products: the peak of one core."""
    a = np.random.default_rng(0).random((size, size), np.float32)
    a @ a
    times = []
    for _ in range(5):
        start = time.process_time()
        a @ a
        times.append(time.process_time() - start)
    return 2 * size**3 / min(times) / 1e9


def given_boxes(count: int, height: int, width: int) -> NDArray[np.float32]:
    """Boxes of a quarter of the width and 0.45 of the height, at random places."""
    corner = np.random.default_rng(0).random((count, 2)) * [0.7 * width, 0.5 * height]
    return np.concatenate([corner, corner + np.array([0.25 * width, 0.45 * height])], 1).astype(np.float32)


def operations(meta: dict[str, Any], height: int, width: int, people: int) -> dict[str, float]:
    """GFLOP of the heavy stages, of direct convolutions on the whole image."""
    import torch

    from benchmarks.flops import crop_gflops, stage_gflops
    from opendensepose.model.crops import CropNet
    from opendensepose.model.rcnn import small
    from opendensepose.model.variants import variant_by_name

    with torch.device("meta"):
        name = meta.get("architecture")
        counts = stage_gflops((variant_by_name(name).build() if name else small()).eval(), height, width)
        crops = crop_gflops(CropNet().eval())
    if not name:  # `small`: its detector and a net on crops
        counts = {"detector": counts["detector"], "decoder": 0.0, "dense": crops}
    return {**counts, "dense": people * counts["dense"]}


def measure(predictor: Predictor, size: tuple[int, int], people: int, runs: int) -> dict[str, Any]:
    """Medians of the whole (wall and processor time) and of the stages (processor time), in seconds."""
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    boxes = given_boxes(people, *size)
    predictor(picture, boxes=boxes)
    stages: dict[str, list[float]] = {name: [] for name in STAGES}
    wall, processor = [], []
    for _ in range(runs):
        calls: dict[str, list[float]] = {name: [] for name in STAGES}
        with watched(predictor, calls, time.process_time):
            start = time.perf_counter(), time.process_time()
            predictor(picture, boxes=boxes)
            wall.append(time.perf_counter() - start[0])
            processor.append(time.process_time() - start[1])
        for name, times in calls.items():
            stages[name].append(sum(times))
    medians = {name: median(times) for name, times in stages.items()}
    return {"wall_s": median(wall), "processor_s": median(processor), "stages_s": medians}


def run(
    model: str, people: list[int], precisions: list[str], threads: int | None, runs: int, path: Path | None
) -> None:
    """Print the table and save it."""
    file, peak, rows = ModelFile.open(model), measured_peak(), []
    described = machine.describe()
    print(machine.line(described))
    print(
        f"float32 matrix products: {peak:.0f} GFLOP/s of one core; seconds of processor time, GFLOP/s (share)"
    )
    columns = "  ".join(f"{name:>22s}" for name in HEAVY)
    print(f"{'picture':9s} {'mode':6s} people  {columns}  {'rest':>6s} {'whole':>7s} {'wall':>7s}")
    for size in SIZES:
        size_in = {"short": min(size), "long": max(size), "upscale": True}
        for precision in precisions:
            at_size = replace(file, meta={**file.meta, "input": size_in})
            predictor = Predictor(at_size, precision=precision, threads=threads)
            for count in people:
                row = measure(predictor, size, count, runs)
                row |= {"size": size, "precision": precision, "people": count}
                row["gflop"] = operations(file.meta, *size, count)
                rows.append(row)
                print(_line(row, peak), flush=True)
    machine.save(path, {"machine": described, "model": file.meta, "peak": peak, "rows": rows})


def _line(row: dict[str, Any], peak: float) -> str:
    cells, rest = [], row["processor_s"]
    for name in HEAVY:
        seconds, gflop = row["stages_s"][name], row["gflop"][name]
        rest -= seconds
        rate = gflop / seconds if seconds else 0.0
        cells.append(f"{seconds:6.3f} {rate:6.0f} ({100 * rate / peak:4.0f} %)" if seconds else f"{'-':>22s}")
    height, width = row["size"]
    return (
        f"{width}x{height:<5d} {row['precision']:6s} {row['people']:6d}  {'  '.join(cells)}  {rest:6.3f} "
        f"{row['processor_s']:7.3f} {row['wall_s']:7.3f}"
    )
