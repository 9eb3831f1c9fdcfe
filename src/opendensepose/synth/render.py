"""Draw a scene: who owns which pixel, and its colour under the scene's light with soft shadows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.jit import njit
from opendensepose.surface.raster import rasterize
from opendensepose.synth.backdrop import Backdrop
from opendensepose.synth.camera import Camera
from opendensepose.synth.light import Light
from opendensepose.synth.shadow import ShadowMap, Thing, bounds, lit, shade_floor, shadow_map
from opendensepose.synth.template import vertex_normals

JUMP = 0.03  # metres in depth between neighbouring samples that make an edge


@dataclass(frozen=True, eq=False)
class Buffers:
    """What each pixel centre shows."""

    owner: NDArray[np.int16]  # [H, W] number of the thing, -1 = backdrop
    face: NDArray[np.int32]  # [H, W] face of that thing
    bary: NDArray[np.float32]  # [H, W, 3]
    depth: NDArray[np.float32]  # [H, W] metres, inf = backdrop
    alone: NDArray[np.int64]  # [T] pixels that each thing would own without the others

    def share(self, number: int) -> float:
        """How much of a thing no other hides, 0..1."""
        return float(np.count_nonzero(self.owner == number) / max(int(self.alone[number]), 1))

    def centres(self) -> Buffers:
        """Of the buffers of a doubled camera those of the plain one: exactly its pixel centres."""
        odd = (slice(1, None, 2), slice(1, None, 2))
        return Buffers(self.owner[odd], self.face[odd], self.bary[odd], self.depth[odd], self.alone)


def draw_buffers(camera: Camera, things: Sequence[Thing]) -> Buffers:
    """Rasterise all things, each within its own window, the nearest on top."""
    height, width = camera.size
    out = Buffers(
        np.full((height, width), -1, np.int16),
        np.full((height, width), -1, np.int32),
        np.zeros((height, width, 3), np.float32),
        np.full((height, width), np.inf, np.float32),
        np.zeros(len(things), np.int64),
    )
    for number, thing in enumerate(things):
        projected = camera.project(thing.vertices)
        rows, columns = _window(projected, camera.size)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        projected[:, 0] -= columns.start
        projected[:, 1] -= rows.start
        size = (rows.stop - rows.start, columns.stop - columns.start)
        drawn = rasterize(projected, thing.faces, size, keep=thing.keep, cutouts=thing.cutouts)
        out.alone[number] = _put(
            *drawn, rows.start, columns.start, number, out.owner, out.face, out.bary, out.depth
        )
    return out


@njit(cache=True, nogil=True)
def _put(face, bary, depth, top, left, number, owners, faces, barys, depths):  # type: ignore[no-untyped-def]
    """Lay a drawn window over the buffers where it is nearer; the pixels that it has itself."""
    alone = 0
    for i in range(face.shape[0]):
        for j in range(face.shape[1]):
            alone += face[i, j] >= 0
            if depth[i, j] < depths[top + i, left + j]:
                owners[top + i, left + j] = number
                depths[top + i, left + j] = depth[i, j]
                faces[top + i, left + j] = face[i, j]
                for k in range(3):
                    barys[top + i, left + j, k] = bary[i, j, k]
    return alone


def _window(projected: NDArray[np.float32], size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns that the vertices in front of the camera can touch."""
    low, high = bounds(projected, 0.0)
    left, top = np.clip(np.floor(low[:2]) - 1, 0, size[::-1]).astype(int)
    right, bottom = np.clip(np.ceil(high[:2]) + 1, 0, size[::-1]).astype(int)
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def render(
    camera: Camera,
    things: Sequence[Thing],
    backdrop: Backdrop,
    fine: Buffers,  # of the doubled camera
) -> NDArray[np.float32]:
    """Linear radiance [H, W, 3] of the scene; pixels on edges weigh 3 x 3 fine samples."""
    picture = backdrop.radiance.copy()
    if not things:
        return picture
    samples = np.zeros((*fine.owner.shape, 3), np.float32)
    edge = _edges(fine.owner, fine.depth)
    wanted = _wanted(fine.owner, edge)
    shadows = shadow_map(things, backdrop.light.key)
    shade_floor(camera, shadows, backdrop.light, picture)
    for number, thing in enumerate(things):
        rows, columns, face, bary = owned_pixels(wanted, number, fine.face, fine.bary)
        if len(rows):
            _fill(samples, rows, columns, shade(thing, face, bary, camera, backdrop.light, shadows))
    return np.asarray(_mix(samples, fine.owner, edge, picture))


@njit(cache=True, nogil=True)
def owned_pixels(owner, number, faces, barys):  # type: ignore[no-untyped-def]
    """Rows, columns, faces [P] and barycentrics [P, 3] of the pixels of one thing."""
    count = 0
    for i in range(owner.shape[0]):
        for j in range(owner.shape[1]):
            count += owner[i, j] == number
    rows, columns, face = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32)
    bary = np.empty((count, 3), np.float32)
    p = 0
    for i in range(owner.shape[0]):
        for j in range(owner.shape[1]):
            if owner[i, j] == number:
                rows[p], columns[p], face[p] = i, j, faces[i, j]
                for k in range(3):
                    bary[p, k] = barys[i, j, k]
                p += 1
    return rows, columns, face, bary


