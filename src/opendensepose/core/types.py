"""The frozen dataclasses that every layer speaks: N people, h,w box size, S map size, P points."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHARTS = 24
ATLASES = ("odp24", "smpl24")


def _expect(name: str, array: NDArray[Any], shape: tuple[int | None, ...]) -> None:
    """Raise ValueError unless `array` has `shape` (None matches any length)."""
    got = array.shape
    ok = len(got) == len(shape) and all(e in (None, g) for e, g in zip(shape, got, strict=True))
    if not ok:
        wanted = "[" + ", ".join("*" if e is None else str(e) for e in shape) + "]"
        raise ValueError(f"{name}: expected shape {wanted}, got {list(array.shape)}")


@dataclass(frozen=True)
class DenseMap:
    """Chart and surface coordinates of one person's pixels, at integer box resolution.

    Pixel [r, c] of the map is pixel [y + r, x + c] of the image, where (x, y) are the first two of `box`.
    """

    labels: NDArray[np.uint8]  # [h, w] chart 0..24, 0 = background
    uv: NDArray[np.float32]  # [2, h, w] 0..1, a network's may pass these a little; 0 where labels is 0
    box: tuple[
        int, int, int, int
    ]  # x, y, w, h: integer pixels of the image, w and h >= 1; may stick out of it
    confidence: dict[str, NDArray[np.float32]] | None = None  # name -> [h, w]
    hidden: NDArray[np.bool_] | None = None  # [h, w] pixels that are rather somebody else's; None: not known

    def __post_init__(self) -> None:
        h, w = self.box[3], self.box[2]
        if self.hidden is not None:
            _expect("DenseMap.hidden", self.hidden, (h, w))
        _expect("DenseMap.labels", self.labels, (h, w))
        _expect("DenseMap.uv", self.uv, (2, h, w))


@dataclass(frozen=True)
class Result:
    """Everything found in one image; the same type for 0, 1 or 50 people, best score first."""

    boxes: NDArray[np.float32]  # [N, 4] xyxy, pixels of the image
    scores: NDArray[np.float32]  # [N] 0..1
    dense: tuple[DenseMap, ...]  # N
    image_size: tuple[int, int]  # height, width
    atlas: str = "odp24"
    masks: NDArray[np.bool_] | None = None  # [N, H, W]
    keypoints: NDArray[np.float32] | None = None  # [N, 17, 3] x, y, score
    track_ids: NDArray[np.int64] | None = None  # [N]
    image: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)  # [H, W, 3], for plot()

    def __post_init__(self) -> None:
        n = len(self.scores)
        _expect("Result.boxes", self.boxes, (n, 4))
        if len(self.dense) != n:
            raise ValueError(f"Result.dense: expected {n} maps, got {len(self.dense)}")
        if self.atlas not in ATLASES:
            raise ValueError(f"Result.atlas: expected one of {', '.join(ATLASES)}, got {self.atlas!r}")

    @classmethod
    def empty(cls, image_size: tuple[int, int], atlas: str = "odp24") -> Result:
        """The result of an image (height, width) without people."""
        none = np.zeros((0, 4), np.float32)
        return cls(none, none[:, 0], (), image_size, atlas)

    def iuv(self) -> NDArray[np.uint8]:
        """The whole image as [H, W, 3] uint8 I, U, V; where people overlap, as `core.visible` has it."""
        from opendensepose.core.visible import iuv_image

        return iuv_image(self)

    def plot(self, style: str = "parts") -> NDArray[np.uint8]:
        """The image [H, W, 3] (black without one) with the people drawn over it in a style of viz."""
        from opendensepose.viz.overlay import draw

        blank = np.zeros((*self.image_size, 3), np.uint8)
        return draw(blank if self.image is None else self.image, self, style)

    def save(
        self, directory: str | os.PathLike[str], stem: str = "result", *, style: str = "parts"
    ) -> list[Path]:
        """Write STEM.json, STEM_iuv.png, STEM.npz and, with an image, STEM_overlay.jpg; return the paths."""
        from opendensepose.io.results import save_result

        return save_result(self, directory, stem, style=style)

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[Result]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int | slice | NDArray[Any]) -> Result:
        """A Result of the chosen people: an int, a slice, an index array or a boolean mask [N]."""
        if isinstance(index, (int, np.integer)) and not -len(self) <= index < len(self):
            raise IndexError(f"person {index}: expected an index below {len(self)}")
        chosen = np.atleast_1d(np.arange(len(self))[index])
        pick = lambda a: None if a is None else a[chosen]  # noqa: E731
        return Result(
            boxes=self.boxes[chosen],
            scores=self.scores[chosen],
            dense=tuple(self.dense[i] for i in chosen),
            image_size=self.image_size,
            atlas=self.atlas,
            masks=pick(self.masks),
            keypoints=pick(self.keypoints),
            track_ids=pick(self.track_ids),
            image=self.image,
        )


@dataclass(frozen=True)
class ChartLogits:
    """What a dense head gives for N boxes, before resampling to box size."""

    coarse: NDArray[np.float32]  # [N, 2 | 15, S, S]; channel 0 = background
    fine: NDArray[np.float32]  # [N, 25, S, S]; channel 0 = background
    u: NDArray[np.float32]  # [N, 25, S, S]; channel 0 unused
    v: NDArray[np.float32]  # [N, 25, S, S]; channel 0 unused
    confidence: dict[str, NDArray[np.float32]] = field(default_factory=dict)  # name -> [N, 1 | 25, S, S]

    def __post_init__(self) -> None:
        n, _, s, t = self.coarse.shape
        for name in ("fine", "u", "v"):
            _expect(f"ChartLogits.{name}", getattr(self, name), (n, CHARTS + 1, s, t))


@dataclass(frozen=True)
class SurfacePoints:
    """Sparse labels: P image points and where they lie on the body surface."""

    xy: NDArray[np.float32]  # [P, 2] pixels of the image, continuous: pixel k covers [k, k + 1)
    chart: NDArray[np.uint8]  # [P] 1..24
    uv: NDArray[np.float32]  # [P, 2] in [0, 1]

    def __post_init__(self) -> None:
        _expect("SurfacePoints.xy", self.xy, (len(self.chart), 2))
        _expect("SurfacePoints.uv", self.uv, (len(self.chart), 2))
