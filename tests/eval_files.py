"""Small annotation, results and surface files for the tests of `densepose eval`."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner, Result
from PIL import Image

from opendensepose.cli import main
from opendensepose.data.rle import encode_mask

SIZE = (80, 100)  # height, width of every picture


def surface_file(folder: Path) -> Path:
    """A surface of 25 entries per chart on a plane."""
    u, v = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 5)))
    chart = np.repeat(np.arange(1, 25), 25)
    u, v = np.tile(u, 24), np.tile(v, 24)
    path = folder / "plane.npz"
    np.savez(
        path,
        vertices_xyz=np.stack([0.3 * u, 0.3 * v, 0.3 * chart], 1).astype(np.float32),
        U_subdiv=u,
        V_subdiv=v,
        Part_ID_subdiv=chart.astype(np.int32),
        index=np.arange(1, len(u) + 1, dtype=np.int32),
    )
    return path


def packed(iuv: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(iuv.astype(np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def content() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Two pictures with two people each, and a perfect detection of each."""
    rng = np.random.default_rng(0)
    full = encode_mask(np.ones((256, 256), bool))
    annotations, detections = [], []
    for number in range(4):
        box = [5.0 + 40 * (number % 2), 10.0, 30.0, 50.0]
        iuv = np.full((50, 30, 3), (1 + number, 128, 64))
        points = {
            "dp_x": rng.uniform(20, 230, 6).round(2).tolist(),
            "dp_y": rng.uniform(20, 230, 6).round(2).tolist(),
            "dp_I": [1.0 + number] * 6,
            "dp_U": [0.5] * 6,
            "dp_V": [0.25] * 6,
        }
        x, y, w, h = box
        annotations.append(
            {
                "id": 10 + number,
                "image_id": number // 2,
                "category_id": 1,
                "bbox": box,
                "area": 1500.0,
                "iscrowd": 0,
                "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]],
                "keypoints": [20, 30, 2] * 17,
                "dp_masks": [full] + [[]] * 13,
                **points,
            }
        )
        detections.append(
            {
                "image_id": number // 2,
                "category_id": 1,
                "bbox": box,
                "score": 0.9 - 0.1 * number,
                "uv_shape": [3, 50, 30],
                "uv_data": packed(iuv),
                "keypoints": [20, 30, 2] * 17,
            }
        )
    images = [{"id": k, "width": SIZE[1], "height": SIZE[0], "file_name": f"{k}.jpg"} for k in range(2)]
    return {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
    }, detections


def score(folder: Path, truth: Any, results: Any, *options: str) -> Result:
    """Write both (objects as JSON, text and bytes as they are) and run `densepose eval` on them."""
    paths = []
    for name, value in (("results.json", results), ("annotations.json", truth)):
        path = folder / name
        if not isinstance(value, str | bytes):
            value = json.dumps(value)
        path.write_bytes(value if isinstance(value, bytes) else value.encode())
        paths.append(str(path))
    atlas = folder / "plane.npz"
    if not atlas.exists():
        surface_file(folder)
    options = (*options, "--json", str(folder / "out.json"))
    return CliRunner().invoke(main, ["eval", *paths, "--atlas", str(atlas), *options])


def numbers(folder: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return summary
