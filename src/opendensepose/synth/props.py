"""Things that are not people: tables, seats, boxes, poles, plants; in front, below and around."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.jit import njit
from opendensepose.surface.raster import Cutouts
from opendensepose.synth import texture


@dataclass(frozen=True, eq=False)
class Props:
    """A mesh whose faces carry patterns of the bank; drawn like an `Outfit`."""

    vertices: NDArray[np.float32]  # [V, 3] metres, z up
    faces: NDArray[np.int32]  # [F, 3]
    face_uv: NDArray[np.float32]  # [F, 3, 2] metres along the face
    pattern: NDArray[np.int64]  # [F]
    colour: NDArray[np.float32]  # [F, 3] linear reflectance
    contrast: NDArray[np.float32]  # [F]
    keep: NDArray[np.float32] | None = None
    cutouts: Cutouts | None = None

    def made_of(self, colour: NDArray[np.float32], pattern: int, contrast: float) -> Props:
        """The same of one material; colour [3], or [F, 3] of each face."""
        return replace(
            self,
            colour=np.broadcast_to(colour, self.colour.shape),
            pattern=np.full_like(self.pattern, pattern),
            contrast=np.full_like(self.contrast, contrast),
        )

    def paint(self, face: NDArray[np.integer], bary: NDArray[np.float32]) -> NDArray[np.float32]:
        """Reflectance [P, 3] at faces [P] and barycentrics [P, 3]."""
        return np.asarray(
            _paint(face, bary, self.face_uv, self.pattern, self.colour, self.contrast, texture.bank())
        )


@njit(cache=True, nogil=True)
def _paint(face, bary, face_uv, pattern, colour, contrast, bank):  # type: ignore[no-untyped-def]
    out = np.empty((len(face), 3), np.float32)
    side = bank.shape[1]
    for p in range(len(face)):
        f = face[p]
        u = v = np.float32(0)
        for k in range(3):
            u += bary[p, k] * face_uv[f, k, 0]
            v += bary[p, k] * face_uv[f, k, 1]
        value = bank[pattern[f], int(np.floor(v * side)) % side, int(np.floor(u * side)) % side]
        for k in range(3):
            out[p, k] = colour[f, k] * (1 + contrast[f] * (value - 1))
    return out


def join(parts: list[Props]) -> Props | None:
    """All parts as one mesh; None when there are none."""
    if not parts:
        return None
    shifts = np.cumsum([0] + [len(p.vertices) for p in parts[:-1]])
    return Props(
        np.concatenate([p.vertices for p in parts]),
        np.concatenate([p.faces + shift for p, shift in zip(parts, shifts, strict=True)]).astype(np.int32),
        np.concatenate([p.face_uv for p in parts]),
        np.concatenate([p.pattern for p in parts]),
        np.concatenate([p.colour for p in parts]),
        np.concatenate([p.contrast for p in parts]),
    )


@cache
def grid_faces(rows: int, columns: int) -> NDArray[np.int32]:
    """Triangles of a grid of [rows, columns] vertices that closes on itself along the columns."""
    i, j = np.mgrid[: rows - 1, :columns]
    a, b = i * columns + j, i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    return np.concatenate([np.stack([a, b, c], -1), np.stack([b, d, c], -1)]).reshape(-1, 3).astype(np.int32)


def finish(
    rng: np.random.Generator,
    vertices: NDArray[np.floating],  # [V, 3]
    faces: NDArray[np.int32],  # [F, 3]
) -> Props:
    """Give a mesh one colour and pattern, laid along each face's main plane."""
    vertices, count = vertices.astype(np.float32), len(faces)
    return Props(
        vertices,
        faces,
        _lay(vertices, faces, np.float32(np.exp(rng.uniform(-0.7, 1.2)))),
        np.full(count, rng.integers(len(texture.bank()))),
        np.broadcast_to(texture.colour(rng, 0.6), (count, 3)),
        np.full(count, rng.beta(1.5, 1.5), np.float32),
    )


