"""Smooth surfaces through a few points of the plane, helped by a guess of their form. G points, P places.

Thin-plate splines (Duchon 1977). How stiff they are, and whether the guess helps, is chosen by leaving each
point out in turn, which costs one inverse (Rippa 1999).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
STIFFNESS = (1.0, 30.0, 1000.0)  # in squared pixels: from exact points to noisy ones
ENOUGH = 5  # points for a plane to be fitted and one to be left out


def carry_on(
    place: Array,  # [G, 2]
    value: Array,  # [G, D]
    at: Array,  # [P, 2]
    guess: Array,  # [G, D] of the values
    drawn: Array,  # [P, D] of the surface
) -> Array:
    """The surface [P, D] at `at`: the guess and a spline of what it lacks, or the spline of the values alone.

    With few points the guess is kept, moved by what it lacks in their mean.
    """
    place, first = np.unique(place, axis=0, return_index=True)
    value, guess = value[first].astype(np.float64), guess[first].astype(np.float64)
    if len(place) < ENOUGH:
        return drawn + (value - guess).mean(0)
    centre, side = place.mean(0), max(float(np.ptp(place, axis=0).max()), 1.0)
    near, far = (place - centre) / side, (at - centre) / side
    best, surface = np.inf, drawn
    for stiffness in STIFFNESS:
        inverse = _inverse(near, stiffness / side**2)
        for start, form in ((np.zeros_like(value), np.zeros_like(drawn)), (guess, drawn)):
            weights = inverse[:, : len(near)] @ (value - start)
            left_out = weights[: len(near)] / np.diag(inverse)[: len(near), None]
            error = float((left_out**2).mean())
            if error < best:
                best, surface = error, form + _design(far, near) @ weights
    return surface


def _inverse(near: Array, stiffness: float) -> Array:
    """Of the spline's system [G + 3, G + 3]; a little is added, for points that lie in one line."""
    count = len(near)
    system = np.zeros((count + 3, count + 3))
    design = _design(near, near)
    system[:count] = design
    system[:count, :count] += stiffness * np.eye(count)
    system[count:, :count] = design[:, count:].T
    system[count:, count:] = -1e-9 * np.eye(3)
    return np.linalg.inv(system)


def _design(at: Array, near: Array) -> Array:
    """Values at [P, 2] of the radial functions r^2 log r around [G, 2] and of 1, x, y: [P, G + 3]."""
    square = ((at[:, None] - near[None]) ** 2).sum(2)
    radial = 0.5 * square * np.log(np.maximum(square, 1e-12))
    return np.concatenate([radial, np.ones((len(at), 1)), at], 1)
