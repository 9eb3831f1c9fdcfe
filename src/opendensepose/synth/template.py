"""Places on the mean body: texture coordinates, how far along a limb, the surface point behind a garment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.body import Body
from opendensepose.surface.jit import njit

TORSO, HEAD, ARM_LEFT, ARM_RIGHT, LEG_LEFT, LEG_RIGHT = range(6)
# columns of `Template.attributes`
LIMB, COLLAR, SIDE, BACK, ALONG, X, Y, Z = range(8)
_ARM = ("upperarm", "lowerarm", "wrist", "metacarpal", "finger")
_LEG = ("upperleg", "lowerleg", "foot", "toe")
_TORSO = ("root", "spine", "pelvis", "breast", "clavicle", "shoulder")


@dataclass(frozen=True, eq=False)
class Template:
    """The mean body with what dressing needs to know about it. F faces of the body, N = 19158 base vertices.

    The limb coordinate grows from the toes to the finger tips: sole -3.4, ankle -3, knee -2, hip -1,
    waist 0, shoulder 1, elbow 2, wrist 3, finger tips 4. The collar coordinate is the height in metres over
    the base of the neck, which is lower in front.
    """

    body: Body
    faces: dict[str, NDArray[np.int32]]  # helper geometry: name -> [*, 3] base vertex numbers
    face_uv: NDArray[np.float32]  # [F, 3, 2] skin texture coordinates of Body.faces, v up
    face_cap: NDArray[np.bool_]  # [F] faces that cap the eye openings: eyeballs are drawn instead
    regions: NDArray[np.float32]  # [N, 6] share of torso, head, arms, legs in a vertex' skinning
    attributes: NDArray[np.float32]  # [N, 8] LIMB, COLLAR, SIDE, BACK, ALONG, X, Y, Z
    eyes: NDArray[np.float32]  # [2, 3] centres of the left and the right eyeball
    mouth: NDArray[np.float32]  # [3] middle of the lips

    def place(
        self,
        points: NDArray[np.floating],  # [P, 3] on or around the mean body
        vertex: NDArray[np.integer],  # [P] the nearest surface vertex
    ) -> NDArray[np.float32]:
        """Attributes [P, 8] of points round the body: limb, collar, radial vector, metres along, xyz."""
        return _attributes(self.body, points, self.regions[vertex])

    def nearest(
        self,
        points: NDArray[np.floating],  # [P, 3]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The nearest surface vertex [P] (base number) and surface point [P, 3] of the mean body."""
        vertices = self.body.vertices.astype(np.float64)
        start, incident = _incident(len(vertices), self.body.faces)
        used = np.unique(self.body.faces)
        return _nearest(points.astype(np.float64), vertices, used, self.body.faces, start, incident)


@lru_cache(maxsize=2)
def load_template(body: Body) -> Template:
    """The template of a body, computed once."""
    with files("opendensepose.synth").joinpath("assets/hm08.npz").open("rb") as file:
        data = {key: value.astype(np.int32) for key, value in np.load(file).items()}
    quads = data.pop("body")
    uv = (data.pop("uv") / 65535).astype(np.float32)
    regions = _regions(body)
    eye = body.vertices[np.unique(data["eyes"][..., 0])]
    eyes = np.stack([eye[eye[:, 0] > 0].mean(0), eye[eye[:, 0] < 0].mean(0)])
    face_uv, is_cap = _body_uv(body.faces, quads, uv)
    near_eye = np.linalg.norm(body.vertices[body.faces][:, :, None] - eyes, axis=-1).min(-1).max(-1) < 0.03
    lips = body.vertices[np.unique(body.faces[is_cap & ~near_eye])]
    mouth = lips[lips[:, 2] < eyes[0, 2] - 0.05].mean(0) if len(lips) else eyes.mean(0) - [0, 0.01, 0.07]
    return Template(
        body=body,
        faces={name: quads_to_triangles(table[..., 0]) for name, table in data.items()},
        face_uv=face_uv,
        face_cap=is_cap & near_eye,
        regions=regions,
        attributes=_attributes(body, body.vertices, regions),
        eyes=eyes.astype(np.float32),
        mouth=np.asarray(mouth, np.float32),
    )


