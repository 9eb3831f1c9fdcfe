"""What people look like, point by point: skin, cloth, hair and eyes as functions of place and texture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.jit import njit
from opendensepose.synth.template import ALONG, BACK, COLLAR, LIMB, SIDE, X, Y, Z
from opendensepose.synth.texture import SIDE as TILE
from opendensepose.synth.texture import bank
from opendensepose.synth.trims import Trim

Colour = NDArray[np.float32]  # [3] linear reflectance, RGB
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709
_levels = np.arange(256) / 255.0
TO_LINEAR = np.where(_levels <= 0.04045, _levels / 12.92, ((_levels + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)


class Material(Protocol):
    """Anything that gives points a colour."""

    def colour(
        self,
        uv: NDArray[np.float32],  # [P, 2]
        place: NDArray[np.float32],  # [P, 8] as Template.attributes
    ) -> NDArray[np.float32]:
        """Reflectance [P, 3], linear."""
        ...


@dataclass(frozen=True, eq=False)
class Texture:
    """An sRGB picture on a surface."""

    pixels: NDArray[np.uint8]  # [H, W, 3]
    mean: float  # linear luminance over the islands

    def sample(self, uv: NDArray[np.float32]) -> NDArray[np.float32]:
        """Linear RGB [P, 3] at texture coordinates [P, 2], bilinear."""
        return _sample(self.pixels, TO_LINEAR, uv)


@dataclass(frozen=True, eq=False)
class Cloth:
    """A fabric: a pattern of two colours, a texture's luminance (folds and seams), a print on the chest."""

    first: Colour
    second: Colour
    pattern: str = "plain"  # plain, own, hoops, stripes, checks, dots, blotches, half, print
    size: float = 0.05  # metres
    fold: float = 0.15  # strength of painted folds
    fold_size: float = 0.07  # metres
    relief: float = 1.0  # how much of the texture's luminance is used
    trims: tuple[Trim, ...] = ()
    seed: int = 0
    turn: NDArray[np.float32] = field(default_factory=lambda: np.eye(3, dtype=np.float32))  # hue, for `own`
    badge: NDArray[np.float32] | None = None  # [h, w, 4] RGBA, linear
    badge_at: tuple[float, float, float] = (0.0, 0.0, 0.1)  # side, height over the waist, half width; metres
    badge_behind: bool = False

    def colour(
        self, place: NDArray[np.float32], base: NDArray[np.float32] | None, mean: float
    ) -> NDArray[np.float32]:
        """Colours [P, 3] at places [P, 8] with the texture's colours `base` [P, 3] of luminance `mean`."""
        if self.pattern == "own" and base is not None:
            out = np.maximum(base @ self.turn.T, 0)
        else:
            share = self._share(place)[:, None]
            out = self.first + (self.second - self.first) * share
            if base is not None:
                out = out * np.clip(base @ _LUMINANCE / mean, 0.4, 1.6)[:, None] ** self.relief
        for trim in self.trims:
            out = np.where(trim.cover(place)[:, None], trim.colour, out)
        if self.badge is not None:
            out = self._print(out, place)
        if self.fold > 0:
            out = out * (1 + self.fold * _folds(place, self.fold_size, self.seed))[:, None]
        return np.clip(out, 0.005, 0.95).astype(np.float32)

    def _share(self, place: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much of the second colour [P]."""
        if self.pattern in ("plain", "own"):
            return np.zeros(len(place), np.float32)
        if self.pattern == "blotches":
            return (noise(place[:, X:], self.size, self.seed) > 0.1).astype(np.float32)
        if self.pattern == "half":
            return (place[:, SIDE] > 0).astype(np.float32)
        across = np.arctan2(place[:, SIDE], -place[:, BACK]) * (0.15 / self.size)
        down = place[:, ALONG] / self.size
        if self.pattern == "print":
            rows, columns = (down * TILE / 4).astype(int) % TILE, (across * TILE / 4).astype(int) % TILE
            return np.clip(bank()[self.seed % len(bank()), rows, columns] - 0.5, 0, 1)
        if self.pattern == "dots":
            shifted = across + 0.5 * (np.floor(down) % 2)
            return (((shifted % 1) - 0.5) ** 2 + ((down % 1) - 0.5) ** 2 < 0.09).astype(np.float32)
        hoops, stripes = (down % 1 < 0.5), (across % 1 < 0.5)
        if self.pattern == "hoops":
            return hoops.astype(np.float32)
        if self.pattern == "stripes":
            return stripes.astype(np.float32)
        return 0.5 * (hoops.astype(np.float32) + stripes)  # checks

    def _print(self, out: NDArray[np.float32], place: NDArray[np.float32]) -> NDArray[np.float32]:
        """The badge over the colours [P, 3], on the chest or the back."""
        assert self.badge is not None
        side, up, half = self.badge_at
        height, width = self.badge.shape[:2]
        x = (place[:, SIDE] - side) / (2 * half) + 0.5
        y = (up - place[:, ALONG]) / (2 * half * height / width) + 0.5
        facing = (place[:, BACK] > 0.02) if self.badge_behind else (place[:, BACK] < -0.02)
        on = (
            facing & (x >= 0) & (x < 1) & (y >= 0) & (y < 1) & (place[:, LIMB] < 1.05) & (place[:, LIMB] > -1)
        )
        ink = self.badge[(y[on] * height).astype(int), (x[on] * width).astype(int)]
        out = np.array(out, np.float32)
        out[on] += (ink[:, :3] - out[on]) * ink[:, 3:]
        return out


@dataclass(frozen=True, eq=False)
class Fabric:
    """A garment's material: one cloth above a limb coordinate, another below."""

    upper: Cloth
    lower: Cloth
    waist: float
    texture: Texture | None = None

    def colour(self, uv: NDArray[np.float32], place: NDArray[np.float32]) -> NDArray[np.float32]:
        base = self.texture.sample(uv) if self.texture else None
        mean = self.texture.mean if self.texture else 1.0
        if self.upper is self.lower:
            return self.upper.colour(place, base, mean)
        out = np.empty((len(uv), 3), np.float32)
        above = place[:, LIMB] >= self.waist
        for rows, cloth in ((above, self.upper), (~above, self.lower)):
            out[rows] = cloth.colour(place[rows], None if base is None else base[rows], mean)
        return out


@dataclass(frozen=True, eq=False)
class Hair:
    """Hair: strands from the texture's luminance, or painted ones."""

    tone: Colour
    texture: Texture | None = None
    seed: int = 0

    def colour(self, uv: NDArray[np.float32], place: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.texture is not None:
            shade = np.clip(self.texture.sample(uv) @ _LUMINANCE / self.texture.mean, 0.25, 2.5)
        else:
            # strands run down from the crown: thin round the head, long along it
            angle = np.arctan2(place[:, X], place[:, Y])
            strand = np.stack([angle * 0.1, place[:, Z] * 0.1, np.zeros_like(angle)], 1)
            shade = 1 + 0.5 * noise(strand, 0.006, self.seed) + 0.3 * noise(place[:, X:], 0.03, self.seed)
        return np.clip(self.tone * shade[:, None], 0.004, 0.95).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Eye:
    """Eyeballs by the angle from the direction of view."""

    iris: Colour
    centres: NDArray[np.float32]  # [2, 3] left, right

    def colour(self, uv: NDArray[np.float32], place: NDArray[np.float32]) -> NDArray[np.float32]:
        from_centre = place[:, X:] - self.centres[(place[:, X] < 0).astype(int)]
        front = -from_centre[:, 1] / np.maximum(np.linalg.norm(from_centre, axis=1), 1e-6)
        out = np.full((len(uv), 3), 0.62, np.float32) * np.array([1, 0.95, 0.93], np.float32)
        out[front > 0.895] = self.iris
        out[front > 0.983] = 0.01
        return out


@dataclass(frozen=True, eq=False)
class Face:
    """Where a face is painted on the head of the mean body."""

    eyes: NDArray[np.float32]  # [2, 3]
    mouth: NDArray[np.float32]  # [3]

    def hairline(self, xyz: NDArray[np.floating]) -> NDArray[np.floating]:
        """Height [P] in metres over the plane from forehead to nape, under which nobody has hair."""
        middle = self.eyes.mean(0)
        return (xyz[:, 2] - middle[2] - 0.06) + 0.75 * (xyz[:, 1] - middle[1])

    def brow(self, xyz: NDArray[np.floating], thick: float) -> NDArray[np.bool_]:
        """Points [P] on the eyebrows."""
        middle = self.eyes.mean(0)
        across = np.abs(xyz[:, 0]) - self.eyes[0, 0]
        arch = middle[2] + 0.021 - 4.0 * (across - 0.006) ** 2
        return (np.abs(across) < 0.022) & (np.abs(xyz[:, 2] - arch) < thick) & (xyz[:, 1] < middle[1] + 0.02)

    def beard(self, xyz: NDArray[np.floating]) -> NDArray[np.floating]:
        """Share [P] of beard: round the mouth, chin, cheeks."""
        middle = self.eyes.mean(0)
        low = np.clip(
            (self.mouth[2] + 0.02 + 0.25 * np.maximum(xyz[:, 1] - self.mouth[1], 0) - xyz[:, 2]) / 0.01, 0, 1
        )
        reach = np.clip((middle[1] + 0.09 - xyz[:, 1]) / 0.015, 0, 1)
        end = np.clip((xyz[:, 2] - (self.mouth[2] - 0.075)) / 0.02, 0, 1)
        return low * reach * end * (1 - self.lips(xyz))

    def lips(self, xyz: NDArray[np.floating]) -> NDArray[np.floating]:
        """Share [P] of lips."""
        offset = (xyz - self.mouth) / np.array([0.026, 0.03, 0.0105])
        return (np.sum(offset**2, 1) < 1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Skin:
    """Bare skin, with what is painted on it: beard, brows, shaved or dyed scalp, tight clothes."""

    face: Face
    tint: Colour  # factor on the texture, or the tone itself without one
    texture: Texture | None = None
    hair: Colour | None = None  # paints the scalp
    beard: float = 0.0  # strength
    brows: float = 0.0  # half thickness in metres; 0 = none painted
    seed: int = 0
    tight: tuple[tuple[float, float, float, Cloth], ...] = ()  # limb from, limb to, collar up to, cloth

    def colour(self, uv: NDArray[np.float32], place: NDArray[np.float32]) -> NDArray[np.float32]:
        xyz = place[:, X:]
        if self.texture is not None:
            out = self.texture.sample(uv) * self.tint
        else:
            mottle = 1 + 0.08 * noise(xyz, 0.05, self.seed) + 0.05 * noise(xyz, 0.012, self.seed)
            out = self.tint * mottle[:, None]
        head = place[:, COLLAR] > 0.0
        if head.any():
            out[head] = self._head(out[head], xyz[head])
        for low, high, collar, cloth in self.tight:
            on = (place[:, LIMB] >= low) & (place[:, LIMB] <= high) & (place[:, COLLAR] < collar)
            if on.any():
                out[on] = cloth.colour(place[on], None, 1.0)
        return np.clip(out, 0.005, 0.95).astype(np.float32)

    def _head(self, out: NDArray[np.float32], xyz: NDArray[np.float32]) -> NDArray[np.float32]:
        """Face and scalp over the skin's colours [P, 3]."""
        face = self.face
        if self.texture is None:
            lips = face.lips(xyz)[:, None]
            out = out * (1 - lips * np.array([0.15, 0.45, 0.4], np.float32))
            gap = np.abs(xyz[:, 2] - face.mouth[2]) < 0.0015
            out = np.where(gap[:, None] & (lips > 0), out * 0.3, out)
            socket = np.linalg.norm((xyz[:, None] - face.eyes) / [1.0, 1.0, 0.7], axis=2).min(1)
            out = out * (1 - 0.25 * np.clip((0.026 - socket) / 0.01, 0, 1))[:, None]
        hair = self.hair if self.hair is not None else out.mean(0) * 0.25
        cover = np.zeros(len(xyz))
        if self.brows > 0:
            cover = np.maximum(cover, 0.85 * face.brow(xyz, self.brows))
        if self.beard > 0:
            cover = np.maximum(
                cover, self.beard * face.beard(xyz) * (0.75 + 0.25 * noise(xyz, 0.004, self.seed))
            )
        if self.hair is not None:
            stubble = 0.75 + 0.2 * noise(xyz, 0.004, self.seed)
            cover = np.maximum(cover, stubble * np.clip(face.hairline(xyz) / 0.015 + 0.2 * stubble, 0, 1))
        return (out + (hair - out) * cover[:, None]).astype(np.float32)


def noise(
    xyz: NDArray[np.floating],  # [P, 3]
    size: float,  # metres per cell
    seed: int,
) -> NDArray[np.float32]:
    """Smooth noise [P] in -1..1: random values at lattice points, interpolated."""
    return _noise(np.ascontiguousarray(xyz, np.float32), np.float32(1 / size), int(seed))


def _folds(place: NDArray[np.float32], size: float, seed: int) -> NDArray[np.float32]:
    """Shading of folds [P] in about -1..1: noise drawn out along slanting lines, more of it at joints."""
    xyz = place[:, X:] @ np.array([[1, 0, 0.6], [0, 1, 0.6], [-0.6, -0.6, 0.45]], np.float32)
    return noise(xyz, size, seed) * 0.7 + noise(xyz, size / 2.8, seed + 1) * 0.3


@njit(cache=True, nogil=True)
def interpolate(face, bary, faces, uv, attributes):  # type: ignore[no-untyped-def]
    """Texture coordinates [P, 2] and attributes [P, A] of points on faces, from corner and vertex values."""
    count = attributes.shape[1]
    point_uv = np.empty((len(face), 2), np.float32)
    place = np.empty((len(face), count), np.float32)
    for p in range(len(face)):
        f = face[p]
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for k in range(2):
            point_uv[p, k] = bary[p, 0] * uv[f, 0, k] + bary[p, 1] * uv[f, 1, k] + bary[p, 2] * uv[f, 2, k]
        for k in range(count):
            place[p, k] = (
                bary[p, 0] * attributes[a, k] + bary[p, 1] * attributes[b, k] + bary[p, 2] * attributes[c, k]
            )
    return point_uv, place


@njit(cache=True, nogil=True)
def _sample(pixels, to_linear, uv):  # type: ignore[no-untyped-def]
    """Bilinear, in linear light; row = (1 - v) * height; clamped at the borders."""
    height, width = pixels.shape[:2]
    out = np.empty((len(uv), 3), np.float32)
    for p in range(len(uv)):
        x = min(max(uv[p, 0] * width - 0.5, 0.0), width - 1.001)
        y = min(max((1 - uv[p, 1]) * height - 0.5, 0.0), height - 1.001)
        i, j = int(y), int(x)
        s, t = y - i, x - j
        for k in range(3):
            top = to_linear[pixels[i, j, k]] * (1 - t) + to_linear[pixels[i, j + 1, k]] * t
            low = to_linear[pixels[i + 1, j, k]] * (1 - t) + to_linear[pixels[i + 1, j + 1, k]] * t
            out[p, k] = top * (1 - s) + low * s
    return out


@njit(cache=True, nogil=True)
def _hash(i, j, k, seed):  # type: ignore[no-untyped-def]
    """A number in -1..1 for a lattice point."""
    mask = 0xFFFFFFFF  # 32-bit arithmetic on plain integers, so that it is the same without numba
    h = (i * 374761393 + j * 668265263 + k * 2147483647 + seed * 144665) & mask
    h = ((h ^ (h >> 13)) * 1274126177) & mask
    h ^= h >> 16
    return np.float32(h) / np.float32(2147483648.0) - np.float32(1.0)


@njit(cache=True, nogil=True)
def _noise(xyz, scale, seed):  # type: ignore[no-untyped-def]
    """Trilinear value noise with smooth steps."""
    out = np.empty(len(xyz), np.float32)
    for p in range(len(xyz)):
        x, y, z = xyz[p, 0] * scale, xyz[p, 1] * scale, xyz[p, 2] * scale
        i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
        u, v, w = x - i, y - j, z - k
        u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
        total = 0.0
        for a in range(2):
            for b in range(2):
                for c in range(2):
                    share = (u if a else 1 - u) * (v if b else 1 - v) * (w if c else 1 - w)
                    total += share * _hash(i + a, j + b, k + c, seed)
        out[p] = total
    return out
