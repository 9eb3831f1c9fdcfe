"""What is sewn on or hung over clothes, as painted areas: cuffs, belts, buttons, stripes, pockets, straps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from opendensepose.synth.template import ALONG, BACK, LIMB, SIDE

Kind = Literal["band", "beyond", "yoke", "placket", "buttons", "stripe", "pocket", "block", "strap"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_CHEST = 1.28  # metres along the body at which the middle of the chest lies, on the mean body


@dataclass(frozen=True, eq=False)
class Trim:
    """One area in a colour of its own."""

    kind: Kind
    colour: NDArray[np.float32]  # [3] linear reflectance
    at: float  # where: a limb coordinate, metres to the left or along, or an angle; as `cover` says
    size: float  # metres, or limb coordinates, or radians

    def cover(self, place: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of the places [P, 8] it covers."""
        limb, side, back, along = (place[:, k] for k in (LIMB, SIDE, BACK, ALONG))
        trunk = (limb > -1) & (limb < 1.05)
        if self.kind == "band":  # cuffs, belts, knee patches, hems
            return np.abs(limb - self.at) < self.size
        if self.kind == "beyond":  # other sleeves, or other legs
            return limb > self.at if self.at > 0 else limb < self.at
        if self.kind == "yoke":
            return trunk & (along > _CHEST + self.at)
        if self.kind == "placket":
            return trunk & (back < 0) & (np.abs(side) < self.size)
        if self.kind == "buttons":
            row = (along / (5 * self.size)) % 1 - 0.5
            return trunk & (back < 0) & (np.hypot(side, row * 5 * self.size) < self.size)
        if self.kind == "stripe":  # down the outer side of arms and legs, or any other
            angle = np.arctan2(side, -back)
            return np.abs(np.abs(angle) - self.at) < self.size
        if self.kind == "pocket":
            on_chest = np.abs(np.abs(side) - 0.085) < self.size
            return trunk & (back < 0) & on_chest & (np.abs(along - _CHEST - self.at) < 1.2 * self.size)
        if self.kind == "block":  # all of one side of a slanting line
            return np.cos(self.at) * side + np.sin(self.at) * (along - _CHEST) > self.size
        return trunk & (np.abs(side + np.sin(self.at) * (along - _CHEST + 0.1)) < self.size)  # strap


def random_trims(rng: np.random.Generator, colours: list[NDArray[np.float32]]) -> tuple[Trim, ...]:
    """None to three trims in some of the `colours`."""
    count = int(rng.choice(4, p=[0.35, 0.3, 0.2, 0.15]))
    ranges: dict[Kind, tuple[float, float, float, float]] = {  # at from, to; size from, to
        "band": (-3.0, 3.0, 0.02, 0.12),
        "beyond": (-1.0, 1.3, 0, 0),
        "yoke": (-0.12, 0.14, 0, 0),
        "placket": (0, 0, 0.006, 0.04),
        "buttons": (0, 0, 0.006, 0.014),
        "stripe": (0.3, 2.8, 0.08, 0.35),
        "pocket": (-0.25, 0.1, 0.03, 0.06),
        "block": (-3.1, 3.1, -0.2, 0.2),
        "strap": (-1.2, 1.2, 0.01, 0.04),
    }
    out = []
    for _ in range(count):
        kind = KINDS[rng.integers(len(KINDS))]
        low, high, small, large = ranges[kind]
        colour = colours[rng.integers(len(colours))]
        out.append(Trim(kind, colour, float(rng.uniform(low, high)), float(rng.uniform(small, large))))
    return tuple(out)
