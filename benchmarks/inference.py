"""Speed end to end (file -> Result in memory) with the default settings; time to load, peak memory.

    python -m benchmarks.inference [--model NAME|PATH] [--runs 50] [--json FILE]
    python -m benchmarks.inference --model official.odp --people 1 5 20 --precision exact fast --runs 5

The pictures are renders of ours with one person each; another picture: --image FILE.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

import opendensepose as odp
from benchmarks import machine, stages
from benchmarks.stages import STAGES, watched
from opendensepose.io.image import write_image

SIZES = ((240, 320), (800, 1100), (3000, 4000))  # height, width: the publication's, a phone's
BARS = {(240, 320): 25.0, (800, 1100): 5.0}  # images/s


def one_person(size: tuple[int, int], path: Path) -> Path:
    """Write a render of one person, filling much of the picture, as a JPEG of `size` (height, width)."""
    from opendensepose.synth.sample import make_sample

    for index in range(200):
        sample = make_sample(index, 7, None, (480, 640), split="test")
        if len(sample.people) == 1 and (sample.instance > 0).mean() > 0.1:
            picture = cv2.resize(sample.image, size[::-1], interpolation=cv2.INTER_CUBIC)
            write_image(path, np.asarray(picture, np.uint8))
            return path
    raise ValueError("pictures: expected one of 200 renders to show one large person, got none")


def measure(predictor: odp.Predictor, path: Path, runs: int) -> dict[str, Any]:
    """Median time of whole calls, then of the stages."""
    result = predictor(path)
    for _ in range(3):
        predictor(path)
    totals = [timed(lambda: predictor(path)) for _ in range(runs)]
    times: dict[str, list[float]] = {name: [] for name in STAGES}
    with watched(predictor, times):
        for _ in range(runs):
            predictor(path)
    seconds = median(totals)
    return {
        "picture": list(result.image_size),
        "network_input": [list(image.shape[:2]) for image in predictor.network_images(result.image)],
        "people_found": len(result),
        "ms": 1000 * seconds,
        "ms_quartiles": [1000 * float(q) for q in np.quantile(totals, (0.25, 0.75))],
        "images_per_s": 1 / seconds,
        "stages_ms": {name: 1000 * sum(each) / runs for name, each in times.items()},
    }


def timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


FRESH = """
import time
start = time.perf_counter()
import opendensepose as odp
predictor = odp.load({model!r})
loaded = time.perf_counter() - start
for _ in range({runs}):
    predictor({image!r})
from benchmarks.machine import peak_mb
print(loaded, peak_mb())
"""


def fresh(model: str, image: Path, runs: int) -> tuple[float, float]:
    """Seconds to import and load, and peak memory (MB), of a new process that predicts `image`."""
    code = FRESH.format(model=model, image=str(image), runs=runs)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, peak = done.stdout.split()[-2:]
    return float(seconds), float(peak)


def print_table(rows: list[dict[str, Any]], start: dict[str, Any]) -> None:
    """One line for each picture."""
    print(
        f"picture      {'network input':>19s}  people     ms  images/s   bar    "
        + "  ".join(f"{s:>8s}" for s in STAGES)
    )
    for row in rows:
        height, width = row["picture"]
        network = " and ".join(f"{width}x{height}" for height, width in row["network_input"])
        bar = BARS.get((height, width))
        print(
            f"{width}x{height:<8d} {network:>19s} {row['people_found']:7d} {row['ms']:6.1f} "
            f"{row['images_per_s']:9.1f} {f'>= {bar:.0f}' if bar else '-':>5s}    "
            + "  ".join(f"{row['stages_ms'][stage]:8.2f}" for stage in STAGES)
            + f"   peak {row['peak_mb']:.0f} MB (bar 600)"
        )
    print(f"import + load: {start['load_s']:.2f} s (median of {start['tries']}; bar 1)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="small")
    parser.add_argument("--image", type=Path, help="instead of our renders")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--people", type=int, nargs="+", help="time the stages with so many given boxes")
    parser.add_argument("--precision", nargs="+", default=["exact"], choices=("exact", "fast"))
    parser.add_argument("--threads", type=int, help="default: all cores")
    options = parser.parse_args()
    if options.people:
        stages.run(
            options.model, options.people, options.precision, options.threads, options.runs, options.json
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        renders = [Path(folder) / f"{width}x{height}.jpg" for height, width in SIZES]
        paths = [options.image] if options.image else renders
        if not options.image:
            for size, path in zip(SIZES, renders, strict=True):
                one_person(size, path)
        predictor = odp.load(options.model)
        rows = [measure(predictor, path, options.runs) for path in paths]
        for row, path in zip(rows, paths, strict=True):
            row["peak_mb"] = fresh(options.model, path, 10)[1]
        loads = [fresh(options.model, paths[0], 0)[0] for _ in range(5)]
    start = {"load_s": median(loads), "tries": len(loads)}
    numbers = {"machine": machine.describe(), "model": predictor.meta, "pictures": rows, "start": start}
    print(machine.line(numbers["machine"]))
    print_table(rows, start)
    machine.save(options.json, numbers)


if __name__ == "__main__":
    main()
