"""With the quirks off, matching and accumulation are those of pycocotools on the same similarities."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from opendensepose.eval.accumulate import AREAS
from opendensepose.eval.evaluate import _pairs_by_area, score_mode
from opendensepose.eval.results import Detection
from opendensepose.eval.rules import STRICT
from opendensepose.eval.scoring import Group
from opendensepose.eval.truth import Annotation

IMAGES = 60


def random_groups(rng: np.random.Generator) -> list[Group]:
    """Images of up to 5 people, some of them crowds (ignored in COCO), and up to 8 detections."""
    groups = []
    for image in range(IMAGES):
        people, count = rng.integers(0, 6), rng.integers(0, 9)
        annotations, detections = [], []
        for _ in range(people):
            side = float(rng.choice([20, 32, 60, 96, 150]))
            number = 1 + sum(len(g.annotations) for g in groups) + len(annotations)
            crowd = bool(rng.random() < 0.2)
            box = (0.0, 0.0, side, side)
            annotations.append(Annotation(number, box, side * side, crowd, False, None, None, None, None))
        scores = -np.sort(-rng.choice([0.1, 0.5, 0.5, 0.9, 1.0], count))
        for score in scores:
            side = float(rng.choice([20, 32, 60, 96, 150]))
            number = sum(len(g.detections) for g in groups) + len(detections)
            detections.append(Detection(number, image, 1, (0.0, 0.0, side, side), float(score), 0, 0))
        if people or count:
            ignored = np.array([a.crowd for a in annotations], bool)
            group = Group(image, 1, annotations, detections, ignored)
            group.gps = rng.choice([0, 0.3, 0.5, 0.62, 0.75, 0.9, 0.97, 1.0], (count, people))
            group.box_iou = np.zeros((count, people))
            groups.append(group)
    return groups


def coco_arrays(groups: list[Group]) -> tuple[np.ndarray, np.ndarray]:
    """Precision [T, R, K, A] and recall [T, K, A] (areas: all, medium, large) by COCOeval."""

    def as_coco(entries: list[dict[str, Any]]) -> COCO:
        coco = COCO()
        images = [{"id": k, "width": 200, "height": 200} for k in range(IMAGES)]
        coco.dataset = {"images": images, "annotations": entries, "categories": [{"id": 1}]}
        coco.createIndex()
        return coco

    truth = [
        {
            "id": a.id,
            "image_id": g.image_id,
            "category_id": 1,
            "bbox": list(a.box),
            "area": a.area,
            "iscrowd": int(a.crowd),
        }
        for g in groups
        for a in g.annotations
    ]
    found = [
        {
            "id": d.number + 1,
            "image_id": g.image_id,
            "category_id": 1,
            "bbox": list(d.box),
            "area": d.box[2] * d.box[3],
            "score": d.score,
        }
        for g in groups
        for d in g.detections
    ]
    tables = {g.image_id: g.gps for g in groups}
    with contextlib.redirect_stdout(io.StringIO()):
        run = COCOeval(as_coco(truth), as_coco(found), "bbox")
        run.computeIoU = lambda image, category: tables.get(image, [])
        run.evaluate()
        run.accumulate()
    kept = [0, 2, 3]  # all, medium, large
    return run.eval["precision"][:, :, :, kept, -1], run.eval["recall"][:, :, kept, -1]


def test_strict_rules_are_cocos() -> None:
    for seed in range(4):
        groups = random_groups(np.random.default_rng(seed))
        pairs = [_pairs_by_area(group) for group in groups]
        ours = score_mode(groups, pairs, "gps", (1,), STRICT)
        precision, recall = coco_arrays(groups)
        assert ours.precision.shape == precision.shape and len(AREAS) == 3
        assert np.array_equal(ours.precision, precision)
        assert np.array_equal(ours.recall, recall)
        assert 0.05 < ours.metrics["AP"] < 0.9
