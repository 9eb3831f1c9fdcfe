"""Who is seen where: overlapping people are resolved once, for pictures and files alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.decode import quantise
from opendensepose.core.types import Result


class Visible(NamedTuple):
    """The visible pixels of one person, cut to the image: labels[r, c] is its pixel [top + r, left + c]."""

    number: int  # of the person in the Result
    top: int
    left: int
    labels: NDArray[np.uint8]  # [h, w] chart 0..24; 0 also where another person is in front
    uv: NDArray[np.float32]  # [2, h, w]; meaningless where labels is 0

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the image that the labels cover."""
        h, w = self.labels.shape
        return slice(self.top, self.top + h), slice(self.left, self.left + w)


def visible(result: Result) -> Iterator[Visible]:
    """The visible part of each person, best score first: without what is `hidden`, where the maps know it.

    Where people overlap and they do not, the better score is on top. People wholly outside the image are left
    out. The labels are a copy, the uv a view.
    """
    height, width = result.image_size
    taken = np.zeros((height, width), np.bool_)
    for index in np.argsort(-result.scores, kind="stable"):
        dense = result.dense[index]
        x, y, w, h = dense.box
        top, left, bottom, right = max(y, 0), max(x, 0), min(y + h, height), min(x + w, width)
        if top >= bottom or left >= right:
            continue
        rows, columns = slice(top - y, bottom - y), slice(left - x, right - x)
        labels = dense.labels[rows, columns].copy()
        if dense.hidden is not None:
            labels[dense.hidden[rows, columns]] = 0
        there = taken[top:bottom, left:right]
        labels[there] = 0
        there |= labels > 0
        yield Visible(int(index), top, left, labels, dense.uv[:, rows, columns])


def visible_share(result: Result) -> NDArray[np.float64]:
    """The share [N] of each person's pixels that is visible; 1 for people without any."""
    shares = np.ones(len(result))
    for person in visible(result):
        pixels = np.count_nonzero(result.dense[person.number].labels)
        shares[person.number] = np.count_nonzero(person.labels) / pixels if pixels else 1.0
    return shares


def iuv_image(result: Result) -> NDArray[np.uint8]:
    """[H, W, 3] chart and quantised U, V of every pixel of the image; 0 where nobody is."""
    image = np.zeros((*result.image_size, 3), np.uint8)
    for person in visible(result):
        image[person.window] += iuv_map(person.labels, person.uv)  # people's visible pixels are disjoint
    return image


def iuv_map(labels: NDArray[np.uint8], uv: NDArray[np.float32]) -> NDArray[np.uint8]:
    """[h, w, 3] of labels [h, w] and uv [2, h, w]: chart and quantised U, V; all 0 where the label is 0."""
    return np.dstack([labels, *(quantise(uv) * (labels > 0))])
