"""Does the exported file say what the net says? `python -m benchmarks.parity [CHECKPOINT] [--json FILE]`

The torch net with its weights in full precision against the ONNX graphs (weights stored in half precision):
boxes, scores, charts and U, V on pictures (default: coloured noise of odd sizes).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torchvision.ops import box_iou

from benchmarks import official
from opendensepose.export import export, load_model
from opendensepose.io.image import read_image
from opendensepose.io.modelfile import ModelFile
from opendensepose.model.graphs import Dense, Detector
from opendensepose.model.rcnn import DensePoseRCNN, small
from opendensepose.runtime.preprocess import preprocess

SCORE = 0.3  # boxes below it are compared with nothing
SAME_BOX = 0.9  # IoU


def noise_pictures(count: int, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Coloured noise of several sizes, odd ones among them."""
    rng = np.random.default_rng(seed)
    sizes = [(240, 320), (257, 191), (96, 128), (33, 65), (1, 1)]
    return [rng.integers(0, 256, (*sizes[i % len(sizes)], 3), dtype=np.uint8) for i in range(count)]


@torch.no_grad()
def compare(
    model: DensePoseRCNN, file: ModelFile, pictures: Sequence[NDArray[np.uint8]], *, score: float = SCORE
) -> dict[str, Any]:
    """Differences over all pictures.

    boxes / matched: the net's people, and those that the file finds too (IoU >= 0.9); box_pixels, score:
    largest differences of matched ones; labels: share of pixels with another chart; uv: largest and mean
    difference of U, V on pixels of equal chart, both dense heads reading the net's own features and boxes.
    """
    detector, dense = (ort.InferenceSession(graph) for graph in (file.detector, file.dense))
    totals = {"pictures": len(pictures), "boxes": 0, "matched": 0}
    worst = {"features": 0.0, "box_pixels": 0.0, "score": 0.0, "uv_max": 0.0}
    pixels, different, uv_sum = 0, 0, 0.0
    for picture in pictures:
        features, boxes, scores, *_ = Detector(model)(torch.from_numpy(picture))
        found = dict(
            zip(("features", "boxes", "scores"), detector.run(None, {"image": picture}), strict=True)
        )
        span = float(features.abs().max())
        worst["features"] = max(
            worst["features"], float(np.abs(found["features"] - features.numpy()).max()) / span
        )
        chosen = scores >= score
        totals["boxes"] += int(chosen.sum())
        if len(found["boxes"]) and chosen.any():
            overlap, index = box_iou(boxes[chosen], torch.from_numpy(found["boxes"])).max(1)
            same = overlap >= SAME_BOX
            totals["matched"] += int(same.sum())
            theirs = torch.from_numpy(found["boxes"])[index[same]]
            worst["box_pixels"] = max(worst["box_pixels"], _largest(boxes[chosen][same] - theirs))
            worst["score"] = max(
                worst["score"],
                _largest(scores[chosen][same] - torch.from_numpy(found["scores"])[index[same]]),
            )
        if not len(boxes):
            continue
        mine = [x.numpy() for x in Dense(model)(features, boxes)]
        file_maps = dense.run(None, {"features_0": features.numpy(), "boxes": boxes.numpy()})
        chart, other = (np.where(m[0].argmax(1) > 0, m[1].argmax(1), 0) for m in (mine, file_maps))
        pixels, different = pixels + chart.size, different + int((chart != other).sum())
        gap = np.maximum(
            *(np.abs(_read(a, chart) - _read(b, chart)) for a, b in zip(mine[2:], file_maps[2:], strict=True))
        )
        equal = (chart == other) & (chart > 0)
        worst["uv_max"] = max(worst["uv_max"], float(gap[equal].max(initial=0)))
        uv_sum += float(gap[equal].sum())
    shares = {"labels": different / max(pixels, 1), "uv_mean": uv_sum / max(pixels, 1)}
    return {**totals, **worst, **shares}


def _largest(difference: torch.Tensor) -> float:
    return float(difference.abs().max()) if difference.numel() else 0.0


def _read(maps: NDArray[np.float32], chart: NDArray[np.intp]) -> NDArray[np.float32]:
    """Maps [N, 25, S, S] in each pixel's chart: [N, S, S]."""
    return np.take_along_axis(maps, chart[:, None], 1)[:, 0]


def main() -> None:
    """Print a table and write JSON; end with 1 where a figure of official weights misses its bar."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", nargs="?", help="of densepose train; default: random weights")
    parser.add_argument("--images", type=Path, help="folder of pictures; default: noise")
    parser.add_argument("--full", action="store_true", help="store weights in full precision")
    parser.add_argument("--json", type=Path, dest="json_file")
    group = parser.add_argument_group("official weights against the reference system")
    group.add_argument("--layout", type=Path, help="keys and shapes of a published model (JSON)")
    group.add_argument("--reference", type=Path, help="the reference system's outputs (NPZ)")
    group.add_argument("--image", type=Path, help="the picture they were made with")
    group.add_argument("--weights", type=Path, help="NPZ of arrays by key; default: seeded_weights.py")
    group.add_argument("--backend", choices=("torch", "onnx"), default="torch")
    group.add_argument("--precision", choices=("exact", "fast"), default="exact", help="fast: the runtime's")
    options = parser.parse_args()
    given = [options.layout, options.reference, options.image]
    if any(given):
        if not all(given):
            parser.error("--layout, --reference and --image: expected all three")
        sys.exit(_official(options))
    table = _own(options)
    for name, value in table.items():
        print(f"{name:12s} {value:.3g}" if isinstance(value, float) else f"{name:12s} {value}")
    if options.json_file:
        options.json_file.write_text(json.dumps(table, indent=1))


def _own(options: argparse.Namespace) -> dict[str, Any]:
    """The table of one of our nets."""
    torch.manual_seed(0)
    model = load_model(options.checkpoint) if options.checkpoint else small().eval()
    with tempfile.TemporaryDirectory() as folder:
        path = export(model, Path(folder) / "model.odp", half=not options.full)
        size, file = path.stat().st_size, ModelFile.open(path)
    pictures = noise_pictures(10)
    if options.images:
        paths = sorted(p for p in options.images.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
        pictures = [preprocess(read_image(p), **file.meta["input"]) for p in paths]
    found = compare(model, file, pictures, score=SCORE if options.checkpoint else 0.0)
    return {"megabytes": size / 1e6, **found}


def _official(options: argparse.Namespace) -> int:
    """Print every figure beside its bar; 1 if one is missed."""
    o = options
    figures = official.run(o.layout, o.reference, o.image, o.weights, o.backend, o.precision)
    way = "the fast mode" if o.precision == "fast" else o.backend
    print(f"{o.layout.stem.removeprefix('layout_')} through {way}, on {o.image.name}")
    print(*figures, sep="\n")
    missed = sum(not figure.passed for figure in figures)
    print(f"{len(figures)} figures, {missed} missed")
    if options.json_file:
        rows = [{**asdict(figure), "passed": figure.passed} for figure in figures]
        options.json_file.write_text(json.dumps(rows, indent=1))
    return int(missed > 0)


if __name__ == "__main__":
    main()
