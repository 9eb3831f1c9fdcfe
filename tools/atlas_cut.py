"""Which of the 24 charts each face of the body belongs to, and where hands and feet are cut open.

Everything is decided on the person's right half and mirrored, so that left and right are exact copies. A
boundary between two parts is a minimum cut of the mesh: it follows edges, is short, and stays near the plane
that it is asked to follow. Used by `build_atlas.py` only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra, maximum_flow

from opendensepose.surface.body import Body

STIFFNESS = 4e-4  # m^2: what a metre of boundary costs against (area x distance from the wished-for plane)
SURE = 1.0  # metres: a field of this size is an order, not a wish
UP = np.array([0.0, 0.0, 1.0])
_BIG = 1e-2  # m^3: no cut goes through a face with this cost


@dataclass
class Half:
    """The right half of the body: triangles with x < 0, and what is needed to cut them."""

    body: Body
    face: NDArray  # [F] numbers of its faces among body.faces
    triangle: NDArray  # [F, 3] hm08 vertex numbers
    centre: NDArray  # [F, 3] metres, rest pose
    area: NDArray  # [F]
    pairs: NDArray  # [E, 2] two faces on one edge
    pair_edge: NDArray  # [E, 2] the vertices of that edge

    @classmethod
    def of(cls, body: Body) -> Half:
        corners = body.vertices[body.faces].astype(float)
        face = np.flatnonzero(corners.mean(1)[:, 0] < 0)
        triangle, corners = body.faces[face].astype(int), corners[face]
        area = (
            np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
        )
        pairs, edges = adjacent(triangle)
        return cls(body, face, triangle, corners.mean(1), area, pairs, edges)

    def joint(self, name: str) -> NDArray:
        """[3] where a bone of the right side begins (`.R` is added), or one of the spine."""
        bones = list(self.body.bones)
        return self.body.joints[bones.index(name if name in bones else name + ".R")].astype(float)

    def weight(self, prefixes: tuple[str, ...]) -> NDArray:
        """[F] how strongly faces hang on right-side bones whose names begin so, 0..1."""
        names = self.body.bones
        wanted = np.array([n.startswith(prefixes) and n.endswith(".R") for n in names])
        per_vertex = (self.body.skin_weight * wanted[self.body.skin_index]).sum(1)
        return per_vertex[self.triangle].mean(1)


def adjacent(triangle: NDArray) -> tuple[NDArray, NDArray]:
    """Pairs of triangles that share an edge, [E, 2], and the edge's vertices, [E, 2]."""
    edges = np.sort(triangle[:, [[1, 2], [2, 0], [0, 1]]].reshape(-1, 2), axis=1)
    owner = np.repeat(np.arange(len(triangle)), 3)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    same = (edges[order[1:]] == edges[order[:-1]]).all(1)
    return np.stack([owner[order[:-1]], owner[order[1:]]], 1)[same], edges[order[1:]][same]


def split(half: Half, inside: NDArray, field: NDArray, stiffness: float | NDArray = STIFFNESS) -> NDArray:
    """[F] bool: the faces of `inside` on the positive side of the best boundary near field = 0 (metres).

    `stiffness` may be given for each pair of adjacent faces.
    """
    index = np.full(len(half.face), -1)
    index[inside] = np.arange(inside.sum())
    n = int(inside.sum())
    both = (index[half.pairs] >= 0).all(1)
    a, b = index[half.pairs[both]].T
    ends = half.body.vertices[half.pair_edge[both]]
    length = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)
    length *= stiffness[both] if isinstance(stiffness, np.ndarray) else stiffness
    unary = np.where(np.abs(field) >= SURE, np.sign(field) * _BIG, half.area * np.clip(field, -0.1, 0.1))[
        inside
    ]
    faces = np.arange(n)
    source, sink = np.full(n, n), np.full(n, n + 1)
    rows = np.concatenate([a, b, source, faces])
    columns = np.concatenate([b, a, faces, sink])
    capacity = np.concatenate([length, length, np.maximum(unary, 0), np.maximum(-unary, 0)])
    graph = coo_matrix(((capacity * 1e10).astype(np.int32), (rows, columns)), (n + 2, n + 2)).tocsr()
    residual = graph - maximum_flow(graph, n, n + 1).flow
    residual.data = (residual.data > 0).astype(np.int8)
    residual.eliminate_zeros()
    reached = np.isfinite(dijkstra(residual, indices=n, unweighted=True))[:n]
    result = np.zeros(len(half.face), bool)
    result[inside] = reached
    return result


