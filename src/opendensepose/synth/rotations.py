"""Rotation matrices [..., 3, 3] acting on column vectors; everything works on stacks."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def axis_angle(axis: ArrayLike, degrees: ArrayLike) -> NDArray:
    """Rotations [..., 3, 3] about unit axes [..., 3] (Rodrigues)."""
    axis, angle = np.asarray(axis, float), np.deg2rad(np.asarray(degrees, float))
    x, y, z = axis[..., 0], axis[..., 1], axis[..., 2]
    c, s = np.cos(angle), np.sin(angle)
    t = 1 - c
    out = np.empty((*np.broadcast_shapes(axis.shape[:-1], angle.shape), 3, 3))
    out[..., 0, 0], out[..., 0, 1], out[..., 0, 2] = c + t * x * x, t * x * y - s * z, t * x * z + s * y
    out[..., 1, 0], out[..., 1, 1], out[..., 1, 2] = t * x * y + s * z, c + t * y * y, t * y * z - s * x
    out[..., 2, 0], out[..., 2, 1], out[..., 2, 2] = t * x * z - s * y, t * y * z + s * x, c + t * z * z
    return out


def cross(one: NDArray, two: NDArray) -> NDArray:
    """Vector products [..., 3]; for few vectors several times faster than numpy's."""
    a, b, c = one[..., 0], one[..., 1], one[..., 2]
    x, y, z = two[..., 0], two[..., 1], two[..., 2]
    out = np.empty(np.broadcast_shapes(one.shape, two.shape))
    out[..., 0], out[..., 1], out[..., 2] = b * z - c * y, c * x - a * z, a * y - b * x
    return out


def unit(vectors: ArrayLike) -> NDArray:
    """Vectors [..., 3] at length 1."""
    vectors = np.asarray(vectors, float)
    return vectors / np.maximum(np.sqrt((vectors * vectors).sum(-1, keepdims=True)), 1e-12)


def frame(primary: ArrayLike, secondary: ArrayLike) -> NDArray:
    """Frames [..., 3, 3], columns: primary, secondary made orthogonal to it, their vector product."""
    first = unit(primary)
    second = np.asarray(secondary, float)
    second = unit(second - first * np.sum(first * second, -1, keepdims=True))
    return np.stack([first, second, cross(first, second)], -1)


def transpose(rotations: NDArray) -> NDArray:
    """Inverse rotations [..., 3, 3]."""
    return np.swapaxes(rotations, -1, -2)


def _skew(r: NDArray) -> NDArray:
    """2 sin(angle) times the axis [..., 3]."""
    return np.stack(
        [r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]], -1
    )


def _trace(r: NDArray) -> NDArray:
    return r[..., 0, 0] + r[..., 1, 1] + r[..., 2, 2]


def twist_angle(rotations: NDArray, axis: ArrayLike) -> NDArray:
    """Degrees [...] of the twist T about an axis [3] in R = S T, S a swing perpendicular to it."""
    # with the quaternion (w, v): skew = 4 w v and 1 + trace = 4 w^2
    return np.rad2deg(2 * np.arctan2(_skew(rotations) @ np.asarray(axis, float), 1 + _trace(rotations)))


def rotation_vector(rotations: NDArray) -> NDArray:
    """Axis times angle [..., 3] in degrees; angles below 180."""
    skew = _skew(rotations) / 2
    sine = np.sqrt((skew * skew).sum(-1, keepdims=True))
    angle = np.arctan2(sine, (_trace(rotations)[..., None] - 1) / 2)
    return np.rad2deg(angle) * skew / np.maximum(sine, 1e-12)


def fraction(rotations: NDArray, share: ArrayLike) -> NDArray:
    """The same rotations [..., 3, 3] by a share [...] of their angle."""
    vector = rotation_vector(rotations)
    angle = np.sqrt((vector * vector).sum(-1))
    return axis_angle(vector / np.maximum(angle, 1e-9)[..., None], angle * np.asarray(share))


def blend(one: NDArray, two: NDArray, share: ArrayLike) -> NDArray:
    """Between two stacks of rotations along the shortest way; share 0 gives the first."""
    return one @ fraction(transpose(one) @ two, share)
