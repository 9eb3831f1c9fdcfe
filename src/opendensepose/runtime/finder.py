"""Who may be in a photo: a detector's people, seen at two sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.boxes import distinct
from opendensepose.runtime.fast import FastSession
from opendensepose.runtime.preprocess import preprocess
from opendensepose.runtime.session import Session

CLOSER = 1.5  # how much larger the second image is: small people are seen in it
WORTH = 1.2  # a second image that is less than so much larger than the first shows nothing new
Found = tuple[NDArray[np.float32], NDArray[np.float32]]  # boxes [N, 4] xyxy of the photo, scores [N]


class Finder:
    """A detector without maps for others, with the sizes at which it sees a photo."""

    def __init__(self, detector: Session | FastSession, size: dict[str, Any], most: int, same: float) -> None:
        """`size`: what `preprocess` takes; of boxes that meet with IoU `same` the better is kept."""
        self._detector, self._most, self._same = detector, most, same
        closer = {key: round(CLOSER * size[key]) for key in ("short", "long")}
        self._sizes = size, size | closer

    def __call__(self, picture: NDArray[np.uint8], least: float) -> Found:
        """People of a photo [H, W, 3] with a score of `least` or more, best first, none of them empty."""
        parts = [self._see(picture, image, least) for image in self.images(picture)]
        boxes, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.argsort(-scores, kind="stable")
        order = order[distinct(boxes[order], self._same)][: self._most]
        return boxes[order], scores[order]

    def images(self, picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """What the detector sees of a photo: the usual image, and a larger one where it has the pixels."""
        usual, closer = (preprocess(picture, **size) for size in self._sizes)
        return [usual, closer] if len(closer) >= WORTH * len(usual) else [usual]

    def _see(self, picture: NDArray[np.uint8], image: NDArray[np.uint8], least: float) -> Found:
        found = self._detector.run({"image": image})
        size, seen = (np.array(a.shape[1::-1] * 2, np.float32) for a in (picture, image))
        boxes = np.clip(found["boxes"] * (size / seen), 0, size)  # two factors: sides are whole pixels
        keep = (found["scores"] >= least) & (boxes[:, 2:] > boxes[:, :2]).all(1)
        return boxes[keep], found["scores"][keep]