def plane(point: NDArray, normal: NDArray, at: NDArray) -> NDArray:
    """Signed distance of `at` [F, 3] from a plane."""
    normal = np.asarray(normal, float)
    return (at - point) @ (normal / np.linalg.norm(normal))


def label(half: Half) -> NDArray:
    """[F] the chart (1..24) of each face of the right half."""
    chart = np.zeros(len(half.face), np.uint8)
    everything = np.ones(len(half.face), bool)
    head = split(half, everything, plane(half.joint("neck01") - UP * 0.012, [0, -0.45, 1], half.centre))
    chart[head] = 23
    arm = _arm(half, ~head)
    leg = _leg(half, ~head & ~arm)
    torso = ~head & ~arm & ~leg
    front = split(half, torso, _coronal(half))
    chart[torso] = np.where(front, 2, 1)[torso]
    _label_arm(half, arm, chart)
    _label_leg(half, leg, chart)
    return chart


def _arm(half: Half, inside: NDArray) -> NDArray:
    """[F] bool: the arm from the shoulder on; its rim runs from the top of the shoulder to the armpit."""
    weight = half.weight(("upperarm", "lowerarm", "wrist", "metacarpal", "finger"))
    field = plane(half.joint("upperarm01"), [-1.0, 0, -0.12], half.centre)
    return split(half, inside, np.where(weight < 0.02, -SURE, field), 4 * STIFFNESS)


def _leg(half: Half, inside: NDArray) -> NDArray:
    """[F] bool: the leg below the groin in front, with the buttock behind."""
    x, _, z = half.centre.T
    hip = half.joint("upperleg01")
    crotch = half.centre[inside & (x > -0.02), 2].min()
    side = hip[2] + 0.03  # height where front and back rims meet at the side of the hip
    rim_front = crotch + 0.005 + (side - crotch) * np.minimum(-x / 0.16, 1.2)
    rim_back = hip[2] + 0.07
    t = np.clip(_coronal(half) / 0.03, -1, 1) / 2 + 0.5  # 0 behind, 1 in front
    return split(half, inside, t * rim_front + (1 - t) * rim_back - z)


def _coronal(half: Half) -> NDArray:
    """[F] how far in front of the side seams of the trunk, metres."""
    heights = np.array(
        [half.joint(n)[2] for n in ("upperleg01", "spine03", "spine01", "clavicle", "shoulder01")]
    )
    depth = np.array([-0.012, -0.04, -0.03, -0.02, -0.02])
    return np.interp(half.centre[:, 2], heights, depth) - half.centre[:, 1]


