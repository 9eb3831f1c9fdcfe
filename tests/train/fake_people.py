"""Fake data in the dense-truth format: two-coloured ellipses with a smooth chart, U and V."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from opendensepose.core.types import SurfacePoints
from opendensepose.data.coco import Person, Sample, encode_parts, write_annotations
from opendensepose.data.dense import write_dense
from opendensepose.data.rle import encode_mask
from opendensepose.surface.parts import FINE_TO_COARSE

SIZE = (96, 128)


def write_people(root: Path, count: int, seed: int = 0) -> Path:
    """`count` pictures of one or two people: red and blue in front, green and yellow behind."""
    (root / "images").mkdir(parents=True)
    (root / "dense").mkdir()
    people: list[list[Person]] = []
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        people.append([])
        image = cv2.resize(rng.integers(90, 160, (4, 5, 3), dtype=np.uint8), SIZE[::-1])
        chart, instance = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
        uv = np.zeros((2, *SIZE), np.float32)
        for k in range(1, int(rng.integers(1, 3)) + 1):
            height = rng.uniform(60, 85)
            a = (x - (32 + 64 * (k - 1))) / (0.2 * height)
            b = (y - SIZE[0] / 2) / (height / 2)
            inside, back = a * a + b * b < 1, rng.random() < 0.5
            left, lower = (a > 0) != back, b > 0
            chart[inside] = (1 + left + 2 * lower + 4 * back)[inside]
            uv[:, inside] = np.stack([np.abs(a), (b + 1) % 1])[:, inside]
            colours = np.array(
                [[200, 30, 30], [30, 30, 200]] if not back else [[30, 180, 30], [200, 200, 30]]
            )
            image[inside] = (colours[left.astype(int)] * np.where(lower, 0.5, 1)[..., None])[inside]
            instance[inside] = k
            columns, rows = np.flatnonzero(inside.any(0)), np.flatnonzero(inside.any(1))
            box = [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
            person = label(rng, inside, chart, uv, np.array([*box[:2], box[0] + box[2], box[1] + box[3]]), k)
            people[-1].append(replace(person, id=10 * i + k))
        cv2.imwrite(str(root / "images" / f"{i:03d}.jpg"), image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 95))
        write_dense(root / "dense", f"{i:03d}", chart, uv, instance)
    samples = [Sample(i + 1, f"{i:03d}.jpg", SIZE, tuple(own)) for i, own in enumerate(people)]
    write_annotations(root / "annotations.json", samples, head={"info": {"odp_atlas": "odp24"}})
    return root


def label(rng, inside, chart, uv, box, instance) -> Person:
    """What an annotator gives for one person: 20 points, part masks, keypoints on the outline's corners."""
    rows, columns = np.nonzero(inside)
    pick = rng.choice(len(rows), 20, replace=False)
    y, x = rows[pick], columns[pick]
    points = SurfacePoints(np.stack([x, y], 1).astype(np.float32) + 0.5, chart[y, x], uv[:, y, x].T)
    keypoints = np.zeros((17, 3), np.float32)
    middle = (box[:2] + box[2:]) / 2
    keypoints[0] = [middle[0], box[1] + 2, 2]
    keypoints[5], keypoints[6] = [box[2] - 3, middle[1], 2], [box[0] + 3, middle[1], 2]
    return Person(
        id=0,
        box=box.astype(float),
        keypoints=keypoints,
        parts=encode_parts(FINE_TO_COARSE[np.where(inside, chart, 0)], box),
        points=points,
        segmentation=encode_mask(inside),
        instance=instance,
    )
