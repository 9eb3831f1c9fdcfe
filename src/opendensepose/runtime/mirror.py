"""Maps of a mirrored crop as maps of the crop: a second opinion on the same person."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.parts import MIRROR_CHART, MIRROR_COARSE, MIRROR_U, MIRROR_V

ATLAS = "odp24"  # of which the mirror is a simple rule
Maps = dict[str, NDArray[np.float32]]
TURNED = {"u": MIRROR_U, "v": MIRROR_V, "kappa_u": MIRROR_U, "kappa_v": MIRROR_V}


def mirrored(maps: Maps) -> Maps:
    """The maps [N, C, S, T] that say of an image what `maps` say of its mirror image.

    Left and right change places, and with them the direction of U on hands, feet and head halves and of V on
    the torso; kappa, a direction in the chart, turns its sign there.
    """
    return {name: _mirrored(name, values[..., ::-1]) for name, values in maps.items()}


def _mirrored(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    channels = values.shape[1]
    if channels == len(MIRROR_COARSE):
        return values[:, MIRROR_COARSE]
    if channels != len(MIRROR_CHART):
        return values
    values = values[:, MIRROR_CHART]
    if name in TURNED:
        turned = TURNED[name]
        values[:, turned] = (1 if name in "uv" else 0) - values[:, turned]
    return values


def averaged(first: Maps, second: Maps) -> Maps:
    """The means of two opinions, logits too: that is the geometric mean of what they hold probable."""
    return {name: (values + second[name]) * np.float32(0.5) for name, values in first.items()}
