"""Where files go that are computed once and can be computed again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache folder of this package: $OPENDENSEPOSE_CACHE, else `opendensepose` in $XDG_CACHE_HOME
    or ~/.cache. It may not exist yet."""
    own = os.environ.get("OPENDENSEPOSE_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "opendensepose")