@njit(cache=True, nogil=True)
def _lay(vertices, faces, scale):  # type: ignore[no-untyped-def]
    """Pattern coordinates [F, 3, 2]: the two coordinates that a face is widest in, times `scale`."""
    out = np.empty((len(faces), 3, 2), np.float32)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        axis, most = 0, np.float32(-1)
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            normal = (vertices[b, i] - vertices[a, i]) * (vertices[c, j] - vertices[a, j])
            normal -= (vertices[b, j] - vertices[a, j]) * (vertices[c, i] - vertices[a, i])
            if abs(normal) > most:
                axis, most = k, abs(normal)
        for corner in range(3):
            v = faces[f, corner]
            out[f, corner, 0] = vertices[v, 1 if axis == 0 else 0] * scale
            out[f, corner, 1] = -vertices[v, 1 if axis == 2 else 2] * scale
    return out


def prism(
    rng: np.random.Generator,
    centre: NDArray[np.floating] | list[float],  # [3] middle, metres
    half: NDArray[np.floating] | list[float],  # [3] half extents along x, y, z
    yaw: float = 0.0,
    sides: int = 4,
) -> Props:
    """An upright box (4 sides) or cylinder (more)."""
    angle = (np.arange(sides) + 0.5) / sides * 2 * np.pi
    rim = np.stack([np.cos(angle), np.sin(angle)], 1) / np.cos(np.pi / sides) * np.asarray(half)[:2]
    c, s = np.cos(yaw), np.sin(yaw)
    rim = rim @ np.array([[c, s], [-s, c]])
    rows = [
        np.column_stack([rim * k, np.full(sides, z * half[2])]) for k, z in ((0, -1), (1, -1), (1, 1), (0, 1))
    ]
    return finish(rng, np.concatenate(rows) + np.asarray(centre), grid_faces(4, sides))


def blob(rng: np.random.Generator, centre: NDArray[np.floating] | list[float], radius: float) -> Props:
    """A lumpy ball: a bag, a bush, a ball, a boulder."""
    rows, columns = 9, 14
    polar, round_ = np.linspace(0, np.pi, rows), np.arange(columns) / columns * 2 * np.pi
    bumps = 1 + rng.uniform(0, 0.3) * rng.normal(size=(rows, columns)) * np.sin(polar)[:, None]
    stretch = rng.uniform(0.7, 1.3, 3) * radius
    ball = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(round_) * bumps * stretch[0],
            np.sin(polar)[:, None] * np.sin(round_) * bumps * stretch[1],
            np.cos(polar)[:, None] * np.ones(columns) * stretch[2],
        ],
        -1,
    ).reshape(-1, 3)
    return finish(rng, ball + np.asarray(centre), grid_faces(rows, columns))


def alike(rng: np.random.Generator, parts: list[Props]) -> list[Props]:
    """Parts of one piece of furniture: mostly of the first one's material."""
    first, share = parts[0], 0.75
    return [
        part.made_of(first.colour[0], first.pattern[0], first.contrast[0]) if rng.random() < share else part
        for part in parts
    ]


def table(rng: np.random.Generator, centre: NDArray[np.floating], yaw: float) -> list[Props]:
    """A table top on legs or on a closed front, its middle above `centre` [3]."""
    half = np.array([rng.uniform(0.3, 1.1), rng.uniform(0.25, 0.5), 0.02])
    height = rng.uniform(0.55, 1.05)
    x, y, z = np.asarray(centre, float)
    parts = [prism(rng, [x, y, z + height], half, yaw, 4 if rng.random() < 0.7 else 14)]
    if rng.random() < 0.5:
        parts.append(prism(rng, [x, y, z + height / 2], [half[0] * 0.95, half[1] * 0.9, height / 2], yaw))
    else:
        c, s = np.cos(yaw), np.sin(yaw)
        for i, j in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            dx, dy = i * half[0] * 0.9, j * half[1] * 0.85
            leg = [x + c * dx - s * dy, y + s * dx + c * dy, z + height / 2]
            parts.append(prism(rng, leg, [0.025, 0.025, height / 2], yaw))
    parts = alike(rng, parts)
    if rng.random() < 0.5:
        parts.append(blob(rng, [x + rng.uniform(-0.3, 0.3), y, z + height + 0.1], rng.uniform(0.06, 0.14)))
    return parts


