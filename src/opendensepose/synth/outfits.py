"""What a random person wears: combinations of garments, skin, hair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opendensepose.synth.closet import Closet
from opendensepose.synth.fabrics import (
    ANY,
    cloth,
    fabric,
    hair_colour,
    hem,
    leg,
    plain_cloth,
    skin_tone,
    sleeve,
    vary,
)
from opendensepose.synth.headwear import GLASSES
from opendensepose.synth.paint import Cloth, Colour, Eye, Fabric, Hair, Material, Skin
from opendensepose.synth.pieces import Piece
from opendensepose.synth.template import LIMB

IRIS = [
    (0.03, 0.015, 0.008),
    (0.05, 0.025, 0.01),
    (0.11, 0.06, 0.02),
    (0.06, 0.1, 0.05),
    (0.1, 0.17, 0.25),
    (0.2, 0.22, 0.22),
]


@dataclass(frozen=True, eq=False)
class Worn:
    """A piece as it is worn."""

    piece: Piece
    kind: str  # one of dress.KINDS
    material: Material
    low: float = -ANY  # limb coordinates between which it is there
    high: float = ANY
    collar: float = ANY  # metres over the base of the neck up to which it is there
    neckline: tuple[float, float] = (
        ANY,
        0.0,
    )  # the same in front: at the middle, metres per metre to the side
    loose: float = 0.0  # metres outwards along the normals, on an adult
    flare: float = 0.0  # extra metres outwards per unit of the limb coordinate under the upper edge
    hides: NDArray[np.bool_] | None = None  # [19158] base vertices under it
    ragged: int = 0  # seed of an uneven surface and border (hair); 0 = smooth
    hairline: float | None = None  # metres over the hairline from which on it is there (scalp pieces)
    rim: bool = False  # a hat: level like a brim instead of along the hairline


@dataclass(frozen=True, eq=False)
class Clothes:
    """A person's skin and all that is on it."""

    skin: Skin
    eye: Eye
    lashes: Hair | None
    worn: tuple[Worn, ...]


def choose(
    rng: np.random.Generator,
    closet: Closet,
    *,
    adult: bool = True,
) -> Clothes:
    """Random clothes, skin and hair."""
    hair_tone = hair_colour(rng)
    worn, tight = _garments(rng, closet)
    trousers = min((max(item.low, item.piece.place[:, LIMB].min()) for item in worn), default=0.0)
    worn += _shoes(rng, closet, tight, float(trousers))
    on_head, scalp = _hair_or_hat(rng, closet, hair_tone)
    worn += on_head
    worn += _glasses(rng, closet)
    painted_brows = 0.0
    if closet.brows and rng.random() < 0.9:
        piece = closet.piece(closet.brows[rng.integers(len(closet.brows))])
        worn.append(Worn(piece, "brow", Hair(hair_tone * 0.6)))
    else:
        painted_brows = float(rng.uniform(0.002, 0.0045))
    texture = (
        closet.skin(closet.skins[rng.integers(len(closet.skins))])
        if closet.skins and rng.random() < 0.85
        else None
    )
    skin = Skin(
        face=closet.face,
        tint=vary(rng, np.ones(3), 0.15) * 1.1 if texture else skin_tone(rng),
        texture=texture,
        hair=hair_tone * 0.8 if scalp else None,
        beard=float(rng.uniform(0.2, 0.95)) if adult and rng.random() < 0.22 else 0.0,
        brows=painted_brows,
        seed=int(rng.integers(1 << 30)),
        tight=tuple(tight),
    )
    eye = Eye(vary(rng, IRIS[rng.integers(len(IRIS))], 0.3), closet.face.eyes)
    lashes = Hair(np.full(3, 0.02, np.float32)) if rng.random() < 0.5 else None
    return Clothes(skin, eye, lashes, tuple(worn))


Tight = list[tuple[float, float, float, Cloth]]  # painted on the skin: limb from, to, collar up to, cloth


