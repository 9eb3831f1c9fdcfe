"""Several opinions on whether somebody is there, in one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def agreed(
    first: NDArray[np.float32], second: NDArray[np.float32], weight: float = 0.5
) -> NDArray[np.float32]:
    """The probability [N] whose odds are the geometric mean of those of two others; `weight` is the first's.

    >>> agreed(np.float32([0.9]), np.float32([0.5]))  # odds of 9 and 1: 3
    array([0.75], dtype=float32)
    """
    rest = 1 - weight
    yes, no = first**weight * second**rest, (1 - first) ** weight * (1 - second) ** rest
    return np.asarray(yes / np.maximum(yes + no, np.finfo(np.float32).tiny), np.float32)
