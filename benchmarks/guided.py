"""People in given boxes by a torch net: crops at one scale, as in training with `crops` set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from opendensepose.core.decode import decode
from opendensepose.core.types import ChartLogits, Result
from opendensepose.eval.run import evaluate
from opendensepose.io.results import results_json, write_results
from opendensepose.model.crops import CropNet
from opendensepose.model.rcnn import DensePoseRCNN
from opendensepose.train.augment import person_window
from opendensepose.train.build import CROPPED, CROPS, TEACHER
from opendensepose.train.picture import Picture, crop
from opendensepose.train.sources import SparseSource, find_sources

METRICS = ("AP", "AP50", "AP75", "AUC10", "AUC30")


@torch.no_grad()
def people(model: DensePoseRCNN | CropNet, picture: Picture, boxes: NDArray[np.floating]) -> Result:
    """The people in the boxes [N, 4] of a picture, each seen in a crop of its own; scores are 1."""
    model.eval()
    canvas, fill = CROPPED[CROPS if isinstance(model, CropNet) else TEACHER]
    dense = []
    for box in np.asarray(boxes, np.float64):
        window = person_window(box, canvas, fill)
        image = torch.from_numpy(crop(picture, window, canvas).image).permute(2, 0, 1)[None].float()
        whole = np.array([[window.x, window.y, window.width, window.height]])
        if isinstance(model, CropNet):
            maps, place = model(image)[0], whole
        else:
            corner, scale = np.tile(whole[0, :2], 2), np.tile(canvas[::-1] / whole[0, 2:], 2)
            inside = torch.from_numpy(((box - corner) * scale)[None]).float()
            features = model.dense_features(model.pyramid(model.normalise(image)))
            maps, place = model.dense(features, [inside])[0], None
        logits = ChartLogits(*(maps[name].numpy() for name in ("coarse", "fine", "u", "v")))
        dense += decode(logits, box[None].astype(np.float32), place)
    places = np.asarray(boxes, np.float32).reshape(-1, 4)
    return Result(places, np.ones(len(places), np.float32), tuple(dense), picture.chart.shape)


def entries(model: DensePoseRCNN | CropNet, sources: Sequence[SparseSource]) -> Iterator[dict[str, Any]]:
    """Entries of a results file for all annotated people of the images."""
    for source in sources:
        sample = source.file[source.row]
        boxes = np.array([p.box for p in sample.people if not p.iscrowd], np.float64).reshape(-1, 4)
        yield from results_json(people(model, source.read(), boxes), sample.image_id)


def figures(model: DensePoseRCNN | CropNet, folder: Path, results: Path) -> dict[str, float]:
    """`METRICS` of the annotated people of a folder that `densepose synth` wrote; writes a results file."""
    truth = folder / "annotations.json"
    sources = find_sources([], [str(truth)], str(folder / "images"))
    write_results(results, entries(model, sources))  # type: ignore[arg-type]
    summary = evaluate(results, truth, atlas="odp24").summary()
    points = summary["pointwise"]["all_people"]
    return {m: summary["gps"][m] for m in METRICS[:3]} | {m: points[m] for m in METRICS[3:]}
