"""The arrays behind the numbers, for comparison with other evaluators: `--details FILE.npz`."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from opendensepose.eval.evaluate import Evaluation
from opendensepose.io.files import atomic

_NAMES = {"gps": "GPS", "gpsm": "GPSM", "segm": "IOU"}  # the reference's names of the modes


def write_details(path: str | os.PathLike[str], evaluation: Evaluation) -> None:
    """Write the arrays as one compressed .npz, without pickle.

    `precision_MODE` [10, 101, K, 3, 1] and `recall_MODE` [10, K, 3, 1]: threshold, recall, category, area.
    For each image and category, with the suffix `_IMAGE_CATEGORY`: `gt_ids` (columns), `dt_k` (rows: places
    in the results file), `gps`, `maskiou`, `boxiou` [rows, columns], `match_MODE` [10, rows] (annotation id,
    0 = none) and `dtignore_MODE` [10, rows]. MODE is GPS, GPSM or IOU.
    """
    arrays: dict[str, Any] = {}
    for mode, score in evaluation.modes.items():
        arrays[f"precision_{_NAMES[mode]}"] = score.precision[..., None]
        arrays[f"recall_{_NAMES[mode]}"] = score.recall[..., None]
    for number, group in enumerate(evaluation.groups):
        end = f"_{group.image_id}_{group.category}"
        ids = np.array([a.id for a in group.annotations], np.int64)
        arrays |= {
            f"gt_ids{end}": ids,
            f"dt_k{end}": np.array([d.number for d in group.detections], np.int64),
        }
        if group.annotations and group.detections:
            arrays |= {f"gps{end}": group.gps, f"maskiou{end}": group.mask_iou, f"boxiou{end}": group.box_iou}
        for mode, score in evaluation.modes.items():
            outcome = score.matches[number]
            arrays[f"match_{_NAMES[mode]}{end}"] = np.append(ids, 0)[outcome.truth]
            arrays[f"dtignore_{_NAMES[mode]}{end}"] = outcome.ignored
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
