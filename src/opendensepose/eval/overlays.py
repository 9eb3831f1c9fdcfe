"""Single people to look at: the annotated points coloured by error, and the detection that was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.core.types import CHARTS, DenseMap, Result
from opendensepose.eval.fields import Box
from opendensepose.eval.figures import error_colour
from opendensepose.eval.results import Detection, Results
from opendensepose.eval.scoring import Group, PointErrors
from opendensepose.eval.truth import Annotation, Truth, TruthImage
from opendensepose.io.files import InputError
from opendensepose.io.image import read_image
from opendensepose.viz.overlay import draw

HEIGHT = 260  # pixels of a picture
_WIDEST = 340
_PAPER = 236  # grey of a picture that is not there


@dataclass(frozen=True, eq=False)
class Case:
    """One annotated person with the detection that found them, if any."""

    image: TruthImage
    annotation: Annotation
    errors: PointErrors
    detection: Detection | None

    @property
    def title(self) -> str:
        return f"{self.image.file_name or f'image {self.image.id}'}, annotation {self.annotation.id}"


class View(NamedTuple):
    """A part of a photo and how large it is shown."""

    corner: NDArray[np.float64]  # [2] pixels of the photo: upper left
    scale: float  # pixels of the picture per pixel of the photo
    width: int  # of the picture


def worst(truth: Truth, groups: Sequence[Group], count: int) -> tuple[list[Case], list[Case]]:
    """The `count` people found with the lowest GPS, and the largest of those whom nobody found."""
    cases = []
    for group in groups:
        annotations = {a.id: a for a in group.annotations}
        detections = {d.number: d for d in group.detections}
        for e in group.errors:
            finder = None if e.detection is None else detections[e.detection]
            cases.append(Case(truth.images[group.image_id], annotations[e.annotation], e, finder))
    found = [c for c in cases if c.detection is not None]
    missed = [c for c in cases if c.detection is None]
    found.sort(key=lambda c: (c.errors.gps, c.annotation.id))
    missed.sort(key=lambda c: (-c.annotation.area, c.annotation.id))
    return found[:count], missed[:count]


def pictures(case: Case, results: Results, images: Path | None) -> list[NDArray[np.uint8]]:
    """The person with points coloured by error, and with the detection's parts: crops [HEIGHT, *, 3] RGB.

    Without the photo (`images` is None, or it cannot be read) on grey paper.
    """
    view = _view(case)
    photo = _photo(case.image, images)
    first = _crop(photo, view)
    _draw_box(first, case.annotation.box, view)
    _draw_points(first, case, view)
    if case.detection is None:
        return [first]
    shown = draw(photo, _result(case, case.detection, results), "parts")
    second = _crop(shown, view)
    _draw_box(second, case.detection.box, view)
    return [first, second]


def _photo(image: TruthImage, images: Path | None) -> NDArray[np.uint8]:
    paper = np.full((image.height, image.width, 3), _PAPER, np.uint8)
    if images is None or not image.file_name or not _is_below(images, image.file_name):
        return paper
    try:
        photo = read_image(images / image.file_name)
    except (OSError, InputError):
        return paper
    return photo if photo.shape == paper.shape else paper


def _is_below(folder: Path, name: str) -> bool:
    """Whether a file name of the annotations stays inside the folder: names are not trusted."""
    return (folder / name).resolve().is_relative_to(folder.resolve())


def _view(case: Case) -> View:
    """Both boxes with a margin, no narrower than 0.6 of the height."""
    boxes = [case.annotation.box] + ([case.detection.box] if case.detection else [])
    low = np.min([b[:2] for b in boxes], axis=0)
    high = np.max([(b[0] + b[2], b[1] + b[3]) for b in boxes], axis=0)
    size = high - low + 2 * (0.06 * float(np.max(high - low)) + 4)
    scale = min(HEIGHT / size[1], _WIDEST / size[0])
    width = max(round(size[0] * scale), round(0.6 * HEIGHT))
    corner = (low + high) / 2 - np.array([width, HEIGHT]) / 2 / scale
    return View(corner, float(scale), width)


def _crop(photo: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """What the view shows, [HEIGHT, *, 3]; lighter paper beside the photo."""
    shift = -view.corner * view.scale
    matrix = np.array([[view.scale, 0, shift[0]], [0, view.scale, shift[1]]])
    if view.scale < 0.5:  # else warping would skip pixels
        photo = cv2.blur(photo, (round(1 / view.scale),) * 2).astype(np.uint8)
    shown = cv2.warpAffine(photo, matrix, (view.width, HEIGHT), borderValue=(_PAPER + 12,) * 3)
    return np.asarray(shown, np.uint8)


def _draw_box(picture: NDArray[np.uint8], box: Box, view: View) -> None:
    corners = np.array([box[:2], [box[0] + box[2], box[1] + box[3]]], np.float64)
    (x0, y0), (x1, y1) = np.rint((corners - view.corner) * view.scale).astype(int).tolist()
    for colour, thickness in (((60, 60, 60), 3), ((255, 255, 255), 1)):
        cv2.rectangle(picture, (x0, y0), (x1, y1), colour, thickness)


def _draw_points(picture: NDArray[np.uint8], case: Case, view: View) -> None:
    """A disk for each counted point in the colour of its error; black with a white rim: off the body."""
    points = case.annotation.points
    if points is None:
        return
    x, y, w, h = case.annotation.box
    at = (points.xy[points.chart > 0] * (w, h) / 255 + (x, y) - view.corner) * view.scale
    for place, error in zip(at, case.errors.distance, strict=True):
        lost = not np.isfinite(error)
        centre = np.rint(place * 16).astype(int).tolist()
        rim = (255, 255, 255) if lost else (40, 40, 40)
        fill = error_colour(np.array(error)).tolist()
        cv2.circle(picture, centre, 3 * 16 + 4, rim, -1, cv2.LINE_AA, 4)
        cv2.circle(picture, centre, 2 * 16 + 6, fill, -1, cv2.LINE_AA, 4)


def _result(case: Case, detection: Detection, results: Results) -> Result:
    """The detection as a Result of one person, for drawing."""
    iuv = results.map(detection)
    x, y, w, h = (int(n) for n in detection.box)
    iuv = iuv[: max(h, 1), : max(w, 1)]
    labels = np.where(iuv[..., 0] <= CHARTS, iuv[..., 0], 0).astype(np.uint8)
    uv = (iuv[..., 1:].transpose(2, 0, 1) / 255).astype(np.float32)
    height, width = labels.shape
    dense = DenseMap(labels, uv, (x, y, width, height))
    box = np.array([[x, y, x + width, y + height]], np.float32)
    size = case.image.height, case.image.width
    return Result(box, np.array([detection.score], np.float32), (dense,), size)
