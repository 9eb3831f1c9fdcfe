"""Batches from folders of dense truth; every random draw is keyed by (seed, step, place in the batch)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from opendensepose.model.targets import Truth
from opendensepose.train.augment import (
    Picture,
    Window,
    choose_window,
    crop,
    flip,
    join,
    recolour,
    visible_boxes,
)
from opendensepose.train.config import TrainConfig


@dataclass(frozen=True)
class Entry:
    """Where one image and its truth lie, and its people's boxes."""

    image: Path
    iuv: Path
    instance: Path
    boxes: NDArray[np.float64]  # [K, 4] xyxy


@dataclass(frozen=True)
class Batch:
    """What one training step reads."""

    step: int
    images: Tensor  # [B, 3, H, W] uint8 RGB
    truth: Truth


def find_entries(folders: Sequence[str]) -> list[Entry]:
    """Images, those without people too, in folders of the dense-truth format.

    Raises FileNotFoundError if a folder lacks annotations.json, ValueError if no folder has people.
    """
    entries = []
    for folder in map(Path, folders):
        path = folder / "annotations.json"
        if not path.is_file():
            raise FileNotFoundError(f"data {folder}: expected annotations.json in it, got no such file")
        content = json.loads(path.read_text())
        boxes: dict[int, list[list[float]]] = {}
        for person in content["annotations"]:
            boxes.setdefault(person["image_id"], []).append(person["bbox"])
        for image in content["images"]:
            xywh = np.array(boxes.get(image["id"], []), np.float64).reshape(-1, 4)
            stem = Path(image["file_name"]).stem
            dense = [folder / "dense" / f"{stem}_{kind}.png" for kind in ("iuv", "inst")]
            xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1)
            entries.append(Entry(folder / "images" / image["file_name"], dense[0], dense[1], xyxy))
    if not any(len(entry.boxes) for entry in entries):
        raise ValueError(f"data {', '.join(folders)}: expected images with people, got none")
    return entries


def read_picture(entry: Entry) -> Picture:
    """One stored image with its truth; U and V as bytes: 1/255 of a chart is below what the net resolves."""
    image = _read(entry.image, cv2.IMREAD_COLOR_RGB)
    iuv, instance = _read(entry.iuv), _read(entry.instance)
    uv = ((iuv[..., 1:].astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    return Picture(image, iuv[..., 0].astype(np.uint8), uv.transpose(2, 0, 1), instance)


def _read(path: Path, mode: int = cv2.IMREAD_UNCHANGED) -> NDArray[Any]:
    array = cv2.imread(str(path), mode)
    if array is None:
        raise FileNotFoundError(f"{path}: expected a readable picture, got none")
    return array


def collate(step: int, pictures: list[Picture]) -> Batch:
    """Canvases of one size -> one batch."""
    found = [visible_boxes(p.instance) for p in pictures]
    return Batch(
        step,
        torch.from_numpy(np.stack([p.image for p in pictures])).permute(0, 3, 1, 2),
        Truth(
            [torch.from_numpy(boxes) for boxes, _ in found],
            [torch.from_numpy(numbers) for _, numbers in found],
            torch.from_numpy(np.stack([p.chart for p in pictures])),
            torch.from_numpy(np.stack([p.uv for p in pictures])),
            torch.from_numpy(np.stack([p.instance for p in pictures])),
        ),
    )


class Batches(Dataset[Batch]):
    """Item `step` is that step's whole batch, the same whenever and by whomever it is made."""

    def __init__(self, entries: list[Entry], config: TrainConfig) -> None:
        self.entries, self.config = entries, config
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def entry(self, position: int) -> Entry:
        """The image at a place in the endless sequence of shuffled epochs."""
        epoch, place = divmod(position, len(self.entries))
        if self._order[0] != epoch:
            rng = np.random.default_rng([self.config.seed, 1, epoch])
            self._order = (epoch, rng.permutation(len(self.entries)))
        return self.entries[self._order[1][place]]

    def __getitem__(self, step: int) -> Batch:
        config = self.config
        # batches that are trained at the same time have one canvas: then no process waits for another
        draw = np.random.default_rng([config.seed, 2, step // config.processes])
        canvas = config.canvases[draw.integers(len(config.canvases))]
        pictures = []
        for slot in range(config.batch_size):
            rng = np.random.default_rng([config.seed, 3, step, slot])
            position = step * config.batch_size + slot
            if rng.random() < config.mosaic:  # four pictures at half the size: crowds, small people
                half = (canvas[0] // 2, canvas[1] // 2)
                others = [self.entries[k] for k in rng.integers(len(self.entries), size=3)]
                four = [self._augment(rng, entry, half) for entry in (self.entry(position), *others)]
                picture = join(four)
            else:
                picture = self._augment(rng, self.entry(position), canvas)
            pictures.append(picture)
        return collate(step, pictures)

    def _augment(self, rng: np.random.Generator, entry: Entry, canvas: tuple[int, int]) -> Picture:
        config = self.config
        picture = read_picture(entry)
        height, width = picture.chart.shape
        box = np.array([0.0, 0.0, width, height])
        if len(entry.boxes):
            box = entry.boxes[rng.integers(len(entry.boxes))]
        window = choose_window(rng, (height, width), box, canvas, (config.smallest, config.largest))
        picture = crop(picture, window, canvas, fill=int(rng.integers(256)))
        picture = flip(picture) if rng.random() < 0.5 else picture
        return Picture(recolour(rng, picture.image), picture.chart, picture.uv, picture.instance)


def still_batches(entries: list[Entry], canvas: tuple[int, int], batch_size: int) -> list[Batch]:
    """Whole pictures without augmentation, as large as fit the canvas; for figures."""
    batches = []
    for start in range(0, len(entries), batch_size):
        pictures = []
        for entry in entries[start : start + batch_size]:
            picture = read_picture(entry)
            h, w = picture.chart.shape
            scale = min(canvas[0] / h, canvas[1] / w)
            window = Window(0, 0, round(canvas[1] / scale), round(canvas[0] / scale))
            pictures.append(crop(picture, window, canvas))
        batches.append(collate(start, pictures))
    return batches


def _start_worker(_: int) -> None:
    cv2.setNumThreads(0)  # one core per process; the others train
    torch.set_num_threads(1)


def loader(batches: Batches, steps: range, workers: int) -> DataLoader[Batch]:
    """The batches of `steps`, in order, made by `workers` processes (0: by this one)."""
    return DataLoader(
        batches,
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        worker_init_fn=_start_worker,
        prefetch_factor=3 if workers else None,
    )