def _garments(rng: np.random.Generator, closet: Closet) -> tuple[list[Worn], Tight]:
    """Tops and bottoms."""
    style = rng.choice(
        ["suit", "mixed", "half", "own"], p=[0.3, 0.35, 0.15, 0.2] if closet.suits else [0, 0, 0, 1]
    )
    if style == "suit":
        piece = closet.piece(closet.suits[rng.integers(len(closet.suits))])
        waist = float(rng.uniform(-0.9, 0.1)) if rng.random() < 0.75 else None
        material = fabric(rng, piece.texture, waist=waist)
        return [_suit(piece, material, leg(rng), sleeve(rng), float(rng.uniform(0, 0.006)))], []
    edge = hem(rng)
    top_from_suit, bottom_from_suit = style == "mixed", style == "mixed"
    if style == "half":
        top_from_suit = bool(rng.random() < 0.5)
        bottom_from_suit = not top_from_suit
    worn = []
    if bottom_from_suit:
        piece = closet.piece(closet.suits[rng.integers(len(closet.suits))])
        material = fabric(rng, piece.texture, waist=None, top=False)
        worn.append(_suit(piece, material, leg(rng), _over(edge), 0.0))
        tight: Tight = []
    else:
        worn, tight = _own_bottom(rng, closet, edge)
    if top_from_suit:
        piece = closet.piece(closet.suits[rng.integers(len(closet.suits))])
        worn.append(
            _suit(
                piece,
                fabric(rng, piece.texture, waist=None),
                edge,
                sleeve(rng),
                float(rng.uniform(0.002, 0.012)),
            )
        )
    else:
        worn += _own_top(rng, closet, edge)
    return worn, tight


def _over(edge: float) -> float:
    """Up to where a bottom reaches under a top that ends at `edge`: never over the waist by much."""
    return min(max(edge + 0.15, -0.25), 0.12)


def _suit(piece: Piece, material: Fabric, low: float, high: float, loose: float) -> Worn:
    return Worn(piece, "garment", material, low, high, loose=loose, hides=piece.garment.deleted)


def _own_top(rng: np.random.Generator, closet: Closet, edge: float) -> list[Worn]:
    """A shirt, pullover, coat or swimwear (none) made of the tights."""
    if rng.random() < 0.05:
        return []
    material = fabric(rng, None, waist=None)
    loose = float(rng.choice([rng.uniform(0.002, 0.008), rng.uniform(0.008, 0.045)]))
    collar = float(rng.choice([rng.uniform(-0.015, 0.0), rng.uniform(0.0, 0.05)]))
    depth = float(rng.choice([0.0, rng.uniform(0.01, 0.05), rng.uniform(0.05, 0.14)]))
    neckline = (collar - depth, depth / float(rng.uniform(0.05, 0.11)))  # from the middle to the neck's width
    high = min(sleeve(rng), 2.97)
    tights = closet.own("tights")
    flare = float(rng.uniform(0, 0.012))
    top = Worn(tights, "garment", material, edge, high, collar, neckline, loose, flare, closet.under_tights)
    if rng.random() < 0.12:  # a coat or dress: the skirt goes on in the same cloth
        long = float(rng.uniform(-2.6, -1.2))
        return [
            top,
            Worn(
                closet.own("skirt"),
                "garment",
                material,
                long,
                0.0,
                loose=loose,
                flare=flare,
                hides=closet.under_skirt,
            ),
        ]
    return [top]


def _own_bottom(rng: np.random.Generator, closet: Closet, edge: float) -> tuple[list[Worn], Tight]:
    """Trousers or shorts of the tights, a skirt, or leggings painted on the skin."""
    kind = rng.choice(["trousers", "skirt", "leggings", "briefs"], p=[0.62, 0.2, 0.12, 0.06])
    upper = _over(edge)
    if kind in ("trousers", "briefs"):
        low = -1.15 if kind == "briefs" else max(leg(rng), -3.05)
        loose = float(rng.choice([rng.uniform(0.001, 0.012), rng.uniform(0.01, 0.035)]))
        material = fabric(rng, None, waist=None, top=False)
        return [
            Worn(
                closet.own("tights"), "garment", material, low, upper, loose=loose, hides=closet.under_tights
            )
        ], []
    painted = cloth(rng, top=False, textured=False)
    if kind == "leggings":
        return [], [(float(rng.uniform(-3.0, -2.0)), upper, ANY, painted)]
    material = fabric(rng, None, waist=None, top=False)
    low = float(rng.uniform(-2.85, -1.35))
    flare = float(rng.uniform(0, 0.05))
    skirt = Worn(
        closet.own("skirt"), "garment", material, low, 0.3, loose=float(rng.uniform(0, 0.015)), flare=flare
    )
    stockings = [(-3.05, 0.0, ANY, painted)] if rng.random() < 0.35 else [(-1.2, 0.0, ANY, painted)]
    return [skirt], stockings


