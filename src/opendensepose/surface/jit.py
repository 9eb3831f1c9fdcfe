"""Numba's `njit` where it is installed, plain Python where not.

Numba weighs 210 MB with its compiler and only drawing bodies needs it, so it is the extra `[synth]`. Without
it the same loops run about a hundred times slower, which still does for a few pictures.
"""

from __future__ import annotations

from typing import Any

njit: Any
prange: Any
try:
    import numba

    COMPILED = True
    njit, prange = numba.njit, numba.prange
except ImportError:
    COMPILED = False
    prange = range

    def _leave_it(**_: Any) -> Any:
        return lambda function: function

    njit = _leave_it
