"""A small bank of procedural patterns: grey multipliers around 1 that any colour can be given to."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 256  # pixels of a pattern, which tiles


@lru_cache(maxsize=1)
def bank() -> NDArray[np.float32]:
    """All patterns [N, 256, 256], mean 1, the same in every process."""
    rng = np.random.default_rng(20)
    noises = [_noise(rng, slope) for slope in (0.6, 0.9, 1.2, 1.6, 2.0, 1.2, 1.6)]
    leaves = [_leaves(rng, radius) for radius in (5, 9, 16, 28)]
    bricks = [_bricks(rng, *shape) for shape in ((16, 32), (32, 64), (8, 64), (16, 128), (32, 32), (64, 64))]
    stripes = [_stripes(rng, count) for count in (4, 11, 24)]
    scraps = [_scraps(rng, count) for count in (12, 40, 120)]
    flat = [np.ones((SIDE, SIDE), np.float32)]
    patterns = noises + leaves + bricks + stripes + scraps + flat
    grain = _noise(rng, 0.5)
    return np.stack([_normal(p * (1 + 0.12 * (grain - 1))) for p in patterns])


def colour(rng: np.random.Generator, saturation: float = 0.5) -> NDArray[np.float32]:
    """A random reflectance [3], linear RGB, more often muted than gaudy."""
    value = rng.uniform(0.08, 0.75)
    chroma = saturation * rng.beta(1.2, 2.5)
    hue = rng.random() * 2 * np.pi
    shift = np.cos(hue + np.array([0, -2 * np.pi / 3, 2 * np.pi / 3]))
    return np.clip(value * (1 + chroma * shift), 0.02, 0.9).astype(np.float32)


def _normal(pattern: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.clip(pattern / pattern.mean(), 0.15, 2.2).astype(np.float32)


def _noise(rng: np.random.Generator, slope: float) -> NDArray[np.float32]:
    """Noise that tiles, with amplitude 1 / frequency ** slope."""
    fy, fx = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None]
    amplitude = 1 / np.maximum(np.hypot(fy, fx), 1 / SIDE) ** slope
    amplitude[0, 0] = 0
    phase = np.exp(2j * np.pi * rng.random(amplitude.shape))
    field = np.fft.irfft2(amplitude * phase, (SIDE, SIDE))
    return (1 + 0.33 * np.clip(field / field.std(), -2.5, 2.5)).astype(np.float32)


def _leaves(rng: np.random.Generator, radius: int) -> NDArray[np.float32]:
    """Overlapping ellipses of many brightnesses: foliage, gravel, crowds out of focus."""
    canvas = np.full((SIDE, SIDE), 0.4, np.float32)
    for _ in range(6 * SIDE * SIDE // (radius * radius * 3)):
        x, y = rng.integers(0, SIDE, 2)
        axes = (
            int(rng.integers(radius // 2, radius + 1)),
            int(rng.integers(radius // 3 + 1, radius // 2 + 2)),
        )
        angle, value = float(rng.uniform(0, 180)), float(rng.uniform(0.3, 1.7))
        for dx in (-SIDE, 0, SIDE):  # so that it tiles
            for dy in (-SIDE, 0, SIDE):
                if -radius <= x + dx < SIDE + radius and -radius <= y + dy < SIDE + radius:
                    cv2.ellipse(
                        canvas, (int(x + dx), int(y + dy)), axes, angle, 0, 360, value, -1, cv2.LINE_AA
                    )
    return canvas


def _bricks(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Courses of bricks, planks or tiles with darker joints."""
    canvas = np.empty((SIDE, SIDE), np.float32)
    offset = width // 2 if rng.random() < 0.7 else 0
    for row in range(SIDE // height):
        values = rng.normal(1, 0.12, SIDE // width)
        line = np.roll(np.repeat(values, width), offset * (row % 2))
        canvas[row * height : (row + 1) * height] = line
        canvas[row * height : row * height + max(height // 16, 1)] *= 0.6
        joints = (np.arange(0, SIDE, width) + offset * (row % 2)) % SIDE
        canvas[row * height : (row + 1) * height, joints] *= 0.6
    return canvas


def _stripes(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    edges = np.sort(rng.choice(np.arange(1, SIDE), 2 * count, replace=False))
    values = rng.uniform(0.5, 1.5, 2 * count + 1)
    line = values[np.searchsorted(edges, np.arange(SIDE), side="right")]
    return np.repeat(line[None], SIDE, 0).astype(np.float32)


def _scraps(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Rectangles upon each other: shelves, windows, signs."""
    canvas = np.full((SIDE, SIDE), 1.0, np.float32)
    for _ in range(count):
        w, h = rng.integers(6, 700 // count + 20, 2)
        x, y = rng.integers(-5, SIDE, 2)
        cv2.rectangle(canvas, (int(x), int(y)), (int(x + w), int(y + h)), float(rng.uniform(0.3, 1.7)), -1)
    return canvas
