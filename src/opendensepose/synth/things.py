"""What stands out in a picture and is nobody: animals, fruit, vessels, cycles, plants, sculptures.

All are made of tubes: surfaces around bent spines, as thick as they need to be at each point.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from opendensepose.synth.beasts import beast, bird
from opendensepose.synth.props import Props, prism
from opendensepose.synth.shadow import bounds
from opendensepose.synth.tubes import coat, shifted, tube


def _vessel(rng: np.random.Generator) -> list[Props]:
    """Fruit, vases, bottles, lamps: round about a nearly straight axis, with a stem or a handle."""
    lean = rng.normal(0, 0.15, 2)
    profile = rng.uniform(0.2, 1.2, int(rng.integers(2, 7))) * rng.uniform(0.12, 0.6)
    ends = rng.uniform(0.1, 0.7)
    if rng.random() < 0.4:  # a ball, an apple
        profile, ends = 0.5 * rng.uniform(0.9, 1.1, 3), 0.5
    spine = [[0, 0, 0], [*lean, 0.5], [0, 0, 1]]
    body = tube(rng, spine, profile, ends=ends, lumps=rng.uniform(0, 0.02), rows=24)
    parts = [coat(rng)(body)]
    if rng.random() < 0.5:
        bend = rng.normal(0, 0.3, 2)
        stem = [[0, 0, 0.95], [*bend * 0.3, 1.1], [*bend, 1 + rng.uniform(0.1, 0.4)]]
        parts.append(coat(rng)(tube(rng, stem, [0.03, 0.03, 0.02])))
    return parts


def _fish(rng: np.random.Generator) -> list[Props]:
    """Something flat with fins, seen from its side: a fish, a moth, a leaf."""
    dye, high = coat(rng), rng.uniform(0.15, 0.45)
    lift = high + rng.uniform(0.1, 0.6)
    body = [[-0.7, 0, lift], [0, rng.normal(0, 0.1), lift + rng.normal(0, 0.15)], [0.7, 0, lift]]
    thin = rng.uniform(0.15, 0.6)
    profile = [[0.02, 0.05], [high * thin, high], [high * thin, 1.3 * high], [0.02, 0.05]]
    parts = [tube(rng, body, profile, rows=22)]
    for _ in range(int(rng.integers(2, 7))):
        x = rng.uniform(-0.75, 0.5)
        root = np.array([x, 0, lift + rng.choice([-0.8, 0.8]) * high * (abs(x) < 0.4)])
        tip = shifted(root, rng.normal(-0.15, 0.2), rng.normal(0, 0.1), rng.normal(0, 0.4))
        parts.append(tube(rng, [root, tip], [[0.02, 0.1], [0.02, 0.25], [0.01, 0.05]], rows=10))
    return [dye(part) if rng.random() < 0.7 else coat(rng)(part) for part in parts]


def _cycle(rng: np.random.Generator) -> list[Props]:
    """Two wheels, a frame, a saddle, bars; a tank and an engine if it has one. Along x."""
    radius, base, motor = rng.uniform(0.25, 0.4), rng.uniform(0.9, 1.4), rng.random() < 0.5
    tyre = rng.uniform(0.05, 0.11) if motor else rng.uniform(0.015, 0.04)
    parts, dye, rubber = [], coat(rng), coat(rng)
    for x in (-base / 2, base / 2):
        hub = np.array([x, 0, radius])
        circle = np.linspace(0, 2 * np.pi, 25)
        rim = hub + radius * np.stack([np.cos(circle), 0 * circle, np.sin(circle)], 1)
        for a, b in zip(rim[:-1:2], rim[2::2], strict=True):
            middle = hub + (((a + b) / 2) - hub) * 1.04
            parts.append(rubber(tube(rng, [a, middle, b], [tyre, tyre], ends=0, rows=4)))
        parts.append(rubber(prism(rng, hub - [0, 0, 0.05], [0.05, 0.03, 0.05])))
    back, front = np.array([-base / 2, 0, radius]), np.array([base / 2, 0, radius])
    low = np.array([rng.normal(0, 0.05), 0, radius * 0.9])
    saddle = np.array([-base / 5, 0, rng.uniform(0.7, 1.0)])
    bars = np.array([base / 3, 0, rng.uniform(0.8, 1.15)])
    stays = ((back, low), (low, saddle), (back, saddle), (low, bars), (saddle, bars), (front, bars))
    pipe = 0.04 if motor else 0.02
    parts += [dye(tube(rng, [a, b], [pipe, pipe], rows=4)) for a, b in stays]
    parts.append(
        tube(
            rng,
            [saddle - [0.2, 0, 0], shifted(saddle, 0.2, 0, 0.02)],
            [[0.1, 0.03], [0.1, 0.05], [0.03, 0.03]],
        )
    )
    parts.append(
        rubber(tube(rng, [shifted(bars, -0.1, -0.3, 0.1), bars, shifted(bars, -0.1, 0.3, 0.1)], [0.02, 0.02]))
    )
    if motor:
        parts.append(
            dye(tube(rng, [saddle, shifted((saddle + bars) / 2, 0, 0, 0.1), bars], [0.05, 0.25, 0.15, 0.05]))
        )
        for _ in range(int(rng.integers(2, 6))):
            middle = low + rng.normal(0, 0.12, 3) * [1.5, 0.3, 1]
            parts.append(prism(rng, middle, rng.uniform(0.05, 0.2, 3), sides=int(rng.choice([4, 10]))))
    return parts


def _plant(rng: np.random.Generator) -> list[Props]:
    """A stem with branches, leaves or blossoms."""
    dye, leaf = coat(rng), coat(rng)
    top = np.array([*rng.normal(0, 0.2, 2), 1.3])
    middle = np.array([*rng.normal(0, 0.2, 2), 0.6])
    stem = tube(rng, [np.zeros(3), middle, top], [rng.uniform(0.02, 0.12), 0.03])
    parts = [dye(stem)]
    for _ in range(int(rng.integers(4, 16))):
        root = top * rng.uniform(0.15, 1.0)
        way = shifted(rng.normal(0, 1, 3), 0, 0, 0.4)
        tip = root + way / np.linalg.norm(way) * rng.uniform(0.2, 0.6)
        width = rng.uniform(0.03, 0.15)
        sag = shifted((root + tip) / 2, 0, 0, 0.1)
        parts.append(leaf(tube(rng, [root, sag, tip], [[0.01, 0.01], [width, 0.02], [0.01, 0.01]], rows=8)))
    return parts


def _sculpture(rng: np.random.Generator) -> list[Props]:
    """Tubes and blocks that start from each other, in two or three materials."""
    coats, ends = [coat(rng) for _ in range(int(rng.integers(1, 4)))], [np.array([0.0, 0.0, 0.5])]
    parts = []
    for _ in range(int(rng.integers(3, 10))):
        start = ends[rng.integers(len(ends))]
        way = rng.normal(0, 0.35, (2, 3))
        stop = start + way[0]
        stop[2] = np.clip(stop[2], 0.1, 1.6)
        fat = np.exp(rng.uniform(np.log(0.03), np.log(0.3)))
        if rng.random() < 0.3:
            half = np.exp(rng.uniform(np.log(0.05), np.log(0.35), 3))
            part = prism(rng, stop, half, rng.uniform(0, np.pi), int(rng.choice([4, 10])))
        else:
            part = tube(
                rng,
                [start, start + way[1] / 2, stop],
                [fat * 0.3, fat, fat * rng.uniform(0.3, 1.2), 0.3 * fat],
            )
        parts.append(coats[rng.integers(len(coats))](part))
        ends.append(stop)
    return parts


KINDS = (_vessel, beast, bird, _fish, _cycle, _plant, _sculpture)
SHARES = (0.16, 0.34, 0.12, 0.08, 0.1, 0.06, 0.14)


def thing(
    rng: np.random.Generator,
    place: ArrayLike,  # [3] where it stands, metres
    size: float,  # the longer of its height and width, metres
) -> list[Props]:
    """Something that is nobody, turned at random about the vertical."""
    parts = KINDS[rng.choice(len(KINDS), p=SHARES)](rng)
    low, high = bounds(np.concatenate([part.vertices for part in parts]), -np.inf)
    scale, angle = size / float((high - low).max()), rng.uniform(0, 2 * np.pi)
    c, s = np.cos(angle), np.sin(angle)
    turn = scale * np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    foot = np.array([*(low + high)[:2] / 2, low[2]])
    to = np.asarray(place, np.float64)
    return [
        replace(part, vertices=((part.vertices - foot) @ turn.T + to).astype(np.float32)) for part in parts
    ]
