"""The person's crop in tiles of several sizes, so that photos of any size zoom smoothly."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from opendensepose.io.image import read_image

TILE = 512  # pixels per side
MARGIN = 0.2  # of the box, around it
_LEAST = 24  # pixels of margin at least
_QUALITY = 90


@dataclass(frozen=True)
class Crop:
    """The part of a photo that is shown for a person, in whole pixels, and its pyramid.

    Level 0 is the photo's own resolution; each further level is half as large, down to one tile.
    """

    x: int
    y: int
    width: int
    height: int

    @staticmethod
    def around(box: tuple[float, float, float, float], size: tuple[int, int]) -> Crop:
        """The crop for a box (xyxy) of a photo of (height, width)."""
        mx, my = (max(_LEAST, MARGIN * (b - a)) for a, b in ((box[0], box[2]), (box[1], box[3])))
        x0, y0 = int(max(box[0] - mx, 0)), int(max(box[1] - my, 0))
        x1, y1 = int(min(np.ceil(box[2] + mx), size[1])), int(min(np.ceil(box[3] + my), size[0]))
        return Crop(x0, y0, max(x1 - x0, 1), max(y1 - y0, 1))

    @property
    def levels(self) -> int:
        """How many levels there are."""
        return max(0, int(np.ceil(np.log2(max(self.width, self.height) / TILE)))) + 1

    def grid(self, level: int) -> tuple[int, int]:
        """Columns and rows of tiles of a level."""
        return tuple(-(-(-(-side >> level) or 1) // TILE) for side in (self.width, self.height))  # type: ignore[return-value]


def tile_file(cache: Path, photo: Path, crop: Crop, level: int, column: int, row: int) -> Path | None:
    """The JPEG of one tile, made with the crop's others when first asked for; None where there is none."""
    if not 0 <= level < crop.levels:
        return None
    columns, rows = crop.grid(level)
    if not (0 <= column < columns and 0 <= row < rows):
        return None
    folder = cache / f"{photo.stem}-{crop.x}-{crop.y}-{crop.width}-{crop.height}"
    if not folder.is_dir():
        _cut(folder, photo, crop)
    return folder / f"{level}_{column}_{row}.jpg"


def _cut(folder: Path, photo: Path, crop: Crop) -> None:
    """Write all tiles of a crop; whoever is first to finish wins."""
    whole = read_image(photo)
    image: Any = whole[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
    beside = folder.with_name(f".{uuid.uuid4().hex}")
    beside.mkdir(parents=True)
    for level in range(crop.levels):
        if level:
            size = max(1, -(-crop.width >> level)), max(1, -(-crop.height >> level))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        columns, rows = crop.grid(level)
        for column in range(columns):
            for row in range(rows):
                part = image[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE, ::-1]
                _, data = cv2.imencode(".jpg", part, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
                (beside / f"{level}_{column}_{row}.jpg").write_bytes(data.tobytes())
    try:
        beside.rename(folder)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
