"""Every kind of dense head learns one person by heart: AP in the true box, as `densepose eval` counts it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt
from torch import nn

from opendensepose.core.decode import decode
from opendensepose.core.types import ChartLogits, Result
from opendensepose.data.coco import Sample, write_annotations
from opendensepose.eval.run import evaluate
from opendensepose.export import read_weights
from opendensepose.io.results import results_json
from opendensepose.model.crops import CropNet, CropTraining, whole_crops
from opendensepose.model.rcnn import small
from opendensepose.model.targets import sample_grid
from opendensepose.model.training import People, RCNNTraining, Rules, everybody
from opendensepose.model.variants import UV_CONFIDENCES
from opendensepose.synth.dataset import write_dataset
from opendensepose.train.augment import person_window
from opendensepose.train.build import own_weights
from opendensepose.train.checkpoint import load_weights
from opendensepose.train.config import LOSS_WEIGHTS
from opendensepose.train.dataset import Batch, collate
from opendensepose.train.picture import Picture, Window, crop, only
from opendensepose.train.run import _weight
from opendensepose.train.sources import find_sources

ENOUGH = 0.95  # AP; of one person it is the share of the thresholds .50:.05:.95 of GPS that are reached
CANVAS = 192  # pixels, of the crop
RULES = Rules(given_boxes=True, jitter=0.0)
PICTURE, PERSON = 1, 3  # in front of the others and seen from head to knee: 126 points in 13 charts


@dataclass(frozen=True)
class Lesson:
    """The one person."""

    folder: Path
    sample: Sample  # the picture as if nobody else were annotated
    window: Window  # of the crop
    dense: Batch  # the crop with dense truth
    sparse: Batch  # with annotated points


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> Lesson:
    folder = tmp_path_factory.mktemp("synthetic")
    write_dataset(folder, PICTURE + 1, seed=4, size=(240, 320), split="test")  # as PICTURE and PERSON say
    return read_lesson(folder)


def read_lesson(folder: Path) -> Lesson:
    sources = find_sources([], [str(folder / "annotations.json")], str(folder / "images"))
    sample = sources[PICTURE].file[sources[PICTURE].row]
    person = sample.people[PERSON]
    window = person_window(person.box, (CANVAS, CANVAS), 0.9)

    def batch(picture: Picture) -> Batch:
        x, y = np.floor(person.points.xy).astype(int).T
        own = only(picture, int(np.bincount(picture.instance[y, x]).argmax()))
        return collate([0], [crop(own, window, (CANVAS, CANVAS))])

    alone = replace(sample, people=(person,))
    dense = find_sources([str(folder)])[PICTURE].read()
    return Lesson(folder, alone, window, batch(dense), batch(sources[PICTURE].read()))


def average_precision(lesson: Lesson, maps: dict[str, torch.Tensor], people: People) -> tuple[float, float]:
    """AP and GPS of the maps [1, *, S, T] in the box of the crop."""
    scale = np.tile([lesson.window.width, lesson.window.height], 2) / CANVAS
    box = people.boxes[0].numpy() * scale + np.tile([lesson.window.x, lesson.window.y], 2)
    logits = ChartLogits(*(maps[name].detach().numpy() for name in ("coarse", "fine", "u", "v")))
    (dense,) = decode(logits, box.astype(np.float32))
    result = Result(box.astype(np.float32), np.ones(1, np.float32), (dense,), (240, 320))
    truth, results = lesson.folder / "truth.json", lesson.folder / "results.json"
    write_annotations(truth, [lesson.sample])
    results.write_text(json.dumps(results_json(result, lesson.sample.image_id)))
    report = evaluate(results, truth, atlas="odp24")
    return report.summary()["gps"]["AP"], float(report.evaluation.groups[0].gps[0, 0])


def truth_maps(lesson: Lesson, whole: bool) -> tuple[dict[str, torch.Tensor], People]:
    """What a net without fault would give: one chart in each cell, U and V of the cell in all channels."""
    batch, cells = lesson.dense, CANVAS // 2 if whole else 56
    people = whole_crops(batch.images, batch.truth) if whole else everybody(batch.truth)
    grid = sample_grid(people.boxes[0], people.image, people.instance, batch.truth, (cells, cells))
    fine = nn.functional.one_hot(grid.chart, 25).permute(0, 3, 1, 2).float()
    coarse = torch.stack([grid.chart == 0, grid.chart > 0], 1).float()
    u, v = (nearest(grid.chart, plane) for plane in grid.uv.unbind(1))
    return {"coarse": coarse, "fine": fine, "u": u, "v": v}, people


def nearest(chart: torch.Tensor, plane: torch.Tensor) -> torch.Tensor:
    """A plane [1, S, S] in 25 channels [1, 25, S, S]: around a chart its nearest cell's value."""
    out = np.zeros((1, 25, *plane.shape[1:]), np.float32)
    for number in np.unique(chart):
        at = distance_transform_edt(chart[0] != number, return_distances=False, return_indices=True)
        out[0, number] = plane[0].numpy()[tuple(at)]
    return torch.from_numpy(out)


