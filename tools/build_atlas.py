"""Build `surface/assets/odp24.npz`: the 24 charts of ATLAS on the CC0 body, and print how good they are.

    python tools/build_atlas.py

Needs libigl and scipy. Each chart of the right half is flattened on the mean adult by SLIM (Rabinovich et al.
2017, "Scalable Locally Injective Mappings": symmetric Dirichlet energy, started from Tutte's embedding, so no
triangle flips), turned so that U and V run as the table of charts says, and stretched to touch the four sides
of [0, 1]^2. The left half is its mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import igl
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve
from scipy.spatial.transform import Rotation

from atlas_cut import Half, label, palm_normal, seam
from opendensepose.surface.body import Body
from opendensepose.surface.parts import MIRROR_CHART

ASSET = Path(__file__).parents[1] / "src/opendensepose/surface/assets/odp24.npz"
# degrees from U towards V: U and V run as in published outputs (docs/atlas.md)
TURNS = {6: -38.0, 7: -18.0, 9: 8.0, 11: 2.0, 13: -7.0, 16: 6.0, 18: -18.0, 20: 9.0, 22: -3.0, 23: 10.0}
NECK = 0.4  # how much wider the neck is drawn
RIGHT = (3, 6, 7, 9, 11, 13, 16, 18, 20, 22, 23)


@dataclass
class Chart:
    """A disc: entries are vertices as seen from the chart, twice where it is cut open."""

    vertex: NDArray  # [E] hm08 numbers
    faces: NDArray  # [F, 3] numbers of entries, outside counterclockwise
    uv: NDArray  # [E, 2]


def cut_open(triangle: NDArray, seams: NDArray) -> tuple[NDArray, NDArray]:
    """Entries [E] (vertex numbers) and faces [F, 3]: corners joined over uncut edges are one entry."""
    corners = triangle.reshape(-1)
    n = len(triangle)
    edges = np.stack([triangle, np.roll(triangle, -1, 1)], 2).reshape(-1, 2)
    slots = np.stack([np.arange(3 * n), np.roll(np.arange(3 * n).reshape(n, 3), -1, 1).reshape(-1)], 1)
    flip = edges[:, 0] > edges[:, 1]
    edges[flip], slots[flip] = edges[flip, ::-1], slots[flip, ::-1]
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges, slots = edges[order], slots[order]
    joined = (edges[1:] == edges[:-1]).all(1)
    cut = {tuple(e) for e in seams.tolist()}
    joined &= np.array([tuple(e) not in cut for e in edges[1:].tolist()])
    a, b = slots[:-1][joined].reshape(-1), slots[1:][joined].reshape(-1)
    _, entry = connected_components(coo_matrix((np.ones(len(a)), (a, b)), (3 * n, 3 * n)), directed=False)
    entry = entry.reshape(n, 3)
    vertex = np.zeros(entry.max() + 1, int)
    vertex[entry.reshape(-1)] = corners
    return vertex, entry


def require_disc(faces: NDArray, name: str) -> None:
    """ValueError unless the faces form one disc."""
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    euler = len(np.unique(faces)) - len(unique) + len(faces)
    graph = coo_matrix((np.ones(len(edges)), edges.T), (faces.max() + 1,) * 2)
    pieces = connected_components(graph, directed=False)[0]
    if euler != 1 or pieces != 1 or count.max() > 2:
        raise ValueError(f"{name}: expected one disc, got Euler characteristic {euler}, {pieces} pieces")


def flatten(points: NDArray, faces: NDArray, iterations: int = 60) -> NDArray:
    """[E, 2] metres: a map of little stretch, every triangle counterclockwise."""
    loop = igl.boundary_loop(faces.astype(np.int64)).astype(np.int32)
    circle = igl.map_vertices_to_circle(np.asfortranarray(points), loop)
    # Tutte's weights, not the cotangent ones: only those exclude flips
    start = tutte(faces, loop, circle, len(points))
    start *= np.sqrt(area(points, faces).sum() / abs(signed(start, faces).sum()))
    data = igl.slim_precompute(
        np.asfortranarray(points),
        np.asfortranarray(faces.astype(np.int32)),
        np.asfortranarray(start),
        igl.MappingEnergyType.SYMMETRIC_DIRICHLET,
        np.zeros(0, np.int32),
        np.asfortranarray(np.zeros((0, 2))),
        0.0,
    )
    return np.array(igl.slim_solve(data, iterations))[:, :2]


def tutte(faces: NDArray, loop: NDArray, rim: NDArray, n: int) -> NDArray:
    """[n, 2]: inner vertices at the mean of their neighbours, the loop at `rim`."""
    edges = np.unique(np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1), axis=0)
    i, j = np.concatenate([edges, edges[:, ::-1]]).T
    weights = coo_matrix((np.ones(len(i)), (i, j)), (n, n)).tocsr()
    degree = np.asarray(weights.sum(1)).ravel()
    result = np.zeros((n, 2))
    result[loop] = rim
    inner = np.setdiff1d(np.arange(n), loop)
    system = (
        coo_matrix((degree[inner], (np.arange(len(inner)),) * 2), (len(inner),) * 2)
        - weights[inner][:, inner]
    )
    result[inner] = spsolve(system.tocsc(), weights[inner] @ result)
    return result


def area(points: NDArray, faces: NDArray) -> NDArray:
    """[F] square metres."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def signed(uv: NDArray, faces: NDArray) -> NDArray:
    """[F] area in the chart, positive for counterclockwise."""
    a, b, c = (uv[faces[:, k]] for k in range(3))
    (x, y), (p, q) = (b - a).T, (c - a).T
    return (x * q - y * p) / 2


