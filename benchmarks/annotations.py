"""Opening an annotation file: seconds and memory of the first opening, of later ones, and of `data info`.

Makes a file of so many people in a temporary folder, and opens it in processes of their own with a cache that
is empty first.

python -m benchmarks.annotations [--people 50000] [--points 100] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from opendensepose.data.rle import encode_mask

BARS = {"first opening": (60, 1000), "later opening": (2, 300)}  # seconds, MB
_OPEN = "from opendensepose.data import AnnotationFile; f = AnnotationFile(sys.argv[1]); f[len(f) // 2]"
_INFO = "from opendensepose.data.summary import summarise; summarise(sys.argv[1])"
_MEASURE = """
import sys, time
wall, work = time.perf_counter(), time.process_time()
{code}
wall, work = time.perf_counter() - wall, time.process_time() - work
from benchmarks.machine import peak_mb
print(wall, work, peak_mb())
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "annotations.json")
        write_file(path, options.people, options.points)
        megabytes = path.stat().st_size / 1e6
        os.environ["OPENDENSEPOSE_CACHE"] = str(Path(folder, "cache"))
        codes = {"first opening": _OPEN, "later opening": _OPEN, "data info": _INFO}
        rows = {name: measure(code, path) for name, code in codes.items()}
    numbers: dict[str, Any] = {
        "machine": machine.describe(),
        "people": options.people,
        "points_per_person": options.points,
        "file_mb": round(megabytes, 1),
        **{name.replace(" ", "_"): row for name, row in rows.items()},
    }
    print(machine.line(numbers["machine"]))
    print(f"{options.people} people x {options.points} points, {megabytes:.0f} MB of JSON")
    for name, row in rows.items():
        bar = "  (bar {} s, {} MB)".format(*BARS[name]) if name in BARS else ""
        seconds = f"{row['seconds']:6.2f} s, {row['cpu_seconds']:6.2f} s of a processor"
        print(f"  {name:14s} {seconds}, {row['memory_mb']:5.0f} MB{bar}")
    machine.save(options.json, numbers)


def measure(code: str, path: Path) -> dict[str, float]:
    """Wall and processor seconds, and peak memory of the process in MB."""
    program = _MEASURE.format(code=code)
    out = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    ).stdout
    names = ("seconds", "cpu_seconds", "memory_mb")
    return {name: round(float(value), 2) for name, value in zip(names, out.split(), strict=True)}


def write_file(path: Path, people: int, points: int) -> None:
    """People as DensePose-COCO has them: a polygon, keypoints, 14 part masks, points of 6 digits."""
    rng = np.random.default_rng(0)
    kinds = [_person(rng, points) for _ in range(16)]
    with path.open("w", encoding="utf-8") as out:
        out.write('{"images":[')
        for n in range((people + 1) // 2):
            entry = {"id": n, "file_name": f"COCO_train2014_{n:012d}.jpg", "height": 480, "width": 640}
            out.write("," * (n > 0) + json.dumps(entry))
        out.write('],"annotations":[')
        for n in range(people):
            out.write("," * (n > 0) + json.dumps(kinds[n % 16] | {"id": n + 1, "image_id": n // 2}))
        out.write('],"categories":[{"id":1,"name":"person"}]}')


def _person(rng: np.random.Generator, points: int) -> dict[str, Any]:
    angle = np.sort(rng.random(40)) * 2 * np.pi
    outline = np.stack([200 + 80 * np.cos(angle), 240 + 150 * np.sin(angle)], 1).round(2)
    rows, columns = np.mgrid[:256, :256]
    masks = []
    for _ in range(14):
        place, radius = rng.uniform(30, 220, 2), 20 + 8 * np.sin(0.2 * (rows + columns))
        masks.append(encode_mask(np.hypot(columns - place[0], rows - place[1]) < radius))
    return {
        **{"category_id": 1, "bbox": [120.25, 90.5, 160.0, 300.0], "area": 30000.5, "iscrowd": 0},
        **{"segmentation": [outline.ravel().tolist()], "keypoints": [200, 240, 2] * 17, "dp_masks": masks},
        "dp_x": rng.uniform(0, 255, points).round(3).tolist(),
        "dp_y": rng.uniform(0, 255, points).round(3).tolist(),
        "dp_I": rng.integers(1, 25, points).astype(float).tolist(),
        "dp_U": rng.random(points).round(6).tolist(),
        "dp_V": rng.random(points).round(6).tolist(),
    }


if __name__ == "__main__":
    main()
