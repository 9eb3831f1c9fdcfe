"""Dressed, posed people: all that a renderer needs, in flat arrays (one rasteriser call draws a person)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.body import Body
from opendensepose.surface.jit import njit
from opendensepose.surface.raster import Cutouts
from opendensepose.synth.closet import Closet, Split
from opendensepose.synth.fabrics import ANY
from opendensepose.synth.headwear import rim_height
from opendensepose.synth.outfits import Clothes, Worn, choose
from opendensepose.synth.paint import Face, Material, interpolate, noise
from opendensepose.synth.template import BACK, COLLAR, LIMB, Template, X, load_template, vertex_normals
from opendensepose.synth.variety import vary_clothes

KINDS = ("skin", "eye", "garment", "shoe", "hair", "brow", "hat")
_DRAWN = 14992  # base vertices up to the eyelashes; teeth and the other helpers are not drawn
_ALPHA = 90  # of 255
_CREASED = 0.006  # metres: clothes that stand off further have creases


@dataclass(frozen=True, eq=False)
class Outfit:
    """One dressed and posed person. V vertices of the combined mesh, F triangles, P pixels.

    A renderer does, per person:
        projected = camera(outfit.vertices)
        face, bary, depth = rasterize(projected, outfit.faces, size, keep=outfit.keep, cutouts=outfit.cutouts)
        albedo = outfit.paint(face[hit], bary[hit])      # linear reflectance, patterns and textures done
        chart, uv = atlas.from_face(outfit.body_face[face], bary)   where outfit.body_face[face] >= 0
        chart, uv = atlas.from_xyz((outfit.truth[outfit.faces[face]] * bary[..., None]).sum(-2))   elsewhere
    All faces are two-sided: turn normals towards the camera. The first 14992 vertices are those of hm08.
    """

    vertices: NDArray[np.float32]  # [V, 3] posed, metres, z up
    joints: NDArray[np.float32]  # [J, 3] posed joints of the body
    faces: NDArray[np.int32]  # [F, 3]
    truth: NDArray[np.float32]  # [V, 3] the surface point of each vertex, on the rest pose of the MEAN body
    truth_vertex: NDArray[np.int32]  # [V] hm08 number of the surface vertex nearest to `truth`
    body_face: NDArray[np.int32]  # [F] number in Body.faces, or -1: eye, garment, shoe, hair, brow, hat
    kind: NDArray[np.uint8]  # [F] number in KINDS
    keep: NDArray[np.float32]  # [V] for rasterize: shortened sleeves, cut waists
    cutouts: Cutouts  # for rasterize: hair strands, eyebrows
    look: Look  # colours; use paint()

    def paint(
        self,
        face: NDArray[np.integer],  # [P]
        bary: NDArray[np.floating],  # [P, 3]
    ) -> NDArray[np.float32]:
        """Reflectance [P, 3], linear light, 0..1, RGB."""
        out = np.zeros((len(face), 3), np.float32)
        worn = self.look.face_material[face]
        order = np.argsort(worn, kind="stable")
        uv, place = interpolate(face[order], bary[order], self.faces, self.look.uv, self.look.place)
        bounds = np.searchsorted(worn[order], np.arange(len(self.look.materials) + 1))
        for material, (first, last) in zip(self.look.materials, pairwise(bounds), strict=True):
            if last > first:
                out[order[first:last]] = material.colour(uv[first:last], place[first:last])
        return out


@dataclass(frozen=True, eq=False)
class Look:
    """What `Outfit.paint` needs."""

    uv: NDArray[np.float32]  # [F, 3, 2] texture coordinates of the corners
    place: NDArray[np.float32]  # [V, 8] as Template.attributes
    face_material: NDArray[np.uint8]  # [F]
    materials: tuple[Material, ...]


class Wardrobe:
    """Skins, garments, hair, shoes of one split; without `assets` all is made of the body itself."""

    def __init__(
        self,
        assets: Path | None = None,  # folder that may hold makehuman/
        split: Split = "train",
        body: Body | None = None,
    ) -> None:
        self.template = load_template(body or Body.load())
        self.closet = Closet(self.template, Path(assets) if assets else None, split)
        self._skin = _BodyMesh(self.template)
        height = self.template.body.vertices[:13380, 2]
        self._ends = [int(height.argmax()), int(height.argmin())]

    def dress(
        self,
        rng: np.random.Generator,
        shape: NDArray[np.floating],  # [K]
        rotations: NDArray[np.floating],  # [J, 3, 3]
    ) -> Outfit:
        """A dressed person; clothes depend on `rng` and `shape` only: equal ones keep them through a clip."""
        return self.wear(self.choose(rng, shape), shape, rotations)

    def choose(self, rng: np.random.Generator, shape: NDArray[np.floating]) -> Clothes:
        """Random clothes for a body of this shape [K]."""
        body = self.template.body
        span = body.vertices[self._ends, 2] + shape @ body.shape_basis[:, self._ends, 2]  # crown, sole
        clothes = choose(rng, self.closet, adult=span[0] - span[1] > 1.5)
        return vary_clothes(rng, clothes, self.closet) if self.closet.split == "train" else clothes

    def wear(self, clothes: Clothes, shape: NDArray[np.floating], rotations: NDArray[np.floating]) -> Outfit:
        """Clothes put on a body of a shape [K] in a pose [J, 3, 3]."""
        body = self.template.body
        rest, joints = body.rest(shape)
        scale = float(rest[self._ends[0], 2] - rest[self._ends[1], 2]) / 1.7
        padding = max((worn.loose for worn in clothes.worn if worn.kind == "garment"), default=0.0)
        dressed = (_put_on(worn, rest, scale, self.closet.face, padding) for worn in clothes.worn)
        layers = [self._skin.layer(rest, clothes), *(layer for layer in dressed if layer is not None)]
        transforms = body.transforms(joints, rotations).astype(np.float32)
        posed_joints = np.einsum("jab,jb->ja", transforms[:, :, :3], joints) + transforms[:, :, 3]
        return _combine(layers, transforms, posed_joints.astype(np.float32))


@dataclass(frozen=True, eq=False)
class _Layer:
    """One mesh of a person, in the rest pose."""

    rest: NDArray[np.float32]  # [V, 3]
    skin_index: NDArray[np.int32]  # [V, 5]
    skin_weight: NDArray[np.float32]  # [V, 5]
    truth: NDArray[np.float32]  # [V, 3]
    truth_vertex: NDArray[np.int32]  # [V]
    place: NDArray[np.float32]  # [V, 8]
    keep: NDArray[np.float32]  # [V]
    faces: NDArray[np.int32]  # [F, 3]
    uv: NDArray[np.float32]  # [F, 3, 2]
    body_face: NDArray[np.int32]  # [F]
    kind: NDArray[np.uint8]  # [F]
    face_material: NDArray[np.uint8]  # [F] from 0 within the layer
    materials: tuple[Material, ...]
    alpha: NDArray[np.uint8] | None = None  # [S, S]


class _BodyMesh:
    """The bare body with eyeballs and lashes: what does not change from person to person."""

    def __init__(self, template: Template) -> None:
        body = template.body
        self.template = template
        self.index = np.ascontiguousarray(body.skin_index[:_DRAWN], np.int32)
        self.weight = np.ascontiguousarray(body.skin_weight[:_DRAWN], np.float32)
        self.truth = body.vertices[:_DRAWN].astype(np.float32)
        self.truth_vertex = np.arange(_DRAWN, dtype=np.int32)
        helper = np.unique(np.concatenate([template.faces["eyes"], template.faces["lashes"]]))
        self.truth_vertex[helper], self.truth[helper] = template.nearest(body.vertices[helper])
        parts = [body.faces, template.faces["eyes"], template.faces["lashes"]]
        self.faces = np.concatenate(parts).astype(np.int32)
        self.part = np.repeat(np.arange(3, dtype=np.uint8), [len(part) for part in parts])
        self.body_face = np.where(self.part == 0, np.arange(len(self.faces)), -1).astype(np.int32)
        self.uv = np.zeros((len(self.faces), 3, 2), np.float32)
        self.uv[: len(body.faces)] = template.face_uv
        self.shown = np.concatenate([~template.face_cap, np.ones(len(self.faces) - len(body.faces), bool)])

    def layer(self, rest: NDArray[np.float32], clothes: Clothes) -> _Layer:
        """The faces that clothes leave to be seen."""
        shown = self.shown if clothes.lashes else self.shown & (self.part < 2)
        open_air = ~_covered(clothes.worn, self.template)
        rows = np.flatnonzero(shown & _touched(open_air, self.faces))
        materials = (clothes.skin, clothes.eye) + ((clothes.lashes,) if clothes.lashes else ())
        return _Layer(
            rest[:_DRAWN], self.index, self.weight, self.truth, self.truth_vertex,
            self.template.attributes[:_DRAWN], np.ones(_DRAWN, np.float32), self.faces[rows], self.uv[rows],
            self.body_face[rows], np.minimum(self.part[rows], 1), self.part[rows], materials,
        )  # fmt: skip


def _covered(worn: tuple[Worn, ...], template: Template) -> NDArray[np.bool_]:
    """Base vertices [14992] that lie well under some garment."""
    limb, collar = template.attributes[:_DRAWN, LIMB], template.attributes[:_DRAWN, COLLAR]
    covered = np.zeros(_DRAWN, bool)
    for item in worn:
        if item.hides is not None:
            inside = (limb > item.low + 0.12) & (limb < item.high - 0.12) & (collar < item.collar - 0.02)
            covered |= item.hides[:_DRAWN] & inside
    return covered


def _put_on(worn: Worn, rest: NDArray[np.float32], scale: float, face: Face, padding: float) -> _Layer | None:
    """A garment on the rest shape; None where its cut leaves nothing. `padding`: of clothes under it."""
    piece = worn.piece
    triangles, place = piece.garment.faces, piece.place
    keep = np.minimum(place[:, LIMB] - worn.low, worn.high - place[:, LIMB])
    if worn.collar < ANY:
        keep = np.minimum(keep, 5 * (_neckline(worn, place) - place[:, COLLAR]))
    outwards = np.full(len(place), worn.loose, np.float32)
    if worn.flare:
        outwards += worn.flare * np.clip(min(worn.high, 0.0) - place[:, LIMB], 0, 2)
    if worn.hairline is not None:
        height = rim_height(place[:, X:], face.eyes.mean(0)) if worn.rim else face.hairline(place[:, X:])
        line = height - worn.hairline
        if worn.ragged:
            line = line + 0.01 * noise(place[:, X:], 0.012, worn.ragged)
            outwards *= 1 + 0.35 * noise(place[:, X:], 0.05, worn.ragged)
        keep = np.minimum(keep, 20 * line)
        outwards *= np.clip(0.3 + line / 0.03, 0.1, 1)
    elif worn.loose > _CREASED:
        outwards *= 1 + 0.4 * noise(place[:, X:], 0.07, worn.ragged)
    rows = np.flatnonzero(_touched(keep > 0, triangles))
    if not len(rows):
        return None
    fitted = piece.garment.fit(rest)
    if worn.kind == "hair" and worn.hairline is None:  # strands are two-sided: they have no outer side
        outwards += np.clip(-place[:, COLLAR] / 0.1, 0, 1) * (padding + 0.005)
        fitted += piece.away * (outwards * scale)[:, None]
    elif worn.loose or worn.flare:
        fitted += vertex_normals(fitted, triangles) * (outwards * scale)[:, None]
    return _Layer(
        fitted, piece.skin_index, piece.skin_weight, piece.truth, piece.truth_vertex, place,
        keep.astype(np.float32), triangles[rows], piece.garment.uv[rows], np.full(len(rows), -1, np.int32),
        np.full(len(rows), KINDS.index(worn.kind), np.uint8), np.zeros(len(rows), np.uint8), (worn.material,),
        piece.alpha if worn.kind in ("hair", "brow") else None,
    )  # fmt: skip


def _neckline(worn: Worn, place: NDArray[np.float32]) -> NDArray[np.float32]:
    """The collar coordinate [V] at which a top ends: deeper in front, rising to the shoulders."""
    in_front = worn.neckline[0] + worn.neckline[1] * np.abs(place[:, X])
    return np.where(place[:, BACK] < 0, np.minimum(in_front, worn.collar), worn.collar)


def _combine(layers: list[_Layer], transforms: NDArray[np.float32], joints: NDArray[np.float32]) -> Outfit:
    """All layers posed, in one mesh."""
    first_vertex = np.cumsum([0] + [len(layer.rest) for layer in layers])
    first_material = np.cumsum([0] + [len(layer.materials) for layer in layers])

    def join(name: str) -> NDArray:
        return np.concatenate([getattr(layer, name) for layer in layers])

    faces = np.concatenate(
        [layer.faces + np.int32(n) for layer, n in zip(layers, first_vertex, strict=False)]
    )
    material = [layer.face_material + np.uint8(n) for layer, n in zip(layers, first_material, strict=False)]
    look = Look(join("uv"), join("place"), np.concatenate(material), sum((x.materials for x in layers), ()))
    vertices = np.empty((first_vertex[-1], 3), np.float32)
    for layer, n in zip(layers, first_vertex, strict=False):
        _pose(layer.rest, layer.skin_index, layer.skin_weight, transforms, vertices[n : n + len(layer.rest)])
    return Outfit(
        vertices, joints, faces, join("truth"), join("truth_vertex"), join("body_face"), join("kind"),
        join("keep"), _cutouts(layers, look.uv), look,
    )  # fmt: skip


def _cutouts(layers: list[_Layer], uv: NDArray[np.float32]) -> Cutouts:
    """The alpha textures of hair and brows."""
    alpha, textures, owner, passed = [np.zeros(1, np.uint8)], [(0, 1, 1)], [], 1
    for layer in layers:
        number = -1
        if layer.alpha is not None:
            number = len(textures)
            alpha.append(layer.alpha.reshape(-1))
            textures.append((passed, *layer.alpha.shape))
            passed += layer.alpha.size
        owner.append(np.full(len(layer.faces), number, np.int32))
    return Cutouts(np.concatenate(alpha), np.array(textures, np.int64), np.concatenate(owner), uv, _ALPHA)


@njit(cache=True, nogil=True)
def _touched(marked, faces):  # type: ignore[no-untyped-def]
    """Faces [F] that have a marked vertex [V]."""
    out = np.empty(len(faces), np.bool_)
    for f in range(len(faces)):
        out[f] = marked[faces[f, 0]] or marked[faces[f, 1]] or marked[faces[f, 2]]
    return out


@njit(cache=True, nogil=True)
def _pose(rest, index, weight, transforms, out):  # type: ignore[no-untyped-def]
    """Linear blend skinning into `out`."""
    for v in range(len(rest)):
        x, y, z = rest[v, 0], rest[v, 1], rest[v, 2]
        for r in range(3):
            total = np.float32(0)
            for k in range(index.shape[1]):
                m = transforms[index[v, k], r]
                total += weight[v, k] * (m[0] * x + m[1] * y + m[2] * z + m[3])
            out[v, r] = total
