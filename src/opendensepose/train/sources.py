"""Where training pictures come from: folders of dense truth, and annotation files with their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.data.coco import AnnotationFile
from opendensepose.data.dense import UV_SCALE, dense_paths
from opendensepose.data.images import ImageFolder
from opendensepose.data.sample import GRID, Person, Sample
from opendensepose.eval.results import Results
from opendensepose.io.files import InputError
from opendensepose.io.image import read_image
from opendensepose.model.targets import DENSE, FILLED, SPARSE, UNKNOWN, UNLABELLED
from opendensepose.surface.parts import FINE_TO_COARSE
from opendensepose.train import picture as P

MOST = 250  # people of one picture: their numbers are bytes
ALARMS = "alarms.json"  # results of a model on a folder of dense truth, as `densepose predict` writes them
NO_BOXES = np.zeros((0, 4))
UNSURE = 100  # in dense maps that a teacher filled: 100 + coarse part where the chart is not known


class Source(Protocol):
    """One picture with its truth."""

    @property
    def boxes(self) -> NDArray[np.float64]:
        """[K, 4] xyxy of the people, pixels."""

    @property
    def alarms(self) -> NDArray[np.float64]:
        """[N, 4] xyxy where a model saw somebody, rightly or not."""

    def read(self) -> P.Picture:
        """The picture, from disk."""

    def pixels(self) -> NDArray[np.uint8]:
        """The image [H, W, 3] RGB alone, from disk."""


@dataclass(frozen=True)
class DenseSource:
    """An image of a folder of dense truth; U, V as bytes: 1/255 of a chart is more than the net resolves."""

    image: Path
    iuv: Path
    instance: Path
    boxes: NDArray[np.float64]  # [K, 4] xyxy
    people: dict[int, P.Person]
    points: P.Points  # where a teacher filled the rest, else none
    alarms: NDArray[np.float64]  # [N, 4] xyxy

    def read(self) -> P.Picture:
        """The picture, from disk; FileNotFoundError for what cannot be read."""
        image, iuv, instance = self.pixels(), _read(self.iuv), _read(self.instance)
        scaled = cv2.convertScaleAbs(iuv, alpha=255 / UV_SCALE)  # U and V alone would take longer
        uv = np.asarray(scaled[..., 1:], np.uint8)
        chart = iuv[..., 0].astype(np.uint8)
        coarse = None
        if (chart >= UNSURE).any():
            unsure = chart >= UNSURE
            coarse = np.where(unsure, chart - UNSURE, FINE_TO_COARSE[chart * ~unsure]).astype(np.uint8)
            chart[unsure] = UNKNOWN
        return P.Picture(image, chart, uv.transpose(2, 0, 1), instance, coarse, self.people, self.points)

    def pixels(self) -> NDArray[np.uint8]:
        """The image [H, W, 3] RGB alone; FileNotFoundError if it cannot be read."""
        return _read(self.image, cv2.IMREAD_COLOR_RGB)


@dataclass(frozen=True)
class SparseSource:
    """An image of an annotation file with points; the annotations are read when the picture is."""

    file: AnnotationFile
    row: int
    folder: ImageFolder
    boxes: NDArray[np.float64]  # [K, 4] xyxy of the people with points, pixels
    alarms: ClassVar[NDArray[np.float64]] = NO_BOXES

    def read(self) -> P.Picture:
        """The picture, from disk; FileNotFoundError or InputError for what cannot be read."""
        sample = self.file[self.row]
        return from_sample(sample, self._image(sample))

    def pixels(self) -> NDArray[np.uint8]:
        """The image [H, W, 3] RGB alone; FileNotFoundError or InputError if it cannot be read."""
        return self._image(self.file[self.row])

    def _image(self, sample: Sample) -> NDArray[np.uint8]:
        return read_image(self.folder.find(sample.file_name))


def find_sources(
    folders: Sequence[str], annotations: Sequence[str] = (), images: str | None = None
) -> list[Source]:
    """The images of folders of dense truth, those without people too, and the annotated ones of files.

    Raises FileNotFoundError if a folder lacks annotations.json or there is no such file, InputError for
    broken ones, ValueError if nobody is annotated.
    """
    found: list[Source] = []
    people = 0
    for folder in map(Path, folders):
        path = folder / "annotations.json"
        if not path.is_file():
            raise FileNotFoundError(f"data {folder}: expected annotations.json in it, got no such file")
        sources = _dense_sources(folder, AnnotationFile(path))
        people += sum(len(source.boxes) for source in sources)
        found += sources
    for name in annotations:
        file, where = AnnotationFile(name), ImageFolder(images, name)
        for row, sample in enumerate(file):
            boxes = [p.box for p in sample.people if _has_points(p)]
            if boxes:
                people += 1
                found.append(SparseSource(file, row, where, np.array(boxes, np.float64)))
    if not people:
        names = ", ".join([*folders, *annotations])
        raise ValueError(f"{names}: expected images with annotated people, got none")
    return found


def file_atlas(file: AnnotationFile) -> str:
    """The atlas of the labels: `odp_atlas` in the file's info; else odp24 for a file of ours, or smpl24."""
    info = file.head.get("info") or {}
    ours = any(key.startswith("odp_") for key in info) or (file.path.parent / "dense").is_dir()
    return str(info.get("odp_atlas") or ("odp24" if ours else "smpl24"))


