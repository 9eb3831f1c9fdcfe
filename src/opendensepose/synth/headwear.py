"""Glasses and brims: small stiff meshes that sit on the mean head and move with three vertices of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opendensepose.synth.mhclo import BASE_VERTICES, Garment
from opendensepose.synth.pieces import Piece, make_piece
from opendensepose.synth.template import HEAD, Template

TILT = 0.3  # brims sink by this much per metre towards the back
RIM = 0.055  # metres over the eyes at which they sit
# head width, depth, height: these vertices' distances give the scale, as in MakeHuman's own hats
_SPANS = np.array([[5399, 11998], [962, 5320], [791, 881]], np.int32)
GLASSES = {"round": (0.023, 0.022, 2.0), "square": (0.027, 0.018, 5.0), "large": (0.032, 0.025, 3.0)}


def stiff_piece(
    template: Template,
    name: str,
    vertices: NDArray[np.floating],  # [V, 3] on the mean body
    faces: NDArray[np.integer],  # [F, 3]
    at: NDArray[np.floating],  # [3] a spot of the skin
) -> Piece:
    """A mesh that follows the three skin vertices nearest to a spot."""
    body = template.body
    used = np.unique(body.faces)
    anchors = used[np.argsort(np.linalg.norm(body.vertices[used] - at, axis=1))[:3]]
    axis = np.arange(3)
    spans = np.abs(body.vertices[_SPANS[:, 0], axis] - body.vertices[_SPANS[:, 1], axis])
    garment = Garment(
        name=name,
        base=np.tile(anchors.astype(np.int32), (len(vertices), 1)),
        weights=np.full((len(vertices), 3), 1 / 3, np.float32),
        offset=(vertices - body.vertices[anchors].mean(0)).astype(np.float32),
        scale_pairs=_SPANS,
        scale_size=spans.astype(np.float32),  # so that a unit of the offsets is a metre on the mean head
        deleted=np.zeros(BASE_VERTICES, bool),
        vertices=vertices.astype(np.float32),
        faces=np.ascontiguousarray(faces, np.int32),
        uv=np.zeros((len(faces), 3, 2), np.float32),
        texture=None,
    )
    return make_piece(garment, template)


def glasses_piece(template: Template, shape: str, part: str) -> Piece:
    """The frame or the lenses (`part`) of glasses of a shape in GLASSES."""
    half_width, half_height, power = GLASSES[shape]
    middle = template.eyes.mean(0)
    angle = np.linspace(0, 2 * np.pi, 25)[:-1]
    cosine, sine = np.cos(angle), np.sin(angle)
    edge = (np.abs(cosine) ** power + np.abs(sine) ** power) ** (-1 / power)  # a superellipse
    outline = np.stack([half_width * cosine * edge, half_height * sine * edge], 1)
    points: list[NDArray] = []
    triangles: list[NDArray] = []

    def add(flat: NDArray, corners: NDArray) -> None:
        triangles.append(corners + sum(len(block) for block in points))
        y = middle[1] - 0.033 + 3.0 * flat[:, 0] ** 2  # bent round the face
        points.append(np.stack([flat[:, 0], y, middle[2] - 0.004 + flat[:, 1]], 1))

    for eye in template.eyes:
        centre = np.array([eye[0] * 1.06, 0])
        lens = outline + centre
        if part == "lenses":
            ring = np.arange(24)
            add(
                np.vstack([lens, centre]),
                np.stack([ring, (ring + 1) % 24, 0 * ring + 24], 1),
            )
        else:
            add(np.concatenate([lens, outline * 1.16 + centre]), _band(24, closed=True))
    if part == "frame":
        inner = abs(template.eyes[0, 0]) * 1.06 - half_width
        add(np.array([[-inner, 0.003], [inner, 0.003], [-inner, 0.007], [inner, 0.007]]), _band(2))
        for side in (-1, 1):
            hinge = side * (abs(template.eyes[0, 0]) * 1.06 + half_width)
            start = [hinge, middle[1] - 0.033 + 3.0 * hinge**2, middle[2] + 0.002]
            end = [side * 0.078, middle[1] + 0.085, middle[2] + 0.006]
            temple = np.array([start, end, start, end]) + np.array(
                [[0, 0, 0], [0, 0, 0], [0, 0, 0.006], [0, 0, 0.006]]
            )
            triangles.append(_band(2) + sum(len(block) for block in points))
            points.append(temple)
    bridge = np.array([0, middle[1] - 0.03, middle[2]])
    return stiff_piece(template, f"{part}-{shape}", np.concatenate(points), np.concatenate(triangles), bridge)


def brim_piece(template: Template, *, visor: bool) -> Piece:
    """The brim round a hat, or only the visor of a cap."""
    body, middle = template.body, template.eyes.mean(0)
    head = body.vertices[(template.regions[:, HEAD] > 0.9) & (np.arange(BASE_VERTICES) < 13380)]
    near = head[np.abs(rim_height(head, middle)) < 0.01]
    centre = np.array([0.0, (near[:, 1].min() + near[:, 1].max()) / 2])
    angle = np.linspace(-1.25, 1.25, 21) if visor else np.linspace(-np.pi, np.pi, 41)  # from the front
    around = np.arctan2(near[:, 0], centre[1] - near[:, 1])
    order = np.argsort(around)
    distance = np.linalg.norm(near[:, :2] - centre, axis=1)
    inner = np.interp(angle, around[order], distance[order], period=2 * np.pi) + 0.001
    inner = np.convolve(np.pad(inner, 2, "edge"), np.full(5, 0.2), "valid")
    reach = 0.07 * np.cos(angle / 1.25 * np.pi / 2) ** 0.5 if visor else np.full(len(angle), 0.06)
    rings = []
    for share in (0.0, 0.5, 1.0):
        radius = inner + share * np.nan_to_num(reach)
        x, y = radius * np.sin(angle), centre[1] - radius * np.cos(angle)
        z = (
            middle[2]
            + RIM
            - TILT * (y - middle[1])
            - 0.015 * share**2
            - (0.25 * share * np.abs(x) ** 1.5 if visor else 0)
        )
        rings.append(np.stack([x, y, z], 1))
    count = len(angle)
    faces = np.concatenate([_band(count), _band(count) + count])
    forehead = np.array([0, near[:, 1].min(), middle[2] + RIM])
    return stiff_piece(template, "visor" if visor else "brim", np.concatenate(rings), faces, forehead)


def rim_height(xyz: NDArray[np.floating], middle: NDArray[np.floating]) -> NDArray[np.floating]:
    """Height [P] over the plane of a hat's rim; `middle` [3] lies between the eyes."""
    return xyz[:, 2] - middle[2] - RIM + TILT * (xyz[:, 1] - middle[1])


def _band(count: int, *, closed: bool = False) -> NDArray[np.int64]:
    """Triangles [*, 3] between vertices 0..count-1 and count..2 count-1."""
    a = np.arange(count if closed else count - 1)
    b = (a + 1) % count
    return np.concatenate([np.stack([a, b, b + count], 1), np.stack([a, b + count, a + count], 1)])
