"""Box, mask and keypoint AP and AR by COCO's own evaluation (pycocotools), on the same detections."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from opendensepose.eval import fields, masks
from opendensepose.eval.results import Results
from opendensepose.eval.scoring import Group
from opendensepose.eval.truth import Truth

KINDS = ("bbox", "segm", "keypoints")
KEYPOINTS = 17
_NAMES = {  # of COCO's own list of numbers
    "bbox": ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR", "ARs", "ARm", "ARl"),
    "keypoints": ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"),
}
_NAMES["segm"] = _NAMES["bbox"]


def coco_scores(
    truth: Truth, results: Results, groups: Sequence[Group], categories: Sequence[int]
) -> dict[str, dict[str, float]]:
    """COCO's numbers of each kind that both files have; fractions, -1 where not defined.

    Of each image the detections that the dense evaluation kept: the best 20, outside ignore regions.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    people = _people(truth, groups)
    found = _detections(results, groups, truth)
    kinds = [kind for kind in KINDS if _has(people, kind) and (kind != "keypoints" or results.has_keypoints)]
    numbers = {}
    with contextlib.redirect_stdout(io.StringIO()):  # it prints as it goes
        reference = COCO()
        reference.dataset = {
            "images": [{"id": i.id, "width": i.width, "height": i.height} for i in truth.images.values()],
            "annotations": people,
            "categories": [{"id": c} for c in categories],
        }
        reference.createIndex()
        for kind in kinds:
            answer = COCO()
            answer.dataset = reference.dataset | {"annotations": found}
            answer.createIndex()
            run = COCOeval(reference, answer, kind)
            run.params.catIds = list(categories)
            run.evaluate()
            run.accumulate()
            run.summarize()
            numbers[kind] = dict(zip(_NAMES[kind], (float(n) for n in run.stats), strict=True))
    return numbers


def _has(people: Sequence[dict[str, Any]], kind: str) -> bool:
    return bool(people) and any(
        kind == "bbox" or {"segm": "segmentation"}.get(kind, kind) in p for p in people
    )


def _people(truth: Truth, groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Annotations as COCO's evaluation reads them."""
    entries: list[dict[str, Any]] = []
    for group in groups:
        image = truth.images[group.image_id]
        for a in group.annotations:
            entry: dict[str, Any] = {
                "id": len(entries) + 1,  # its own: 0 counts as none there too
                "image_id": group.image_id,
                "category_id": group.category,
                "bbox": list(a.box),
                "area": a.area,
                "iscrowd": int(a.crowd),
                "ignore": int(a.ignore),
            }
            outline = masks.segmentation_rle(a, image, str(truth.path))
            if outline is not None:
                entry["segmentation"] = outline
            if a.keypoints is not None and len(a.keypoints) == 3 * KEYPOINTS:
                entry["keypoints"] = list(a.keypoints)
                entry["num_keypoints"] = int(np.count_nonzero(np.array(a.keypoints[2::3])))
            entries.append(entry)
    if any("segmentation" in entry for entry in entries):
        _fill(entries, truth, "segmentation")
    if any("keypoints" in entry for entry in entries):
        for entry in entries:
            entry.setdefault("keypoints", [0] * 3 * KEYPOINTS)
            entry.setdefault("num_keypoints", 0)
    return entries


def _fill(entries: list[dict[str, Any]], truth: Truth, key: str) -> None:
    """An empty mask for people without one."""
    for entry in entries:
        image = truth.images[entry["image_id"]]
        if key not in entry:
            entry[key] = masks.to_rle(masks.EMPTY, (image.height, image.width))


def _detections(results: Results, groups: Sequence[Group], truth: Truth) -> list[dict[str, Any]]:
    """Detections as COCO's evaluation reads them."""
    entries: list[dict[str, Any]] = []
    for group in groups:
        for detection, outline in zip(group.detections, group.rles, strict=True):
            x, y, w, h = detection.box
            entry = {
                "id": len(entries) + 1,
                "image_id": group.image_id,
                "category_id": group.category,
                "bbox": [x, y, w, h],
                "score": detection.score,
                "segmentation": outline,
                "area": w * h,
                "iscrowd": 0,
            }
            if results.has_keypoints:
                where = f"{results.path}: entry {detection.number}"
                points = results.entry(detection)
                given = (
                    fields.numbers(points, "keypoints", where) if points.get("keypoints") else np.zeros(51)
                )
                entry["keypoints"] = given.tolist() if len(given) == 51 else [0.0] * 51
            entries.append(entry)
    return entries
