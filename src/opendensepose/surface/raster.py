"""The one rasteriser: a z-buffer over triangles, exact at shared edges, perspective-correct."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.jit import njit

NEAR = 0.05  # metres: a face with a vertex nearer than this is left out
_GRID = 1024.0  # corners are snapped to 1/1024 pixel, so that edge functions are exact integers
_FAR_OUT = 1e6  # pixels: a corner further out would overflow the integers; its face is left out


@dataclass(frozen=True)
class Cutouts:
    """Holes in faces: a pixel of a face counts only where its alpha reaches the threshold."""

    alpha: NDArray[np.uint8]  # [A] all alpha textures, flattened one after the other
    textures: NDArray[np.int64]  # [T, 3] offset into alpha, height, width
    face_texture: NDArray[np.int32]  # [F] which texture, -1 = a solid face
    face_uv: NDArray[np.float32]  # [F, 3, 2] texture coordinates of the corners; row = (1 - v) * height
    threshold: int = 90  # of 255


_SOLID = Cutouts(
    np.zeros(1, np.uint8), np.zeros((1, 3), np.int64), np.zeros(0, np.int32), np.zeros((0, 3, 2), np.float32)
)


def rasterize(
    vertices: NDArray[Any],  # [V, 3] pixel x, pixel y, depth z > 0
    faces: NDArray[Any],  # [F, 3]
    size: tuple[int, int],  # H, W
    *,
    keep: NDArray[Any] | None = None,  # [V]: pixels where its interpolated value is below 0 are left out
    cutouts: Cutouts | None = None,
    near: float = NEAR,
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Find the nearest face at each pixel centre: face [H, W] (-1 = none), bary [H, W, 3], depth [H, W].

    Both sides of a face are drawn; of two faces that share an edge exactly one owns a pixel centre on it
    (top-left rule). `bary` is perspective-correct: it interpolates what is linear on the surface.
    A pixel without a face has depth inf. ValueError for wrong shapes.
    """
    vertices = np.ascontiguousarray(vertices, np.float64)
    faces = np.ascontiguousarray(faces, np.int32)
    for name, array in (("vertices", vertices), ("faces", faces)):
        if array.ndim != 2 or array.shape[1] != 3:
            raise ValueError(f"{name}: expected shape [*, 3], got {list(array.shape)}")
    keeps = np.zeros(0, np.float32) if keep is None else np.ascontiguousarray(keep, np.float32)
    if keep is not None and len(keeps) != len(vertices):
        raise ValueError(f"keep: expected {len(vertices)} values, got {len(keeps)}")
    cut = cutouts or _SOLID
    face = np.full(size, -1, np.int32)
    bary = np.zeros((*size, 3), np.float32)
    depth = np.full(size, np.inf, np.float32)
    _draw(
        vertices, faces, keeps, cut.alpha, cut.textures, cut.face_texture, cut.face_uv, cut.threshold, near,
        face, bary, depth,
    )  # fmt: skip
    return face, bary, depth


@njit(cache=True, nogil=True)
def _owes(dx: int, dy: int) -> int:
    """What an edge function must reach to count as inside: top and left edges own their line."""
    return 0 if dy < 0 or (dy == 0 and dx > 0) else 1


@njit(cache=True, nogil=True)
def _absent(f, w0, w1, w2, faces, keeps, alpha, textures, face_texture, face_uv, threshold):  # type: ignore[no-untyped-def]
    """Whether face f has a hole at barycentrics w."""
    if len(keeps) and w0 * keeps[faces[f, 0]] + w1 * keeps[faces[f, 1]] + w2 * keeps[faces[f, 2]] < 0:
        return True
    t = face_texture[f] if len(face_texture) else -1
    if t < 0:
        return False
    u = w0 * face_uv[f, 0, 0] + w1 * face_uv[f, 1, 0] + w2 * face_uv[f, 2, 0]
    v = w0 * face_uv[f, 0, 1] + w1 * face_uv[f, 1, 1] + w2 * face_uv[f, 2, 1]
    h, w = textures[t, 1], textures[t, 2]
    row = min(max(int((1.0 - v) * h), 0), h - 1)
    column = min(max(int(u * w), 0), w - 1)
    return alpha[textures[t, 0] + row * w + column] < threshold


