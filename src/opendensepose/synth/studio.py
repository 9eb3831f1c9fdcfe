"""Everything that is loaded once and used for every sample of one split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from opendensepose.surface.atlas import Atlas
from opendensepose.surface.body import Body
from opendensepose.synth.backdrop import Backdrops
from opendensepose.synth.poses import Poses
from opendensepose.synth.truth import SurfaceTruth
from opendensepose.synth.dress import Wardrobe

Split = Literal["train", "test"]


@dataclass(frozen=True, eq=False)
class Studio:
    """Body, atlas, poses, clothes and backdrops."""

    body: Body
    atlas: Atlas
    truth: SurfaceTruth
    poses: Poses
    wardrobe: Wardrobe
    backdrops: Backdrops

    @staticmethod
    @lru_cache(maxsize=2)
    def load(assets: Path | None = None, split: Split = "train") -> Studio:
        """A studio with the files of one split below `assets`, or with none. Raises FileNotFoundError."""
        if assets is not None and not assets.is_dir():
            raise FileNotFoundError(f"{assets}: expected a folder with makehuman/, panoramas/ or mocap/, got none")
        body, atlas = Body.load(), Atlas.load()
        return Studio(
            body,
            atlas,
            SurfaceTruth.of(atlas, body),
            Poses(body, assets, split),
            Wardrobe(assets, split, body),
            Backdrops(assets, split),
        )
