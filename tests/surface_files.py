"""Small files of the same form as the official ones, out of our own body: nothing of theirs is in them."""

from __future__ import annotations

import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

from opendensepose.surface.atlas import Atlas


def axes(vertices: np.ndarray) -> np.ndarray:
    """SMPL's axes of ours: y up, facing +z."""
    return np.stack([vertices[:, 0], vertices[:, 2], -vertices[:, 1]], 1)


def write_uv(folder: Path) -> None:
    """UV_Processed.mat: numbers from 1, columns, small integers where they fit."""
    from scipy.io import savemat

    atlas = Atlas.load()
    shuffled = np.random.default_rng(0).permutation(len(atlas.faces))
    content = {
        "All_Faces": (atlas.faces[shuffled] + 1).astype(np.uint16),
        "All_FaceIndices": atlas.face_chart[shuffled, None],
        "All_U_norm": atlas.entry_uv[:, :1].astype(np.float64),
        "All_V_norm": atlas.entry_uv[:, 1:].astype(np.float64),
        "All_vertices": (atlas.entry_vertex[None] + 1).astype(np.uint16),
    }
    savemat(folder / "UV_Processed.mat", content)


def smpl_arrays() -> dict[str, Any]:
    atlas = Atlas.load()
    count = len(atlas.vertices)
    return {
        "v_template": axes(atlas.vertices.astype(np.float64)),
        "f": atlas.triangles.astype(np.uint32),
        "weights": np.full((count, 24), 1 / 24),
        "kintree_table": np.stack([np.arange(24) - 1, np.arange(24)]),
    }


def write_smpl_pickle(path: Path, protocol: int = 2) -> None:
    """A body as the old pickles are: some arrays wrapped in chumpy's objects, a sparse regressor."""
    from scipy.sparse import csc_matrix

    arrays = smpl_arrays()
    module = types.ModuleType("chumpy.ch")
    module.Ch = type("Ch", (), {"__module__": "chumpy.ch"})  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in ("chumpy", "chumpy.ch")}
    sys.modules.update({"chumpy": types.ModuleType("chumpy"), "chumpy.ch": module})
    try:
        wrapped = module.Ch()
        wrapped.x, wrapped._dirty_vars = arrays["v_template"], set()
        regressor = np.zeros((24, len(arrays["v_template"])))
        regressor[np.arange(24), np.arange(24) * 100] = 1
        content = arrays | {"v_template": wrapped, "J_regressor": csc_matrix(regressor), "bs_type": "lrotmin"}
        path.write_bytes(pickle.dumps(content, protocol=protocol))
    finally:
        for name, old in before.items():
            if old is None:
                del sys.modules[name]
            else:
                sys.modules[name] = old


def sampled(count: int = 700) -> tuple[np.ndarray, np.ndarray]:
    """Entries of some charts and, shuffled, the vertices that they name (from 0)."""
    atlas = Atlas.load()
    rng = np.random.default_rng(1)
    entries = np.sort(rng.choice(len(atlas.entry_chart), count, replace=False))
    vertices, number = np.unique(atlas.entry_vertex[entries], return_inverse=True)
    return entries, rng.permutation(len(vertices))[number]


def write_subdivided(folder: Path) -> np.ndarray:
    """SMPL_subdiv.mat and SMPL_SUBDIV_TRANSFORM.mat (uint16); the vertices [V, 3] in our axes."""
    from scipy.io import savemat

    atlas = Atlas.load()
    entries, vertex = sampled()
    places = atlas.vertices[atlas.entry_vertex[entries]].astype(np.float64)
    first = np.arange(len(entries) - 2)
    faces = np.stack([first, first + 1, first + 2])
    content = {
        "U_subdiv": atlas.entry_uv[entries, :1].astype(np.float64),
        "V_subdiv": atlas.entry_uv[entries, 1:].astype(np.float64),
        "Part_ID_subdiv": atlas.entry_chart[entries, None],
        "vertex": axes(places).T,
        "faces": (faces + 1).astype(np.uint16),
    }
    savemat(folder / "SMPL_subdiv.mat", content)
    savemat(folder / "SMPL_SUBDIV_TRANSFORM.mat", {"index": (vertex + 1).astype(np.uint16)[:, None]})
    vertices = np.zeros((vertex.max() + 1, 3))
    vertices[vertex] = places
    return vertices


def write_distances(path: Path, vertices: np.ndarray, protocol: int = 2) -> np.ndarray:
    """Pdist_matrix.pkl: the pairs of all vertices, in an order of its own; the full table [V, V]."""
    full = np.linalg.norm(vertices[:, None] - vertices, axis=2).astype(np.float32)
    high, low = np.tril_indices(len(vertices), -1)  # row by row: a (a - 1) / 2 + b
    path.write_bytes(pickle.dumps(full[high, low], protocol=protocol))
    return full