def _limb(half: Half, names: tuple[str, ...], towards: NDArray) -> NDArray:
    """[F] signed distance from the chain of joints along `towards` [J, 3], at the nearest bone."""
    joints = np.stack([half.joint(n) for n in names])
    best, field = np.full(len(half.face), np.inf), np.zeros(len(half.face))
    for a, b, t in zip(joints[:-1], joints[1:], towards, strict=False):
        s = np.clip((half.centre - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        offset = half.centre - (a + s[:, None] * (b - a))
        normal = t - (t @ (b - a)) / ((b - a) @ (b - a)) * (b - a)
        distance = np.linalg.norm(offset, axis=1)
        nearer = distance < best
        field = np.where(nearer, offset @ (normal / np.linalg.norm(normal)), field)
        best = np.minimum(best, distance)
    return field


def _label_arm(half: Half, arm: NDArray, chart: NDArray) -> None:
    """Upper arm 16, 18; lower arm 20, 22; hand 3."""
    shoulder, elbow, wrist = (half.joint(n) for n in ("upperarm01", "lowerarm01", "wrist"))
    below = split(half, arm, plane(elbow, (elbow - shoulder) + (wrist - elbow), half.centre))
    hand = split(half, below, plane(wrist, wrist - half.joint("lowerarm02"), half.centre))
    upper, lower = arm & ~below, below & ~hand
    # outwards across the upper arm, turned to the back: seen from the front the inner half takes two thirds,
    # from behind hardly anything
    bones = ("upperarm01", "upperarm02", "lowerarm01")
    outwards, backwards = np.array([-0.9, 0.45, 0.6]), np.array([-0.4, 0.9, 0.0])
    outside, behind = (_limb(half, bones, np.stack([way] * 2)) for way in (outwards, backwards))
    outer = split(half, upper, np.maximum(outside, behind))
    back = palm_normal(half)
    outer |= split(half, lower, _limb(half, ("lowerarm01", "lowerarm02", "wrist"), np.stack([back] * 2)))
    chart[arm] = np.where(hand, 3, np.where(upper, np.where(outer, 18, 16), np.where(outer, 22, 20)))[arm]


def palm_normal(half: Half) -> NDArray:
    """[3] unit vector out of the back of the hand."""
    wrist, index, little = (half.joint(n) for n in ("wrist", "finger2-1", "finger5-1"))
    normal = np.cross(little - wrist, index - wrist)
    return normal / np.linalg.norm(normal)


def _label_leg(half: Half, leg: NDArray, chart: NDArray) -> None:
    """Upper leg 7, 9; lower leg 11, 13; foot 6."""
    hip, knee, ankle = (half.joint(n) for n in ("upperleg02", "lowerleg01", "foot"))
    below = split(half, leg, plane(knee, (knee - hip) + (ankle - knee), half.centre))
    foot = split(half, below, plane(ankle + UP * 0.04, [0, 0, -1], half.centre))
    ahead = np.stack([np.array([0, -1.0, 0])] * 4)
    thigh = _limb(half, ("upperleg01", "upperleg02", "lowerleg01"), ahead)
    front = split(half, leg & ~below, thigh - 0.02)  # metres: side seams run ahead of the bone
    front |= split(half, below & ~foot, _limb(half, ("lowerleg01", "lowerleg02", "foot"), ahead))
    chart[leg] = np.where(foot, 6, np.where(below, np.where(front, 13, 11), np.where(front, 9, 7)))[leg]


def seam(half: Half, chart: NDArray, part: int) -> NDArray:
    """[C, 2] the edges (vertex numbers) along which the right hand (3) or the right foot (6) is cut open."""
    inside = chart == part
    # fingers are thin and finely meshed: there a boundary must cost little, or it would cut across them
    fine = 0.2 * half.area[half.pairs].sum(1)
    positive = split(half, inside, _dorsal(half) if part == 3 else _above_sole(half), fine)
    both = inside[half.pairs].all(1)
    outline = half.pair_edge[both & (positive[half.pairs[:, 0]] != positive[half.pairs[:, 1]])]
    return _hand_seam(half, outline) if part == 3 else _foot_seam(half, inside, outline)


def _dorsal(half: Half) -> NDArray:
    """[F] height above the middle surface of hand and fingers, positive on the back of the hand."""
    names = list(half.body.bones)
    palm = palm_normal(half)
    across = half.joint("finger2-1") - half.joint("finger5-1")
    total, weights = np.zeros(len(half.face)), np.full(len(half.face), 1e-9)
    for number, name in enumerate(names):
        if not (name.endswith(".R") and name.startswith(("wrist", "metacarpal", "finger"))):
            continue
        up = palm
        if name.startswith("finger"):
            along = half.joint(f"{name[:7]}-3") - half.joint(f"{name[:7]}-2")
            up = np.cross(_thumb_across(half) if name.startswith("finger1") else across, along)
            up *= np.sign(up @ palm) / np.linalg.norm(up)
        w = (half.body.skin_weight * (half.body.skin_index == number)).sum(1)[half.triangle].mean(1)
        height = plane(half.body.joints[number], up, half.centre)
        if name.startswith("finger"):  # bones do not run in the middle of the flesh
            height -= np.percentile(height[w > 0.5], [3, 97]).mean()
        total += w * height
        weights += w
    return total / weights


def _thumb_across(half: Half) -> NDArray:
    """[3] the axis about which the thumb bends."""
    a, b, c = (half.joint(f"finger1-{k}") for k in (1, 2, 3))
    return np.cross(b - a, c - b)


def _above_sole(half: Half) -> NDArray:
    """[F] height above the edge of the sole, metres; under the nails at the toes."""
    toes = half.joint("toe1-1")[1]
    edge = np.interp(half.centre[:, 1], [toes, toes + 0.04], [0.011, 0.018])
    return half.centre[:, 2] - half.body.vertices[half.triangle, 2].min() - edge


def _path(edges: NDArray, vertices: NDArray, start: int, end: int, cost: NDArray | None = None) -> NDArray:
    """[C, 2] the edges of the shortest path between two vertices."""
    n = int(edges.max()) + 1
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    length = length * (1 if cost is None else cost)
    graph = coo_matrix((length, (edges[:, 0], edges[:, 1])), (n, n)).tocsr()
    _, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
    path = [end]
    while path[-1] != start:
        path.append(int(before[path[-1]]))
    return np.sort(np.stack([path[:-1], path[1:]], 1), axis=1)


def _hand_seam(half: Half, outline: NDArray) -> NDArray:
    """From the thumb's side of the wrist round thumb and fingers to the tip of the little finger."""
    vertices = half.body.vertices
    used, count = np.unique(outline, return_counts=True)
    ends = used[count == 1]
    thumb, knuckle = half.joint("finger1-1"), half.joint("finger5-3")
    start = ends[np.linalg.norm(vertices[ends] - thumb, axis=1).argmin()]
    bone = knuckle - half.joint("finger5-2")
    near = used[np.linalg.norm(vertices[used] - knuckle, axis=1) < 1.6 * np.linalg.norm(bone)]
    tip = near[(vertices[near] @ bone).argmax()]
    return _path(outline, vertices, int(start), int(tip))


def _foot_seam(half: Half, inside: NDArray, outline: NDArray) -> NDArray:
    """Down the middle of the heel, then outside along the sole and round the toes to the big toe's tip."""
    vertices = half.body.vertices
    ankle, toe = half.joint("foot"), half.joint("toe1-2")
    used = np.unique(outline)
    heel = used[(vertices[used, 1] - 2 * abs(vertices[used, 0] - ankle[0])).argmax()]
    big = half.body.bones.index("toe1-2.R")
    near = used[(half.body.skin_weight * (half.body.skin_index == big)).sum(1)[used] > 0.5]
    tip = near[vertices[near, 1].argmin()]
    # the way along the inside is barred at the instep
    middle = vertices[outline].mean(1)
    inner = (middle[:, 0] > ankle[0] + 0.01) & (abs(middle[:, 1] - (ankle[1] + toe[1]) / 2) < 0.02)
    round_toes = _path(outline[~inner], vertices, int(heel), int(tip))
    edges = half.pair_edge[inside[half.pairs].all(1)]
    shin = np.setdiff1d(half.triangle[inside], [])
    rim = np.intersect1d(shin, half.triangle[~inside])
    top = rim[(vertices[rim, 1] - 2 * abs(vertices[rim, 0] - ankle[0])).argmax()]
    middle = vertices[edges].mean(1)
    down = _path(edges, vertices, int(top), int(heel), 1 + 100 * abs(middle[:, 0] - ankle[0]))
    return np.concatenate([down, round_toes])
