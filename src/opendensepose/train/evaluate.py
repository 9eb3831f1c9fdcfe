"""Figures on held-out pictures with true boxes: quick enough to be taken during training."""

from __future__ import annotations

import torch
from torch import Tensor

from opendensepose.model.rcnn import DensePoseRCNN
from opendensepose.model.targets import sample_grid
from opendensepose.train.dataset import Batch
from opendensepose.train.pictures import read_maps

CLOSE = 0.1  # of a chart


@torch.no_grad()
def evaluate(model: DensePoseRCNN, batches: list[Batch]) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Shares over the person's pixels, and the last batch's maps for pictures.

    foreground: intersection over union of the mask; chart: right chart; surface: and U, V within 0.1.
    """
    model.eval()
    totals = torch.zeros(5)
    shown: dict[str, Tensor] = {}
    for batch in batches:
        features = model.dense_features(model.pyramid(model.normalise(batch.images.float())))
        outputs, _ = model.dense(features, batch.truth.boxes)
        rows = torch.cat([torch.full_like(n, i) for i, n in enumerate(batch.truth.instance)])
        boxes = torch.cat(batch.truth.boxes)
        truth, uv = sample_grid(
            boxes, rows, torch.cat(batch.truth.instance), batch.truth, outputs["fine"].shape[-1]
        )
        chart, found = read_maps(outputs)
        person = truth > 0
        right = (chart == truth) & person
        near = right & ((found - uv).abs().amax(1) < CLOSE)
        both, either = person & (chart > 0), person | (chart > 0)
        totals += torch.stack([x.sum() for x in (person, right, near, both, either)])
        shown = {**outputs, "chart": truth, "uv": uv, "boxes": boxes, "image": rows}
    model.train()
    person_pixels, right_pixels, near_pixels, shared, united = totals.clamp(min=1).tolist()
    figures = {
        "foreground": shared / united,
        "chart": right_pixels / person_pixels,
        "surface": near_pixels / person_pixels,
    }
    return figures, shown