def wishes(half: Half, part: int, points: NDArray) -> tuple[NDArray, NDArray, str]:
    """Two functions [E] that must rise along +U and +V on a chart, and which of them sets the turn."""
    x, y, z = points.T
    wrist, elbow, shoulder = (half.joint(n) for n in ("wrist", "lowerarm01", "upperarm01"))
    thumb = half.joint("finger2-1") - half.joint("finger5-1")  # across the hand, towards the thumb's side
    table = {
        1: (-z, -x, "u"),
        2: (-z, -x, "u"),
        3: (-points @ palm_normal(half), points @ (half.joint("finger3-1") - wrist), "v"),
        6: (y, z, "u"),
        7: (-z, -x, "u"),
        9: (z, x, "u"),
        11: (z, -x, "u"),
        13: (-z, -x, "u"),
        16: (points @ (elbow - shoulder), -y, "u"),
        18: (points @ (elbow - shoulder), -y, "u"),
        20: (points @ (elbow - wrist), -points @ thumb, "u"),
        22: (points @ (wrist - elbow), points @ thumb, "u"),
        23: (-y, z, "v"),
    }
    return table[part]


def turn(flat: NDArray, u_wish: NDArray, v_wish: NDArray, first: str, degrees: float = 0.0) -> NDArray:
    """Rotate or mirror `flat` [E, 2] so that the wishes [E] rise along +U and +V; then fill [0, 1]^2.

    `degrees` more are turned from U towards V.
    """
    centred = flat - flat.mean(0)
    wish = np.stack([u_wish - u_wish.mean(), v_wish - v_wish.mean()], 1)
    gradient = np.linalg.lstsq(centred, wish, rcond=None)[0].T  # [2 wishes, 2]
    leading, other = (0, 1) if first == "u" else (1, 0)
    axes = np.zeros((2, 2))
    axes[leading] = gradient[leading] / np.linalg.norm(gradient[leading])
    axes[other] = [-axes[leading, 1], axes[leading, 0]]
    axes[other] *= np.sign(axes[other] @ gradient[other])
    s, c = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return fill(centred @ axes.T @ np.array([[c, s], [-s, c]]))


def fill(flat: NDArray) -> NDArray:
    """Stretch [E, 2] to touch the four sides of [0, 1]^2."""
    low, high = flat.min(0), flat.max(0)
    return (flat - low) / (high - low)


