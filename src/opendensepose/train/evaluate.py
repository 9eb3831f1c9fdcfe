"""Figures on held-out pictures with true boxes: quick enough to be taken during training."""

from __future__ import annotations

import torch
from torch import Tensor

from opendensepose.model.losses import read_points
from opendensepose.model.targets import DENSE, points_in, sample_grid
from opendensepose.train.build import Trainee
from opendensepose.train.dataset import Batch
from opendensepose.train.pictures import read_maps

CLOSE = 0.1  # of a chart


@torch.no_grad()
def evaluate(trainee: Trainee, batches: list[Batch]) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Shares over the person's pixels, and the last batch's maps for pictures.

    foreground: intersection over union of the mask; chart: right chart; surface: and U, V within 0.1. The
    last two are taken at the annotated points of people without a dense truth.
    """
    trainee.eval()
    totals = torch.zeros(5)
    shown: dict[str, Tensor] = {}
    for batch in batches:
        outputs, people = trainee.task.guided(batch.images.float(), batch.truth)
        if not len(people):
            continue
        boxes = torch.cat(people.boxes)
        rows, columns = outputs["fine"].shape[-2:]
        grid = sample_grid(boxes, people.image, people.instance, batch.truth, (rows, columns), people.kind)
        chart, uv = read_maps(outputs)
        person, found = grid.coarse > 0, chart > 0
        totals[3:] += torch.stack([(person & found).sum(), (person | found).sum()])
        dense = (people.kind == DENSE)[:, None, None]
        right = (chart == grid.chart) & person & dense
        near = right & ((uv - grid.uv).abs().amax(1) < CLOSE)
        totals[:3] += torch.stack([(person & dense).sum(), right.sum(), near.sum()])
        points = points_in(boxes, people.image, people.instance, batch.truth.points)
        read = {k: read_points(outputs[k], points.roi, points.xy) for k in ("fine", "u", "v")}
        here = read["fine"][:, 1:].argmax(1) + 1
        places = torch.stack([read[k].gather(1, here[:, None])[:, 0] for k in ("u", "v")], 1)
        right = here == points.chart
        near = right & ((places - points.uv).abs().amax(1) < CLOSE)
        totals[:3] += torch.stack([torch.tensor(len(here)), right.sum(), near.sum()])
        maps = {k: outputs[k] for k in ("coarse", "fine", "u", "v")}
        shown = {**maps, "chart": grid.chart, "uv": grid.uv, "boxes": boxes, "image": people.image}
    trainee.train()
    pixels, right_pixels, near_pixels, shared, united = totals.clamp(min=1).tolist()
    figures = {
        "foreground": shared / united,
        "chart": right_pixels / pixels,
        "surface": near_pixels / pixels,
    }
    return figures, shown
