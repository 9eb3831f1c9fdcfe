"""What stands out in a picture and is nobody: animals, fruit, vessels, cycles, plants, sculptures.

All are made of tubes: surfaces around bent spines, as thick as they need to be at each point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from opendensepose.synth import texture
from opendensepose.synth.fabrics import fabric_colour, hair_colour, skin_tone
from opendensepose.synth.props import Props, finish, grid_faces, prism
from opendensepose.synth.shadow import bounds

ROWS, COLUMNS = 16, 14  # vertices of a tube, along and around
Coat = Callable[[Props], Props]


def bezier(control: ArrayLike, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points [N, D] at `t` [N] along the Bezier curve of control points [K, D] (Bernstein's polynomials)."""
    points = np.asarray(control, np.float64)
    t, degree = t[:, None], len(points) - 1
    k = np.arange(len(points))
    ways = np.array([math.comb(degree, n) for n in k])
    return np.asarray((ways * t**k * (1 - t) ** (degree - k)) @ points)


def tube(
    rng: np.random.Generator,
    spine: ArrayLike,  # [K, 3] control points, metres
    thick: ArrayLike,  # [R] or [R, 2] control values of the half widths: across, and the third way; metres
    *,
    ends: float = 0.3,  # 0: blunt, 0.5: an ellipsoid's, 1 and more: pointed
    lumps: float = 0.0,  # relative
    rows: int = ROWS,
) -> Props:
    """A closed surface around a curve."""
    t = (1 - np.cos(np.linspace(0.02, 0.98, rows) * np.pi)) / 2  # closer towards the ends
    line = bezier(spine, t)
    widths = np.asarray(thick, np.float64)
    half = bezier(widths.reshape(len(widths), -1), t)
    half *= ((4 * t * (1 - t)) ** ends)[:, None]
    ahead = np.gradient(line, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    aside = np.cross(ahead, [0.0, 0.0, 1.0])  # level, where the spine is not upright
    upright = np.linalg.norm(aside, axis=1) < 0.2
    aside[upright] = np.cross(ahead[upright], [0.0, 1.0, 0.0])
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    third = np.cross(aside, ahead)
    angle = np.arange(COLUMNS) / COLUMNS * 2 * np.pi
    wide, deep = half[:, :1], half[:, -1:]
    bumps = 1 + lumps * rng.normal(size=(rows, COLUMNS))
    ring = (
        line[:, None]
        + (wide * np.cos(angle) * bumps)[..., None] * aside[:, None]
        + (deep * np.sin(angle) * bumps)[..., None] * third[:, None]
    )
    # caps: rings of no width
    caps = [np.broadcast_to(end[:, None], (1, COLUMNS, 3)) for end in (line[[0]], line[[-1]])]
    whole = np.concatenate([caps[0], ring, caps[1]])
    return finish(rng, whole.reshape(-1, 3), grid_faces(rows + 2, COLUMNS))


def coat(rng: np.random.Generator) -> Coat:
    """One material for all parts of a thing: any colour, skin's or fur's; plain, patterned or in patches."""
    kinds = (texture.colour, fabric_colour, skin_tone, hair_colour)
    colours = [kinds[k](rng) for k in rng.integers(len(kinds), size=2)]
    pattern, contrast = int(rng.integers(len(texture.bank()))), rng.beta(1.3, 2.0)
    patches = rng.random() < 0.35
    waves, phase = rng.normal(0, rng.choice([3.0, 8.0, 16.0]), (4, 3)), rng.uniform(0, 2 * np.pi, 4)

    def dye(part: Props) -> Props:
        colour = colours[0]
        if patches:
            middle = part.vertices[part.faces].mean(1)
            second = np.sin(middle @ waves.T + phase).sum(1) > 0.5
            colour = np.where(second[:, None], colours[1], colour)
        return part.made_of(colour, pattern, contrast)

    return dye


def _from(point: ArrayLike, *way: float) -> NDArray[np.float64]:
    """The point [3] that lies so far in x, y and z from another."""
    return np.asarray(point, np.float64) + way


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


def _beast(rng: np.random.Generator) -> list[Props]:
    """A quadruped, from a dachshund to a giraffe, along x; it may lie, graze or look up."""
    dye, long = coat(rng), rng.uniform(0.9, 1.6)
    legs = 0.05 if rng.random() < 0.15 else rng.uniform(0.25, 0.9)
    fat = long * rng.uniform(0.13, 0.28)
    top = legs + fat
    back = [
        [-long / 2, 0, top],
        [-long / 5, 0, top + rng.normal(0, 0.08)],
        [long / 5, 0, top],
        [long / 2, 0, top],
    ]
    trunk = tube(
        rng,
        back,
        [[0.3 * fat] * 2, [1.2 * fat, fat], [0.9 * fat, fat], [1.1 * fat, 1.3 * fat], [0.3 * fat] * 2],
    )
    neck, rise = long * rng.uniform(0.15, 0.6), rng.uniform(-0.7, 1.4)
    chest = np.array([long / 2 - 0.5 * fat, 0, top + 0.3 * fat])
    poll = chest + neck * np.array([np.cos(rise), rng.normal(0, 0.3), np.sin(rise)])
    muzzle = poll + fat * np.array([rng.uniform(0.6, 1.6), rng.normal(0, 0.3), rng.uniform(-1.2, 0.3)])
    parts = [trunk, tube(rng, [chest, (chest + poll) / 2, poll], [0.8 * fat, 0.55 * fat, 0.45 * fat])]
    parts.append(
        tube(rng, [poll, (poll + muzzle) / 2, muzzle], [0.2 * fat, 0.75 * fat, 0.55 * fat, 0.3 * fat])
    )
    for side in (-1, 1):
        ear = poll + fat * np.array([0, 0.35 * side, 0.2])
        tip = ear + fat * np.array([rng.normal(0, 0.2), 0.2 * side, rng.uniform(-0.3, 0.9)])
        parts.append(tube(rng, [ear, (ear + tip) / 2, tip], [0.05 * fat, 0.3 * fat, 0.0], rows=6))
        for x in (-long / 2 + 0.4 * fat, long / 2 - 0.5 * fat):
            step, y = rng.normal(0, 0.2) * legs, 0.55 * fat * side
            knee = [x + step * rng.uniform(-1, 1), y, legs / 2]
            leg = [[x, y, top], knee, [x + step, y, 0.06], [x + step + 0.08, y, 0.03]]
            parts.append(tube(rng, leg, [0.6 * fat, 0.3 * fat, 0.2 * fat, 0.22 * fat]))
    rump = np.array([-long / 2, 0, top])
    away = _from(rump, -rng.uniform(0.1, 0.5), rng.normal(0, 0.15), rng.uniform(-0.4, 0.4))
    parts.append(tube(rng, [rump, _from(rump, -0.15, 0, 0.05), away], [0.12 * fat, 0.1 * fat, 0.04], rows=8))
    return [dye(part) for part in parts]


def _bird(rng: np.random.Generator) -> list[Props]:
    """A bird that sits, with folded or spread wings; along x."""
    dye, fat, up = coat(rng), rng.uniform(0.2, 0.38), rng.uniform(0.05, 0.5)
    rump, chest = np.array([-0.5, 0, up + 0.3]), np.array([0.35, 0, up + rng.uniform(0.35, 0.7)])
    head = _from(chest, rng.uniform(0, 0.25), 0, rng.uniform(0.1, 0.5))
    parts = [dye(tube(rng, [rump, (rump + chest) / 2, chest], [0.08, 1.2 * fat, 1.3 * fat, 0.5 * fat]))]
    parts.append(dye(tube(rng, [chest, head], [0.7 * fat, 0.55 * fat, 0.6 * fat, 0.1])))
    beak = _from(head, rng.uniform(0.15, 0.4), 0, rng.normal(-0.03, 0.05))
    other = coat(rng)
    parts.append(other(tube(rng, [_from(head, 0.1, 0, 0), beak], [0.08, 0.05, 0.0], rows=6)))
    tail = rump - [rng.uniform(0.2, 0.7), 0, rng.normal(0.05, 0.1)]
    parts.append(
        dye(tube(rng, [_from(rump, 0.2, 0, 0), tail], [[0.1, 0.05], [0.15, 0.03], [0.1, 0.02]], rows=8))
    )
    spread = rng.uniform(0.5, 1.3) if rng.random() < 0.4 else 0.0
    for side in (-1, 1):
        root = _from(chest, -0.1, 0.8 * fat * side, 0)
        tip = _from(root, -0.6 * (1 - 0.5 * (spread > 0)), spread * side, spread * rng.uniform(-0.2, 0.6))
        parts.append(dye(tube(rng, [root, (root + tip) / 2, tip], [[0.1, 0.08], [0.35, 0.05], [0.05, 0.02]])))
        foot = [0.0, 0.12 * side, 0.0]
        parts.append(other(tube(rng, [[0, 0.1 * side, up + 0.25], foot], [0.03, 0.02, 0.03], rows=5)))
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
        tip = _from(root, rng.normal(-0.15, 0.2), rng.normal(0, 0.1), rng.normal(0, 0.4))
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
            rng, [saddle - [0.2, 0, 0], _from(saddle, 0.2, 0, 0.02)], [[0.1, 0.03], [0.1, 0.05], [0.03, 0.03]]
        )
    )
    parts.append(
        rubber(tube(rng, [_from(bars, -0.1, -0.3, 0.1), bars, _from(bars, -0.1, 0.3, 0.1)], [0.02, 0.02]))
    )
    if motor:
        parts.append(
            dye(tube(rng, [saddle, _from((saddle + bars) / 2, 0, 0, 0.1), bars], [0.05, 0.25, 0.15, 0.05]))
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
        way = _from(rng.normal(0, 1, 3), 0, 0, 0.4)
        tip = root + way / np.linalg.norm(way) * rng.uniform(0.2, 0.6)
        width = rng.uniform(0.03, 0.15)
        sag = _from((root + tip) / 2, 0, 0, 0.1)
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


KINDS = (_vessel, _beast, _bird, _fish, _cycle, _plant, _sculpture)
SHARES = (0.2, 0.24, 0.1, 0.1, 0.12, 0.06, 0.18)


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