@njit(cache=True, nogil=True)
def _draw(vertices, faces, keeps, alpha, textures, face_texture, face_uv, threshold, near, face, bary, depth):  # type: ignore[no-untyped-def]
    """Fill face, bary and depth, one triangle after the other."""
    # in one piece: with a function per triangle it takes 1.8 times as long
    height, width = face.shape
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        porous = len(face_texture) > 0 and face_texture[f] >= 0
        if len(keeps):
            if keeps[a] < 0 and keeps[b] < 0 and keeps[c] < 0:
                continue
            porous = porous or keeps[a] < 0 or keeps[b] < 0 or keeps[c] < 0
        za, zb, zc = vertices[a, 2], vertices[b, 2], vertices[c, 2]
        if not (za >= near and zb >= near and zc >= near):
            continue
        low_x = min(vertices[a, 0], vertices[b, 0], vertices[c, 0])
        high_x = max(vertices[a, 0], vertices[b, 0], vertices[c, 0])
        low_y = min(vertices[a, 1], vertices[b, 1], vertices[c, 1])
        high_y = max(vertices[a, 1], vertices[b, 1], vertices[c, 1])
        if not (max(-low_x, -low_y, high_x, high_y) < _FAR_OUT):
            continue
        left, right = max(int(np.ceil(low_x - 0.502)), 0), min(int(np.floor(high_x - 0.498)), width - 1)
        top, bottom = max(int(np.ceil(low_y - 0.502)), 0), min(int(np.floor(high_y - 0.498)), height - 1)
        if left > right or top > bottom:
            continue
        ax, ay = int(np.rint(vertices[a, 0] * _GRID)), int(np.rint(vertices[a, 1] * _GRID))
        bx, by = int(np.rint(vertices[b, 0] * _GRID)), int(np.rint(vertices[b, 1] * _GRID))
        cx, cy = int(np.rint(vertices[c, 0] * _GRID)), int(np.rint(vertices[c, 1] * _GRID))
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0:
            continue
        swap = area < 0  # draw every face as if clockwise on the screen
        if swap:
            bx, by, cx, cy, zb, zc, area = cx, cy, bx, by, zc, zb, -area
        owe_a, owe_b, owe_c = _owes(cx - bx, cy - by), _owes(ax - cx, ay - cy), _owes(bx - ax, by - ay)
        ra, rb, rc = 1.0 / (za * area), 1.0 / (zb * area), 1.0 / (zc * area)
        for y in range(top, bottom + 1):
            py, px = y * 1024 + 512, left * 1024 + 512
            # edge functions less what they owe: all three >= 0 means inside
            ea = (cx - bx) * (py - by) - (cy - by) * (px - bx) - owe_a
            eb = (ax - cx) * (py - cy) - (ay - cy) * (px - cx) - owe_b
            ec = (bx - ax) * (py - ay) - (by - ay) * (px - ax) - owe_c
            for x in range(left, right + 1):
                if ea >= 0 and eb >= 0 and ec >= 0:
                    wa, wb, wc = (ea + owe_a) * ra, (eb + owe_b) * rb, (ec + owe_c) * rc
                    z = 1.0 / (wa + wb + wc)
                    if z < depth[y, x]:
                        wa, wb, wc = wa * z, wb * z, wc * z
                        if swap:
                            wb, wc = wc, wb
                        if not porous or not _absent(
                            f, wa, wb, wc, faces, keeps, alpha, textures, face_texture, face_uv, threshold
                        ):
                            depth[y, x], face[y, x] = z, f
                            bary[y, x, 0], bary[y, x, 1], bary[y, x, 2] = wa, wb, wc
                ea -= (cy - by) * 1024
                eb -= (ay - cy) * 1024
                ec -= (by - ay) * 1024
