"""Similarities of all detections and annotations, image by image: GPS, mask IoU and box IoU.

Images are worked on some at a time: enough for long arrays, few enough that any data set fits in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.eval import masks, regions
from opendensepose.eval.fields import Box
from opendensepose.eval.gps import gps, point_similarity
from opendensepose.eval.points import distances, locate, read_map
from opendensepose.eval.results import Detection, Results
from opendensepose.eval.rules import REFERENCE, Rules
from opendensepose.eval.truth import Annotation, Truth, TruthImage
from opendensepose.io.files import InputError
from opendensepose.surface.sampled import SampledSurface

_IMAGES_AT_ONCE = 100
_MAP_BYTES_AT_ONCE = 1 << 27  # fewer images where maps are large
FOUND_IOU = 0.5  # box IoU from which a person counts as found, for pointwise errors

Maps = dict[int, NDArray[np.uint8]]  # by the detection's number: [h, w, 3] part label, U, V


@dataclass(eq=False)
class Group:
    """One category in one image: D kept detections by falling score, G kept annotations in file order."""

    image_id: int
    category: int
    annotations: list[Annotation]
    detections: list[Detection]
    ignored: NDArray[np.bool_]  # [G]
    gps: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))  # [D, G]
    mask_iou: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    box_iou: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    rles: list[dict[str, Any]] = field(
        default_factory=list
    )  # [D] the detections' masks in the image, if kept
    errors: list[PointErrors] = field(default_factory=list)  # of annotations that are not ignored


@dataclass(frozen=True, eq=False)
class PointErrors:
    """The points of one annotated person, measured on the detection that found the person."""

    annotation: int  # id
    detection: int | None  # number in the results file; None: nobody found the person
    gps: float
    chart: NDArray[np.uint8]  # [P] annotated
    distance: NDArray[np.float32]  # [P] metres; infinite: background, or the person is missed


def score(
    truth: Truth,
    results: Results,
    surface: SampledSurface,
    categories: Sequence[int],
    rules: Rules = REFERENCE,
    *,
    keep_masks: bool = False,
) -> Iterator[Group]:
    """Groups of all images by rising id, and categories in the given order; raises InputError.

    `keep_masks`: with the detections' masks as RLEs. A group without detections and annotations is left out.
    """
    unknown = results.by_image.keys() - truth.images.keys()
    if unknown:
        first = min((d for image in unknown for d in results.by_image[image]), key=lambda d: d.number)
        raise InputError(
            f"{results.path}: entry {first.number}: key 'image_id': expected an image of {truth.path}, "
            f"got {first.image_id}"
        )
    batch: list[tuple[Group, TruthImage]] = []
    maps: Maps = {}
    for count, image_id in enumerate(sorted(truth.images), 1):
        image = truth.images[image_id]
        batch += [(group, image) for group in _groups(image, results, categories, maps, truth, rules)]
        full = sum(m.nbytes for m in maps.values()) > _MAP_BYTES_AT_ONCE
        if full or count % _IMAGES_AT_ONCE == 0 or count == len(truth.images):
            _fill_gps(batch, maps, surface, rules)
            _fill_iou(batch, maps, truth, keep_masks)
            yield from (group for group, _ in batch)
            batch, maps = [], {}


def _groups(
    image: TruthImage,
    results: Results,
    categories: Sequence[int],
    maps: Maps,
    truth: Truth,
    rules: Rules,
) -> Iterator[Group]:
    """Choose who takes part in one image, and read the maps of the chosen detections."""
    found = results.by_image.get(image.id, [])
    region = None
    if any(image.annotations.get(c) for c in categories):
        region = regions.region_mask(image, str(truth.path))
    for category in categories:
        annotations = image.annotations.get(category, [])
        detections = [d for d in found if d.category == category]
        read: Maps = {}
        if region is not None:
            annotations = [a for a in annotations if regions.keeps_annotation(region, a.box, rules)]
            read = {d.number: results.map(d) for d in detections}
            detections = [
                d for d in detections if regions.keeps_detection(region, d.box, read[d.number][..., 0], rules)
            ]
        detections = sorted(detections, key=lambda d: -d.score)[: rules.max_detections]  # stable
        if annotations or detections:
            for d in detections:
                maps[d.number] = read[d.number] if d.number in read else results.map(d)
            ignored = np.array([_is_ignored(a, rules) for a in annotations], bool)
            yield Group(image.id, category, annotations, detections, ignored)


def _is_ignored(annotation: Annotation, rules: Rules) -> bool:
    """Whether a person is neither to be found nor wrong to be found: has no dense annotation."""
    if annotation.points is None:
        return True
    if not rules.empty_points_scored and len(annotation.points.chart) == 0:
        return True
    if not rules.crowd_is_scored and annotation.crowd:
        return True
    return not rules.overwrite_ignore and annotation.ignore


def _fill_gps(
    batch: list[tuple[Group, TruthImage]], maps: Maps, surface: SampledSurface, rules: Rules
) -> None:
    """GPS of every pair, and each person's point errors."""
    people = locate([a for group, _ in batch for a in group.annotations], surface)
    read, places, counts, first = [], [], [], 0
    lengths = np.diff(people.starts)
    for group, _ in batch:
        counts += [lengths[first : first + len(group.annotations)]] * len(group.detections)
        own = people.range(first, first + len(group.annotations))
        for detection in group.detections:
            read.append(read_map(maps[detection.number], detection.box, people, own, rules))
            places.append(np.arange(own.start, own.stop))
        first += len(group.annotations)
    place = np.concatenate(places) if places else np.zeros(0, np.int64)
    labels = np.concatenate(read) if read else np.zeros((0, 3), np.uint8)
    distance = distances(labels, people.vertex[place], surface)
    # pairs are numbered in the order of their points: detection after detection, annotation after annotation
    count = np.concatenate(counts) if counts else np.zeros(0, np.int64)
    pair = np.repeat(np.arange(len(count)), count)
    similarity = point_similarity(
        distance, surface.kappa[people.chart[place]], pair, single_precision=rules.single_precision
    )
    values = gps(similarity, pair, len(count))
    ends = np.append(0, np.cumsum(count))
    at = first = 0
    for group, _ in batch:
        shape = len(group.detections), len(group.annotations)
        group.gps = values[at : at + shape[0] * shape[1]].reshape(shape)
        group.box_iou = box_iou(group.detections, group.annotations)
        numbers = [people.chart[people.range(first + g, first + g + 1)] for g in range(shape[1])]
        group.errors = _point_errors(group, numbers, distance, ends, at)
        at += shape[0] * shape[1]
        first += shape[1]