# how toes and fingers are drawn before they are flattened, thumb or big toe first: relative thickness and
# length, and degrees by which they are fanned out; without it neighbours would overlap in the chart
DIGITS = {
    "toe": ((0.4, 0.32, 0.28, 0.28, 0.28), 0.7, (0, 0, 0, 0, 0)),
    "finger": ((0.8, 0.8, 0.8, 0.8, 0.62), 1.0, (15, 12, 4, -4, -15)),
}


def slim_digits(half: Half, vertex: NDArray) -> NDArray:
    """[E, 3] the vertices with slimmer, fanned toes and fingers."""
    points = half.body.vertices[vertex].astype(float)
    for kind, (sizes, length, angles) in DIGITS.items():
        normal = palm_normal(half) if kind == "finger" else np.array([0, 0, 1.0])
        for digit, size, angle in zip(range(1, 6), sizes, angles, strict=True):
            bones = [n for n in half.body.bones if n.startswith(f"{kind}{digit}") and n.endswith(".R")]
            start, end = (half.joint(n) for n in (bones[0], bones[-1]))
            along = (end - start) / np.linalg.norm(end - start)
            numbers = [half.body.bones.index(n) for n in bones]
            weight = (half.body.skin_weight * np.isin(half.body.skin_index, numbers)).sum(1)[vertex]
            offset = points - start
            reach = (offset @ along)[:, None] * along
            wanted = size * (offset - reach) + length * reach
            turned = Rotation.from_rotvec(np.radians(angle) * normal).apply(wanted)
            points += weight[:, None] * (start + turned - points)
    return points


def wide_neck(half: Half, vertex: NDArray) -> NDArray:
    """[E, 3] the vertices with a wider neck, so that the chart fills the square like the usual one."""
    points = half.body.vertices[vertex].astype(float)
    neck, jaw = half.joint("neck01"), half.joint("head")
    height = np.clip((jaw[2] - points[:, 2]) / (jaw[2] - neck[2]), 0, 1)
    points[:, 1] += NECK * height * (points[:, 1] - (neck + jaw)[1] / 2)
    return points


def right_chart(half: Half, chart: NDArray, part: int) -> tuple[Chart, NDArray]:
    """A chart of the right half, and its isometric-as-possible picture in metres [E, 2]."""
    seams = seam(half, chart, part) if part in (3, 6) else np.zeros((0, 2), int)
    return make_chart(half, half.triangle[chart == part], seams, part)


def make_chart(half: Half, triangle: NDArray, seams: NDArray, part: int) -> tuple[Chart, NDArray]:
    """Cut open, flatten, turn and fill."""
    vertex, faces = cut_open(triangle, seams)
    require_disc(faces, f"chart {part}")
    points = half.body.vertices[vertex].astype(float)
    drawn = wide_neck(half, vertex) if part == 23 else slim_digits(half, vertex)
    flat = flatten(drawn, faces)
    return Chart(vertex, faces, turn(flat, *wishes(half, part, points), TURNS.get(part, 0.0))), flat


def torso_chart(half: Half, chart: NDArray, part: int) -> tuple[Chart, NDArray]:
    """A chart of the trunk: both halves at once, then made exactly symmetric."""
    right = half.triangle[chart == part]
    both = np.concatenate([right, half.body.mirror[right][:, [0, 2, 1]]])
    made, flat = make_chart(half, both, np.zeros((0, 2), int), part)
    number = np.full(len(half.body.vertices), -1)
    number[made.vertex] = np.arange(len(made.vertex))
    partner = made.uv[number[half.body.mirror[made.vertex]]] * [1, -1] + [0, 1]
    made.uv = fill((made.uv + partner) / 2)
    return made, flat


def mirrored(right: Chart, part: int, mirror: NDArray) -> Chart:
    """The left partner of a right chart: U' = 1 - U on hands, feet and head, else U, V unchanged."""
    uv = right.uv * [-1, 1] + [1, 0] if part in (3, 6, 23) else right.uv
    return Chart(mirror[right.vertex], right.faces[:, [0, 2, 1]], uv)


