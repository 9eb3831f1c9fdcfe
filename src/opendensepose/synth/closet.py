"""The garments, hair, skins and textures of one split, each read when it is first needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from opendensepose.synth.headwear import brim_piece, glasses_piece
from opendensepose.synth.paint import Face, Texture
from opendensepose.synth.pieces import (
    SKIN_TEXTURE,
    Piece,
    helper_piece,
    hides,
    lengthened,
    load_piece,
    read_texture,
    scalp_piece,
    split_files,
)
from opendensepose.synth.template import Template

Split = Literal["train", "test"]
MISFIT = "male_worksuit01"  # its texture does not fit its texture coordinates


class Closet:
    """The pieces and textures of one split; read when first needed."""

    def __init__(self, template: Template, assets: Path | None, split: Split) -> None:
        self.template, self.split = template, split
        self.face = Face(template.eyes, template.mouth)
        self._pieces: dict[str, Piece] = {}
        self._textures: dict[Path, Texture] = {}
        if assets is not None and not assets.is_dir():
            raise FileNotFoundError(f"assets: expected a folder that may hold makehuman/, got {assets}")
        root = assets / "makehuman" if assets else None

        def list_files(pattern: str, leave_out: str = "special_suit") -> list[Path]:
            found = [path for path in root.glob(pattern) if leave_out not in path.name] if root else []
            return split_files(found, split)

        self.suits = list_files("clothes/*suit*/*.mhclo")
        self.shoes = list_files("clothes/shoes*/*.mhclo")
        self.hats = list_files("clothes/fedora*/*.mhclo")
        self.hair = list_files("hair/*/*.mhclo")
        self.brows = list_files("eyebrows/*/*.mhclo")
        self.skins = list_files("skins/textures/*.png")

    def piece(self, path: Path) -> Piece:
        """The piece of a .mhclo file."""
        return self._kept(str(path), lambda: load_piece(path, self.template, plain=path.stem == MISFIT))

    def skin(self, path: Path) -> Texture:
        """A skin's texture."""
        if path not in self._textures:
            self._textures[path] = read_texture(path, SKIN_TEXTURE)[0]
        return self._textures[path]

    def own(self, name: str) -> Piece:
        """A piece of the body's own geometry: tights, skirt, hair (helpers), scalp, brim, visor."""
        if name == "scalp":
            return self._kept(name, lambda: scalp_piece(self.template, self.face))
        if name in ("brim", "visor"):
            return self._kept(name, lambda: brim_piece(self.template, visor=name == "visor"))
        return self._kept(name, lambda: helper_piece(self.template, name))

    def longer(self, hair: Piece, end: float) -> Piece:
        """Hair that hangs down to `end` metres over the base of the neck."""
        return self._kept(f"{hair.name} to {end}", lambda: lengthened(hair, self.template, end))

    def glasses(self, shape: str, part: str) -> Piece:
        """The frame or the lenses of glasses."""
        return self._kept(f"{part}-{shape}", lambda: glasses_piece(self.template, shape, part))

    @cached_property
    def under_tights(self) -> NDArray[np.bool_]:
        """Base vertices [19158] that the tights cover."""
        return hides(self.own("tights"), self.template)

    @cached_property
    def under_skirt(self) -> NDArray[np.bool_]:
        """Base vertices [19158] that the skirt covers."""
        return hides(self.own("skirt"), self.template)

    def _kept(self, key: str, make: Callable[[], Piece]) -> Piece:
        if key not in self._pieces:
            self._pieces[key] = make()
        return self._pieces[key]
