"""Several processes train as one does; a killed run goes on as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from opendensepose.train.config import TrainConfig
from opendensepose.train.dataset import Batches, loader
from opendensepose.train.loop import resolve
from opendensepose.train.norms import SharedNorm, share_norms
from opendensepose.train.run import Run

SCRIPT = """
import sys, json
sys.path.insert(0, {tests!r})
from conftest import tiny
from opendensepose.model.rcnn import MODELS
MODELS["tiny"] = tiny
from opendensepose.train import TrainConfig, train
if __name__ == "__main__":
    train(TrainConfig.from_dict(json.loads(sys.argv[1])), quiet=True)
"""
COMMON = {"model": "tiny", "threads": 1, "workers": 0, "canvases": [[64, 96]], "log_steps": 1, "held_out": 0}


def start(tmp_path, **options):
    """A run in a process of its own (children of several processes must find the tiny net too)."""
    script = tmp_path / "run_tiny.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent)))
    return subprocess.Popen(
        [sys.executable, str(script), json.dumps({**COMMON, **options})], start_new_session=True
    )


def losses(out):
    """Step -> losses by name, as the log has them last."""
    events = EventAccumulator(str(out / "logs")).Reload()
    found: dict[int, dict[str, float]] = {}
    for tag in events.Tags()["scalars"]:
        if tag.startswith("loss/"):
            for event in events.Scalars(tag):
                found.setdefault(event.step, {})[tag] = event.value
    return found


def expect_same(one, other, tolerance):
    assert one.keys() == other.keys()
    for step in one:
        assert one[step].keys() == other[step].keys()
        for name, value in one[step].items():
            assert other[step][name] == pytest.approx(value, rel=tolerance, abs=tolerance), (step, name)


def both(people, tmp_path, steps=20, **options):
    """Losses of one process with batches of four and of two with batches of two."""
    options = {"data": [str(people)], "steps": steps, "optimizer": "sgd", "lr": 1e-4, **options}
    runs = [
        start(tmp_path, out=str(tmp_path / "one"), batch_size=4, **options),
        start(tmp_path, out=str(tmp_path / "two"), batch_size=2, processes=2, **options),
    ]
    assert [run.wait(500) for run in runs] == [0, 0]
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == steps
    return one, two


@pytest.mark.parametrize("steps", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_two_processes_and_one_have_the_same_losses(people, tmp_path, steps):
    """Uneven people on the two sides; batch norms over all pictures; every loss of the dense head."""
    one, two = both(people, tmp_path, steps=steps, sync_norms=True, rules={"given_boxes": True})
    assert len(one[1]) >= 4
    expect_same(one, two, 1e-4)


@pytest.mark.slow
def test_two_processes_and_one_with_the_detector(people, tmp_path):
    """Proposals are a discrete choice: where two have the same score to the last bits, another one is drawn.

    An untrained detector gives many such. Its own losses do not depend on them; those of the box heads differ
    by one proposal of many.
    """
    one, two = both(people, tmp_path, freeze_norms=True)
    for names, tolerance in (
        (("objectness", "rpn_box"), 1e-4),
        (("class", "box", "again_class", "again_box"), 1e-2),
    ):
        chosen = [
            {step: {name: found[f"loss/{name}"] for name in names} for step, found in run.items()}
            for run in (one, two)
        ]
        expect_same(*chosen, tolerance)


def test_processes_that_step_alone_meet_at_the_mean(people, tiny_net, tmp_path):
    """Of the weights that two runs reach, each on every second batch; then nobody is ahead of the other."""
    options = {**COMMON, "data": [str(people)], "steps": 3, "batch_size": 2, "lr": 1e-3}
    assert start(tmp_path, out=str(tmp_path / "two"), processes=2, alone=3, **options).wait(500) == 0
    met = torch.load(tmp_path / "two" / "last.pt", weights_only=True)["model"]
    fabric, ends = Fabric(accelerator="cpu", devices=1), []
    for rank in (0, 1):
        config = resolve(TrainConfig.from_dict({**options, "out": str(tmp_path / f"{rank}")}))
        run = Run(fabric, config)
        batches = iter(loader(Batches(run.sources, config), range(rank, 6, 2), 0))
        for _ in range(3):
            run.train_step(batches, 0.0)
        ends.append(run.plain.state_dict())
    assert all(torch.isfinite(end[name]).all() for end in ends for name in met)
    moved = [name for name in met if not torch.equal(ends[0][name], ends[1][name])]
    assert len(moved) > 20
    for name in moved:
        assert torch.allclose(met[name], (ends[0][name] + ends[1][name]) / 2, atol=1e-5), name


def test_a_killed_run_goes_on_with_the_same_losses(people, tmp_path):
    options = {"data": [str(people)], "batch_size": 2, "steps": 12, "lr": 1e-3}
    out = tmp_path / "killed"
    run = start(tmp_path, out=str(out), save_minutes=0.0, **options)  # a checkpoint after every step
    wait_for(lambda: (out / "last.pt").is_file(), run)
    time.sleep(float(np.random.default_rng().uniform(0, 0.5)))
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    torch.load(out / "last.pt", weights_only=True)  # whole, whenever it was killed
    assert start(tmp_path, out=str(out), save_minutes=0.0, **options).wait(500) == 0
    assert start(tmp_path, out=str(tmp_path / "whole"), **options).wait(500) == 0
    expect_same(losses(tmp_path / "whole"), losses(out), 1e-5)


def wait_for(condition, run):
    for _ in range(10_000):
        if condition() or run.poll() is not None:
            return
        time.sleep(0.05)
    raise AssertionError("expected a checkpoint within some minutes")


def test_shared_norms_alone_are_batch_norms():
    torch.manual_seed(0)
    plain = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(1), nn.Linear(36, 5), nn.BatchNorm1d(5)
    )
    shared = nn.Sequential(*plain)
    share_norms(shared)
    assert [type(m) for m in shared if hasattr(m, "running_mean")] == [SharedNorm, SharedNorm]
    assert shared.state_dict().keys() == plain.state_dict().keys()
    x = torch.randn(6, 3, 3, 3)
    assert torch.allclose(plain(x), shared(x), atol=1e-6)


def test_shared_norms_against_batch_norms_of_all(tmp_path):
    """One group of one process: the formula with sums is the library's, statistics and gradients too."""
    torch.distributed.init_process_group("gloo", f"file://{tmp_path}/group", rank=0, world_size=1)
    try:
        torch.manual_seed(1)
        plain, shared = nn.BatchNorm2d(4), SharedNorm(4)
        for norm in (plain, shared):
            nn.init.constant_(norm.weight, 1.5)
            nn.init.constant_(norm.bias, -0.25)
        x, weight = torch.randn(5, 4, 3, 3) * 0.1 + 5, torch.randn(5, 4, 3, 3)
        grads = []
        for norm in (plain, shared):
            values = x.clone().requires_grad_()
            out = norm(values)
            (out * weight).sum().backward()
            grads.append(
                (out, values.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var)
            )
        for a, b in zip(*grads, strict=True):
            assert torch.allclose(a, b, rtol=1e-4, atol=1e-4)
    finally:
        torch.distributed.destroy_process_group()
