"""Everything that can be put on: garments read from assets or made from the body's own helper geometry."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.io.cache import cache_folder
from opendensepose.io.files import atomic
from opendensepose.synth.mhclo import BASE_VERTICES, Garment, axis_spans, read_garment
from opendensepose.synth.paint import TO_LINEAR, Face, Texture
from opendensepose.synth.template import HEAD, LIMB, TORSO, Template, X, vertex_normals

VERSION = 3  # of the cache files
GARMENT_TEXTURE, SKIN_TEXTURE = 256, 512  # pixels
HEAD_PAIRS = np.array([[5399, 11998], [962, 5320], [791, 881]], np.int32)  # its width, depth, height
HAIR_OVER_SKIN = 0.012  # metres
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, eq=False)
class Piece:
    """One garment, ready to be fitted, posed and painted. V vertices, F triangles."""

    name: str
    garment: Garment
    skin_index: NDArray[np.int32]  # [V, 5]
    skin_weight: NDArray[np.float32]  # [V, 5]
    truth: NDArray[np.float32]  # [V, 3] the surface point behind, on the mean body
    truth_vertex: NDArray[np.int32]  # [V]
    place: NDArray[np.float32]  # [V, 8] as Template.attributes
    texture: Texture | None = None
    alpha: NDArray[np.uint8] | None = None  # [S, S]

    @cached_property
    def away(self) -> NDArray[np.float32]:
        """Unit vectors [V, 3] from the surface point behind to the vertex, on the mean body."""
        off = self.place[:, X:] - self.truth
        return off / np.maximum(np.linalg.norm(off, axis=1, keepdims=True), 1e-4)


def make_piece(garment: Garment, template: Template) -> Piece:
    """Skinning, ground truth and places of a garment, from its fit on the mean body."""
    body = template.body
    fitted = garment.fit(body.vertices)
    vertex, truth = template.nearest(fitted)
    index, weight = garment.skinning(body.skin_index, body.skin_weight)
    return Piece(garment.name, garment, index, weight, truth, vertex, template.place(fitted, vertex))


def load_piece(path: Path, template: Template, *, plain: bool = False) -> Piece:
    """The piece of a .mhclo file with its texture; computed once, then read from the user's cache folder.

    `plain` leaves the texture's colours out and keeps its alpha.
    """
    key = f"{VERSION} {path.resolve()} {path.stat().st_mtime_ns} {template.body.vertices.sum():.6f}"
    cached = cache_folder() / "garments" / f"{path.stem}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.npz"
    piece = _read_cached(cached)
    if piece is None:
        garment = read_garment(path)
        piece = make_piece(garment, template)
        if garment.texture is not None:
            texture, alpha = read_texture(garment.texture, GARMENT_TEXTURE)
            piece = replace(piece, texture=texture, alpha=alpha)
        _write_cached(cached, piece)
    return replace(piece, texture=None) if plain else piece


def _write_cached(path: Path, piece: Piece) -> None:
    arrays = {f"g_{f.name}": getattr(piece.garment, f.name) for f in fields(Garment) if f.name != "texture"}
    arrays |= {
        f.name: getattr(piece, f.name) for f in fields(Piece) if f.name not in ("garment", "texture", "alpha")
    }
    if piece.texture is not None:
        arrays |= {"pixels": piece.texture.pixels, "mean": np.float64(piece.texture.mean)}
    if piece.alpha is not None:
        arrays["alpha"] = piece.alpha
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def _read_cached(path: Path) -> Piece | None:
    if not path.exists():
        return None
    with np.load(path) as file:
        data = {name: file[name] for name in file.files}
    parts = {name[2:]: value for name, value in data.items() if name.startswith("g_")}
    garment = Garment(**{**parts, "name": str(parts["name"]), "texture": None})
    rest = {f.name: data[f.name] for f in fields(Piece) if f.name in data and f.name not in ("name", "alpha")}
    texture = Texture(data["pixels"], float(data["mean"])) if "pixels" in data else None
    return Piece(name=garment.name, garment=garment, texture=texture, alpha=data.get("alpha"), **rest)


def read_texture(path: Path, size: int) -> tuple[Texture, NDArray[np.uint8] | None]:
    """A texture shrunk to size x size with ambient occlusion, and its alpha where it has holes."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError(f"{path}: expected a picture, got something that OpenCV cannot read")
    image = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    alpha = image[..., 3] / np.float32(255) if image.shape[2] == 4 else np.ones(image.shape[:2], np.float32)
    colour = TO_LINEAR[image[..., 2::-1]] * _occlusion(path, image.shape[:2])
    # colours are averaged in linear light and weighted by alpha, or the strands' borders get fringes
    weight = np.maximum(alpha, 1e-3)[..., None]
    small = cv2.resize(colour * weight, (size, size), interpolation=cv2.INTER_AREA)
    small = small / cv2.resize(weight, (size, size), interpolation=cv2.INTER_AREA)[..., None]
    small_alpha = (
        (cv2.resize(alpha, (size, size), interpolation=cv2.INTER_AREA) * 255).round().astype(np.uint8)
    )
    solid = small_alpha > 128
    levels = small[solid] @ _LUMINANCE if solid.any() else np.ones(1)
    pixels = np.searchsorted((TO_LINEAR[1:] + TO_LINEAR[:-1]) / 2, small).astype(np.uint8)
    mean = float(np.mean(levels[levels > 0.002])) if (levels > 0.002).any() else 0.01
    return Texture(pixels, mean), small_alpha if (small_alpha < 90).mean() > 0.02 else None


