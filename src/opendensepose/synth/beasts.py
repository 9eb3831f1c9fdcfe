"""Animals, of tubes: quadrupeds that stand, graze, sit or lie; birds; with fur or feathers that stick out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from opendensepose.synth.props import Props, join
from opendensepose.synth.tubes import coat, shifted, tube

DARK = np.array([0.02, 0.018, 0.016], np.float32)  # eyes, noses


def tufts(
    rng: np.random.Generator,
    part: Props,
    count: int,
    long: float,  # metres
    *,
    sag: float = 0.5,  # 0: straight outwards, 1 and more: hanging, lying
) -> Props:
    """Tapering strands that grow from random points of a surface, each a bit darker or lighter than that."""
    corners = part.vertices[part.faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normals, axis=1)
    face = rng.choice(len(area), count, p=area / area.sum())
    outwards = -normals[face] / np.maximum(area[face], 1e-12)[:, None]
    root = (rng.dirichlet((1, 1, 1), count)[..., None] * corners[face]).sum(1)
    flow = rng.normal(0, 0.3, 3) - [0, 0, 0.6]
    way = outwards * rng.uniform(0.3, 1.2, (count, 1)) + sag * (flow + rng.normal(0, 0.3, (count, 3)))
    length = long * rng.uniform(0.5, 1.2, (count, 1))
    way *= length / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    aside = np.cross(way, rng.normal(size=(count, 3))) * 0.08
    sunk = root - 0.2 * way
    vertices = np.stack([sunk - aside, sunk + aside, root + way], 1).reshape(-1, 3)
    shade = np.exp(rng.normal(0, 0.25, (count, 1)))
    return Props(
        vertices.astype(np.float32),
        np.arange(3 * count, dtype=np.int32).reshape(-1, 3),
        part.face_uv[face],
        part.pattern[face],
        np.clip(part.colour[face] * shade, 0.01, 0.95).astype(np.float32),
        part.contrast[face],
    )


def _eye(rng: np.random.Generator, place: ArrayLike, size: float) -> Props:
    """A dark ball."""
    ends = [shifted(place, 0, 0, -size), shifted(place, 0, 0, size)]
    return tube(rng, ends, [size], ends=0.5, rows=5).made_of(DARK, 0, 0.0)


def _furred(rng: np.random.Generator, parts: list[Props], share: float, longest: float) -> list[Props]:
    """The same parts; a share of all animals with tufts of up to a length."""
    if rng.random() >= share or (whole := join(parts)) is None:
        return parts
    long = longest * rng.uniform(0.15, 1.0)
    return [*parts, tufts(rng, whole, int(rng.integers(800, 4000)), long, sag=rng.uniform(0.3, 1.5))]


def beast(rng: np.random.Generator) -> list[Props]:
    """A quadruped, from a dachshund to a giraffe, along x; it may sit, lie, graze or look up."""
    dye, long = coat(rng), rng.uniform(0.9, 1.6)
    stands = 0.05 if rng.random() < 0.15 else rng.uniform(0.25, 0.9)
    fat = long * rng.uniform(0.13, 0.28)
    sits = rng.random() < 0.25
    pitch = rng.uniform(0.6, 1.2) if sits else rng.normal(0, 0.08)
    ahead, upwards = np.array([np.cos(pitch), 0, np.sin(pitch)]), np.array([-np.sin(pitch), 0, np.cos(pitch)])
    rump = np.array([-long / 2, 0, 0.9 * fat if sits else stands + fat])
    chest = rump + long * ahead
    chest[2] = max(chest[2], 0.9 * fat)
    loin = rump + 0.3 * long * ahead + rng.normal(0, 0.08) * upwards
    back = [rump, loin, rump + 0.7 * long * ahead, chest]
    thickness = [[0.3, 0.3], [1.2, 1.0], [0.9, 1.0], [1.1, 1.3], [0.3, 0.3]]
    trunk = tube(rng, back, fat * np.array(thickness) * rng.uniform(0.85, 1.15, (5, 1)))
    neck, rise = long * rng.uniform(0.15, 0.6), rng.uniform(-0.7, 1.4)
    if sits:
        rise = rng.uniform(0.6, 1.6)
    withers = chest - 0.5 * fat * ahead + 0.3 * fat * upwards
    poll = withers + neck * np.array([np.cos(rise), rng.normal(0, 0.3), np.sin(rise)])
    poll[2] = max(poll[2], 0.6 * fat)
    head = fat * rng.uniform(0.8, 1.3)
    snout = np.array([rng.uniform(0.6, 1.6), rng.normal(0, 0.5), rng.uniform(-1.2, 0.3)])
    muzzle = poll + head * snout
    parts = [trunk, tube(rng, [withers, (withers + poll) / 2, poll], [0.8 * fat, 0.55 * fat, 0.45 * fat])]
    profile = head * np.array([0.2, 0.75, rng.uniform(0.35, 0.65), rng.uniform(0.2, 0.45)])
    parts.append(tube(rng, [poll - 0.15 * head * snout, (poll + muzzle) / 2, muzzle], profile))
    detail = [_eye(rng, muzzle, 0.14 * head)]
    for side in (-1, 1):
        ear = poll + head * np.array([0, 0.35 * side, 0.2])
        tip = ear + head * np.array([rng.normal(0, 0.2), 0.25 * side, rng.uniform(-0.5, 0.9)])
        parts.append(tube(rng, [ear, (ear + tip) / 2, tip], [0.05 * head, 0.3 * head, 0.0], rows=6))
        detail.append(
            _eye(rng, poll + head * (0.4 * snout + [0, 0.42 * side, 0.2]), rng.uniform(0.04, 0.1) * head)
        )
        parts += [_leg(rng, chest - 0.5 * fat * ahead, fat, side, False)]
        parts += [_leg(rng, rump + 0.4 * fat * ahead, fat, side, sits)]
    if rng.random() < 0.3:
        detail += _horns(rng, poll, head)
    away = shifted(rump, -rng.uniform(0.1, 0.6), rng.normal(0, 0.15), rng.uniform(-0.4, 0.4))
    away[2] = max(away[2], 0.02)
    bushy = rng.uniform(0.03, 0.35) * fat
    parts.append(tube(rng, [rump, shifted(rump, -0.15, 0, 0.05), away], [0.12 * fat, bushy, bushy], rows=8))
    return [*_furred(rng, [dye(part) for part in parts], 0.75, 0.4 * fat), *detail]


def _leg(rng: np.random.Generator, joint: NDArray[np.float64], fat: float, side: int, folded: bool) -> Props:
    """From the trunk to the ground; a folded one ends ahead of its joint."""
    x, high = joint[0], joint[2]
    y, step = 0.55 * fat * side, rng.normal(0, 0.2) * high
    if folded:
        foot = [x + fat * rng.uniform(0.5, 1.4), y * 1.3, 0.04]
        knee = [x + fat * rng.uniform(0.8, 1.8), y * 1.5, high * rng.uniform(0.5, 1.2)]
        return tube(rng, np.array([[x, y, high], knee, foot, foot]), fat * np.array([0.7, 0.6, 0.3, 0.2]))
    knee = [x + step * rng.uniform(-1, 1), y, high / 2]
    foot = [x + step, y, 0.06]
    widths = fat * np.array([rng.uniform(0.45, 0.75), rng.uniform(0.2, 0.4), rng.uniform(0.12, 0.28), 0.22])
    spine = np.array([[x, y, high], knee, foot, [x + step + 0.08, y, 0.03]])
    return tube(rng, spine, widths)


def _horns(rng: np.random.Generator, poll: NDArray[np.float64], head: float) -> list[Props]:
    """Two horns, or antlers with branches."""
    dye, parts = coat(rng), []
    bend, tip = rng.normal(0, 0.5, 3), rng.normal([0, 0.5, 1.0], 0.5)
    for side in (-1, 1):
        mirror = np.array([1, side, 1]) * head
        root = poll + mirror * [0, 0.25, 0.35]
        control = [root, root + mirror * (tip / 2 + bend), root + mirror * tip * 1.3]
        parts.append(tube(rng, control, head * np.array([0.14, 0.1, 0.02]), rows=10))
        if bend[0] > 0.2:  # antlers
            for t in (0.4, 0.7):
                fork = root + mirror * tip * t
                branch = [fork, fork + mirror * rng.normal(0, 0.4, 3) + [0, 0, 0.4 * head]]
                parts.append(tube(rng, branch, head * np.array([0.08, 0.02]), rows=6))
    return [dye(part) for part in parts]


def bird(rng: np.random.Generator) -> list[Props]:
    """A bird that sits, with folded or spread wings; along x."""
    dye, fat, up = coat(rng), rng.uniform(0.2, 0.38), rng.uniform(0.05, 0.5)
    rump = np.array([rng.uniform(-0.5, -0.1), 0, up + 0.3])
    chest = np.array([0.35 + min(rump[0] + 0.3, 0), 0, up + rng.uniform(0.35, 1.0)])
    parts = [dye(tube(rng, [rump, (rump + chest) / 2, chest], [0.08, 1.2 * fat, 1.3 * fat, 0.5 * fat]))]
    neck = rng.uniform(0.5, 1.2) if rng.random() < 0.2 else rng.uniform(0.1, 0.5)
    head = shifted(chest, rng.uniform(0, 0.25), 0, neck)
    thin = 0.7 * min(1.0, 0.35 / neck)
    nape = (chest + head) / 2 + rng.normal(0, 0.15, 3) * [neck, 0, neck]
    parts.append(dye(tube(rng, [chest, nape, head], fat * np.array([1.0, thin, 0.55, 0.6, 0.3]))))
    beak = shifted(head, rng.uniform(0.15, 0.5), 0, rng.normal(-0.05, 0.08))
    other = coat(rng)
    detail = [other(tube(rng, [shifted(head, 0.1, 0, 0), beak], [0.08, 0.05, 0.0], rows=6))]
    tail = rump - [rng.uniform(0.2, 0.7), 0, rng.normal(0.05, 0.2)]
    spine = [shifted(rump, 0.2, 0, 0), tail]
    parts.append(dye(tube(rng, spine, [[0.1, 0.05], [0.15, 0.03], [0.1, 0.02]], rows=8)))
    spread = rng.uniform(0.5, 1.3) if rng.random() < 0.4 else 0.0
    second = coat(rng) if rng.random() < 0.4 else dye
    for side in (-1, 1):
        root = shifted(chest, -0.1, 0.8 * fat * side, 0)
        tip = shifted(root, -0.6 * (1 - 0.5 * (spread > 0)), spread * side, spread * rng.uniform(-0.2, 0.8))
        wing = [[0.1, 0.08], [rng.uniform(0.25, 0.4), 0.05], [0.05, 0.02]]
        parts.append(second(tube(rng, [root, (root + tip) / 2, tip], wing)))
        foot = [rump[0] / 2 + 0.2 + rng.normal(0, 0.05), 0.12 * side, 0.0]
        detail.append(other(tube(rng, [[foot[0], 0.1 * side, up + 0.25], foot], [0.03, 0.02, 0.03], rows=5)))
        detail.append(
            _eye(rng, shifted(head, 0.12 * fat, 0.42 * fat * side, 0.15 * fat), rng.uniform(0.05, 0.12) * fat)
        )
    return [*_furred(rng, parts, 0.5, 0.35 * fat), *detail]
