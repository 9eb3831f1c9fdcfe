"""A head start: the shipped model's part regions as polygons, for the annotator to correct."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.annotate.project import Project
from opendensepose.annotate.store import Person, Photo
from opendensepose.io.image import read_image
from opendensepose.surface.parts import FINE_TO_COARSE

_LEAST = 0.002  # of the box: smaller islands are left out
_SMOOTH = 0.004  # of the box: how far an outline may be from the region's


@lru_cache(maxsize=1)
def _predictor() -> Any:
    from opendensepose.runtime import load

    return load()


def propose(project: Project, photo: Photo, person: Person) -> list[dict[str, Any]]:
    """Polygons of the parts that the model sees in a person's box: shapes without keys."""
    result = _predictor()(read_image(project.path(photo)), boxes=[person.box])
    if not len(result):
        return []
    dense = result.dense[0]
    return outlines(FINE_TO_COARSE[dense.labels], (dense.box[0], dense.box[1]))


def outlines(
    labels: NDArray[np.uint8],  # [h, w] 0..14
    origin: tuple[int, int],  # x, y of the first pixel in the picture
) -> list[dict[str, Any]]:
    """Polygons round the regions of each part, in pixels of the picture."""
    shapes = []
    size = max(labels.shape)
    for part in range(1, 15):
        # twice as large, so that an outline runs along the pixels' borders and not through their centres
        mask = np.kron((labels == part).astype(np.uint8), np.ones((2, 2), np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for contour in contours:
            if cv2.contourArea(contour) < 4 * _LEAST * labels.size:
                continue
            corners = cv2.approxPolyDP(contour, 2 * max(_SMOOTH * size, 0.5), True)[:, 0]
            if len(corners) >= 3:
                places = (corners + 0.5) / 2 + np.array(origin)
                points = [[round(float(x), 2), round(float(y), 2)] for x, y in places]
                shapes.append({"part": part, "tool": "polygon", "points": points, "width": 1.0})
    return shapes
