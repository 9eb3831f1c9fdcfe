"""Draw the pictures of the README: run it anew when the weights or the renderer change.

    python tools/draw_pictures.py [--assets ../shared/assets] [--model NAME|PATH] [--out docs/pictures]

Without --assets the sheet of synthetic people stays as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import opendensepose as odp
from opendensepose.core.types import DenseMap, Result
from opendensepose.io.image import write_image
from opendensepose.surface.atlas import Atlas
from opendensepose.synth.sample import Sample, make_sample
from opendensepose.viz.atlas import draw_body, draw_layout

Picture = NDArray[np.uint8]  # [H, W, 3] RGB
STYLES = ("parts", "contour", "u", "v")
SEED, INDICES = 77, (3, 5, 8, 11, 14, 20)  # of the synthetic people shown
THINGS_SEED, THINGS = 78, (0, 17, 18, 30, 36, 39)  # of the pictures of things
FACES_SEED, FACES = 79, (14, 16, 25, 32, 33, 38)  # of the portraits
GROUPS_SEED, GROUPS = 80, (4, 8, 10, 20, 24, 25)  # of the groups


def fit(picture: Picture, height: int) -> Picture:
    """The picture at another height."""
    size = (round(picture.shape[1] * height / picture.shape[0]), height)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def truth(sample: Sample) -> Result:
    """The dense truth of a synthetic picture, as if a perfect model had found it."""
    maps = []
    for person in sample.people:
        x0, y0, x1, y1 = person.box.astype(int)
        inside = sample.instance[y0:y1, x0:x1] == person.instance
        labels = np.where(inside, sample.chart[y0:y1, x0:x1], 0).astype(np.uint8)
        uv = (sample.uv[:, y0:y1, x0:x1] * inside).astype(np.float32)
        maps.append(DenseMap(labels, uv, (x0, y0, x1 - x0, y1 - y0)))
    boxes = np.array([person.box for person in sample.people], np.float32).reshape(-1, 4)
    scores = np.ones(len(maps), np.float32)
    return Result(boxes, scores, tuple(maps), sample.chart.shape, image=sample.image)


def save(path: Path, picture: Picture) -> None:
    """Write a JPEG."""
    write_image(path, picture, quality=88)
    print(path, picture.shape[1], "x", picture.shape[0])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--assets", type=Path)
    parser.add_argument("--model", default="small")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    options = parser.parse_args()
    result = odp.load(options.model)(odp.SAMPLE_IMAGE)
    row = [result.image, *(result.plot(style) for style in STYLES)]
    save(options.out / "sample.jpg", np.hstack([fit(np.asarray(p, np.uint8), 300) for p in row]))
    layout = draw_layout(Atlas.load())
    body = draw_body(Atlas.load(), len(layout))
    save(options.out / "atlas.jpg", fit(np.hstack([layout, body]), 600))
    if options.assets:
        sets = {
            "synth.jpg": [make_sample(k, SEED, options.assets) for k in INDICES],
            "portraits.jpg": [make_sample(k, FACES_SEED, options.assets, portraits=1.0) for k in FACES],
            "groups.jpg": [make_sample(k, GROUPS_SEED, options.assets, groups=1.0) for k in GROUPS],
        }
        for name, samples in sets.items():
            rows = (np.hstack([s.image for s in samples]), np.hstack([truth(s).plot() for s in samples]))
            save(options.out / name, np.vstack(rows))
        things = [make_sample(k, THINGS_SEED, options.assets, empty=0.7, things=1.0).image for k in THINGS]
        save(options.out / "things.jpg", np.hstack(things))


if __name__ == "__main__":
    main()