def quads_to_triangles(
    quads: NDArray[np.integer],  # [Q, 4]
) -> NDArray[np.int32]:
    """Triangles [2 Q, 3]."""
    return np.ascontiguousarray(quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3), np.int32)


def _body_uv(
    faces: NDArray[np.int32], quads: NDArray[np.int32], uv: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Texture coordinates [F, 3, 2] of triangles cut from quads; which triangles [F] are cut from none."""
    by_edge: dict[tuple[int, int], int] = {}
    anywhere: dict[int, int] = {}
    for number, quad in enumerate(quads):
        ring = quad[:, 0].tolist()
        anywhere.update(zip(ring, quad[:, 1].tolist(), strict=True))
        for k in range(4):
            by_edge[ring[k], ring[(k + 1) % 4]] = number  # one quad owns each directed edge
    table = np.empty((len(faces), 3), np.int32)
    cap = np.zeros(len(faces), bool)
    for row, (a, b, c) in enumerate(faces.tolist()):
        owners = (by_edge.get(edge) for edge in ((a, b), (b, c), (c, a)))
        quad_uv = next(
            (
                found
                for owner in owners
                if owner is not None and {a, b, c} <= (found := dict(quads[owner].tolist())).keys()
            ),
            None,
        )
        cap[row] = quad_uv is None
        table[row] = [(quad_uv or anywhere)[vertex] for vertex in (a, b, c)]
    return uv[table], cap


def _regions(body: Body) -> NDArray[np.float32]:
    """Shares [N, 6] of the six regions in the skinning weights."""
    region = np.full(len(body.bones), HEAD)
    for number, name in enumerate(body.bones):
        right = name.endswith((".R", "_R"))
        if name.startswith(_ARM):
            region[number] = ARM_RIGHT if right else ARM_LEFT
        elif name.startswith(_LEG):
            region[number] = LEG_RIGHT if right else LEG_LEFT
        elif name.startswith(_TORSO):
            region[number] = TORSO
    shares = np.zeros((len(body.vertices), 6), np.float32)
    for k in range(body.skin_index.shape[1]):
        np.add.at(shares, (np.arange(len(shares)), region[body.skin_index[:, k]]), body.skin_weight[:, k])
    return shares


def _attributes(
    body: Body, points: NDArray[np.floating], regions: NDArray[np.floating]
) -> NDArray[np.float32]:
    """See Template.place; `regions` [P, 6] are those of the surface behind."""
    joint = {name: body.joints[number] for number, name in enumerate(body.bones)}
    height = body.vertices[np.unique(body.faces), 2]
    hip, knee, ankle = (joint[bone][2] for bone in ("upperleg01.L", "lowerleg01.L", "foot.L"))
    shoulder = joint["upperarm01.L"][2]
    waist = hip + 0.32 * (shoulder - hip)
    z = points[:, 2]
    levels = np.array([height.min(), ankle, knee, hip, waist, shoulder])
    limb = np.interp(z, levels, [-3.4, -3, -2, -1, 0, 1])
    along = z.copy()
    side, back = points[:, 0].copy(), points[:, 1] - joint["spine03"][1]
    for region, end in ((ARM_LEFT, ".L"), (ARM_RIGHT, ".R")):
        chain = [
            joint[bone + end] for bone in ("upperarm01", "lowerarm01", "wrist", "finger3-1", "finger3-3")
        ]
        chain[3:] = [chain[2] + 1.25 * (chain[4] - chain[2])]  # the finger tip lies beyond the last joint
        value, metres, axis = _along_chain(points, np.array(chain))
        share = regions[:, region]
        limb += share * (1 + value - limb)
        along += share * (shoulder - metres - along)
        side += share * (np.sign(axis[:, 0]) * (points - axis)[:, 0] - side)
        back += share * ((points - axis)[:, 1] - back)
    for region, end in ((LEG_LEFT, ".L"), (LEG_RIGHT, ".R")):
        share = regions[:, region]
        side += share * -joint["lowerleg01" + end][0]
    limb += regions[:, HEAD] * (1 - limb)
    neck = joint["neck01"]
    collar = (z - neck[2]) - 0.8 * (points[:, 1] - neck[1])  # the base of the neck is lower in front
    return np.stack([limb, collar, side, back, along, *points.T], 1).astype(np.float32)


def _along_chain(
    points: NDArray[np.floating], chain: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """How far along a chain of joints points lie: segments [P], metres [P]; nearest axis points [P, 3]."""
    best = np.full(len(points), np.inf)
    value, metres = np.zeros(len(points)), np.zeros(len(points))
    axis = np.zeros((len(points), 3))
    passed = 0.0
    for number, (a, b) in enumerate(pairwise(chain)):
        length = float(np.linalg.norm(b - a))
        t = np.clip((points - a) @ (b - a) / length**2, 0, 1)
        foot = a + t[:, None] * (b - a)
        distance = np.linalg.norm(points - foot, axis=1)
        closer = distance < best
        best = np.where(closer, distance, best)
        value, metres = np.where(closer, number + t, value), np.where(closer, passed + t * length, metres)
        axis = np.where(closer[:, None], foot, axis)
        passed += length
    return value, metres, axis


def _incident(count: int, faces: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Faces at each vertex: those of vertex v are incident[start[v] : start[v + 1]]."""
    order = np.argsort(faces.reshape(-1), kind="stable")
    start = np.searchsorted(faces.reshape(-1)[order], np.arange(count + 1))
    return start.astype(np.int64), (order // 3).astype(np.int64)


@njit(cache=True, nogil=True)
def vertex_normals(vertices, faces):  # type: ignore[no-untyped-def]
    """Unit normals [V, 3] of a mesh, weighted by area."""
    normals = np.zeros_like(vertices)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            n = (vertices[b, i] - vertices[a, i]) * (vertices[c, j] - vertices[a, j])
            n -= (vertices[b, j] - vertices[a, j]) * (vertices[c, i] - vertices[a, i])
            normals[a, k] += n
            normals[b, k] += n
            normals[c, k] += n
    for v in range(len(normals)):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2)
        if length > 0:
            for k in range(3):
                normals[v, k] /= length
    return normals


@njit(cache=True, nogil=True)
def _nearest(points, vertices, used, faces, start, incident):  # type: ignore[no-untyped-def]
    """Nearest vertex by search of all, then the nearest point of the faces round it."""
    vertex = np.empty(len(points), np.int32)
    place = np.empty((len(points), 3), np.float32)
    x, y, z = vertices[used, 0], vertices[used, 1], vertices[used, 2]
    for p in range(len(points)):
        distance = (x - points[p, 0]) ** 2 + (y - points[p, 1]) ** 2 + (z - points[p, 2]) ** 2
        nearest = np.argmin(distance)
        least, at = distance[nearest], used[nearest]
        vertex[p] = at
        best = vertices[at].copy()
        for k in range(start[at], start[at + 1]):
            f = incident[k]
            spot = _closest_on_triangle(
                points[p], vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
            )
            d = np.sum((spot - points[p]) ** 2)
            if d < least:
                least, best = d, spot
        place[p] = best
    return vertex, place


@njit(cache=True, nogil=True)
def _closest_on_triangle(p, a, b, c):  # type: ignore[no-untyped-def]
    """Ericson, Real-Time Collision Detection, 5.1.5."""
    ab, ac, ap = b - a, c - a, p - a
    d1, d2 = np.dot(ab, ap), np.dot(ac, ap)
    if d1 <= 0 and d2 <= 0:
        return a.copy()
    bp = p - b
    d3, d4 = np.dot(ab, bp), np.dot(ac, bp)
    if d3 >= 0 and d4 <= d3:
        return b.copy()
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0:
        return a + ab * (d1 / (d1 - d3))
    cp = p - c
    d5, d6 = np.dot(ab, cp), np.dot(ac, cp)
    if d6 >= 0 and d5 <= d6:
        return c.copy()
    vb = d5 * d2 - d1 * d6
    if vb <= 0 and d2 >= 0 and d6 <= 0:
        return a + ac * (d2 / (d2 - d6))
    va = d3 * d6 - d5 * d4
    if va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        return b + (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)))
    inverse = 1.0 / (va + vb + vc)
    return a + ab * (vb * inverse) + ac * (vc * inverse)
