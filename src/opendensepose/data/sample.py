"""The one type of annotated images: what DensePose-COCO or DensePose-PoseTrack files say about one image.

Everything here is in pixels of the image: boxes xyxy, keypoints, surface points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.types import SurfacePoints
from opendensepose.data.rle import decode_mask, encode_labels, polygon_mask

GRID = 256  # side of the part masks
COARSE_PARTS = 14
PERSON = 1  # category id
RLE = dict[str, Any]  # {"size": [H, W], "counts": str | list[int]}


@dataclass(frozen=True)
class Person:
    """One annotated person; what the file does not say is None."""

    id: int
    box: NDArray[np.float64]  # [4] xyxy, pixels
    segmentation: RLE | list[list[float]] | None = None  # as in the file: an RLE or polygons x0, y0, ...
    keypoints: NDArray[np.float32] | None = None  # [17, 3] x, y, visibility: 0 unlabelled, 1 hidden, 2 seen
    parts: tuple[RLE | None, ...] | None = None  # 14 RLEs of 256 x 256 over the box, as COARSE_NAMES[1:]
    points: SurfacePoints | None = None
    area: float | None = None  # pixels; None: the box's
    iscrowd: bool = False
    instance: int | None = None  # number in the dense truth's instance picture
    track_id: int | None = None  # the same person in the frames of one video
    extra: dict[str, Any] = field(default_factory=dict)  # keys that we do not interpret, kept as they are
    # the annotation as the file has it: what is not changed is written as it was read
    source: bytes | None = field(default=None, repr=False, compare=False)

    def mask(self, size: tuple[int, int]) -> NDArray[np.bool_] | None:
        """Segmentation [H, W] in an image of `size` (H, W), or None when the file has none.

        Raises ValueError for a broken one, or an RLE of another size.
        """
        if not self.segmentation:
            return None
        if isinstance(self.segmentation, dict):
            mask = decode_mask(self.segmentation)
            if mask.shape != size:
                raise ValueError(f"segmentation: expected a mask of {size}, got {mask.shape}")
            return mask
        return polygon_mask(self.segmentation, size)

    def part_labels(self) -> NDArray[np.uint8] | None:
        """Coarse labels [256, 256] (0 background, 1..14) over the box, or None when the file has none.

        Raises ValueError for a broken mask, or one of another size.
        """
        if self.parts is None:
            return None
        labels = np.zeros((GRID, GRID), np.uint8)
        for number, rle in enumerate(self.parts, start=1):
            if rle is not None:
                mask = decode_mask(rle)
                if mask.shape != labels.shape:
                    got = f"{mask.shape[0]} x {mask.shape[1]}"
                    raise ValueError(f"mask {number} of dp_masks: expected {GRID} x {GRID}, got {got}")
                labels[mask] = number
        return labels


@dataclass(frozen=True)
class Sample:
    """One image of an annotation file and its people; a frame of a video in PoseTrack's files."""

    image_id: int
    file_name: str
    size: tuple[int, int] | None = None  # height, width; None: the file does not say (PoseTrack's do not)
    people: tuple[Person, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)  # further keys of the image, as in the file
    others: tuple[dict[str, Any], ...] = ()  # annotations of other categories, as in the file

    @property
    def video(self) -> str | None:
        """PoseTrack's `vid_id`, or None for a single picture."""
        return None if self.extra.get("vid_id") is None else str(self.extra["vid_id"])

    @property
    def frame(self) -> int:
        """PoseTrack's `frame_id`, which orders the frames of a video; the image's id where there is none."""
        number = self.extra.get("frame_id")
        return number if isinstance(number, int) else self.image_id

    @property
    def labelled(self) -> bool:
        """Whether people of this frame were annotated at all (PoseTrack's `is_labeled`)."""
        return bool(self.extra.get("is_labeled", True))

    @property
    def ignored(self) -> list[NDArray[np.float64]]:
        """Polygons [N, 2] (x, y in pixels) in which nobody was annotated: PoseTrack's `ignore_regions_x/y`.

        Raises ValueError where the two lists do not fit.
        """
        xs, ys = (self.extra.get(f"ignore_regions_{axis}") or [] for axis in "xy")
        try:
            if xs and not isinstance(xs[0], list):
                xs, ys = [xs], [ys]  # one region, without its list
            regions = [np.stack([x, y], 1).astype(np.float64) for x, y in zip(xs, ys, strict=True)]
        except (TypeError, ValueError, OverflowError, LookupError) as error:
            raise ValueError(f"ignore_regions_x/y: expected lists of equal form, got {error}") from None
        return [region for region in regions if len(region) >= 3]


def encode_parts(labels: NDArray[np.uint8], box: NDArray[Any]) -> tuple[RLE | None, ...]:
    """The 14 part masks of one person from coarse labels [H, W] (0..14) of the image and its box [4] xyxy."""
    height, width = labels.shape
    x0, y0, x1, y1 = (float(n) for n in box)
    grid = np.arange(GRID) / (GRID - 1)
    columns = np.clip(np.floor(x0 + grid * (x1 - x0)), 0, min(width, np.ceil(x1)) - 1).astype(int)
    rows = np.clip(np.floor(y0 + grid * (y1 - y0)), 0, min(height, np.ceil(y1)) - 1).astype(int)
    patch = labels[rows[:, None], columns]
    present = np.bincount(patch.ravel(), minlength=COARSE_PARTS + 1)[1:] > 0
    rles = encode_labels(patch, COARSE_PARTS)
    return tuple(rle if here else None for rle, here in zip(rles, present, strict=True))
