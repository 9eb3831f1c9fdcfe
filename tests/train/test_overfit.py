"""Every kind of dense head learns one person by heart, measured in the true box."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.guided import people
from opendensepose.data.coco import Person
from opendensepose.eval.gps import point_similarity
from opendensepose.export import read_weights
from opendensepose.model.rcnn import DensePoseRCNN, small
from opendensepose.model.training import RCNNTraining, Rules
from opendensepose.model.variants import UV_CONFIDENCES
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.sampled import KAPPA_2019
from opendensepose.synth.dataset import write_dataset
from opendensepose.train.augment import person_window
from opendensepose.train.checkpoint import load_weights
from opendensepose.train.config import LOSS_WEIGHTS
from opendensepose.train.dataset import collate
from opendensepose.train.picture import Picture, crop, only
from opendensepose.train.run import _weight
from opendensepose.train.sources import find_sources

# GPS; the truth itself, read from a map of 56 x 56 cells, reaches 0.957 for this person
ENOUGH = 0.85


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A few synthetic pictures."""
    out = tmp_path_factory.mktemp("synthetic")
    write_dataset(out, 3, seed=4, size=(240, 320))
    return out


def similarity(model: DensePoseRCNN, picture: Picture, person: Person, atlas: Atlas) -> float:
    """GPS of the person in the true box, straight distances."""
    (dense,) = people(model, picture, person.box[None]).dense
    points, (x, y, w, h) = person.points, dense.box
    column = np.floor(points.xy[:, 0] - x).astype(int).clip(0, w - 1)
    row = np.floor(points.xy[:, 1] - y).astype(int).clip(0, h - 1)
    chart = dense.labels[row, column]
    here = atlas.to_xyz(chart, dense.uv[:, row, column].T.clip(0, 1), tolerance=1.0)
    there = atlas.to_xyz(points.chart, points.uv, tolerance=1.0)
    distance = np.where(chart > 0, np.linalg.norm(here - there, axis=1), np.inf).astype(np.float32)
    pair = np.zeros(len(distance), np.int64)
    return float(point_similarity(distance, KAPPA_2019[points.chart], pair).mean())


def learn(model: DensePoseRCNN, folder: Path, *, sparse: bool, steps: int, lr: float = 3e-3) -> float:
    """Train on the person with most points, always in the same crop: the GPS afterwards."""
    sources = find_sources([], [str(folder / "annotations.json")], str(folder / "images"))
    dense = find_sources([str(folder)])
    people_of = [(len(p.points.chart), row, p) for row, s in enumerate(sources) for p in s.file[s.row].people]
    _, row, person = max(people_of, key=lambda entry: entry[0])
    picture = sources[row].read() if sparse else dense[row].read()
    x, y = np.floor(person.points.xy).astype(int).T
    own = only(picture, int(np.bincount(picture.instance[y, x]).argmax()))
    batch = collate([0], [crop(own, person_window(person.box, (192, 192)), (192, 192))])
    trainee = RCNNTraining(model, Rules(given_boxes=True, jitter=0.0)).train()
    trained = [p for name, p in model.named_parameters() if not name.startswith(("rpn", "box_head"))]
    optimizer = torch.optim.AdamW(trained, lr)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = lr * min(1, (step + 1) / 10) * (1 - step / steps)
        terms, _ = trainee(batch.images.float(), batch.truth, [torch.Generator()])
        total = sum(_weight(name, LOSS_WEIGHTS) * term.mean for name, term in terms.items())
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(trained, 5.0)
        optimizer.step()
    return similarity(model, picture, person, Atlas.load())


def started(make, **options) -> DensePoseRCNN:
    """A net with the shipped weights where they fit: new heads begin at random."""
    model = make(**options)
    load_weights(model, read_weights("small"), "small")
    return model


def test_small_learns_a_person_by_heart(folder):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    assert learn(started(small), folder, sparse=False, steps=150) > ENOUGH


VARIANTS = {
    "points": ({}, True),
    "15 coarse channels": ({"coarse": 15}, True),
    "WC1": ({"confidences": UV_CONFIDENCES["WC1"]}, True),
    "WC2": ({"confidences": UV_CONFIDENCES["WC2"]}, True),
    "tasks": ({"tasks": ("keypoints", "mask")}, False),
    "cascade": ({"tasks": ("keypoints", "mask"), "cascade": True}, False),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_every_head_learns_a_person_by_heart(folder, name):
    torch.manual_seed(0)
    options, sparse = VARIANTS[name]
    assert learn(started(small, **options), folder, sparse=sparse, steps=300) > ENOUGH
