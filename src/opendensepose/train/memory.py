"""How a training process gets its memory from the system."""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8  # parameters of mallopt(3)
LARGEST = 2**31 - 1


def keep_memory() -> None:
    """Keep freed memory for what comes next, as long as the process lives; without glibc nothing happens.

    By default glibc maps every large tensor anew, and the system fills each of its pages with zeros first: a
    sixth of the time of a training step of the net on crops.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, LARGEST)
        mallopt(ARENA_MAX, 1)  # other arenas cannot hold a large tensor
