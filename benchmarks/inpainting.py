"""What a teacher fills in, beside the truth, and beside taking the nearest annotated point of the part.

    densepose synth --count 3000 --out people
    densepose train --model teacher --annotations people/annotations.json --images people/images \\
        --out teacher --minutes 60
    densepose synth --count 200 --seed 9 --split test --out others
    python -m benchmarks.inpainting teacher/best.pt others --picture fill.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from opendensepose.model.teacher import Teacher
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import FINE_TO_COARSE, PART_COLOURS
from opendensepose.train.inpaint import Fill, fill_person, load_teacher
from opendensepose.train.picture import Picture, only
from opendensepose.train.pictures import paint
from opendensepose.train.sources import find_sources

SIDE = 320  # pixels of a person in the picture
SMALLEST = 400  # pixels of a mask


def nearest(picture: Picture, number: int, fill: Fill) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Chart and U, V of the nearest annotated point of the pixel's coarse part; chart 0 where it has none."""
    points = only(picture, number).points
    coarse = picture.coarse_labels()[fill.rows, fill.columns]
    at = np.stack([fill.columns, fill.rows], 1) + 0.5
    square = ((at[:, None] - points.xy[None]) ** 2).sum(2)
    square = np.where(coarse[:, None] == FINE_TO_COARSE[points.chart][None], square, np.inf)
    best = square.argmin(1)
    there = np.isfinite(square.min(1))
    return np.where(there, points.chart[best], 0).astype(np.uint8), points.uv[best]


def compare(
    atlas: Atlas, truth: Picture, fill: Fill, chart: NDArray[Any], uv: NDArray[Any], chosen: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    """Of the chosen pixels: whether the chart is right, and the distance on the body at rest, metres."""
    rows, columns = fill.rows[chosen], fill.columns[chosen]
    true_chart, true_uv = truth.chart[rows, columns], truth.uv[:, rows, columns].T / 255.0
    known = true_chart > 0  # rims of the part masks may lie beside the person
    there = atlas.to_xyz(true_chart[known], true_uv[known], tolerance=1.0)
    here = atlas.to_xyz(chart[chosen][known], uv[chosen][known], tolerance=1.0)
    distance = np.linalg.norm(there - here, axis=1)
    return {"right": chart[chosen][known] == true_chart[known], "distance": distance[np.isfinite(distance)]}


def draw(truth: Picture, sparse: Picture, number: int, fill: Fill) -> NDArray[np.uint8]:
    """Picture | its mask with the points | nearest point | fill | truth."""
    shape = truth.chart.shape
    x0, x1 = fill.columns.min(), fill.columns.max() + 1
    y0, y1 = fill.rows.min(), fill.rows.max() + 1
    chart, uv = nearest(sparse, number, fill)
    mask = sparse.instance == number
    planes = [sparse.image, (sparse.image * 0.5 + 90 * mask[..., None]).clip(0, 255).astype(np.uint8)]
    for charts, places, chosen in ((chart, uv, chart > 0), (fill.chart, fill.uv, fill.sure)):
        labels, values = np.zeros(shape, np.uint8), np.zeros((2, *shape), np.float32)
        labels[fill.rows[chosen], fill.columns[chosen]] = charts[chosen]
        values[:, fill.rows[chosen], fill.columns[chosen]] = places[chosen].T
        planes.append(paint(labels, values))
    planes.append(paint(truth.chart * mask, truth.uv / 255.0 * mask))
    scale = SIDE / max(y1 - y0, x1 - x0)
    size = (max(round((x1 - x0) * scale), 1), max(round((y1 - y0) * scale), 1))
    tiles = [cv2.resize(p[y0:y1, x0:x1], size, interpolation=cv2.INTER_NEAREST) for p in planes]
    points = only(sparse, number).points
    for xy, label in zip(points.xy, points.chart, strict=True):
        centre = tuple(int(n) for n in (xy - (x0, y0)) * scale)
        cv2.circle(tiles[1], centre, 4, PART_COLOURS[label].tolist(), -1, cv2.LINE_AA)
        cv2.circle(tiles[1], centre, 4, (0, 0, 0), 1, cv2.LINE_AA)
    border = (0, SIDE - size[1], 4, SIDE - size[0])
    return np.hstack([cv2.copyMakeBorder(t, *border, cv2.BORDER_CONSTANT) for t in tiles])


def measure(
    teacher: Teacher, folder: Path, most: int, rows: list[NDArray[np.uint8]]
) -> tuple[dict[str, Any], dict[str, list[dict[str, NDArray[Any]]]]]:
    """Counts, and `compare` of up to `most` people by method; four of them are drawn into `rows`."""
    atlas = Atlas.load()
    by_name = {source.image.name: source for source in find_sources([str(folder)])}  # type: ignore[attr-defined]
    found: dict[str, list[dict[str, NDArray[Any]]]] = {"fill": [], "nearest": [], "nearest, all": []}
    people = pixels = filled = 0
    for source in find_sources([], [str(folder / "annotations.json")], str(folder / "images")):
        sample = source.file[source.row]  # type: ignore[attr-defined]
        truth, picture = by_name[sample.file_name].read(), source.read()
        for number in picture.people:
            fill = fill_person(teacher, picture, number) if people < most else None
            if fill is None or len(fill.rows) < SMALLEST or not (picture.points.instance == number).any():
                continue
            people, pixels, filled = people + 1, pixels + len(fill.rows), filled + int(fill.sure.sum())
            chart, uv = nearest(picture, number, fill)
            found["fill"].append(compare(atlas, truth, fill, fill.chart, fill.uv, fill.sure))
            found["nearest"].append(compare(atlas, truth, fill, chart, uv, fill.sure & (chart > 0)))
            found["nearest, all"].append(compare(atlas, truth, fill, chart, uv, chart > 0))
            if len(rows) < 4 and len(fill.rows) > 3000:
                rows.append(draw(truth, picture, number, fill))
    return {"people": people, "filled": filled / max(pixels, 1)}, found


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("teacher")
    parser.add_argument("data", help="folder of dense truth with annotations, people of its own")
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--picture", help="write some people to this PNG")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[NDArray[np.uint8]] = []
    table, found = measure(load_teacher(options.teacher), Path(options.data), options.people, rows)
    print(f"{table['people']} people, {table['filled']:.1%} of their masks filled")
    for name, parts in found.items():
        right = np.concatenate([p["right"] for p in parts])
        distance = np.concatenate([p["distance"] for p in parts])
        median = float(np.median(distance) * 100)
        table[name] = {"part": float(right.mean()), "median_cm": median}
        print(f"{name:14} part right {right.mean():6.1%}   median error {median:5.2f} cm")
    machine.save(options.json, table)
    if options.picture and rows:
        cv2.imwrite(options.picture, np.vstack(rows)[..., ::-1])


if __name__ == "__main__":
    main()
