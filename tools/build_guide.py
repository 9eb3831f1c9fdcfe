"""Make the pictures of `annotate/static/guide.html`: dressed synthetic people beside their true regions."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from opendensepose.annotate.assist import outlines
from opendensepose.io.image import write_image
from opendensepose.surface.parts import FINE_TO_COARSE, PART_COLOURS
from opendensepose.synth.sample import make_sample

STATIC = Path(__file__).parents[1] / "src/opendensepose/annotate/static"
CHART = (0, 2, 3, 4, 5, 6, 9, 10, 13, 14, 15, 16, 19, 20, 23)  # whose colour a part has
PICTURES = {"guide_skirt": (6, 7), "guide_dress": (10, 7), "guide_side": (9, 7)}  # index, seed of the sample
SIZE = (960, 1280)
HEIGHT = 460
MARGIN = 0.12


def pair(index: int, seed: int) -> np.ndarray:
    """A person, and the same with the part regions: [HEIGHT, *, 3]."""
    sample = make_sample(index, seed, None, SIZE, split="test")
    person = max(sample.people, key=lambda p: (p.box[3] - p.box[1]) * p.visible)
    labels = FINE_TO_COARSE[np.where(sample.instance == person.instance, sample.chart, 0)]
    drawn = sample.image.astype(np.float32)
    colours = PART_COLOURS[list(CHART)].astype(np.float32)
    drawn[labels > 0] = 0.45 * drawn[labels > 0] + 0.55 * colours[labels[labels > 0]]
    for shape in outlines(labels, (0, 0)):
        corners = np.rint(np.array(shape["points"]) * 16).astype(np.int32)
        cv2.polylines(drawn, [corners], True, colours[shape["part"]].tolist(), 2, cv2.LINE_AA, 4)
    side = MARGIN * (person.box[3] - person.box[1])
    x0, y0 = np.maximum(person.box[:2] - side, 0).astype(int)
    x1, y1 = (person.box[2:] + side).astype(int)
    both = np.concatenate([p[y0:y1, x0:x1] for p in (sample.image, drawn.astype(np.uint8))], axis=1)
    width = round(both.shape[1] * HEIGHT / both.shape[0])
    return cv2.resize(both, (width, HEIGHT), interpolation=cv2.INTER_AREA)


def main() -> None:
    for name, (index, seed) in PICTURES.items():
        write_image(STATIC / f"{name}.jpg", pair(index, seed), quality=82)


if __name__ == "__main__":
    main()
