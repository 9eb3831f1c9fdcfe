"""Dense truth of synthetic images: chart, U, V as one 16-bit PNG, instance numbers as one 8-bit PNG."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

UV_SCALE = 65535
# level 1: a third of the default level's time for about 10 % more bytes
PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)


def dense_paths(directory: str | os.PathLike[str], stem: str) -> tuple[Path, Path]:
    """Paths of the I, U, V and of the instance picture of one image."""
    return Path(directory) / f"{stem}_iuv.png", Path(directory) / f"{stem}_inst.png"


def write_dense(
    directory: str | os.PathLike[str],
    stem: str,
    chart: NDArray[np.uint8],  # [H, W] 0..24, 0 = background
    uv: NDArray[np.floating[Any]],  # [2, H, W] in [0, 1]
    instance: NDArray[np.uint8],  # [H, W] 0 = nobody, k = the annotation with `odp_instance` k
) -> None:
    """Write `STEM_iuv.png` and `STEM_inst.png` into the existing `directory`; ValueError on a wrong shape."""
    if chart.ndim != 2 or uv.shape != (2, *chart.shape) or instance.shape != chart.shape:
        raise ValueError(
            f"dense truth {stem}: expected chart [H, W], uv [2, H, W], instance [H, W], "
            f"got {list(chart.shape)}, {list(uv.shape)}, {list(instance.shape)}"
        )
    iuv = np.empty((*chart.shape, 3), np.uint16)
    iuv[..., 0] = chart
    for channel, plane in enumerate(uv, start=1):
        iuv[..., channel] = np.clip(plane, 0, 1) * np.float32(UV_SCALE) + np.float32(0.5)
    for path, picture in zip(dense_paths(directory, stem), (iuv, instance), strict=True):
        if not cv2.imwrite(str(path), picture, PNG):
            raise OSError(f"{path}: cannot be written")


def read_dense(
    directory: str | os.PathLike[str], stem: str
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]:
    """Chart [H, W], uv [2, H, W] in [0, 1] and instance [H, W] of one image.

    Raises FileNotFoundError when a file is missing, ValueError when it is not of this form.
    """
    paths = dense_paths(directory, stem)
    iuv, instance = (_read_png(path) for path in paths)
    if iuv.dtype != np.uint16 or iuv.ndim != 3 or iuv.shape[2] != 3:
        raise ValueError(f"{paths[0]}: expected 16-bit, 3 channels, got {iuv.dtype} {list(iuv.shape)}")
    if instance.dtype != np.uint8 or instance.shape != iuv.shape[:2]:
        raise ValueError(
            f"{paths[1]}: expected 8-bit {list(iuv.shape[:2])}, got {instance.dtype} {list(instance.shape)}"
        )
    uv = np.ascontiguousarray(iuv[..., 1:].transpose(2, 0, 1), np.float32) / np.float32(UV_SCALE)
    return iuv[..., 0].astype(np.uint8), uv, instance.astype(np.uint8, copy=False)


def _read_png(path: Path) -> NDArray[Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the dense truth of an image, got no such file")
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ValueError(f"{path}: expected a PNG picture, got something unreadable")
    return np.asarray(picture)
