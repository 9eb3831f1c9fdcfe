"""Result files: the IUV picture, the exact arrays, the COCO-style JSON, and back."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.decode import dequantise, integer_box
from opendensepose.core.types import CHARTS, DenseMap, Result
from opendensepose.core.visible import iuv_image, iuv_map
from opendensepose.io.files import InputError, atomic, wrong
from opendensepose.io.image import write_image
from opendensepose.io.pngtext import decode_map, decode_png, encode_png
from opendensepose.viz.overlay import draw

OPTIONAL = ("masks", "keypoints", "track_ids")  # arrays of a Result that may be None
ENTRY = "results entry"  # in errors


def save_result(
    result: Result,
    directory: str | os.PathLike[str],
    stem: str,  # may hold sub-folders
    image: NDArray[np.uint8]
    | None = None,  # [H, W, 3] RGB; without it `result.image`; without both no overlay
    style: str = "parts",
) -> list[Path]:
    """Write STEM.json, STEM_iuv.png, STEM.npz, STEM_overlay.jpg; return paths. Same input, same bytes."""
    base = Path(directory, stem)
    image = result.image if image is None else image
    names = ["{}.json", "{}_iuv.png", "{}.npz", "{}_overlay.jpg"]
    paths = [base.with_name(name.format(base.name)) for name in names]
    write_results(paths[0], results_json(result, image_id=base.name))
    # reversed: write_image takes RGB, and OpenCV must read I, U, V as channels 0, 1, 2
    write_image(paths[1], iuv_image(result)[..., ::-1])
    save_npz(paths[2], result)
    if image is None:
        return paths[:3]
    write_image(paths[3], draw(image, result, style))
    return paths


def save_npz(path: str | os.PathLike[str], result: Result) -> None:
    """Write everything but the image as named arrays: exact, without pickle; `load_result` reads it."""
    arrays: dict[str, Any] = {
        "boxes": result.boxes,
        "scores": result.scores,
        "image_size": np.array(result.image_size, np.int64),
        "atlas": np.array(result.atlas),
    }
    arrays |= {name: getattr(result, name) for name in OPTIONAL if getattr(result, name) is not None}
    for i, dense in enumerate(result.dense):
        arrays |= {
            f"labels_{i}": dense.labels,
            f"uv_{i}": dense.uv,
            f"box_{i}": np.array(dense.box, np.int64),
        }
        if dense.hidden is not None:
            arrays[f"hidden_{i}"] = dense.hidden
        arrays |= {f"confidence_{i}_{name}": plane for name, plane in (dense.confidence or {}).items()}
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_result(path: str | os.PathLike[str]) -> Result:
    """Read the Result of a STEM.npz (its `image` is None); raises FileNotFoundError or InputError."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            dense = tuple(_load_dense(arrays, i) for i in range(len(arrays["scores"])))
            height, width = arrays["image_size"].tolist()
            return Result(
                boxes=arrays["boxes"],
                scores=arrays["scores"],
                dense=dense,
                image_size=(height, width),
                atlas=str(arrays["atlas"]),
                **{name: arrays[name] for name in OPTIONAL if name in arrays},
            )
    except (
        ValueError,
        KeyError,
        EOFError,
        TypeError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise InputError(f"{path}: expected the .npz of a result, got {error}") from error


def _load_dense(arrays: Any, i: int) -> DenseMap:
    x, y, w, h = arrays[f"box_{i}"].tolist()
    prefix = f"confidence_{i}_"
    confidence = {key.removeprefix(prefix): arrays[key] for key in arrays if key.startswith(prefix)}
    hidden = arrays.get(f"hidden_{i}")
    return DenseMap(arrays[f"labels_{i}"], arrays[f"uv_{i}"], (x, y, w, h), confidence or None, hidden)


def results_json(result: Result, image_id: int | str, category_id: int = 1) -> list[dict[str, Any]]:
    """One COCO-style entry per person, best first, as the DensePose evaluation reads them.

    `bbox` is xywh; `uv_data` a base64 PNG of box size, R = I, G = U, B = V (quantised); `uv_shape` [3, h, w].
    `odp_hidden`, where a map knows it, is a grey one: not 0 where the pixel is rather somebody else's.
    """
    entries = []
    for i, dense in enumerate(result.dense):
        # the evaluation places the map at the truncated bbox, so it must be the box that the map was made for
        if integer_box(result.boxes[i]) != dense.box:
            raise ValueError(
                f"person {i}: expected a dense map at {integer_box(result.boxes[i])}, got {dense.box}"
            )
        x1, y1, x2, y2 = result.boxes[i]
        entry: dict[str, Any] = {
            "image_id": image_id,
            "category_id": category_id,
            "bbox": [_short(value) for value in (x1, y1, x2 - x1, y2 - y1)],
            "score": _short(result.scores[i]),
            "uv_shape": [3, dense.box[3], dense.box[2]],
            "uv_data": encode_png(iuv_map(dense.labels, dense.uv)[..., ::-1]),
            "odp_atlas": result.atlas,
        }
        if dense.hidden is not None:
            entry["odp_hidden"] = encode_png(dense.hidden.astype(np.uint8) * 255)
        if result.keypoints is not None:
            entry["keypoints"] = [_short(value) for value in result.keypoints[i].ravel()]
        if result.track_ids is not None:
            entry["track_id"] = int(result.track_ids[i])
        entries.append(entry)
    return entries


def decode_results_json(entry: dict[str, Any]) -> DenseMap:
    """The dense map of one entry of a results file; raises InputError for what is not one."""
    iuv = decode_map(entry, ENTRY)
    try:
        x, y = (int(value) for value in entry["bbox"][:2])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise wrong(ENTRY, "bbox", "[x, y, width, height]", entry) from None
    labels = iuv[..., 0].copy()
    if labels.max() > CHARTS:
        raise InputError(f"{ENTRY}: key 'uv_data': expected charts 0..{CHARTS}, got {labels.max()}")
    uv = dequantise(np.stack([iuv[..., 1], iuv[..., 2]])) * (labels > 0)
    hidden = decode_png(entry, "odp_hidden", ENTRY) > 0 if "odp_hidden" in entry else None
    height, width = labels.shape
    return DenseMap(labels, uv, (x, y, width, height), hidden=hidden)


def write_results(path: str | os.PathLike[str], entries: Iterable[dict[str, Any]]) -> int:
    """Write a results file, one entry per line, in constant memory as `entries` come; return how many."""
    count = 0
    with atomic(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
        file.write("[")
        for count, entry in enumerate(entries, 1):
            file.write(("\n" if count == 1 else ",\n") + json.dumps(entry))
        file.write("\n]\n")
    return count


def _short(value: np.floating[Any]) -> float:
    """The shortest decimal that is the same float32: exact when read back, and the same when truncated."""
    return float(str(np.float32(value)))
