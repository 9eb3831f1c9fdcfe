"""Everything that is loaded once and used for every sample of one split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from opendensepose.surface.atlas import Atlas
from opendensepose.surface.body import Body
from opendensepose.synth.backdrop import Backdrops, held_out
from opendensepose.synth.bvh import PoseLibrary, load_poses
from opendensepose.synth.dress import Wardrobe
from opendensepose.synth.truth import SurfaceTruth

Split = Literal["train", "test"]


@dataclass(frozen=True, eq=False)
class Studio:
    """Body, atlas, poses, clothes and backdrops."""

    body: Body
    atlas: Atlas
    truth: SurfaceTruth
    poses: PoseLibrary | None  # captured ones
    wardrobe: Wardrobe
    backdrops: Backdrops

    @staticmethod
    @lru_cache(maxsize=2)
    def load(assets: Path | None = None, split: Split = "train") -> Studio:
        """A studio with the files of one split below `assets`, or with none. Raises FileNotFoundError."""
        if assets is not None and not assets.is_dir():
            raise FileNotFoundError(
                f"{assets}: expected a folder with makehuman/, panoramas/ or mocap/, got none"
            )
        body, atlas = Body.load(), Atlas.load()
        return Studio(
            body,
            atlas,
            SurfaceTruth.of(atlas, body),
            _library(assets, split),
            Wardrobe(assets, split, body),
            Backdrops(assets, split),
        )


def _library(assets: Path | None, split: Split) -> PoseLibrary | None:
    """The captured poses of one split below `assets`; None when there are none."""
    folders = [assets / "mocap", assets / "makehuman" / "poses"] if assets is not None else []
    files = [path for folder in folders for path in held_out(sorted(folder.glob("*.bvh")), split)]
    return load_poses(files) if files else None
