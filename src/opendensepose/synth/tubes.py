"""Surfaces around bent spines, as thick as they need to be at each point, and what they are covered with."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from opendensepose.synth import texture
from opendensepose.synth.fabrics import fabric_colour, hair_colour, skin_tone
from opendensepose.synth.props import Props, finish, grid_faces

ROWS, COLUMNS = 16, 14  # vertices of a tube, along and around
Coat = Callable[[Props], Props]


def bezier(control: ArrayLike, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points [N, D] at `t` [N] along the Bezier curve of control points [K, D] (Bernstein's polynomials)."""
    points = np.asarray(control, np.float64)
    t, degree = t[:, None], len(points) - 1
    k = np.arange(len(points))
    ways = np.array([math.comb(degree, n) for n in k])
    return np.asarray((ways * t**k * (1 - t) ** (degree - k)) @ points)


def tube(
    rng: np.random.Generator,
    spine: ArrayLike,  # [K, 3] control points, metres
    thick: ArrayLike,  # [R] or [R, 2] control values of the half widths: across, and the third way; metres
    *,
    ends: float = 0.3,  # 0: blunt, 0.5: an ellipsoid's, 1 and more: pointed
    lumps: float = 0.0,  # relative
    rows: int = ROWS,
) -> Props:
    """A closed surface around a curve."""
    t = (1 - np.cos(np.linspace(0.02, 0.98, rows) * np.pi)) / 2  # closer towards the ends
    line = bezier(spine, t)
    widths = np.asarray(thick, np.float64)
    half = bezier(widths.reshape(len(widths), -1), t)
    half *= ((4 * t * (1 - t)) ** ends)[:, None]
    ahead = np.gradient(line, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    aside = np.cross(ahead, [0.0, 0.0, 1.0])  # level, where the spine is not upright
    upright = np.linalg.norm(aside, axis=1) < 0.2
    aside[upright] = np.cross(ahead[upright], [0.0, 1.0, 0.0])
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    third = np.cross(aside, ahead)
    angle = np.arange(COLUMNS) / COLUMNS * 2 * np.pi
    wide, deep = half[:, :1], half[:, -1:]
    bumps = 1 + lumps * rng.normal(size=(rows, COLUMNS))
    ring = (
        line[:, None]
        + (wide * np.cos(angle) * bumps)[..., None] * aside[:, None]
        + (deep * np.sin(angle) * bumps)[..., None] * third[:, None]
    )
    # caps: rings of no width
    caps = [np.broadcast_to(end[:, None], (1, COLUMNS, 3)) for end in (line[[0]], line[[-1]])]
    whole = np.concatenate([caps[0], ring, caps[1]])
    return finish(rng, whole.reshape(-1, 3), grid_faces(rows + 2, COLUMNS))


def coat(rng: np.random.Generator) -> Coat:
    """One material for all parts of a thing: any colour, skin's or fur's; plain, patterned or in patches."""
    kinds = (texture.colour, fabric_colour, skin_tone, hair_colour)
    colours = [kinds[k](rng) for k in rng.integers(len(kinds), size=2)]
    pattern, contrast = int(rng.integers(len(texture.bank()))), rng.beta(1.3, 2.0)
    patches = rng.random() < 0.35
    waves, phase = rng.normal(0, rng.choice([3.0, 8.0, 16.0]), (4, 3)), rng.uniform(0, 2 * np.pi, 4)

    def dye(part: Props) -> Props:
        colour = colours[0]
        if patches:
            middle = part.vertices[part.faces].mean(1)
            second = np.sin(middle @ waves.T + phase).sum(1) > 0.5
            colour = np.where(second[:, None], colours[1], colour)
        return part.made_of(colour, pattern, contrast)

    return dye


def shifted(point: ArrayLike, *way: float) -> NDArray[np.float64]:
    """The point [3] that lies so far in x, y and z from another."""
    return np.asarray(point, np.float64) + way
