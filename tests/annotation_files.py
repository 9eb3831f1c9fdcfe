"""Annotation files in the forms that people have, with every key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from opendensepose.data.rle import encode_mask
from opendensepose.surface.parts import FINE_TO_COARSE


def disc(size: tuple[int, int], x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.hypot(columns + 0.5 - x, rows + 0.5 - y) < radius


def uncompressed(mask: np.ndarray) -> dict[str, Any]:
    """The RLE of a crowd as COCO's files have it: a list of runs."""
    flat = np.concatenate([[0], mask.T.ravel().astype(int), [1 - int(mask[-1, -1])]])
    ends = np.flatnonzero(np.diff(flat))
    return {"size": list(mask.shape), "counts": np.diff(np.concatenate([[0], ends])).tolist()}


def dense_person(number: int, image_id: int, rng: np.random.Generator, points: int = 14) -> dict[str, Any]:
    """A person whose points lie in the masks of their parts; numbers with many digits."""
    chart = rng.integers(1, 25, points)
    column = rng.uniform(4, 251, points)
    row = (FINE_TO_COARSE[chart] - 1) * 18 + rng.uniform(2, 15, points)  # part k has rows 18 (k - 1) ..
    masks = []
    for part in range(14):
        mask = np.zeros((256, 256), bool)
        mask[18 * part : 18 * part + 18] = True
        masks.append(encode_mask(mask) if part in FINE_TO_COARSE[chart] - 1 else [])
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "bbox": [20.123456789, 10.7, 60.1 + 0.2, 100.33],
        "area": 4321.987654321,
        "iscrowd": 0,
        "segmentation": [[30.5, 12.0, 70.25, 12.5, 60.125, 100.0, 30.0, 90.0]],
        "keypoints": [30, 20, 2] * 17,
        "num_keypoints": 17,
        "dp_I": chart.astype(float).tolist(),
        "dp_U": rng.random(points).tolist(),
        "dp_V": rng.random(points).tolist(),
        "dp_x": column.tolist(),
        "dp_y": row.tolist(),
        "dp_masks": masks,
        "odp_view": "back",
    }


def coco_file(path: Path) -> dict[str, Any]:
    """A file of DensePose-COCO with everything that occurs in one: crowds, other categories, missing keys."""
    rng = np.random.default_rng(0)
    crowd = disc((120, 100), 50, 60, 30)
    content = {
        "info": {"description": "tëst"},
        "licenses": [{"id": 1}],
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
        "images": [
            {"id": 7, "file_name": "COCO_val2014_7.jpg", "height": 120, "width": 100, "license": 1},
            {"id": 3, "file_name": "ünder/COCO_val2014_3.jpg", "height": 120, "width": 100},
            {"id": 9, "file_name": "empty.jpg", "height": 10, "width": 10},
        ],
        "annotations": [
            dense_person(1, 3, rng),
            dense_person(2, 7, rng),
            {"id": 4, "image_id": 7, "category_id": 18, "bbox": [1, 2, 3, 4], "segmentation": []},
            {"id": 5, "image_id": 7, "category_id": 1, "bbox": [20, 30, 60, 60], "iscrowd": 1}
            | {"area": 2800, "segmentation": uncompressed(crowd)},
            {"id": 6, "image_id": 3, "category_id": 1, "bbox": [20, 30, 60, 60], "iscrowd": 1}
            | {"area": 2800.0, "segmentation": encode_mask(crowd)},
            {"id": 8, "image_id": 3, "category_id": 1, "bbox": [0, 0, 5, 5]},  # nothing else
            {"id": 10, "image_id": 3, "category_id": 1, "bbox": [0, 0, 9, 9], "area": 20, "dp_masks": []}
            | {key: [] for key in ("dp_x", "dp_y", "dp_I", "dp_U", "dp_V")},
        ],
        "odp_more": {"kept": [1, 2]},
    }
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return content


def posetrack_file(path: Path, frames: int = 6) -> dict[str, Any]:
    """A file of DensePose-PoseTrack: no sizes of images, tracks, ignore regions, frames without labels."""
    rng = np.random.default_rng(1)
    images, annotations = [], []
    for frame in range(frames):
        image_id = 10000340000 + frame
        labelled = frame % 2 == 0
        image = {"id": image_id, "file_name": f"images/val/000034_mpii/{frame:06d}.jpg", "vid_id": "000034"}
        image |= {"frame_id": image_id, "nframes": frames, "is_labeled": labelled}
        image |= {"has_no_densepose": not labelled}
        image |= {"ignore_regions_x": [[1, 9, 9, 1]], "ignore_regions_y": [[1, 1, 8, 8]]}
        images.append(image)
        for track in range(2 * labelled):
            person = dense_person(100 * image_id + track, image_id, rng)
            annotations.append(person | {"track_id": track, "scores": [], "bbox_head": [1, 2, 3, 4]})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    path.write_text(json.dumps(content))
    return content
