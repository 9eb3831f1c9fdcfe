"""Who may be in a photo: a detector's people, seen at up to three sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.boxes import distinct
from opendensepose.runtime.fast import FastSession
from opendensepose.runtime.preprocess import coarser, preprocess
from opendensepose.runtime.session import Session

FARTHER, CLOSER = 0.5, 1.5  # sizes of two more images against the usual one: for large and for small people
WORTH = 1.2  # an image that is less than so much larger than another shows nothing new
# who is taken from which image, by the longer side in its pixels; of somebody in several the better is kept
SHORTEST = 96  # of the smallest image, where there are others
LONGEST = 256  # of all but the smallest
Found = tuple[NDArray[np.float32], NDArray[np.float32]]  # boxes [N, 4] xyxy of the photo, scores [N]


class Finder:
    """A detector without maps for others, with the sizes at which it sees a photo."""

    def __init__(self, detector: Session | FastSession, size: dict[str, Any], most: int, same: float) -> None:
        """`size`: what `preprocess` takes; of boxes that meet with IoU `same` the better is kept."""
        self._detector, self._most, self._same = detector, most, same
        self._sizes = [
            size | {key: round(factor * size[key]) for key in ("short", "long")}
            for factor in (FARTHER, 1, CLOSER)
        ]

    def __call__(self, picture: NDArray[np.uint8], least: float) -> Found:
        """People of a photo [H, W, 3] with a score of `least` or more, best first, none of them empty."""
        smallest, *others = self.images(picture)
        parts = [self._see(picture, smallest, least, shortest=SHORTEST if others else 0)]
        parts += [self._see(picture, image, least, longest=LONGEST) for image in others]
        boxes, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.argsort(-scores, kind="stable")
        order = order[distinct(boxes[order], self._same)][: self._most]
        return boxes[order], scores[order]

    def images(self, picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """What the detector sees of a photo, smallest first: up to three images, by its pixels."""
        source = coarser(picture, min(picture.shape[:2]) / self._sizes[-1]["short"])
        farther, usual, closer = (preprocess(picture, **size, source=source) for size in self._sizes)
        images = [farther, usual] if len(usual) >= WORTH * len(farther) else [usual]
        return [*images, closer] if len(closer) >= WORTH * len(usual) else images

    def _see(
        self,
        picture: NDArray[np.uint8],
        image: NDArray[np.uint8],
        least: float,
        *,
        shortest: float = 0.0,
        longest: float = np.inf,
    ) -> Found:
        """People with a score of `least` or more, the longer side shortest..longest pixels of the image."""
        found = self._detector.run({"image": image})
        size, seen = (np.array(a.shape[1::-1] * 2, np.float32) for a in (picture, image))
        scale = size / seen  # two factors: sides are whole pixels
        boxes = np.clip(found["boxes"] * scale, 0, size)
        sides = boxes[:, 2:] - boxes[:, :2]
        long = (sides / scale[:2]).max(1)
        keep = (found["scores"] >= least) & (sides > 0).all(1) & (long >= shortest) & (long <= longest)
        return boxes[keep], found["scores"][keep]
