"""Speed of `densepose synth` on one core: images per second at 320x240, without writing them.

python -m benchmarks.rendering [--count 60] [--assets ../shared/assets] [--json FILE]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import machine

BAR = 15.0  # images/s per core at 320x240, one dressed person


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, nargs=2, default=(240, 320), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--assets", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    from opendensepose.synth.sample import make_sample

    make_sample(0, options.seed, options.assets, tuple(options.size))  # compiles, reads the assets
    by_people: dict[int, list[float]] = {}
    for index in range(options.count):
        start = time.process_time()
        sample = make_sample(index, options.seed, options.assets, tuple(options.size))
        by_people.setdefault(len(sample.people), []).append(time.process_time() - start)
    every = [seconds for times in by_people.values() for seconds in times]
    numbers: dict[str, Any] = {
        "machine": machine.describe(),
        "size": list(options.size),
        "assets": options.assets is not None,
        "images_per_s": len(every) / sum(every),
        "by_people": {
            people: {
                "images": len(times),
                "median_ms": 1000 * median(times),
                "images_per_s": len(times) / sum(times),
            }
            for people, times in sorted(by_people.items())
        },
    }
    print(machine.line(numbers["machine"]))
    print(
        f"{options.size[1]}x{options.size[0]}, {'assets' if options.assets else 'procedural'}, processor time"
    )
    for people, row in numbers["by_people"].items():
        bar = f"  (bar {BAR:.0f})" if people == 1 else ""
        print(
            f"  {people} people: {row['images']:3d} images, median {row['median_ms']:6.1f} ms, "
            f"{row['images_per_s']:5.1f} images/s per core{bar}"
        )
    print(f"  all: {numbers['images_per_s']:.1f} images/s per core")
    machine.save(options.json, numbers)


if __name__ == "__main__":
    main()
