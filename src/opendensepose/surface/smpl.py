"""The SMPL body out of the files that its owners hand out; pickles are read without executing them."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.io.files import InputError
from opendensepose.io.unpickle import as_array, load_pickle

_MORE = ("shapedirs", "posedirs", "weights", "J_regressor", "kintree_table")


@dataclass(frozen=True, eq=False)
class Smpl:
    """A SMPL body in our axes: z up, facing -y, its left = +x. N vertices, F faces."""

    path: Path
    vertices: NDArray[np.float32]  # [N, 3] metres, the mean body in its rest pose
    faces: NDArray[np.int64]  # [F, 3]
    more: dict[str, NDArray[np.float64]]  # shapedirs, weights, ... as in the file, those that are there


def read_smpl(path: str | os.PathLike[str]) -> Smpl:
    """A SMPL body from `.pkl` (also those with chumpy's objects) or `.npz`.

    Raises FileNotFoundError, or InputError where `v_template` or `f` is missing or broken.
    """
    path = Path(path)
    content = _read_npz(path) if path.suffix.lower() == ".npz" else load_pickle(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a SMPL body, got {type(content).__name__}")
    vertices, faces = (_array(content, key, path) for key in ("v_template", "f"))
    if vertices.shape[1:] != (3,) or faces.shape[1:] != (3,) or not np.isfinite(vertices).all():
        got = f"{list(vertices.shape)} and {list(faces.shape)}"
        raise InputError(f"{path}: expected v_template [N, 3] and f [F, 3] of finite numbers, got {got}")
    if not len(faces) or faces.min() < 0 or faces.max() >= len(vertices):
        raise InputError(f"{path}: key 'f': expected numbers of vertices 0..{len(vertices) - 1}, got others")
    turned = vertices[:, [0, 2, 1]] * [1, -1, 1]  # theirs: y up, facing +z
    more = {key: _array(content, key, path) for key in _MORE if key in content}
    return Smpl(path, turned.astype(np.float32), faces.astype(np.int64), more)


def _array(content: dict[Any, Any], key: str, path: Path) -> NDArray[np.float64]:
    try:
        return as_array(content[key]).astype(np.float64)
    except KeyError:
        raise InputError(f"{path}: key {key!r}: expected an array, got none") from None
    except ValueError as error:
        raise InputError(f"{path}: key {key!r}: {error}") from None


def _read_npz(path: Path) -> dict[str, Any]:
    """The arrays of numbers of a .npz file; those of objects, which only pickle could read, are left out."""
    wanted = {"v_template", "f", *_MORE}
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if name in wanted}
    except FileNotFoundError:
        raise
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
        text = " ".join(str(error).split())
        raise InputError(f"{path}: expected a .npz file of arrays, got {text}") from None
