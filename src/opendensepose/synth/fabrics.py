"""Random colours and fabrics, and where sleeves, legs and shirts end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opendensepose.synth.paint import Cloth, Colour, Fabric, Texture

ANY = 9.0  # a limb coordinate beyond all limits

HAIR = [  # linear reflectance; how many people of ten
    ((0.012, 0.010, 0.009), 3.0),
    ((0.030, 0.019, 0.013), 2.5),
    ((0.075, 0.042, 0.023), 1.6),
    ((0.18, 0.105, 0.05), 0.9),
    ((0.40, 0.28, 0.14), 0.8),
    ((0.17, 0.06, 0.025), 0.4),
    ((0.28, 0.28, 0.28), 0.6),
    ((0.62, 0.61, 0.58), 0.4),
]
PLAIN = [  # usual colours of clothes, linear
    (0.015, 0.015, 0.017), (0.03, 0.03, 0.035), (0.07, 0.07, 0.075), (0.2, 0.2, 0.2), (0.45, 0.45, 0.45),
    (0.75, 0.75, 0.74), (0.8, 0.79, 0.75), (0.012, 0.02, 0.06), (0.03, 0.055, 0.13), (0.07, 0.13, 0.25),
    (0.2, 0.3, 0.45), (0.4, 0.33, 0.22), (0.25, 0.17, 0.1), (0.12, 0.07, 0.04), (0.06, 0.07, 0.03),
    (0.35, 0.02, 0.025),
]  # fmt: skip


def vary(rng: np.random.Generator, colour: object, share: float = 0.2) -> Colour:
    """A colour [3], somewhat brighter or darker and a little off in hue."""
    factor = np.exp(share * rng.standard_normal() + 0.25 * share * rng.standard_normal(3))
    return np.clip(np.asarray(colour) * factor, 0.005, 0.9).astype(np.float32)


def fabric_colour(rng: np.random.Generator) -> Colour:
    """Half of all clothes are black, grey, white, navy or beige, the others of any colour."""
    if rng.random() < 0.55:
        return vary(rng, PLAIN[rng.integers(len(PLAIN))], 0.25)
    hue = np.clip(np.abs((rng.random() * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    saturation, value = rng.uniform(0.2, 0.95), rng.uniform(0.04, 0.75)
    return np.asarray(np.clip(value * (1 - saturation * (1 - hue)), 0.005, 0.9), np.float32)


def hair_colour(rng: np.random.Generator) -> Colour:
    """Natural, seldom dyed."""
    if rng.random() < 0.03:
        return fabric_colour(rng)
    weights = np.array([weight for _, weight in HAIR])
    return vary(rng, HAIR[rng.choice(len(HAIR), p=weights / weights.sum())][0], 0.25)


def skin_tone(rng: np.random.Generator) -> Colour:
    """From light to dark, evenly."""
    tones = np.log(
        [
            [0.68, 0.44, 0.34],
            [0.52, 0.31, 0.21],
            [0.36, 0.19, 0.115],
            [0.17, 0.082, 0.048],
            [0.06, 0.03, 0.02],
        ]
    )
    at = rng.uniform(0, len(tones) - 1)
    tone = [np.interp(at, np.arange(len(tones)), tones[:, channel]) for channel in range(3)]
    return vary(rng, np.exp(tone), 0.08)


def turn_hue(rng: np.random.Generator) -> NDArray[np.float32]:
    """A rotation [3, 3] about the grey axis, with a change of brightness."""
    angle, third = rng.uniform(0, 2 * np.pi), 1 / np.sqrt(3)
    cross = third * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    turn = np.eye(3) * np.cos(angle) + np.sin(angle) * cross + (1 - np.cos(angle)) / 3
    return np.asarray(turn * np.exp(rng.normal(0, 0.35)), np.float32)


def badge(rng: np.random.Generator) -> NDArray[np.float32]:
    """A print [h, w, 4]: lettering, a disc, blocks; RGBA."""
    ink = np.zeros((24, int(rng.integers(16, 40)), 4), np.float32)
    ink[..., :3] = fabric_colour(rng)
    rows, columns = np.mgrid[: ink.shape[0], : ink.shape[1]]
    style = rng.integers(4)
    if style == 0:
        lines = rng.random((ink.shape[0] // 6 + 1, ink.shape[1] // 2 + 1)) < 0.7
        ink[..., 3] = lines[rows // 6, columns // 2] & (rows % 6 < 4)
    elif style == 1:
        distance = np.hypot(rows / 23 - 0.5, columns / (ink.shape[1] - 1) - 0.5)
        ink[..., 3] = (distance < 0.5) & (distance > rng.uniform(0, 0.4))
    elif style == 2:
        tiles = rng.random((6, ink.shape[1] // 4 + 1, 4)).astype(np.float32)
        ink[:] = tiles[rows // 4, columns // 4]
        ink[..., 3] = 1
    else:
        ink[..., 3] = 1
        inner = (rows > 5) & (rows < 18)
        ink[inner, :3] = fabric_colour(rng)
    return ink


def cloth(rng: np.random.Generator, *, top: bool, textured: bool) -> Cloth:
    """A random fabric; `textured`: the garment has its own texture, whose colours or folds are used."""
    patterns = ["plain", "own", "hoops", "stripes", "checks", "dots", "blotches", "half"]
    weights = np.array([5, 4 if textured else 0, 1.2, 0.6, 0.9, 0.5, 0.7, 0.2]) if top else np.array(
        [6, 4 if textured else 0, 0.15, 0.3, 0.3, 0.2, 0.5, 0.05]
    )  # fmt: skip
    pattern = patterns[rng.choice(len(patterns), p=weights / weights.sum())]
    printed = top and rng.random() < 0.4
    return Cloth(
        first=fabric_colour(rng),
        second=fabric_colour(rng),
        pattern=pattern,
        size=float(np.exp(rng.uniform(np.log(0.025), np.log(0.16)))),
        fold=float(rng.uniform(0.05, 0.15) if textured else rng.uniform(0.08, 0.22)),
        seed=int(rng.integers(1 << 30)),
        turn=turn_hue(rng) if rng.random() < 0.7 else np.eye(3, dtype=np.float32),
        badge=badge(rng) if printed else None,
        badge_at=(float(rng.normal(0, 0.03)), float(rng.uniform(1.12, 1.36)), float(rng.uniform(0.03, 0.13))),
        badge_behind=bool(rng.random() < 0.4),
    )


def fabric(
    rng: np.random.Generator, texture: Texture | None, *, waist: float | None, top: bool = True
) -> Fabric:
    """One cloth, or two that meet at a waist."""
    upper = cloth(rng, top=top, textured=texture is not None)
    if waist is None:
        return Fabric(upper, upper, 0.0, texture)
    return Fabric(upper, cloth(rng, top=False, textured=texture is not None), waist, texture)


def plain_cloth(colour: Colour) -> Cloth:
    """One colour without folds."""
    return Cloth(colour, colour, fold=0.0)


def sleeve(rng: np.random.Generator) -> float:
    """Where sleeves end."""
    return float(
        rng.choice(
            [ANY, rng.uniform(1.02, 1.12), rng.uniform(1.3, 1.75), rng.uniform(1.8, 2.8)],
            p=[0.4, 0.12, 0.33, 0.15],
        )
    )


def leg(rng: np.random.Generator) -> float:
    """Where trouser legs end."""
    return float(rng.choice([-ANY, rng.uniform(-1.9, -1.25), rng.uniform(-2.7, -1.9)], p=[0.6, 0.27, 0.13]))


def hem(rng: np.random.Generator) -> float:
    """Where a shirt ends: from the ribs to under the hips."""
    return float(
        rng.choice(
            [rng.uniform(-1.0, -0.4), rng.uniform(-0.4, 0.0), rng.uniform(0.0, 0.25)], p=[0.65, 0.27, 0.08]
        )
    )