def _point_errors(
    group: Group,
    charts: list[NDArray[np.uint8]],  # [G] of each annotation
    distance: NDArray[np.float32],
    ends: NDArray[np.int64],  # where each pair's distances end
    first_pair: int,
) -> list[PointErrors]:
    """The errors of each person who is to be found, on the best-scored detection with box IoU >= 0.5."""
    finder = found_by(np.where(group.ignored, 0, group.box_iou))
    errors = []
    for g, annotation in enumerate(group.annotations):
        if group.ignored[g]:
            continue
        d = int(finder[g])
        if d < 0:
            lost = np.full(len(charts[g]), np.inf, np.float32)
            errors.append(PointErrors(annotation.id, None, 0.0, charts[g], lost))
            continue
        pair = first_pair + d * len(group.annotations) + g
        own = distance[ends[pair] : ends[pair + 1]].copy()
        number = group.detections[d].number
        errors.append(PointErrors(annotation.id, number, float(group.gps[d, g]), charts[g], own))
    return errors


def found_by(table: NDArray[np.float64], least: float = FOUND_IOU) -> NDArray[np.int64]:
    """Which detection [G] finds each annotation, -1 = none: by score, the best free one from `least` on."""
    finder = np.full(table.shape[1], -1)
    for d, row in enumerate(table):
        free = np.where(finder < 0, row, -1.0)
        if len(free) and free.max() >= least:
            finder[free.argmax()] = d
    return finder


def _fill_iou(batch: list[tuple[Group, TruthImage]], maps: Maps, truth: Truth, keep_masks: bool) -> None:
    """Mask IoU of every pair."""
    needed = [(a, image) for group, image in batch if group.detections for a in group.annotations]
    drawn = {}
    for a, image in needed:
        if a.parts is None:
            drawn[a.id] = masks.of_rle(masks.segmentation_rle(a, image, str(truth.path)))
        else:
            drawn[a.id] = masks.stretched(masks.part_union(a), a.box, (image.height, image.width))
    for group, image in batch:
        size = image.height, image.width
        own = [masks.detection_mask(maps[d.number][..., 0], d.box, size) for d in group.detections]
        table = [[masks.overlap(d, drawn[a.id], a.crowd) for a in group.annotations] for d in own]
        group.mask_iou = np.array(table, np.float64).reshape(len(own), len(group.annotations))
        if keep_masks:
            group.rles = [masks.to_rle(mask, size) for mask in own]


def box_iou(detections: Sequence[Detection], annotations: Sequence[Annotation]) -> NDArray[np.float64]:
    """[D, G] IoU of boxes; of a crowd the intersection by the detection's own area."""
    from pycocotools import mask as coco

    if not detections or not annotations:
        return np.zeros((len(detections), len(annotations)))
    boxes: list[list[Box]] = [[d.box for d in detections], [a.box for a in annotations]]
    a, b = (np.array(side, np.float64) for side in boxes)
    return np.nan_to_num(np.asarray(coco.iou(a, b, [a.crowd for a in annotations]), np.float64))
