"""What a net on crops sees of people: maps of the windows around them, boxes fitted to the bodies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.boxes import iou
from opendensepose.core.crops import body_box, person_window
from opendensepose.io.modelfile import CERTAINTY
from opendensepose.runtime.fast import FastSession
from opendensepose.runtime.mirror import ATLAS, averaged, mirrored
from opendensepose.runtime.odds import agreed
from opendensepose.runtime.preprocess import cut_out
from opendensepose.runtime.session import Session

SEEN = -0.1  # logit of a cell being of the body (as the graph leans it), from which boxes are fitted to it
FITS = 0.9  # IoU of a box and of the body seen in it, from which it is left as it is
Arrays = dict[str, NDArray]


class Looks:
    """A dense graph that reads crops, with the crops that it wants."""

    def __init__(self, dense: Session | FastSession, crop: dict[str, Any], atlas: str) -> None:
        self._dense, self._fill = dense, crop["fill"]
        self._canvas = crop["height"], crop["width"]
        self._mirrors = atlas == ATLAS

    def __call__(
        self, picture: NDArray[np.uint8], people: NDArray[np.float32], *, fit: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.uint8], Arrays]:
        """Windows [N, 4] x, y, w, h around the people [N, 4] xyxy, their crops [N, H, W, 3], and the maps.

        With `fit` boxes that do not fit the body seen in them are moved, in place, and looked at once more.
        """
        windows, crops, maps = self._see(picture, people)
        if not fit:
            return windows, crops, maps
        size = np.array(picture.shape[1::-1] * 2, np.float32)
        body = maps["coarse"][:, 1:].max(1) - maps["coarse"][:, 0] > SEEN
        fitted = [body_box(*seen) for seen in zip(body, windows, people, strict=True)]
        better = np.clip(np.array(fitted), 0, size)
        moved = (iou(better, people).diagonal() < FITS) & (better[:, 2:] > better[:, :2]).all(1)
        if moved.any():
            people[moved] = better[moved]
            windows[moved], crops[moved], second = self._see(picture, people[moved])
            for name, values in second.items():
                maps[name][moved] = values
        return windows, crops, maps

    def in_mirror(self, crops: NDArray[np.uint8]) -> Arrays:
        """What the mirror images of crops [N, H, W, 3] show: left and right are theirs, not the crops'."""
        return self._dense.run({"crops": np.ascontiguousarray(crops[:, :, ::-1])})

    def ask_mirror(self, crops: NDArray[np.uint8], maps: Arrays, asked: NDArray[np.bool_]) -> None:
        """Average, in place, the maps [N, ...] of those `asked` [N] with what the mirrored crops show.

        Of the certainty it is the geometric mean of the odds. All stays for an atlas whose mirror is no
        simple rule.
        """
        if not self._mirrors or not asked.any():
            return
        seen = self.in_mirror(crops[asked])
        first = {name: values[asked] for name, values in maps.items()}
        sure, surer = first.pop(CERTAINTY, None), seen.pop(CERTAINTY, None)
        both = averaged(first, mirrored({name: seen[name] for name in first}))
        if sure is not None and surer is not None:
            both[CERTAINTY] = agreed(sure, surer)
        for name, values in both.items():
            maps[name][asked] = values

    def _see(
        self, picture: NDArray[np.uint8], people: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint8], Arrays]:
        windows = np.array([person_window(box, self._canvas, self._fill) for box in people])
        crops = np.stack([cut_out(picture, tuple(window), self._canvas) for window in windows.tolist()])
        return windows, crops, self._dense.run({"crops": crops})
