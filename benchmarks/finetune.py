"""Does `small`, fine-tuned on a few annotated people, get better at others of the same kind?

    python -m benchmarks.finetune --work finetune [--assets DIR] [--people 200] [--steps 400] [--json FILE]

The people are synthetic, in clothes and places that `small` has never seen, annotated as people do: at most
14 points per part, moved by a normal of 2 cm. Given boxes; other pictures of the same kind are the test.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from benchmarks import guided, machine
from benchmarks.ablation import NOISE, POINTS, annotated
from opendensepose.data.coco import AnnotationFile, write_annotations
from opendensepose.export import load_model, read_weights
from opendensepose.model.crops import CropNet
from opendensepose.synth.dataset import write_dataset
from opendensepose.train import TrainConfig, train
from opendensepose.train.build import own_weights
from opendensepose.train.checkpoint import load_weights


def annotate(folder: Path, people: int, path: Path) -> int:
    """Write the first pictures with so many people in all, points moved as people would: the people."""
    file, rng = AnnotationFile(folder / "annotations.json"), np.random.default_rng(11)
    chosen, count = [], 0
    for sample in file:
        if count >= people:
            break
        chosen.append(annotated(rng, sample, POINTS, NOISE))
        count += sum(p.points is not None for p in sample.people)
    write_annotations(path, chosen, head=file.head)
    return count


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--work", type=Path, default=Path("finetune"))
    parser.add_argument("--assets", type=Path, help="folder of clothes, poses, ...; default: procedural")
    parser.add_argument("--model", default="small", help="model file to begin with")
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--test-pictures", type=int, default=150)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="32")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    work: Path = options.work
    for name, count, seed in (("own", options.people, 41), ("others", options.test_pictures, 42)):
        write_dataset(work / name, count, seed, assets=options.assets, split="test")
    points = work / "annotated.json"
    people = annotate(work / "own", options.people, points)
    before = CropNet().eval()
    load_weights(before, own_weights(before, read_weights(options.model)), options.model)
    rows = {"before": guided.figures(before, work / "others", work / "before.json")}
    config = TrainConfig(
        annotations=(str(points),),
        images=str(work / "own" / "images"),
        out=str(work / "run"),
        model="crops",
        init=options.model,
        steps=options.steps,
        batch_size=16,
        lr=options.lr,
        ema=0.99,
        held_out=16,
        threads=options.threads,
        precision=options.precision,
    )
    train(config)
    after = load_model(work / "run" / "last.pt")
    rows["after"] = guided.figures(after, work / "others", work / "after.json")
    print(f"fine-tuned on {people} people, {options.steps} steps; others of the same kind, given boxes:")
    print(f"{'':8}{''.join(f'{m:>8}' for m in guided.METRICS)}")
    for name, row in rows.items():
        print(f"{name:8}{''.join(f'{100 * row[m]:8.1f}' for m in guided.METRICS)}")
    machine.save(options.json, {"machine": machine.describe(), "people": people, **rows})


if __name__ == "__main__":
    main()
