"""The publication's claims in small: what sparse points, a teacher, further heads and a cascade do.

    python -m benchmarks.ablation prepare --work ablation          # data sets and the teacher, once
    python -m benchmarks.ablation run --work ablation --arms abc   # each arm and seed: one job, resumable
    python -m benchmarks.ablation table --work ablation

Crops with given boxes. All arms of a net begin with one trained trunk and a new predictor: a, b, c are
the net on crops (`--init`); d, e, f and their C are DensePose-RCNN (`--init-rcnn`) with new further heads.
Annotations are as people make them: at most 14 points per part, or `--points`, each moved on the body by a
normal of `--noise` metres. Every arm of a net has the same number of steps, pictures and people.

    a  points only                      C  the whole dense truth, DensePose-RCNN
    b  points and a teacher's fill      d  C and a mask head
    c  the whole dense truth            e  C and a keypoint head
                                        f  C with both heads and a cascade
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import guided
from benchmarks.guided import METRICS
from opendensepose.core.types import SurfacePoints
from opendensepose.data.coco import AnnotationFile, Sample, write_annotations
from opendensepose.export import load_model, read_weights
from opendensepose.io.files import atomic
from opendensepose.model.crops import CropNet
from opendensepose.model.rcnn import DensePoseRCNN, small
from opendensepose.model.tasks import DEAF
from opendensepose.surface.atlas import Atlas
from opendensepose.synth.dataset import write_dataset
from opendensepose.synth.studio import Split
from opendensepose.train import TrainConfig, train
from opendensepose.train.build import own_weights
from opendensepose.train.checkpoint import save_checkpoint
from opendensepose.train.inpaint import inpaint

POINTS, NOISE = 14, 0.02  # annotated of each part at most; metres
NEW = ("predictor.", "presence.", "person.")  # not of the common trunk
RCNN: dict[str, Any] = {"model": "small", "data": "clean"}
ARMS: dict[str, dict[str, Any]] = {
    "a": {"model": "crops", "annotations": "noisy.json"},
    "b": {"model": "crops", "data": "filled"},
    "c": {"model": "crops", "data": "clean"},
    "C": RCNN,
    "d": {**RCNN, "tasks": ("mask",)},
    "e": {**RCNN, "tasks": ("keypoints",)},
    "f": {**RCNN, "tasks": ("keypoints", "mask"), "cascade": True},
}
TITLES = {
    "a": "points only",
    "b": "points and teacher",
    "c": "dense truth",
    "C": "dense truth, RCNN",
    "d": "C + mask head",
    "e": "C + keypoint head",
    "f": "C + cascade",
    "f, zeros": "f, second stages see zeros of the other tasks",
    "f, shuffled": "f, they see the other tasks' maps shuffled",
}


def prepare(options: argparse.Namespace) -> None:
    """Synthetic pictures for training and test, noisy annotations, a teacher, its fill, common weights."""
    work: Path = options.work
    for name, count, seed in (("clean", options.pictures, 31), ("test", options.test_pictures, 32)):
        split: Split = "test" if name == "test" else "train"
        write_dataset(work / name, count, seed, assets=options.assets, split=split)
    noisy = work / "noisy.json"
    if not noisy.exists():
        file = AnnotationFile(work / "clean" / "annotations.json")
        rng = np.random.default_rng(7)
        people = [annotated(rng, s, options.points, options.noise) for s in file]
        write_annotations(noisy, people, head=file.head)
    images = str(work / "clean" / "images")
    teacher = TrainConfig(
        annotations=(str(noisy),),
        images=images,
        out=str(work / "teacher"),
        model="teacher",
        steps=options.teacher_steps,
        batch_size=8,
        lr=3e-3,
        threads=options.threads,
        precision=options.precision,
    )
    best = train(teacher)
    if not (work / "filled" / "annotations.json").exists():
        done = inpaint(noisy, best, work / "filled", images=images, progress=True)
        print(f"teacher: {done.people} people, {done.filled / max(done.pixels, 1):.1%} of their masks filled")
    for name, net, init in (("crops", CropNet(), options.init), ("small", small(), options.init_rcnn)):
        weights = own_weights(net, read_weights(init))
        common = {k: v for k, v in weights.items() if not k.startswith(NEW)}
        save_checkpoint(work / f"{name}.pt", {"config": {"model": name}, "ema": {"state": common}})


def shake(rng: np.random.Generator, points: SurfacePoints | None, noise: float) -> SurfacePoints | None:
    """Points of the body at rest moved by a normal of `noise` metres and put back on its surface."""
    if points is None or noise == 0:
        return points
    atlas = Atlas.load()
    xyz = atlas.to_xyz(points.chart, points.uv, tolerance=1.0) + rng.normal(0, noise, (len(points.chart), 3))
    chart, uv = atlas.from_xyz(xyz)
    return SurfacePoints(points.xy, chart.astype(np.uint8), uv.astype(np.float32))


def thin(rng: np.random.Generator, points: SurfacePoints | None, most: int) -> SurfacePoints | None:
    """At most `most` points of each part, chosen at random."""
    if points is None:
        return None
    order = rng.permutation(len(points.chart))
    chart = points.chart[order]
    before = np.array([np.count_nonzero(chart[:k] == chart[k]) for k in range(len(chart))], int)
    keep = np.sort(order[before < most])
    return SurfacePoints(points.xy[keep], points.chart[keep], points.uv[keep])


def annotated(rng: np.random.Generator, sample: Sample, most: int, noise: float) -> Sample:
    """The sample with everybody's points by `thin` and `shake`."""
    people = (replace(p, points=shake(rng, thin(rng, p.points, most), noise)) for p in sample.people)
    return replace(sample, people=tuple(people))


