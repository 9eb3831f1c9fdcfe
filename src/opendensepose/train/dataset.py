"""Batches of pictures; every random draw is keyed by (seed, place in the endless sequence of pictures)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from opendensepose.model.targets import DENSE, Points, Truth
from opendensepose.train.around import defocused
from opendensepose.train.augment import (
    TURN,
    blended,
    choose_window,
    edge_window,
    loose_box,
    other_shape,
    person_window,
    plain,
    printed,
    recolour,
    shape,
    spot,
    stranger_window,
    wrong_box,
)
from opendensepose.train.config import TrainConfig
from opendensepose.train.memory import keep_memory
from opendensepose.train.picture import (
    Person,
    Picture,
    Window,
    crop,
    flip,
    join,
    only,
    paste,
    turn,
    visible_boxes,
    warp,
)
from opendensepose.train.sources import Source

TEXTURED = 0.6  # share of shapes that are made of a piece of another picture
VISIBLE = 0.5  # share of a person that people or things pasted before them leave


@dataclass(frozen=True)
class Batch:
    """What one process reads for one step."""

    positions: list[int]  # of the pictures in the sequence
    images: Tensor  # [B, 3, H, W] uint8 RGB
    truth: Truth


def collate(positions: Sequence[int], pictures: list[Picture]) -> Batch:
    """Canvases of one size -> one batch."""
    found = [visible_boxes(p.instance) for p in pictures]
    people = [
        [p.people.get(int(n), Person()) for n in numbers]
        for p, (_, numbers) in zip(pictures, found, strict=True)
    ]
    points = [p.points for p in pictures]
    image = np.concatenate([np.full(len(p.chart), i, np.int64) for i, p in enumerate(points)])

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.concatenate([getattr(p, name) for p in points]))

    return Batch(
        list(positions),
        torch.from_numpy(np.stack([p.image for p in pictures])).permute(0, 3, 1, 2),
        Truth(
            [torch.from_numpy(boxes) for boxes, _ in found],
            [torch.from_numpy(numbers) for _, numbers in found],
            torch.from_numpy(np.stack([p.chart for p in pictures])),
            torch.from_numpy(np.stack([p.uv for p in pictures])),
            torch.from_numpy(np.stack([p.instance for p in pictures])),
            torch.from_numpy(np.stack([p.coarse_labels() for p in pictures])),
            [torch.tensor([person.kind for person in of], dtype=torch.int64) for of in people],
            [_keypoints(of) for of in people],
            Points(
                torch.from_numpy(image),
                stacked("instance").long(),
                stacked("xy"),
                stacked("chart").long(),
                stacked("uv"),
            ),
        ),
    )


def _keypoints(people: list[Person]) -> Tensor:
    """[K, 17, 3]; zeros, so unlabelled, where there are none."""
    none = np.zeros((17, 3), np.float32)
    rows = [none if person.keypoints is None else person.keypoints for person in people]
    return torch.from_numpy(np.stack(rows) if rows else np.zeros((0, 17, 3), np.float32))


class Batches(Dataset[Batch]):
    """Item `number` is a whole batch, the same whenever and by whomever it is made."""

    def __init__(self, sources: list[Source], config: TrainConfig) -> None:
        self.sources, self.config = sources, config
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def source(self, position: int) -> Source:
        """The image at a place in the endless sequence of shuffled epochs."""
        epoch, place = divmod(position, len(self.sources))
        if self._order[0] != epoch:
            rng = np.random.default_rng([self.config.seed, 1, epoch])
            self._order = (epoch, rng.permutation(len(self.sources)))
        return self.sources[self._order[1][place]]

    def __getitem__(self, number: int) -> Batch:
        config = self.config
        # batches that are trained at the same time have one canvas: then no process waits for another
        draw = np.random.default_rng([config.seed, 2, number // config.processes])
        canvas = config.canvases[draw.integers(len(config.canvases))]
        positions = range(number * config.batch_size, (number + 1) * config.batch_size)
        return collate(positions, [self._picture(position, canvas) for position in positions])

    def _picture(self, position: int, canvas: tuple[int, int]) -> Picture:
        config = self.config
        rng = np.random.default_rng([config.seed, 3, position])
        source = self.source(position)
        if config.crops or rng.random() >= config.mosaic:
            return self._augment(rng, source, canvas)
        half = (canvas[0] // 2, canvas[1] // 2)  # four pictures at half the size: crowds, small people
        others = [self.sources[k] for k in rng.integers(len(self.sources), size=3)]
        return join([self._augment(rng, each, half) for each in (source, *others)])

    def _augment(self, rng: np.random.Generator, source: Source, canvas: tuple[int, int]) -> Picture:
        config = self.config
        picture = source.read()
        height, width = picture.chart.shape
        if config.crops:
            picture, window = self._one_person(rng, picture, source.alarms, canvas)
        else:
            all_boxes = source.boxes
            box = (
                all_boxes[rng.integers(len(all_boxes))]
                if len(all_boxes)
                else np.array([0.0, 0.0, width, height])
            )
            window = choose_window(rng, (height, width), box, canvas, (config.smallest, config.largest))
        picture = crop(picture, window, canvas, fill=int(rng.integers(256)))
        somebody = config.crops and picture.instance.any()  # of whom some crops are changed further
        if somebody and rng.random() < config.printed:
            own = rng.spawn(1)[0]
            picture = printed(own, picture, self._other(own).pixels())
        if rng.random() < config.defocused:
            own = rng.spawn(1)[0]
            picture = defocused(own, picture, self._other(own).pixels())
        if not somebody and rng.random() < config.shapes:
            picture = self._with_shape(rng.spawn(1)[0], picture)
        if rng.random() < config.blended:
            picture = blended(rng.spawn(1)[0], picture)
        if somebody:
            if rng.random() < config.pasted:
                picture = self._beside(rng, picture)
            if rng.random() < config.covered:
                own = rng.spawn(1)[0]
                picture = _if_seen(self._behind_shape(own, picture, spot(own, picture)), picture)
            if rng.random() < config.warped:
                picture = warp(picture, other_shape(rng.spawn(1)[0], canvas))
        if rng.random() < 0.5 and config.atlas != "smpl24":  # its mirror is not a simple rule
            picture = flip(picture)
        return replace(picture, image=recolour(rng, picture.image))

    def _one_person(
        self,
        rng: np.random.Generator,
        picture: Picture,
        alarms: NDArray[np.float64],
        canvas: tuple[int, int],
    ) -> tuple[Picture, Window]:
        """Somebody in the picture, or nobody, and the window around them."""
        config, size = self.config, (picture.chart.shape[0], picture.chart.shape[1])
        visible, numbers = visible_boxes(picture.instance)
        boxes = visible.astype(np.float64)
        nobody = not len(numbers) or rng.random() < config.nobody
        box = wrong_box(rng, boxes, alarms, size, canvas) if nobody else None
        if box is None and not len(numbers):
            box = np.array([0, 0, size[1], size[0]], np.float64)
        if box is not None:
            return only(picture, 0), person_window(box, canvas, config.fill, rng)
        area = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
        chosen = rng.choice(len(numbers), p=area / area.sum())  # large people say more
        picture, box = only(picture, int(numbers[chosen])), boxes[chosen]
        if rng.random() < config.cut_off:
            part = edge_window(rng, box, size)
            cut = crop(picture, part, (part.height, part.width))
            seen = visible_boxes(cut.instance)[0]
            if len(seen):
                picture, box = cut, seen[0].astype(np.float64)
        if rng.random() < config.turned:
            centre = (box[:2] + box[2:]) / 2
            other = turn(picture, rng.normal(0, TURN), centre, fill=int(rng.integers(256)))
            seen = visible_boxes(other.instance)[0]
            if len(seen):
                picture, box = other, seen[0].astype(np.float64)
        if rng.random() < config.loose:
            box = loose_box(rng, box)
        return picture, person_window(box, canvas, config.fill, rng)

    def _other(self, rng: np.random.Generator) -> Source:
        """Any image."""
        return self.sources[rng.integers(len(self.sources))]

    def _behind_shape(self, rng: np.random.Generator, picture: Picture, box: NDArray[np.float64]) -> Picture:
        """A picture with a shape in a box [4] xyxy before all else."""
        other = self._other(rng).pixels() if rng.random() < TEXTURED else None
        size = (picture.chart.shape[0], picture.chart.shape[1])
        return paste(picture, shape(rng, size, box, other), front=True)

    def _with_shape(self, rng: np.random.Generator, picture: Picture) -> Picture:
        """A canvas with a shape somewhere before the people, a crop of nobody with one in the middle."""
        size = (picture.chart.shape[0], picture.chart.shape[1])
        whole = np.array(size[::-1])
        if self.config.crops:
            sides, middle = self.config.fill * rng.uniform(0.4, 1.2, 2), rng.normal(0.5, 0.05, 2)
        else:
            sides, middle = rng.uniform(0.25, 1.0, 2), rng.uniform(0, 1, 2)
        if not picture.instance.any() and rng.random() < 0.5:
            picture = replace(picture, image=plain(rng, size))
        corners = np.concatenate([middle - sides / 2, middle + sides / 2])
        return self._behind_shape(rng, picture, corners * np.tile(whole, 2))

    def _beside(self, rng: np.random.Generator, picture: Picture) -> Picture:
        """A crop with somebody of another picture in it, who leaves enough of its person to be seen."""
        canvas = (picture.chart.shape[0], picture.chart.shape[1])
        other = self._other(rng).read()
        boxes, numbers = visible_boxes(other.instance)
        if not len(numbers):
            return picture
        chosen = rng.integers(len(numbers))
        window = stranger_window(rng, boxes[chosen].astype(np.float64), canvas, self.config.fill)
        stranger = crop(only(other, int(numbers[chosen])), window, canvas)
        if rng.random() < 0.5:
            stranger = flip(stranger)
        return _if_seen(paste(picture, stranger, front=bool(rng.random() < 0.5)), picture)


def _if_seen(pasted: Picture, picture: Picture) -> Picture:
    """The crop with something pasted, if enough of the person is left to be seen, or else without."""
    return pasted if pasted.instance.sum() >= VISIBLE * picture.instance.sum() else picture


def still_batches(
    sources: list[Source], canvas: tuple[int, int], batch_size: int, fill: float | None = None
) -> list[Batch]:
    """Whole pictures without augmentation, as large as fit the canvas; for figures.

    With `fill` each person by itself, taking that share of the canvas.
    """
    pictures: list[Picture] = []
    for source in sources:
        picture = source.read()
        if fill is not None:
            for box, number in zip(*visible_boxes(picture.instance), strict=True):
                if picture.people.get(int(number), Person()).kind <= DENSE:
                    window = person_window(box.astype(np.float64), canvas, fill)
                    pictures.append(crop(only(picture, int(number)), window, canvas))
        else:
            h, w = picture.chart.shape
            scale = min(canvas[0] / h, canvas[1] / w)
            window = Window(0, 0, round(canvas[1] / scale), round(canvas[0] / scale))
            pictures.append(crop(picture, window, canvas))
    starts = range(0, len(pictures), batch_size)
    return [collate(range(s, s + batch_size), pictures[s : s + batch_size]) for s in starts]


def _start_worker(_: int) -> None:
    keep_memory()
    cv2.setNumThreads(0)  # one core per process; the others train
    torch.set_num_threads(1)


def loader(batches: Batches, numbers: range, workers: int) -> DataLoader[Batch]:
    """The batches of `numbers`, in order, made by `workers` processes (0: by this one)."""
    return DataLoader(
        batches,
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        worker_init_fn=_start_worker,
        # a forked OpenCV or BLAS with running threads may hang
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=3 if workers else None,
    )