@njit(cache=True, nogil=True)
def _fill(samples, rows, columns, values):  # type: ignore[no-untyped-def]
    """samples[rows, columns] = values."""
    for p in range(len(rows)):
        for k in range(3):
            samples[rows[p], columns[p], k] = values[p, k]


def shade(
    thing: Thing,
    face: NDArray[np.int32],  # [P]
    bary: NDArray[np.float32],  # [P, 3]
    camera: Camera,
    light: Light,
    shadows: ShadowMap,
) -> NDArray[np.float32]:
    """Radiance [P, 3] of surface points: albedo times irradiance, less what the shadow map blocks."""
    normals = vertex_normals(thing.vertices, thing.faces)
    place, normal = _surface(
        face, bary, thing.faces, thing.vertices, normals, camera.position.astype(np.float32)
    )
    open_ = lit(place, normal, shadows.axes, shadows.origin, shadows.scale, shadows.distance)
    irradiance = _irradiance(normal, open_, light.sh, light.key, light.key_colour, light.shade)
    return np.asarray(thing.paint(face, bary) * irradiance, np.float32)


@njit(cache=True, nogil=True)
def _irradiance(normal, open_, sh, key, key_colour, shade):  # type: ignore[no-untyped-def]
    """Irradiance / pi [P, 3]: the harmonics, less the blocked share, and the main light where it reaches."""
    out = np.empty((len(normal), 3), np.float32)
    terms = np.empty(9, np.float32)
    for p in range(len(normal)):
        x, y, z = normal[p, 0], normal[p, 1], normal[p, 2]
        terms[0], terms[1], terms[2], terms[3], terms[4] = 1, y, z, x, x * y
        terms[5], terms[6], terms[7], terms[8] = y * z, 3 * z * z - 1, x * z, x * x - y * y
        towards = x * key[0] + y * key[1] + z * key[2]
        # light from the blocked side is missing most where the surface faces it
        left = 1 - shade * (np.float32(0.6) + np.float32(0.4) * towards) * (1 - open_[p])
        direct = max(towards, 0) * open_[p]
        for k in range(3):
            ambient = np.float32(0)
            for t in range(9):
                ambient += terms[t] * sh[t, k]
            out[p, k] = max(ambient, np.float32(0.02)) * left + direct * key_colour[k]
    return out


@njit(cache=True, nogil=True)
def _surface(face, bary, faces, vertices, normals, eye):  # type: ignore[no-untyped-def]
    """Points [P, 3] and normals [P, 3], turned towards the eye, of barycentrics on faces."""
    place, normal = np.zeros((len(face), 3), np.float32), np.zeros((len(face), 3), np.float32)
    for p in range(len(face)):
        length = facing = 0.0
        for k in range(3):
            for corner in range(3):
                v = faces[face[p], corner]
                place[p, k] += bary[p, corner] * vertices[v, k]
                normal[p, k] += bary[p, corner] * normals[v, k]
            length += normal[p, k] ** 2
            facing += normal[p, k] * (eye[k] - place[p, k])
        turn = (1 if facing >= 0 else -1) / max(np.sqrt(length), 1e-9)
        for k in range(3):
            normal[p, k] *= turn
    return place, normal


@njit(cache=True, nogil=True)
def _edges(owner, depth):  # type: ignore[no-untyped-def]
    """Pixels [H, W] whose fine samples show different things, or one thing at jumping depths."""
    height, width = owner.shape[0] // 2, owner.shape[1] // 2
    out = np.zeros((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            own, near = owner[2 * y + 1, 2 * x + 1], depth[2 * y + 1, 2 * x + 1]
            for i in range(3):
                for j in range(3):
                    r, c = 2 * y + i, 2 * x + j
                    if owner[r, c] != own or (own >= 0 and abs(depth[r, c] - near) > JUMP):
                        out[y, x] = True
    return out


@njit(cache=True, nogil=True)
def _wanted(owner, edge):  # type: ignore[no-untyped-def]
    """Owners of the fine samples that the picture needs, -1 elsewhere: all of edges, else the centres."""
    out = np.full(owner.shape, -1, np.int16)
    for y in range(edge.shape[0]):
        for x in range(edge.shape[1]):
            if edge[y, x]:
                for i in range(3):
                    for j in range(3):
                        out[2 * y + i, 2 * x + j] = owner[2 * y + i, 2 * x + j]
            else:
                out[2 * y + 1, 2 * x + 1] = owner[2 * y + 1, 2 * x + 1]
    return out


@njit(cache=True, nogil=True)
def _mix(samples, owner, edge, picture):  # type: ignore[no-untyped-def]
    """Samples of pixel centres, on edges weighed 1-2-1 each way, over the backdrop [H, W, 3]."""
    out = np.empty_like(picture)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            if not edge[y, x]:
                bare = owner[2 * y + 1, 2 * x + 1] < 0
                for k in range(3):
                    out[y, x, k] = picture[y, x, k] if bare else samples[2 * y + 1, 2 * x + 1, k]
                continue
            for k in range(3):
                out[y, x, k] = 0
            for i in range(3):
                for j in range(3):
                    r, c = 2 * y + i, 2 * x + j
                    weight = np.float32((2 - abs(i - 1)) * (2 - abs(j - 1)) / 16)
                    for k in range(3):
                        out[y, x, k] += weight * (picture[y, x, k] if owner[r, c] < 0 else samples[r, c, k])
    return out
