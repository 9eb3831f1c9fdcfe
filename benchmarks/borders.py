"""How exactly must places on the body be known for the right part? What chance alone does to the truth.

    python -m benchmarks.borders FOLDER [--limit N] [--json FILE]

FOLDER is one that `densepose synth` wrote. Pixels of its people's truth are moved across the surface by
chance, further and further, and take the chart of where they come to be. So a median error goes with a share
of right parts, which a model with that error everywhere, and no other, would have.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import opendensepose as odp
from benchmarks import machine, measures
from opendensepose.data import read_annotations, read_dense

SPREADS = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06)  # metres: of the moves along each axis
PIXELS = 100  # of each picture, drawn by lot


def moved(
    atlas: odp.Atlas,
    chart: NDArray[np.uint8],  # [P] 1..24
    start: NDArray[np.float64],  # [P, 3] places on the rest-pose body, metres
    spread: float,  # metres
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Metres [P] that a normal move and the way back onto the surface took points; was the chart kept? [P]"""
    there, at = atlas.from_xyz(start + rng.normal(scale=spread, size=start.shape))
    return measures.distance(measures.surface_points(atlas, there, at), start), there == chart


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    atlas, rng = odp.Atlas.load("odp24"), np.random.default_rng(0)
    charts, places = [], []
    samples = read_annotations(options.folder / "annotations.json")[: options.limit]
    for sample in tqdm(samples, unit="image", disable=None):
        chart, uv, _ = read_dense(options.folder / "dense", Path(sample.file_name).stem)
        rows, columns = np.nonzero(chart)
        chosen = rng.permutation(len(rows))[:PIXELS]
        charts.append(chart[rows[chosen], columns[chosen]])
        places.append(uv[:, rows[chosen], columns[chosen]].T)
    if not sum(map(len, charts)):
        parser.error(f"{options.folder}: expected people, got none")
    chart = np.concatenate(charts)
    start = measures.surface_points(atlas, chart, np.concatenate(places))
    moves = []
    for spread in SPREADS:
        move, kept = moved(atlas, chart, start, spread, rng)
        moves.append({"median_cm": 100 * float(np.median(move)), "right_part": float(kept.mean())})
    numbers: dict[str, Any] = {"machine": machine.describe(), "pixels": len(chart), "moves": moves}
    print(machine.line(numbers["machine"]))
    print(f"{len(chart)} pixels of people, moved across the surface by chance\nmedian move  right part")
    for row in moves:
        print(f"{row['median_cm']:8.1f} cm {row['right_part']:11.2f}")
    machine.save(options.json, numbers)


if __name__ == "__main__":
    main()
