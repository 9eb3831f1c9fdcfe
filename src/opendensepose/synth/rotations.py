"""Rotation matrices [..., 3, 3] acting on column vectors; everything works on stacks."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def axis_angle(axis: ArrayLike, degrees: ArrayLike) -> NDArray:
    """Rotations [..., 3, 3] about unit axes [..., 3] (Rodrigues)."""
    x, y, z = np.moveaxis(np.asarray(axis, float), -1, 0)
    angle = np.deg2rad(np.asarray(degrees, float))
    c, s = np.cos(angle), np.sin(angle)
    t = 1 - c
    rows = [
        [c + t * x * x, t * x * y - s * z, t * x * z + s * y],
        [t * x * y + s * z, c + t * y * y, t * y * z - s * x],
        [t * x * z - s * y, t * y * z + s * x, c + t * z * z],
    ]
    return np.stack([np.stack(np.broadcast_arrays(*row), -1) for row in rows], -2)


def unit(vectors: ArrayLike) -> NDArray:
    """Vectors [..., 3] at length 1."""
    vectors = np.asarray(vectors, float)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def frame(primary: ArrayLike, secondary: ArrayLike) -> NDArray:
    """Right-handed frames [..., 3, 3], columns: primary, secondary made orthogonal to it, their cross product."""
    first = unit(primary)
    second = np.asarray(secondary, float)
    second = unit(second - first * np.sum(first * second, -1, keepdims=True))
    return np.stack([first, second, np.cross(first, second)], -1)


def transpose(rotations: NDArray) -> NDArray:
    """Inverse rotations [..., 3, 3]."""
    return np.swapaxes(rotations, -1, -2)


def twist_angle(rotations: NDArray, axis: ArrayLike) -> NDArray:
    """Degrees [...] of the twist T about an axis [3] in R = S T, S a swing perpendicular to it."""
    r = np.asarray(rotations, float)
    skew = np.stack(
        [r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]], -1
    )
    # with the quaternion (w, v): skew = 4 w v and 1 + trace = 4 w^2
    return np.rad2deg(2 * np.arctan2(skew @ np.asarray(axis, float), 1 + np.trace(r, axis1=-2, axis2=-1)))


def rotation_vector(rotations: NDArray) -> NDArray:
    """Axis times angle [..., 3] in degrees; angles below 180."""
    r = np.asarray(rotations, float)
    skew = (
        np.stack([r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]], -1)
        / 2
    )
    sine = np.linalg.norm(skew, axis=-1, keepdims=True)
    cosine = (np.trace(r, axis1=-2, axis2=-1)[..., None] - 1) / 2
    return np.rad2deg(np.arctan2(sine, cosine)) * skew / np.maximum(sine, 1e-12)


def fraction(rotations: NDArray, share: ArrayLike) -> NDArray:
    """The same rotations by only a share of their angle; share 0 ... 1, shape [...]."""
    vector = rotation_vector(rotations)
    angle = np.linalg.norm(vector, axis=-1)
    return axis_angle(vector / np.maximum(angle, 1e-9)[..., None], angle * np.asarray(share))


def blend(one: NDArray, two: NDArray, share: ArrayLike) -> NDArray:
    """Between two stacks of rotations along the shortest way; share 0 gives the first."""
    return one @ fraction(transpose(one) @ two, share)