def seat(
    rng: np.random.Generator,
    hips: NDArray[np.floating],  # [3] the pelvis of who sits on it
    facing: float,  # radians, the direction they face
) -> list[Props]:
    """A chair or bench below a sitting person, with a back now and then."""
    top = max(float(hips[2]) - rng.uniform(0.09, 0.14), 0.12)
    width, depth = rng.uniform(0.2, 0.3) * (2.5 if rng.random() < 0.2 else 1), rng.uniform(0.2, 0.26)
    ahead = np.array([np.cos(facing), np.sin(facing)])
    yaw = facing - np.pi / 2
    middle = np.asarray(hips[:2]) + 0.08 * ahead
    closed = rng.random() < 0.4
    thick = top / 2 if closed else 0.025
    parts = [prism(rng, [*middle, top - thick], [width, depth, thick], yaw)]
    if not closed:
        parts.append(prism(rng, [*middle, top / 2], [0.035, 0.035, top / 2], yaw, 8))
    if rng.random() < 0.6:
        behind = middle - (depth + 0.03) * ahead
        rise = rng.uniform(0.2, 0.5)
        parts.append(prism(rng, [*behind, top + rise], [width, 0.025, rise], yaw))
    return alike(rng, parts)


def in_front(
    rng: np.random.Generator,
    target: NDArray[np.floating],  # [3] a person's place on the floor
    eye: NDArray[np.floating],  # [3] the camera
) -> list[Props]:
    """One thing between the camera and a person: a table, counter, pole, box or plant."""
    way = np.asarray(eye[:2]) - np.asarray(target[:2])
    distance = float(np.hypot(*way))
    way = way / max(distance, 1e-6)
    gap = min(rng.uniform(0.35, 0.9), 0.7 * distance)
    aside = rng.normal(0, 0.3) * np.array([-way[1], way[0]])
    x, y = np.asarray(target[:2]) + gap * way + aside
    yaw = rng.normal(0, 0.4)
    kind = rng.integers(5)
    if kind == 0:
        return table(rng, np.array([x, y, 0]), yaw)
    if kind == 1:
        height = rng.uniform(0.25, 0.6)
        return [prism(rng, [x, y, height], [rng.uniform(0.15, 1.0), rng.uniform(0.1, 0.3), height], yaw)]
    if kind == 2:
        radius = np.exp(rng.uniform(np.log(0.02), np.log(0.12)))
        return [prism(rng, [x, y, 1.5], [radius, radius, 1.5], yaw, 10)]
    if kind == 3:
        height = rng.uniform(0.15, 0.55)
        return [prism(rng, [x, y, height], [rng.uniform(0.1, 0.35), 0.15, height], yaw)]
    spread = rng.uniform(0.1, 0.3)
    return [
        blob(rng, [x + dx, y + dy, max(z, 0.1)], rng.uniform(0.08, 0.25))
        for dx, dy, z in rng.normal([0, 0, 0.4], [spread, 0.1, 0.2], (int(rng.integers(1, 6)), 3))
    ]


def clutter(rng: np.random.Generator, distance: float) -> list[Props]:
    """Furniture, pillars, bushes beside and behind the people, `distance` metres from the camera."""
    parts: list[Props] = []
    for _ in range(int(rng.integers(0, 9))):
        y = rng.uniform(0.6, 1 + 1.5 * distance)
        x = rng.uniform(-0.9, 0.9) * (distance + y)
        if rng.random() < 0.65:
            half = np.exp(rng.uniform(np.log([0.05, 0.1, 0.1]), np.log([0.7, 0.4, 1.1])))
            lift = rng.uniform(0, 1) if rng.random() < 0.15 else 0.0
            sides = int(rng.choice([4, 4, 4, 10]))
            parts.append(prism(rng, [x, y, half[2] + lift], half, rng.uniform(0, np.pi), sides))
        elif rng.random() < 0.5:
            parts.append(blob(rng, [x, y, rng.uniform(0.1, 0.6)], rng.uniform(0.1, 0.5)))
        else:
            parts += table(rng, np.array([x, y, 0.0]), rng.uniform(0, np.pi))
    return parts