@pytest.mark.parametrize("whole", [False, True], ids=["56 cells in the box", "96 cells in the crop"])
def test_maps_have_room_for_the_truth(lesson, whole):
    """Otherwise a net could not reach it, however long it learns."""
    ap, gps = average_precision(lesson, *truth_maps(lesson, whole))
    assert ap > ENOUGH and gps > 0.97


def learn(task: nn.Module, lesson: Lesson, *, sparse: bool = False, steps: int, lr: float = 3e-3) -> float:
    """Train on the one crop: the AP afterwards.

    In the last third the norms use their running statistics, as they will in use.
    """
    batch = lesson.sparse if sparse else lesson.dense
    images = batch.images.float()
    trained = [p for name, p in task.model.named_parameters() if not name.startswith(("rpn", "box_head"))]
    optimizer = torch.optim.AdamW(trained, lr, betas=(0.9, 0.99), weight_decay=0.0)
    task.train()
    for step in range(steps):
        if step == 2 * steps // 3:
            task.apply(lambda m: m.eval() if isinstance(m, nn.BatchNorm2d) else m)
        optimizer.param_groups[0]["lr"] = lr * min(1, (step + 1) / 10) * (1 - step / steps)
        terms, _ = task(images, batch.truth, [torch.Generator()])
        total = sum(_weight(name, LOSS_WEIGHTS) * term.mean for name, term in terms.items())
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(trained, 5.0)
        optimizer.step()
    task.eval()
    with torch.no_grad():
        ap, gps = average_precision(lesson, *task.guided(images, batch.truth))
    print(f"AP {ap:.2f}, GPS {gps:.3f}")
    return ap


def started(**options) -> RCNNTraining:
    """`small` with the shipped weights where they fit: new heads begin at random."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = small(**options)
    load_weights(model, own_weights(model, read_weights("small")), "small")
    return RCNNTraining(model, RULES)


def test_small_learns_a_person_by_heart(lesson):
    """The net on crops, from the shipped weights."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = CropNet()
    load_weights(model, own_weights(model, read_weights("small")), "small")
    assert learn(CropTraining(model, RULES), lesson, steps=300) > ENOUGH


VARIANTS = {
    "dense": ({}, False),
    "cascade": ({"tasks": ("keypoints", "mask"), "cascade": True}, False),
    "tasks": ({"tasks": ("keypoints", "mask")}, False),
    "WC2": ({"confidences": UV_CONFIDENCES["WC2"]}, True),
    "WC1": ({"confidences": UV_CONFIDENCES["WC1"]}, True),
    "points": ({}, True),
    "15 coarse channels": ({"coarse": 15}, True),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_every_head_learns_a_person_by_heart(lesson, name):
    options, sparse = VARIANTS[name]
    assert learn(started(**options), lesson, sparse=sparse, steps=900) > ENOUGH