def stretch(points: NDArray, faces: NDArray, flat: NDArray) -> tuple[float, float]:
    """Area-weighted rms stretch (Sander et al. 2001; 1 = isometric) and mean ratio of the two stretches."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    p = np.linalg.norm(b - a, axis=1)
    along = ((c - a) * (b - a)).sum(1) / p
    weight = area(points, faces)
    source = np.stack([np.stack([p, along], 1), np.stack([0 * p, 2 * weight / p], 1)], 1)
    f = flat[faces]
    jacobian = np.stack([f[:, 1] - f[:, 0], f[:, 2] - f[:, 0]], 2) @ np.linalg.inv(source)
    sigma = np.linalg.svd(jacobian, compute_uv=False)
    scale = np.sqrt(abs(signed(flat, faces)).sum() / weight.sum())
    weight = weight / weight.sum()
    rms = np.sqrt((weight * ((1 / sigma**2).sum(1) / 2)).sum()) * scale
    return float(rms), float((weight * sigma[:, 0] / sigma[:, 1]).sum())


def overlaps(chart: Chart, size: int = 512) -> float:
    """Share of a chart's texels covered by more than one triangle."""
    corners = chart.uv[chart.faces] * size
    count = np.zeros((size, size), int)
    turn_sign = np.sign(signed(chart.uv, chart.faces).sum())
    for tri in corners:
        low, high = np.floor(tri.min(0)).astype(int), np.minimum(np.ceil(tri.max(0)).astype(int), size)
        x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
        inside = np.ones(x.shape, bool)
        for k in range(3):
            (ax, ay), (bx, by) = tri[k], tri[(k + 1) % 3]
            inside &= turn_sign * ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) > 1e-6
        count[low[1] : high[1], low[0] : high[0]] += inside
    return float((count > 1).sum() / (count > 0).sum())


def build(body: Body) -> tuple[dict[int, Chart], list[str]]:
    """All 24 charts, and one line of quality figures for each pair."""
    half = Half.of(body)
    chart = label(half)
    charts, report = {}, ["chart  faces  rms stretch  mean ratio  overlap  flipped"]
    for part in (1, 2, *RIGHT):
        made, flat = (torso_chart if part < 3 else right_chart)(half, chart, part)
        charts[part] = made
        if part > 2:
            charts[int(MIRROR_CHART[part])] = mirrored(made, part, body.mirror)
        rms, ratio = stretch(body.vertices[made.vertex].astype(float), made.faces, flat)
        areas = signed(made.uv, made.faces)
        flipped = int((areas * np.sign(areas.sum()) <= 0).sum())
        report.append(
            f"{part:5d} {len(made.faces):6d} {rms:12.3f} {ratio:11.3f} {overlaps(made):8.4f} {flipped:8d}"
        )
    return charts, report


def save(path: Path, body: Body, charts: dict[int, Chart]) -> None:
    """Write the asset: `Atlas` documents the arrays."""
    order = sorted(charts)
    offset = np.cumsum([0] + [len(charts[c].vertex) for c in order])
    hm08 = np.concatenate([charts[c].vertex for c in order])
    base = np.unique(hm08)
    number = np.full(len(body.vertices), -1)
    number[base] = np.arange(len(base))
    np.savez_compressed(
        path,
        base=base.astype(np.int32),
        vertices=body.vertices[base].astype(np.float32),
        mirror=number[body.mirror[base]].astype(np.int32),
        entry_chart=np.repeat(order, np.diff(offset)).astype(np.uint8),
        entry_uv=np.concatenate([charts[c].uv for c in order]).astype(np.float32),
        entry_vertex=number[hm08].astype(np.int32),
        faces=np.concatenate([charts[c].faces + o for c, o in zip(order, offset, strict=False)]).astype(
            np.int32
        ),
        face_chart=np.repeat(order, [len(charts[c].faces) for c in order]).astype(np.uint8),
    )


def main() -> None:
    """Build, save, report."""
    body = Body.load()
    charts, report = build(body)
    save(ASSET, body, charts)
    print("\n".join(report))


if __name__ == "__main__":
    main()
