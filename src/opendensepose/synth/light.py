"""Light: order-2 spherical harmonics of the irradiance, and one main direction that casts shadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# constants of the real spherical harmonics, order 1, y, z, x, xy, yz, 3z2-1, xz, x2-y2
SCALE = np.array(
    [0.282095, 0.488603, 0.488603, 0.488603, 1.092548, 1.092548, 0.315392, 1.092548, 0.546274], np.float32
)
# a clamped cosine keeps these shares of the three bands (Ramamoorthi and Hanrahan 2001), divided by pi
_COSINE = np.array([1, 2 / 3, 2 / 3, 2 / 3, 1 / 4, 1 / 4, 1 / 4, 1 / 4, 1 / 4], np.float32)


@dataclass(frozen=True, eq=False)
class Light:
    """What falls on a surface: `irradiance / pi`, so that albedo times it is the radiance seen."""

    sh: NDArray[
        np.float32
    ]  # [9, 3] coefficients of the polynomials 1, y, z, x, ... in world axes, linear RGB
    key: NDArray[np.float32]  # [3] unit vector towards the main light, z > 0
    key_colour: NDArray[np.float32]  # [3] what the main light adds to a surface that faces it
    shade: float  # 0..1: how much of `sh` goes where the main direction is blocked


def polynomials(directions: NDArray[np.floating]) -> NDArray[np.float32]:  # [..., 3] unit vectors
    """The nine polynomials 1, y, z, x, xy, yz, 3z2-1, xz, x2-y2: [..., 9]."""
    x, y, z = np.moveaxis(np.asarray(directions, np.float32), -1, 0)
    terms = (np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y)
    return np.stack(terms, -1)


def _sphere(count: int) -> NDArray[np.float64]:
    """Evenly spread directions [count, 3] (Fibonacci spiral)."""
    k = np.arange(count) + 0.5
    z, longitude = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(longitude), r * np.sin(longitude), z], 1)


_PROBES = _sphere(64)
_FIT = np.linalg.pinv(polynomials(_PROBES).astype(np.float64))  # [9, 64]


def lobe(direction: NDArray[np.floating], colour: NDArray[np.floating]) -> NDArray[np.float32]:
    """Coefficients [9, 3] of colour * max(n . direction, 0), to order 2."""
    terms = np.pi * _COSINE * SCALE**2 * polynomials(direction)
    return (terms[:, None] * np.asarray(colour)).astype(np.float32)


def turn(
    sh: NDArray[np.floating],  # [9, 3]
    axes: NDArray[np.floating],  # [3, 3] direction in the frame of sh = axes @ world direction
) -> NDArray[np.float32]:
    """The same light in world axes: [9, 3]; exact, as rotations map order-2 polynomials to such."""
    values = polynomials(_PROBES @ np.asarray(axes).T) @ sh
    return (_FIT @ values).astype(np.float32)


def panorama_axes(longitude: float) -> NDArray[np.float64]:
    """World axes (x = camera's right, y forward, z up) -> the panorama's (y to the right of x): [3, 3].

    `longitude`: of the view, radians.
    """
    c, s = np.cos(longitude), np.sin(longitude)
    return np.array([[-s, c, 0], [c, s, 0], [0, 0, 1.0]])


def balanced(rng: np.random.Generator, sh: NDArray[np.floating]) -> Light:  # [9, 3] in world axes
    """A light as bright as in a well exposed photo, times .75 to 1.4, with a direction that casts shadows."""
    sh = np.asarray(sh, np.float32)
    mean = sh[0]  # all other polynomials have zero mean over the sphere
    grey = mean.mean()
    sh = sh / (0.5 * mean + 0.5 * grey)  # cameras balance half of the colour away
    sh = sh * (rng.uniform(0.75, 1.4) / sh[0].mean())
    luminance = sh.mean(1)
    key = luminance[[3, 1, 2]] + 0.3 * luminance[0] * rng.normal(0, 0.5, 3)
    key[2] = max(key[2], 0.25 * np.hypot(key[0], key[1]), 1e-3)
    key = key / np.linalg.norm(key)
    strength = rng.uniform(0.15, 1.0) if rng.random() < 0.6 else 0.0
    warmth = 1 + rng.uniform(-0.05, 0.1) * np.array([1, 0, -1])
    sh = sh * (1 - 0.4 * strength)
    return Light(
        sh.astype(np.float32),
        key.astype(np.float32),
        (strength * warmth).astype(np.float32),
        float(rng.uniform(0.3, 0.75)),
    )


def procedural_light(rng: np.random.Generator) -> Light:
    """A light without any file: sky or ceiling, floor, and one to three lamps or windows."""
    tint = lambda spread: 1 + rng.uniform(-spread, spread) * np.array([1, 0.1, -1])  # noqa: E731
    sh = np.zeros((9, 3), np.float32)
    sh[0] = rng.uniform(0.3, 0.8) * tint(0.1)
    sh += lobe(np.array([0, 0, 1.0]), rng.uniform(0.2, 1.2) * tint(0.15))
    sh += lobe(np.array([0, 0, -1.0]), rng.uniform(0.05, 0.4) * tint(0.15))
    for _ in range(rng.integers(1, 4)):
        direction = rng.normal(size=3) + np.array([0, -0.3, 0.5])
        sh += lobe(direction / np.linalg.norm(direction), rng.uniform(0.1, 1.2) * tint(0.12))
    return balanced(rng, sh)
