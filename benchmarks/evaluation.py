"""How fast `densepose eval` is and how much memory it takes.

    python -m benchmarks.evaluation --reference ../shared/reference/evaluation   # set C
    python -m benchmarks.evaluation --people 50000  # made-up people, our atlas

The first prints the CPU time from decoded arrays (JSON parsed, PNGs decoded, the surface's look-up tree
built) to the numbers of all three modes, the best of some runs, and the time of the whole command in a
process of its own. The second makes an annotation and a results file of so many people with 100 points each
and prints the peak memory and the time of the command.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks import machine
from opendensepose.data.rle import encode_mask
from opendensepose.eval.evaluate import measure
from opendensepose.eval.results import Results
from opendensepose.eval.truth import read_truth
from opendensepose.surface.geodesic_atlas import sampled_atlas
from opendensepose.surface.sampled import read_sampled

REFERENCE_CPU = 11.2  # seconds of the reference evaluator on set C, three modes, at best
POINTS = 100
TEMPLATES = 200  # different made-up people
_PEAK = """
import sys
from opendensepose.cli import main
try:
    main(sys.argv[1:])
finally:
    from benchmarks.machine import peak_mb
    print("PEAK", int(peak_mb()), file=sys.stderr)
"""


def from_arrays(folder: Path, runs: int = 5) -> dict[str, float]:
    """CPU and wall seconds from decoded arrays to numbers on set C."""
    truth = read_truth(folder / "annotations_C.json")
    surface = read_sampled(folder / "surface.npz")
    surface.closest(np.array([1]), np.zeros((1, 2)))  # builds the tree
    best = {"cpu_s": np.inf, "wall_s": np.inf}
    with Results(folder / "detections_C.json") as results:
        maps = {d.number: results.map(d) for image in results.by_image.values() for d in image}
        results.map = lambda detection: maps[detection.number]  # type: ignore[method-assign]
        for _ in range(runs):
            cpu, wall = time.process_time(), time.perf_counter()
            measure(truth, results, surface)
            best["cpu_s"] = min(best["cpu_s"], time.process_time() - cpu)
            best["wall_s"] = min(best["wall_s"], time.perf_counter() - wall)
    return best


def command(*arguments: object) -> dict[str, Any]:
    """CPU and wall seconds and peak memory (MB) of one `densepose eval` in a process of its own."""
    words = [sys.executable, "-c", _PEAK, "eval", *map(str, arguments), "--quiet"]
    wall, before = time.perf_counter(), os.times()
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    peak = int(done.stderr.split("PEAK")[1])
    return {"cpu_s": cpu, "wall_s": time.perf_counter() - wall, "peak_mb": peak}


def write_people(folder: Path, people: int) -> tuple[Path, Path]:
    """An annotation and a results file of made-up people, two to an image: (results, annotations)."""
    rng = np.random.default_rng(0)
    templates = [_template(rng) for _ in range(TEMPLATES)]
    annotations, results = folder / "annotations.json", folder / "results.json"
    with annotations.open("w") as truth, results.open("w") as found:
        info = {"odp_atlas": "odp24"}
        truth.write(f'{{"info": {json.dumps(info)}, "categories": [{{"id": 1}}], "annotations": [\n')
        found.write("[\n")
        for number in tqdm(range(people), unit="person", disable=None):
            annotation, detection = templates[number % TEMPLATES]
            places = {"image_id": number // 2, "bbox": [20.0 + 300 * (number % 2), 30.0, 200.5, 400.25]}
            end = "\n" if number == people - 1 else ",\n"
            truth.write(json.dumps({"id": number + 1, **places, **annotation}) + end)
            score = round(float(rng.random()), 4)
            found.write(json.dumps({**places, "score": score, **detection}) + end)
        images = [{"id": k, "width": 640, "height": 480} for k in range((people + 1) // 2)]
        truth.write(f'], "images": {json.dumps(images)}}}\n')
        found.write("]\n")
    return results, annotations


def _template(rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
    """All but the place: an ellipse of charts with smooth U and V, and points read off it with noise."""
    h, w = 400, 200
    rows, columns = np.mgrid[:h, :w]
    body = ((rows / h - 0.5) ** 2 + (columns / w - 0.5) ** 2) < 0.24
    chart = rng.permutation(24)[(rows * 6 // h) * 4 + columns * 4 // w] + 1
    iuv = np.stack([chart, rows * 6 % h * 255 // h, columns * 4 % w * 255 // w], 2).astype(np.uint8)
    iuv[~body] = 0
    _, png = cv2.imencode(".png", iuv[..., ::-1])
    y, x = np.nonzero(body)
    chosen = rng.choice(len(y), POINTS, replace=False)
    y, x = y[chosen], x[chosen]
    uv = np.clip(iuv[y, x, 1:] / 255 + rng.normal(0, 0.2, (POINTS, 2)), 0, 1).round(6)
    parts = [
        encode_mask(cv2.resize((body & (chart == c)).astype(np.uint8), (256, 256))) for c in range(1, 15)
    ]
    annotation = {
        "category_id": 1,
        "area": float(body.sum()),
        "iscrowd": 0,
        "dp_x": ((x + 0.5) / w * 255).round(4).tolist(),
        "dp_y": ((y + 0.5) / h * 255).round(4).tolist(),
        "dp_I": iuv[y, x, 0].tolist(),
        "dp_U": uv[:, 0].tolist(),
        "dp_V": uv[:, 1].tolist(),
        "dp_masks": parts,
    }
    data = base64.b64encode(png.tobytes()).decode()
    return annotation, {"category_id": 1, "uv_shape": [3, h, w], "uv_data": data, "odp_atlas": "odp24"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", type=Path, help="folder of the reference sets")
    parser.add_argument("--people", type=int)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    numbers: dict[str, Any] = {"machine": machine.describe()}
    print(machine.line(numbers["machine"]))
    if options.reference:
        best = from_arrays(options.reference)
        files = [options.reference / f"{kind}_C.json" for kind in ("detections", "annotations")]
        whole = command(*files, "--atlas", options.reference / "surface.npz")
        numbers["set_C"] = {"from_arrays": best, "command": whole}
        share = REFERENCE_CPU / best["cpu_s"]
        print(
            f"set C, arrays to numbers: CPU {best['cpu_s']:.2f} s, wall {best['wall_s']:.2f} s; 1/{share:.0f}"
        )
        print(f"set C, whole command: {_line(whole)}")
    if options.people:
        sampled_atlas(watch=lambda rows: tqdm(rows, desc="measuring the atlas, once", disable=None))
        with tempfile.TemporaryDirectory() as folder:
            results, annotations = write_people(Path(folder), options.people)
            size = (results.stat().st_size + annotations.stat().st_size) / 2**20
            whole = command(results, annotations)
        numbers["people"] = {"people": options.people, "files_mb": round(size), **whole}
        print(f"{options.people} people, files of {size:.0f} MB: {_line(whole)}")
    machine.save(options.json, numbers)


def _line(row: dict[str, Any]) -> str:
    return f"CPU {row['cpu_s']:.1f} s, wall {row['wall_s']:.1f} s, peak {row['peak_mb']} MB"


if __name__ == "__main__":
    main()
