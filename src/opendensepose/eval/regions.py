"""Ignore regions (PoseTrack): parts of an image in which nobody is counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opendensepose.eval.fields import Box
from opendensepose.eval.masks import polygons
from opendensepose.eval.rules import REFERENCE, Rules
from opendensepose.eval.truth import TruthImage

TRUTH_SHARE = 0.7  # of an annotation's box inside the region: the person is dropped
DETECTION_SHARE = 0.9  # of a detection's mask inside the region: it is dropped


def region_mask(image: TruthImage, where: str) -> NDArray[np.bool_] | None:
    """The union of an image's ignore regions [H, W]; None where it has none."""
    from pycocotools import mask as coco

    if not image.ignore_regions:
        return None
    size = (image.height, image.width)
    shapes = polygons(image.ignore_regions, size, f"{where}: image {image.id}: ignore_regions")
    if not shapes:
        return np.zeros(size, bool)
    return np.asarray(coco.decode(coco.merge(shapes)), bool)


def keeps_annotation(region: NDArray[np.bool_], box: Box, rules: Rules = REFERENCE) -> bool:
    """Whether a person with this box counts: no box without area, and less than 70 % of it in the region."""
    part, (w, h) = _part(region, box, rules)
    if w * h == 0:
        return False
    return not part.any() or bool(part.sum() / w / h < TRUTH_SHARE)


def keeps_detection(
    region: NDArray[np.bool_],
    box: Box,
    labels: NDArray[np.uint8],  # [h, w] of the map
    rules: Rules = REFERENCE,
) -> bool:
    """Whether a detection counts: no box without area, and less than 90 % of its mask in the region.

    One whose box leaves the image (its part of the region is not of the map's size) always counts, and so
    does an empty map.
    """
    part, (w, h) = _part(region, box, rules)
    if w * h == 0:
        return False
    if not part.any() or part.shape != labels.shape or not labels.any():
        return True
    body = labels > 0
    return bool((body & part).sum() / body.sum() < DETECTION_SHARE)


def _part(region: NDArray[np.bool_], box: Box, rules: Rules) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """The region under the box, truncated to integers, and the box's size.

    Quirk `wrapping_regions`: negative starts count from the end, as in Python's slices, so usually nothing
    is left.
    """
    x, y, w, h = (int(n) for n in box)
    rows, columns = min(y + h, region.shape[0]), min(x + w, region.shape[1])
    if not rules.wrapping_regions:
        x, y, rows, columns = (max(n, 0) for n in (x, y, rows, columns))
    return region[y:rows, x:columns], (w, h)