def run_job(options: argparse.Namespace, arm: str, seed: int) -> None:
    """Train one arm with one seed, or go on with it, and add its figures to the results."""
    work: Path = options.work
    chosen = dict(ARMS[arm])
    for key in ("data", "annotations"):
        if key in chosen:
            chosen[key] = (str(work / chosen[key]),)
    start = time.monotonic()
    config = TrainConfig(
        **chosen,
        images=str(work / "clean" / "images") if "annotations" in chosen else None,
        out=str(work / "runs" / f"{arm}{seed}"),
        init=str(work / f"{chosen['model']}.pt"),
        crops=True,
        cut_off=0.0,
        nobody=0.0,
        turned=0.0,
        pasted=0.0,
        canvases=((192, 192),),
        steps=options.steps,
        batch_size=options.batch_size,
        lr=options.lr,
        ema=0.99,
        seed=seed,
        held_out=16,
        threads=options.threads,
        precision=options.precision,
        save_minutes=2.0,
    )
    train(config)
    model = load_model(Path(config.out) / "last.pt")
    for deaf in ("", *DEAF) if arm == "f" else ("",):
        name = f"{arm}, {deaf}" if deaf else arm
        if isinstance(model, DensePoseRCNN) and model.tasks is not None:
            model.tasks.deaf = deaf
        figures = guided.figures(model, work / "test", Path(config.out) / "results.json")
        setting = {"steps": options.steps, "noise": options.noise, "points": options.points}
        _add(options.json, f"{name} {seed}", {**figures, **setting})
        print(name, seed, {k: round(v, 4) for k, v in figures.items()}, f"{time.monotonic() - start:.0f} s")


def _add(path: Path, key: str, figures: dict[str, Any]) -> None:
    """One more entry of the JSON that grows."""
    known = json.loads(path.read_text()) if path.is_file() else {}
    with atomic(path) as beside:
        beside.write_text(json.dumps({**known, key: figures}, indent=1, sort_keys=True) + "\n")


def run(options: argparse.Namespace) -> None:
    """All jobs of the chosen arms whose figures are not there yet, seed by seed: early tables are fair."""
    for seed in range(options.seeds):
        for arm in options.arms:
            known = json.loads(options.json.read_text()) if options.json.is_file() else {}
            if known.get(f"{arm} {seed}", {}).get("steps") != options.steps:
                run_job(options, arm, seed)


def table(options: argparse.Namespace) -> None:
    """Means and spreads over seeds, as rows for docs/results.md."""
    known = json.loads(options.json.read_text())
    print(f"| arm | seeds | {' | '.join(METRICS)} |\n|{'---|' * (2 + len(METRICS))}")
    for arm, title in TITLES.items():
        rows = [figures for key, figures in known.items() if key.rsplit(" ", 1)[0] == arm]
        cells = []
        for metric in METRICS if rows else ():
            values = 100 * np.array([row[metric] for row in rows])
            spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.1f}{spread}")
        if rows:
            print(f"| {arm}: {title} | {len(rows)} | {' | '.join(cells)} |")


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("what", choices=("prepare", "run", "table"))
    parser.add_argument("--work", type=Path, default=Path("ablation"))
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/ablation.json"))
    parser.add_argument("--arms", default="abcCdef")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--init", default="small", help="net on crops whose trunk a, b, c begin with")
    parser.add_argument(
        "--init-rcnn", default="small", help="the same for DensePose-RCNN; small: its detector"
    )
    parser.add_argument("--assets", type=Path, help="folder of clothes, poses, ...; default: procedural")
    parser.add_argument("--noise", type=float, default=NOISE, help="of annotated points, metres")
    parser.add_argument("--points", type=int, default=POINTS, help="at most, for each part of a person")
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--test-pictures", type=int, default=150)
    parser.add_argument("--teacher-steps", type=int, default=1500)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="32")
    options = parser.parse_args()
    if set(options.arms) - set(ARMS):
        parser.error(f"--arms: expected some of {''.join(ARMS)}, got {options.arms}")
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    {"prepare": prepare, "run": run, "table": table}[options.what](options)


if __name__ == "__main__":
    main()
