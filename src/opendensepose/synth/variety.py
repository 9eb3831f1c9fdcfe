"""More variety than a small wardrobe has: shapes, textures, hair and skins, changed at random.

A few garments, heads of hair and skins are soon known by heart. Only people of the training split vary so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from opendensepose.synth.closet import Closet
from opendensepose.synth.fabrics import fabric_colour, skin_tone, vary
from opendensepose.synth.outfits import Clothes, Worn
from opendensepose.synth.paint import Cloth, Fabric, Hair, Skin, Texture
from opendensepose.synth.template import COLLAR
from opendensepose.synth.trims import random_trims

LONG = (-0.5, -0.36, -0.24, -0.14)  # metres over the base of the neck to which long hair hangs
NECK = 0.02  # metres over it down to which hair must reach to be let grow


def vary_clothes(rng: np.random.Generator, clothes: Clothes, closet: Closet) -> Clothes:
    """The same person in clothes cut and decorated otherwise, with other hair and a blend of skins."""
    worn = tuple(_worn(rng, item, closet) for item in clothes.worn)
    worn = _hood(rng, worn, closet) if rng.random() < 0.05 else worn
    return replace(clothes, skin=_skin(rng, clothes.skin, closet), worn=worn)


def _worn(rng: np.random.Generator, item: Worn, closet: Closet) -> Worn:
    if item.kind == "garment":
        wider = float(np.exp(rng.uniform(np.log(0.003), np.log(0.03)))) if rng.random() < 0.35 else 0.0
        flare = float(rng.uniform(0, 0.03)) if rng.random() < 0.15 else 0.0
        item = replace(
            item, loose=item.loose + wider, flare=item.flare + flare, ragged=int(rng.integers(1, 1 << 30))
        )
    if item.kind == "hair" and item.hairline is None:
        item = _hair(rng, item, closet)
    if isinstance(item.material, Fabric) and item.kind in ("garment", "shoe", "hat"):
        item = replace(item, material=_fabric(rng, item.material, trimmed=item.kind == "garment"))
    return item


def _hair(rng: np.random.Generator, item: Worn, closet: Closet) -> Worn:
    """Fuller, shorter, longer, with other strands."""
    material, piece = item.material, item.piece
    lowest = piece.place[:, COLLAR].min()
    if NECK > lowest > LONG[0] and rng.random() < 0.45:
        ends = [end for end in LONG if end < lowest - 0.05]
        piece = closet.longer(piece, ends[rng.integers(len(ends))]) if ends else piece
    if isinstance(material, Hair) and rng.random() < 0.4:
        material = replace(material, texture=None)
    fuller = float(rng.uniform(0, 0.03)) if rng.random() < 0.5 else 0.0
    low = max(item.low, float(rng.uniform(-0.2, 1.0))) if rng.random() < 0.4 else item.low
    seed = int(rng.integers(1, 1 << 30))
    return replace(item, piece=piece, material=material, loose=item.loose + fuller, low=low, ragged=seed)


def _hood(rng: np.random.Generator, worn: tuple[Worn, ...], closet: Closet) -> tuple[Worn, ...]:
    """A hood instead of hair or a hat, of what is worn last of the garments."""
    garments = [item for item in worn if item.kind == "garment"]
    if not garments:
        return worn
    hood = Worn(
        closet.own("scalp"),
        "hat",
        garments[-1].material,
        loose=float(rng.uniform(0.012, 0.035)),
        hairline=float(rng.uniform(-0.04, -0.025)),
    )
    return (*(item for item in worn if item.kind not in ("hair", "hat")), hood)


def _fabric(rng: np.random.Generator, material: Fabric, *, trimmed: bool) -> Fabric:
    upper = _cloth(rng, material.upper, trimmed=trimmed)
    lower = upper if material.lower is material.upper else _cloth(rng, material.lower, trimmed=trimmed)
    return replace(material, upper=upper, lower=lower)


def _cloth(rng: np.random.Generator, cloth: Cloth, *, trimmed: bool) -> Cloth:
    """Other folds, more or less of the texture's, trims, and now and then a print all over."""
    colours = [cloth.second, fabric_colour(rng), vary(rng, cloth.first, 0.6)]
    return replace(
        cloth,
        pattern="print" if rng.random() < 0.12 else cloth.pattern,
        relief=float(rng.uniform(0, 1.4)),
        fold=cloth.fold * float(rng.uniform(0.3, 1.8)),
        fold_size=float(np.exp(rng.uniform(np.log(0.04), np.log(0.15)))),
        trims=random_trims(rng, colours) if trimmed else (),
    )


def _skin(rng: np.random.Generator, skin: Skin, closet: Closet) -> Skin:
    """Two photographed skins blended (they share their texture coordinates), or a plain one; other tints."""
    if skin.texture is None:
        return skin
    if rng.random() < 0.1:
        return replace(skin, texture=None, tint=skin_tone(rng))
    other = closet.skin(closet.skins[rng.integers(len(closet.skins))])
    return replace(skin, texture=_blend(skin.texture, other, rng.random()), tint=vary(rng, skin.tint, 0.15))


def _blend(first: Texture, second: Texture, share: float) -> Texture:
    """`share` of the second texture; in sRGB, where blends look even."""
    pixels = first.pixels + (second.pixels.astype(np.float32) - first.pixels) * np.float32(share)
    return Texture(np.round(pixels).astype(np.uint8), first.mean + (second.mean - first.mean) * share)
