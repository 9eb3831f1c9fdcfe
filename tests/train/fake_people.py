"""Fake data in the dense-truth format: two-coloured ellipses with a smooth chart, U and V."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from opendensepose.data.dense import write_dense

SIZE = (96, 128)


def write_people(root: Path, count: int, seed: int = 0) -> Path:
    """`count` pictures of one or two people: red and blue in front, green and yellow behind."""
    (root / "images").mkdir(parents=True)
    (root / "dense").mkdir()
    images, people = [], []
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    for i in range(count):
        rng = np.random.default_rng([seed, i])
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
            people.append(
                {
                    "id": len(people) + 1,
                    "image_id": i + 1,
                    "category_id": 1,
                    "bbox": [int(n) for n in box],
                    "odp_instance": k,
                }
            )
        cv2.imwrite(str(root / "images" / f"{i:03d}.jpg"), image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 95))
        write_dense(root / "dense", f"{i:03d}", chart, uv, instance)
        images.append({"id": i + 1, "file_name": f"{i:03d}.jpg", "height": SIZE[0], "width": SIZE[1]})
    (root / "annotations.json").write_text(json.dumps({"images": images, "annotations": people}))
    return root
