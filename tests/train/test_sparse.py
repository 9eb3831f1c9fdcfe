"""From an annotation file of points to a model file that the runtime reads."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from opendensepose.cli import main
from opendensepose.export import export, load_model
from opendensepose.model.tasks import DEAF, Tasks, unheard
from opendensepose.runtime import load
from opendensepose.train import TrainConfig, train
from opendensepose.train.checkpoint import load_checkpoint

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
GIVEN = {"model": "tiny", "steps": 2, "batch_size": 2, "threads": 1, "workers": 0, "canvases": ((64, 96),)}


def trained(people, out, **options):
    annotations = (str(people / "annotations.json"),)
    return train(TrainConfig(annotations=annotations, out=str(out), **{**GIVEN, **options}), quiet=True)


@pytest.mark.parametrize(
    "options",
    [
        {"recipe": "2018"},
        {"recipe": "2020", "confidence": "WC1"},
        {"confidence": "WC2", "tasks": ("keypoints", "mask"), "cascade": True},
        {"tasks": ("keypoints",)},
    ],
    ids=lambda o: "-".join(map(str, o)),
)
def test_points_to_a_model_that_predicts(people, tiny_net, tmp_path, options):
    best = trained(people, tmp_path, **options)
    model = load(export(best, tmp_path / "a.odp", short=64, long=96, threshold=0.0))
    result = model(people / "images" / "000.jpg", boxes=[[10, 5, 60, 90], [70, 5, 120, 90]])
    assert len(result) == 2 and result.atlas == "odp24"
    confidences = {"WC1": {"sigma_2"}, "WC2": {"sigma_2", "kappa_u", "kappa_v"}}.get(
        options.get("confidence"), set()
    )
    assert set(result.dense[0].confidence or ()) == confidences
    tasks = options.get("tasks", ())
    assert (result.keypoints is not None) == ("keypoints" in tasks)
    assert (result.masks is not None) == ("mask" in tasks)
    if "mask" in tasks:
        assert result.masks.shape == (2, 96, 128) and result.keypoints.shape == (2, 17, 3)
    nobody = model(people / "images" / "000.jpg", boxes=np.zeros((0, 4)))
    assert (nobody.keypoints is None) == ("keypoints" not in tasks) and len(nobody) == 0


def test_a_deaf_cascade_gives_something_else(people, tiny_net, tmp_path):
    model = load_model(trained(people, tmp_path, tasks=("keypoints", "mask"), cascade=True, steps=3))
    assert isinstance(model.tasks, Tasks)
    images, boxes = torch.rand(1, 3, 96, 128) * 255, [torch.tensor([[10.0, 5, 60, 90]])]
    features = model.dense_features(model.pyramid(model.normalise(images)))
    with torch.no_grad():
        hearing = model.dense(features, boxes)[0]
        for model.tasks.deaf in DEAF:
            deaf = model.dense(features, boxes)[0]
            assert hearing.keys() == deaf.keys() == {"coarse", "fine", "u", "v", "keypoints", "mask"}
            assert all((hearing[name] - deaf[name]).abs().max() > 1e-4 for name in hearing)


def test_shuffled_maps_keep_their_values():
    maps = torch.rand(2, 3, 8, 8)
    shuffled = unheard(maps, "shuffled")
    assert torch.equal(shuffled.flatten(2).sort(2).values, maps.flatten(2).sort(2).values)
    assert (shuffled != maps).float().mean() > 0.9
    with pytest.raises(ValueError, match="expected zeros or shuffled, got loud"):
        unheard(maps, "loud")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--annotations", "absent.json"], "no such file"),
        (["--set", "smalest=3"], "got smalest"),
        (["--set", "rules={\"peple\": 3}"], "got peple"),
        (["--set", "smallest"], "NAME=VALUE"),
        (["--model", "r51"], "expected one of small"),
        (["--model", "teacher", "--confidence", "WC1"], "expected small or r50"),
        (["--config", "absent.json"], "expected a file"),
        (["--set", "freeze=[\"backbone.stm\"]"], "expected a module such as backbone"),
        (["--init", "absent.pkl"], "expected a file"),
    ],
)  # fmt: skip
def test_wrong_options_are_one_line(people, tmp_path, arguments, text):
    base = ["--out", str(tmp_path / "x"), "--steps", "1", "--quiet", "--set", "held_out=0"]
    if "absent.json" not in arguments or "--config" in arguments:
        base += ["--annotations", str(people / "annotations.json")]
    done = CliRunner().invoke(main, ["train", *base, *arguments])
    assert done.exit_code in (1, 2) and text in done.output and "Traceback" not in done.output


def test_a_saved_config_starts_the_same_run(people, tiny_net, tmp_path):
    first = load_checkpoint(trained(people, tmp_path / "a", lr=1e-3, freeze=("backbone.stem",)))
    again = ["--config", str(tmp_path / "a" / "config.json"), "--out", str(tmp_path / "b"), "--quiet"]
    done = CliRunner().invoke(main, ["train", *again])
    assert done.exit_code == 0, done.output
    second = load_checkpoint(tmp_path / "b" / "best.pt")
    assert all(torch.equal(v, second["model"][k]) for k, v in first["model"].items())


def test_frozen_modules_keep_weights_and_statistics(people, tiny_net, tmp_path):
    one = load_checkpoint(trained(people, tmp_path / "a", steps=1, lr=0.0))["model"]
    two = load_checkpoint(trained(people, tmp_path / "b", steps=3, freeze=("backbone", "rpn.conv")))["model"]
    for name, value in two.items():
        if name.startswith(("rpn.conv", "backbone")) and not name.endswith(STATISTICS):
            assert torch.equal(value, one[name]), name
    changed = [name for name in two if name.startswith("fpn") and not torch.equal(two[name], one[name])]
    assert changed
    statistics = [name for name in two if name.startswith("backbone") and name.endswith("running_mean")]
    assert all(not two[name].any() for name in statistics)  # as at the start: never in training mode
