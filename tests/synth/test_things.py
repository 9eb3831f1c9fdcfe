"""Tubes against closed forms; things stand where they are put, and hide people without changing them."""

import numpy as np
import pytest
from click.testing import CliRunner

from opendensepose.cli import main
from opendensepose.synth.beasts import tufts
from opendensepose.synth.dataset import Recipe, write_dataset
from opendensepose.synth.sample import make_sample
from opendensepose.synth.things import KINDS, thing
from opendensepose.synth.tubes import bezier, tube

SIZE = (80, 96)


def de_casteljau(points, t):
    points = np.asarray(points, float)
    while len(points) > 1:
        points = (1 - t) * points[:-1] + t * points[1:]
    return points[0]


def test_bezier_against_de_casteljau():
    rng = np.random.default_rng(0)
    for count in (2, 3, 5):
        control, t = rng.normal(size=(count, 3)), np.linspace(0, 1, 9)
        assert np.allclose(bezier(control, t), [de_casteljau(control, x) for x in t])


def volume(part):
    """By the divergence theorem: exact for a closed surface whose faces turn one way."""
    a, b, c = part.vertices[part.faces].astype(float).transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("spine", [[[1, 2, 0], [1, 2, 2]], [[0, 0, 1], [2, 0, 1]], [[0, 1, 0], [1, 2, 1]]])
def test_a_round_tube_is_an_ellipsoid_and_a_blunt_one_a_cylinder(spine):
    rng, length = np.random.default_rng(1), np.linalg.norm(np.subtract(*spine))
    ellipsoid = tube(rng, spine, [[0.3, 0.2]], ends=0.5, rows=40)
    assert abs(volume(ellipsoid)) == pytest.approx(4 / 3 * np.pi * 0.3 * 0.2 * length / 2, rel=0.06)
    cylinder = tube(rng, spine, [0.1], ends=0.0, rows=40)
    assert abs(volume(cylinder)) == pytest.approx(np.pi * 0.01 * length, rel=0.06)
    for part in (ellipsoid, cylinder):  # inside the box of what it is round
        assert (np.abs(part.vertices - np.mean(spine, 0)) <= np.ptp(spine, axis=0) / 2 + 0.301).all()


def test_tufts_stick_out_of_a_ball():
    rng = np.random.default_rng(2)
    ball = tube(rng, [[0, 0, -1], [0, 0, 1]], [1.0], ends=0.5, rows=60).made_of(
        np.full(3, 0.4, np.float32), 3, 0.5
    )
    fur = tufts(rng, ball, 500, 0.2, sag=0.0)
    strands = fur.vertices[fur.faces].astype(float)
    tips, roots = np.linalg.norm(strands[:, 2], axis=1), np.linalg.norm(strands[:, :2], axis=-1)
    assert (tips > 1.05).all() and (tips < 1.25).all() and np.ptp(tips) > 0.05
    assert (roots < 1.0).all() and (roots > 0.9).all()  # they begin below the skin
    assert np.abs(strands[:, 2].mean(0)).max() < 0.15  # all around
    assert (fur.pattern == 3).all() and 0.35 < fur.colour.mean() < 0.45 < fur.colour.max()
    hanging = tufts(rng, ball, 500, 0.2, sag=3.0)
    assert hanging.vertices[hanging.faces][:, 2, 2].mean() < strands[:, 2, 2].mean() - 0.02


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_things_stand_where_they_are_put(kind, monkeypatch):
    monkeypatch.setattr("opendensepose.synth.things.SHARES", np.eye(len(KINDS))[kind])
    for seed in range(5):
        parts = thing(np.random.default_rng(seed), [1, 2, 0.5], 0.8)
        vertices = np.concatenate([part.vertices for part in parts])
        assert np.isfinite(vertices).all()
        assert vertices[:, 2].min() == pytest.approx(0.5, abs=1e-4)
        sides = np.ptp(vertices, axis=0)
        assert sides[2] <= 0.8 + 1e-4 and 0.8 / np.sqrt(2) - 0.01 <= max(sides[2], np.hypot(*sides[:2]))
        for part in parts:
            assert (
                part.colour.shape == (len(part.faces), 3) and 0 < part.colour.min() <= part.colour.max() < 1
            )


def test_things_hide_people_and_change_nothing_else_of_their_truth():
    hidden = 0
    for index in range(6):
        without, there = (make_sample(index, 5, size=SIZE, things=share) for share in (0.0, 1.0))
        seen = there.instance > 0
        hidden += int((without.instance > 0).sum() - seen.sum())
        assert np.array_equal(there.chart[seen], without.chart[seen])
        assert np.array_equal(there.instance[seen], without.instance[seen])
        assert not np.array_equal(there.image, without.image)
    assert hidden > 0
    alone = make_sample(0, 5, size=SIZE, empty=1.0, things=1.0)
    assert not alone.instance.any() and alone.people == ()


def test_a_data_set_says_that_it_has_things(tmp_path):
    assert "odp_things" not in Recipe(1).info() and Recipe(1, things=0.5).info()["odp_things"] == 0.5
    with pytest.raises(ValueError, match=r"share of pictures with things in \[0, 1\], got 1.5"):
        write_dataset(tmp_path / "no", 1, size=SIZE, things=1.5)
    done = CliRunner().invoke(
        main, ["synth", "--clip", "4", "--things", "0.5", "--out", str(tmp_path / "no")]
    )
    assert done.exit_code == 2 and "--things: expected single pictures" in done.output
    assert not (tmp_path / "no").exists()