def _shoes(rng: np.random.Generator, closet: Closet, tight: Tight, trousers: float) -> list[Worn]:
    """Shoes, socks or bare feet; adds gloves to what is painted. `trousers`: limb coordinate of their end."""
    tights = closet.own("tights")
    worn = []
    if rng.random() < 0.5:
        material = fabric(rng, None, waist=None, top=False)
        high = min(float(rng.uniform(-2.9, -2.2)), trousers + 0.05)
        worn.append(Worn(tights, "garment", material, high=high, loose=0.001, hides=closet.under_tights))
    if rng.random() < 0.04:
        tight.append((float(rng.uniform(2.9, 3.1)), ANY, ANY, cloth(rng, top=False, textured=False)))
    style = rng.random()
    if style < 0.1:
        return worn
    if closet.shoes and style < 0.85:
        piece = closet.piece(closet.shoes[rng.integers(len(closet.shoes))])
        material = fabric(rng, piece.texture, waist=None, top=False)
        return [*worn, Worn(piece, "shoe", material, hides=piece.garment.deleted)]
    sole = plain_cloth(vary(rng, (0.75, 0.75, 0.75) if rng.random() < 0.6 else (0.03, 0.03, 0.03)))
    material = Fabric(cloth(rng, top=False, textured=False), sole, float(rng.uniform(-3.36, -3.28)))
    high = float(rng.uniform(-3.08, -2.97) if rng.random() < 0.75 else rng.uniform(-2.9, -2.2))  # or boots
    loose = float(rng.uniform(0.005, 0.012))
    return [*worn, Worn(tights, "shoe", material, high=high, loose=loose, hides=closet.under_tights)]


def _glasses(rng: np.random.Generator, closet: Closet) -> list[Worn]:
    """Glasses or sunglasses, on a sixth of all people."""
    if rng.random() > 0.17:
        return []
    shape = str(rng.choice(list(GLASSES)))
    rim = plain_cloth(vary(rng, (0.02, 0.02, 0.02) if rng.random() < 0.7 else (0.25, 0.18, 0.08), 0.4))
    frame = Worn(closet.glasses(shape, "frame"), "hat", Fabric(rim, rim, 0.0))
    if rng.random() < 0.55:
        return [frame]
    dark = plain_cloth(vary(rng, (0.02, 0.018, 0.016), 0.4))
    return [frame, Worn(closet.glasses(shape, "lenses"), "hat", Fabric(dark, dark, 0.0))]


def _hair_or_hat(rng: np.random.Generator, closet: Closet, tone: Colour) -> tuple[list[Worn], bool]:
    """Hair or a hat, and whether the scalp is painted in the hair's colour."""
    seed = int(rng.integers(1, 1 << 30))
    scalp = closet.own("scalp")
    if rng.random() < 0.13:
        if closet.hats and rng.random() < 0.5:
            piece = closet.piece(closet.hats[rng.integers(len(closet.hats))])
            return [Worn(piece, "hat", fabric(rng, piece.texture, waist=None, top=False))], bool(
                rng.random() < 0.8
            )
        material = fabric(rng, None, waist=None, top=False)
        loose = float(rng.uniform(0.008, 0.02))
        style = rng.choice(["beanie", "visor", "brim"], p=[0.35, 0.5, 0.15])
        if style == "beanie":
            line = float(rng.uniform(-0.02, 0.02))
            return [Worn(scalp, "hat", material, loose=loose, hairline=line)], bool(rng.random() < 0.8)
        under = float(rng.uniform(-0.012, -0.003))
        cap = Worn(scalp, "hat", material, loose=loose, hairline=under, rim=True)
        other = material if rng.random() < 0.6 else fabric(rng, None, waist=None, top=False)
        return [cap, Worn(closet.own(str(style)), "hat", other)], bool(rng.random() < 0.8)
    style = rng.random()
    if style < 0.12:
        return [], bool(rng.random() < 0.5)  # bald or close-cropped
    if closet.hair and style < 0.85:
        piece = closet.piece(closet.hair[rng.integers(len(closet.hair))])
        return [Worn(piece, "hair", Hair(tone, piece.texture, seed))], True
    thick = float(rng.choice([rng.uniform(0.004, 0.015), rng.uniform(0.015, 0.045)]))
    shell = Worn(
        scalp,
        "hair",
        Hair(tone, None, seed),
        loose=thick,
        ragged=seed,
        hairline=float(rng.uniform(-0.008, 0.012)),
    )
    if rng.random() < 0.35:
        return [
            shell,
            Worn(closet.own("hair"), "hair", Hair(tone, None, seed), low=float(rng.uniform(-0.2, 1.0))),
        ], True
    return [shell], True
