"""From radiance to the bytes of a photo: exposure, tone, lens, sensor noise, JPEG; all mild."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.jit import njit

_STEPS = 4096
_encoded = np.arange(_STEPS + 1) / _STEPS
_TO_SRGB = (
    255 * np.where(_encoded <= 0.0031308, 12.92 * _encoded, 1.055 * _encoded ** (1 / 2.4) - 0.055)
).astype(np.float32)


def develop(
    rng: np.random.Generator,
    radiance: NDArray[np.float32],  # [H, W, 3] linear
    grain: np.random.Generator | None = None,  # of the noise, where it shall not follow `rng`
) -> NDArray[np.uint8]:
    """An sRGB picture [H, W, 3] as a camera would have saved it."""
    exposure = np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.03, 3))
    image = tone(radiance * exposure.astype(np.float32))
    if rng.random() < 0.7:
        pivot = float(image.mean())
        image = (image - pivot) * rng.uniform(0.95, 1.4) + pivot + rng.normal(0, 6)
    if rng.random() < 0.15:
        grey = image.mean(2, keepdims=True)
        image = grey + (image - grey) * (rng.uniform(0, 1) if rng.random() < 0.7 else 0)
    image = _lens(rng, image)
    if rng.random() < 0.6:
        noise, draw = _noise(), grain or rng
        wanted, start = image.size, int(draw.integers(len(noise)))
        noise = np.resize(noise[start:], wanted) if start + wanted > len(noise) else noise[start:][:wanted]
        noise = noise.reshape(image.shape)
        if rng.random() < 0.5:
            noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.7), np.float32) * 1.6
        image = image + noise * np.float32(abs(rng.normal(0, 3)))
    picture = np.clip(image + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.uniform(45, 95))
        _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)
    return picture


@lru_cache(maxsize=1)
def _noise() -> NDArray[np.float32]:
    """A store of normal noise: drawing it anew would cost more than anything else here."""
    return np.random.default_rng(5).standard_normal(1 << 21, dtype=np.float32)


def tone(radiance: NDArray[np.float32]) -> NDArray[np.float32]:  # [H, W, 3]
    """Linear light -> sRGB 0..255; above .7 a soft shoulder towards 1."""
    return np.asarray(_tone(radiance.reshape(-1), _TO_SRGB)).reshape(radiance.shape)


@njit(cache=True, nogil=True)
def _tone(radiance, table):  # type: ignore[no-untyped-def]
    out = np.empty_like(radiance)
    for i in range(len(radiance)):
        value = max(radiance[i], np.float32(0))
        if value > np.float32(0.7):
            bright = value - np.float32(0.7)
            value = np.float32(0.7) + np.float32(0.3) * bright / (bright + np.float32(0.45))
        out[i] = table[int(value * _STEPS)]
    return out


def _lens(rng: np.random.Generator, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sharpened as cameras do, or blurred by focus, by motion or by a low resolution."""
    kind = rng.random()
    scale = max(image.shape[:2]) / 320
    if kind < 0.4:
        soft = cv2.GaussianBlur(image, (0, 0), scale * rng.uniform(0.6, 1.2))
        return np.asarray(image + rng.uniform(0.3, 1.0) * (image - soft))
    if kind < 0.55:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), scale * rng.uniform(0.3, 0.8)))
    if kind < 0.59:
        length = round(scale * rng.uniform(2, 6)) | 1
        kernel = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, np.pi)
        end = (length - 1) / 2 * np.array([np.cos(angle), np.sin(angle)])
        first, last = (np.rint(length // 2 + sign * end).astype(int).tolist() for sign in (-1, 1))
        cv2.line(kernel, first, last, 1.0)
        return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()))
    if kind < 0.72:
        height, width = image.shape[:2]
        factor = rng.uniform(0.5, 0.9)
        small = cv2.resize(
            image, (max(int(width * factor), 1), max(int(height * factor), 1)), interpolation=cv2.INTER_AREA
        )
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
    return image
