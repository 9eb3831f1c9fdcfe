import math

import pytest
import torch
from click.testing import CliRunner

from opendensepose.cli import main
from opendensepose.model.training import RCNNTraining, Rules
from opendensepose.train import TrainConfig, train
from opendensepose.train import loop as loop_module
from opendensepose.train import run as run_module
from opendensepose.train.build import Trainee, build
from opendensepose.train.checkpoint import load_checkpoint
from opendensepose.train.config import LOSS_WEIGHTS
from opendensepose.train.dataset import still_batches
from opendensepose.train.evaluate import evaluate
from opendensepose.train.run import learning_rate
from opendensepose.train.sources import find_sources


def config(folder, out, **options):
    given = {"model": "tiny", "batch_size": 2, "threads": 1, "workers": 0, "canvases": ((64, 64), (64, 96))}
    return TrainConfig(data=(str(folder),), out=str(out), **{**given, **options})


def test_learning_rate_warms_up_and_ends_at_zero(tmp_path):
    c = config(tmp_path, tmp_path, steps=10, lr=1.0, warmup=0.1)
    assert learning_rate(0.05, c) == pytest.approx(0.5)
    assert learning_rate(0.1, c) == pytest.approx(1.0)
    assert learning_rate(0.55, c) == pytest.approx(0.5)
    assert learning_rate(1.0, c) == pytest.approx(0.0, abs=1e-9)


def test_learning_rate_by_steps(tmp_path):
    c = config(tmp_path, tmp_path, steps=10, lr=1.0, warmup=0.1, schedule="step", step_at=(0.5, 0.8))
    rates = [learning_rate(progress, c) for progress in (0.05, 0.2, 0.49, 0.5, 0.79, 0.8, 1.0)]
    assert rates == pytest.approx([0.5, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_accumulated_batches_make_one_step(people, tiny_net, tmp_path, monkeypatch):
    seen = []
    original = run_module.Run._accumulate

    def spy(self, batch):
        seen.append((self.step, batch.positions))
        return original(self, batch)

    monkeypatch.setattr(run_module.Run, "_accumulate", spy)
    best = train(config(people, tmp_path, steps=2, accumulate=2), quiet=True)
    assert seen == [(0, [0, 1]), (0, [2, 3]), (1, [4, 5]), (1, [6, 7])]
    assert load_checkpoint(best)["step"] == 2


def test_two_pictures_are_learnt_by_heart(people, tiny_net):
    entries = find_sources([str(people)])[:2]
    (batch,) = still_batches(entries, (96, 128), 2)
    trainee = Trainee(RCNNTraining(tiny_net, Rules()), [])
    optimizer = torch.optim.AdamW(tiny_net.parameters(), 5e-3)
    history = []
    for step in range(80):
        optimizer.param_groups[0]["lr"] = 5e-3 * min(1, (step + 1) / 8) * (1 - step / 80)
        generators = [torch.Generator().manual_seed(2 * step + i) for i in range(2)]
        losses, _ = trainee(batch.images.float(), batch.truth, generators)
        total = sum(LOSS_WEIGHTS[name] * term.mean for name, term in losses.items())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(float(total.detach()))
    assert sum(history[-5:]) < 0.3 * sum(history[:5])
    figures, _ = evaluate(trainee, [batch])
    assert figures["foreground"] > 0.7 and figures["chart"] > 0.6


def losses_of(monkeypatch, run):
    """Total losses of each step of `run()`."""
    seen = []
    original = run_module.Run.train_step

    def spy(self, batches, progress):
        losses, shown = original(self, batches, progress)
        seen.append(losses)
        return losses, shown

    with monkeypatch.context() as patch:
        patch.setattr(run_module.Run, "train_step", spy)
        run()
    return seen


def test_resumed_run_repeats_the_whole_one(people, tiny_net, tmp_path, monkeypatch):
    whole = losses_of(monkeypatch, lambda: train(config(people, tmp_path / "a", steps=6), quiet=True))
    out = tmp_path / "b"

    def killed():
        original = run_module.Run.train_step
        with monkeypatch.context() as patch:

            def step(self, batch, progress):
                if self.step == 3:
                    self.save(run_module.LAST)
                    raise KeyboardInterrupt
                return original(self, batch, progress)

            patch.setattr(run_module.Run, "train_step", step)
            train(config(people, out, steps=6), quiet=True)

    with pytest.raises(KeyboardInterrupt):
        killed()
    rest = losses_of(monkeypatch, lambda: train(config(people, out, steps=6), quiet=True))
    assert len(whole) == 6 and len(rest) == 3
    for one, other in zip(whole[3:], rest, strict=True):
        assert one == pytest.approx(other, rel=1e-5)
    a, b = (load_checkpoint(tmp_path / name / "last.pt")["ema"]["state"] for name in "ab")
    assert all(torch.allclose(a[k].float(), b[k].float(), atol=1e-5) for k in a)


def test_finished_run_is_left_alone(people, tiny_net, tmp_path, monkeypatch):
    train(config(people, tmp_path, steps=1), quiet=True)
    assert losses_of(monkeypatch, lambda: train(config(people, tmp_path, steps=1), quiet=True)) == []


def test_initial_weights_are_taken(people, tiny_net, tmp_path):
    best = train(config(people, tmp_path / "a", steps=1), quiet=True)
    start = build(config(people, tmp_path / "b", steps=1, init=str(best), seed=5))
    state = load_checkpoint(best)["ema"]["state"]
    assert all(torch.equal(v, state[k]) for k, v in start.model.state_dict().items())


def test_lost_losses_stop_the_run(people, tiny_net, tmp_path):
    with pytest.raises(RuntimeError, match="expected a finite loss"):
        train(config(people, tmp_path, steps=9, lr=math.inf), quiet=True)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"steps": 1, "minutes": 1.0}, "exactly one"),
        ({}, "exactly one"),
        ({"steps": 0}, "more than 0"),
        ({"steps": 1, "batch_size": -1}, "batch_size: expected 0 or more"),
        ({"steps": 1, "alone": -1}, "alone: expected 0 or more"),
        ({"steps": 1, "precision": "16"}, "32 or bf16"),
        ({"steps": 1, "canvases": ((100, 64),)}, "multiples of 32"),
    ],
)
def test_wrong_options(tmp_path, options, expected):
    with pytest.raises(ValueError, match=expected):
        config(tmp_path, tmp_path, **options)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--data", "x", "--out", "y", "--stepz", "3"], "No such option"),
        (["--data", "absent", "--out", "y", "--steps", "3"], "expected annotations.json"),
        (["--data", "absent", "--out", "y"], "exactly one"),
    ],
)
def test_command_line_errors_are_one_line(tmp_path, monkeypatch, arguments, text):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["train", *arguments])
    assert done.exit_code == 2 and text in done.output and "Traceback" not in done.output


def test_a_run_of_one_process_outlives_the_shell_that_started_it(people, tiny_net, tmp_path, monkeypatch):
    parents = iter(range(100, 200))  # as if another process took over before each step
    monkeypatch.setattr(loop_module.os, "getppid", lambda: next(parents))
    best = train(config(people, tmp_path, steps=3), quiet=True)
    assert load_checkpoint(best)["step"] == 3
