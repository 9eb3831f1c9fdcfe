"""Dressed, posed people: everything that a renderer needs, in flat arrays (one rasteriser call draws a person)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.body import Body
from opendensepose.surface.raster import Cutouts

KINDS = ("skin", "eye", "garment", "shoe", "hair", "brow", "hat")


@dataclass(frozen=True, eq=False)
class Outfit:
    """One dressed and posed person. V vertices of the combined mesh, F triangles, P pixels.

    A renderer does, per person:
        projected = camera(outfit.vertices)
        face, bary, depth = rasterize(projected, outfit.faces, size, keep=outfit.keep, cutouts=outfit.cutouts)
        albedo = outfit.paint(face[hit], bary[hit])      # linear reflectance, patterns and textures done
        chart, uv = atlas.from_face(outfit.body_face[face], bary)   where outfit.body_face[face] >= 0 (bare body)
        chart, uv = atlas.from_xyz((outfit.truth[outfit.faces[face]] * bary[..., None]).sum(-2))   elsewhere
    All faces are two-sided: turn normals towards the camera.
    """

    vertices: NDArray[np.float32]  # [V, 3] posed, metres, z up
    joints: NDArray[np.float32]  # [J, 3] posed joints of the body
    faces: NDArray[np.int32]  # [F, 3]
    truth: NDArray[np.float32]  # [V, 3] the surface point of each vertex, on the rest pose of the MEAN body
    truth_vertex: NDArray[np.int32]  # [V] hm08 number of the surface vertex nearest to `truth`
    body_face: NDArray[np.int32]  # [F] number in Body.faces, or -1: eye, garment, shoe, hair, brow, hat
    kind: NDArray[np.uint8]  # [F] number in KINDS
    keep: NDArray[np.float32]  # [V] for rasterize: shortened sleeves, cut waists
    cutouts: Cutouts  # for rasterize: hair strands, eyebrows
    look: Look  # colours; use paint()

    def paint(
        self,
        face: NDArray[np.integer],  # [P]
        bary: NDArray[np.float32],  # [P, 3]
    ) -> NDArray[np.float32]:
        """Reflectance [P, 3], linear light, 0..1, RGB."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Look:
    """What `Outfit.paint` needs."""


class Wardrobe:
    """Skins, garments, hair, shoes of one split; without `assets` everything is painted and inflated from the body."""

    def __init__(
        self,
        assets: Path | None = None,  # folder that holds makehuman/
        split: Literal["train", "test"] = "train",
        body: Body | None = None,
    ) -> None:
        raise NotImplementedError

    def dress(
        self,
        rng: np.random.Generator,
        shape: NDArray[np.floating],  # [K]
        rotations: NDArray[np.floating],  # [J, 3, 3]
    ) -> Outfit:
        """A dressed person; the clothes depend on `rng` and `shape` only, so a clip keeps them with an equal rng."""
        raise NotImplementedError