def _occlusion(path: Path, size: tuple[int, ...]) -> NDArray[np.float32]:
    """Ambient occlusion [H, W, 1] that belongs to a diffuse texture, 1 where there is none."""
    file = path.with_name(path.name.replace("_diffuse", "_ao"))
    image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) if file != path and file.exists() else None
    if image is None:
        return np.ones((1, 1, 1), np.float32)
    wide = cv2.dilate(image, np.ones((9, 9), np.uint8))  # black outside its islands, which would bleed in
    image = np.where(image > 8, image, wide)
    return np.asarray((cv2.resize(image, (size[1], size[0])) / 255.0) ** 0.7, np.float32)[..., None]


def helper_piece(template: Template, group: str) -> Piece:
    """Tights, skirt or hair of the base mesh's helper geometry as a garment."""
    faces = template.faces[group]
    if group == "hair":  # without the strands that hang before the face
        spot = template.body.vertices[faces].mean(1) - template.eyes.mean(0)
        faces = faces[(spot[:, 1] > 0.04) | (spot[:, 2] > 0.06)]
    return _own_geometry(template, group, faces)


def scalp_piece(template: Template, face: Face) -> Piece:
    """The scalp with a rim under the hairline, for hair and caps."""
    body = template.body
    on_head = (template.regions[:, HEAD] > 0.6) & (face.hairline(body.vertices) > -0.04)
    return _own_geometry(template, "scalp", body.faces[on_head[body.faces].all(1)])


def _own_geometry(template: Template, name: str, triangles: NDArray[np.int32]) -> Piece:
    """A garment whose vertices are base vertices."""
    numbers, faces = np.unique(triangles, return_inverse=True)
    count = len(numbers)
    garment = Garment(
        name=name,
        base=np.repeat(numbers[:, None], 3, 1).astype(np.int32),
        weights=np.tile(np.array([[1, 0, 0]], np.float32), (count, 1)),
        offset=np.zeros((count, 3), np.float32),
        scale_pairs=HEAD_PAIRS,
        scale_size=axis_spans(template.body.vertices, HEAD_PAIRS).astype(np.float32),  # a unit is a metre
        deleted=np.zeros(BASE_VERTICES, bool),
        vertices=template.body.vertices[numbers],
        faces=faces.reshape(-1, 3).astype(np.int32),
        uv=np.zeros((len(triangles), 3, 2), np.float32),
        texture=None,
    )
    return make_piece(garment, template)


def lengthened(piece: Piece, template: Template, end: float) -> Piece:
    """Hair let hang from the eyes' height to `end` metres over the base of the neck (mostly negative).

    It lies over the shoulders, and what hangs there moves with the trunk, the rest with the head.
    """
    garment, body = piece.garment, template.body
    place = garment.fit(body.vertices)
    start, neck = float(template.eyes[:, 2].mean()), float(body.joints[body.bone("neck01"), 2])
    drop = np.maximum(start - place[:, 2], 0)
    moved = place.copy()
    moved[:, 2] -= drop * ((start - neck - end) / drop.max() - 1)
    vertex, surface = template.nearest(moved)
    normal = vertex_normals(body.vertices.astype(np.float32), body.faces)[vertex]
    height = np.einsum("vk,vk->v", moved - surface, normal)
    lift = np.where(moved[:, 2] < neck + 0.1, np.maximum(HAIR_OVER_SKIN - height, 0), 0)
    moved += normal * lift[:, None]
    # from the neck down half and more of the weight goes to the skin behind
    share = np.where(drop > 0, np.clip((neck + 0.06 - moved[:, 2]) / 0.12, 0, 1), 0)[:, None]
    heavy = np.take_along_axis(garment.base, garment.weights.argmax(1)[:, None], 1)
    hung = replace(
        garment,
        base=np.where(share > 0, np.column_stack([heavy, vertex, vertex]), garment.base).astype(np.int32),
        weights=np.where(share > 0, np.hstack([1 - share, share, 0 * share]), garment.weights).astype(
            np.float32
        ),
        offset=np.zeros_like(garment.offset),
    )
    offset = (moved - hung.fit(body.vertices)) / garment.unit(body.vertices)
    hung = replace(hung, offset=offset.astype(np.float32))
    return replace(make_piece(hung, template), texture=piece.texture, alpha=piece.alpha)


def hides(piece: Piece, template: Template) -> NDArray[np.bool_]:
    """Base vertices that helper geometry covers: torso and limbs."""
    limb = template.attributes[:, LIMB]
    trunk = (
        template.regions[:, TORSO] + template.regions[:, 2 if piece.name == "tights" else 4 :].sum(1) > 0.8
    )
    return trunk & (limb > piece.place[:, LIMB].min()) & (limb < piece.place[:, LIMB].max())


def split_files(names: list[Path], split: str) -> list[Path]:
    """The files of a split: every fifth one by name is for testing only."""
    ordered = sorted(names, key=lambda path: path.name)
    return [path for number, path in enumerate(ordered) if (number % 5 == 4) == (split == "test")]