def find_atlas(folders: Sequence[str], annotations: Sequence[str]) -> str:
    """The `file_atlas` of the labels; ValueError where files differ."""
    found = {}
    for path in [*(Path(folder) / "annotations.json" for folder in folders), *map(Path, annotations)]:
        found[file_atlas(AnnotationFile(path))] = path
    if len(found) > 1:
        got = ", ".join(f"{atlas} in {path}" for atlas, path in found.items())
        raise ValueError(f"data, annotations: expected labels of one atlas, got {got}")
    return next(iter(found))


def _dense_sources(folder: Path, file: AnnotationFile) -> list[DenseSource]:
    filled = bool(file.head.get("info", {}).get("odp_filled"))
    alarms = _read_alarms(folder / ALARMS)
    sources = []
    for sample in file:
        stem = Path(sample.file_name).stem
        iuv, instance = dense_paths(folder / "dense", stem)
        people, points = {}, []
        for person in sample.people:
            if person.instance is None:
                continue
            keypoints = person.keypoints
            kind = (FILLED if _has_points(person) else UNLABELLED) if filled else DENSE
            people[person.instance] = P.Person(kind, keypoints)
            if kind == FILLED:
                points.append(_points(person, person.instance))
        boxes = np.array([p.box for p in sample.people], np.float64).reshape(-1, 4)
        image = folder / "images" / sample.file_name
        seen = alarms.get(sample.image_id, NO_BOXES)
        sources.append(DenseSource(image, iuv, instance, boxes, people, P.Points.joined(points), seen))
    return sources


def _read_alarms(path: Path) -> dict[int, NDArray[np.float64]]:
    """Boxes [N, 4] xyxy by image of a results file; none without the file, InputError for a broken one."""
    if not path.is_file():
        return {}
    corners = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]])  # of x, y, width, height
    by_image = Results(path).by_image
    return {image: np.array([seen.box for seen in found]) @ corners for image, found in by_image.items()}


def from_sample(sample: Sample, image: NDArray[np.uint8]) -> P.Picture:
    """The picture of an annotated image: coarse labels and people as rasters, points and keypoints.

    Where people overlap the smaller one is on top. Crowds are nobody. Raises InputError for broken masks.
    """
    size = image.shape[:2]
    coarse, instance = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    people, points = {}, []
    for number, person in enumerate(listed_people(sample), start=1):
        try:
            labels, mask = _rasters(person, size)
        except ValueError as error:
            raise InputError(f"{sample.file_name}: annotation {person.id}: {error}") from None
        instance[mask] = number
        coarse[mask] = labels[mask]
        kind = SPARSE if _has_points(person) else UNLABELLED
        people[number] = P.Person(kind, person.keypoints)
        if kind == SPARSE:
            points.append(_points(person, number))
    chart = np.where(instance > 0, UNKNOWN, 0).astype(np.uint8)
    uv = np.zeros((2, *size), np.uint8)
    return P.Picture(image, chart, uv, instance, coarse, people, P.Points.joined(points))


def listed_people(sample: Sample) -> list[Person]:
    """The people of an image in the order of their numbers (from 1): large ones first, no crowds."""
    listed = [p for p in sample.people if not p.iscrowd and (p.box[2:] > p.box[:2]).all()]
    return sorted(listed, key=lambda p: -float(np.prod(p.box[2:] - p.box[:2])))[:MOST]


def _rasters(person: Person, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Coarse labels and mask [H, W]: of the part masks, else of the segmentation, else the whole box."""
    labels = np.zeros(size, np.uint8)
    (x0, y0, x1, y1), (height, width) = person.box, size
    columns = np.arange(max(int(x0), 0), min(int(np.ceil(x1)), width))
    rows = np.arange(max(int(y0), 0), min(int(np.ceil(y1)), height))
    grid = person.part_labels()
    if grid is not None and grid.any():
        across = np.round((columns + 0.5 - x0) / (x1 - x0) * (GRID - 1)).clip(0, GRID - 1).astype(int)
        down = np.round((rows + 0.5 - y0) / (y1 - y0) * (GRID - 1)).clip(0, GRID - 1).astype(int)
        labels[np.ix_(rows, columns)] = grid[np.ix_(down, across)]
        return labels, labels > 0
    mask = person.mask(size)
    if mask is None:
        mask = np.zeros(size, bool)
        mask[np.ix_(rows, columns)] = True
    return mask.astype(np.uint8), mask


def _has_points(person: Person) -> bool:
    return person.points is not None and len(person.points.chart) > 0 and not person.iscrowd


def _points(person: Person, number: int) -> P.Points:
    points = person.points
    assert points is not None
    own = np.full(len(points.chart), number, np.uint8)
    return P.Points(own, points.xy.astype(np.float32), points.chart, points.uv.astype(np.float32))


def _read(path: Path, mode: int = cv2.IMREAD_UNCHANGED) -> NDArray[Any]:
    array = cv2.imread(str(path), mode)
    if array is None:
        raise FileNotFoundError(f"{path}: expected a readable picture, got none")
    return array
