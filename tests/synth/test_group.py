"""People who pose together: how near they are, whom their arms lie round, what they sit on."""

import numpy as np
import pytest
from click.testing import CliRunner

from opendensepose.cli import main
from opendensepose.synth.archetypes import ARMS, STANCES
from opendensepose.synth.dataset import Recipe, write_dataset
from opendensepose.synth.floor import stand
from opendensepose.synth.group import SITTING, _arm, _seats, line_up
from opendensepose.synth.poses import choose_entry, draw_angles, rotations_of
from opendensepose.synth.sample import make_sample
from opendensepose.synth.scene import compose
from opendensepose.synth.studio import Studio

SIZE = (72, 96)


@pytest.fixture(scope="module")
def studio():
    return Studio.load(None, "train")


def sitter(studio, rng):
    shape = np.zeros(len(studio.body.shape_basis))
    rotations = rotations_of(draw_angles(rng, "sitting", ("on_lap", "on_lap")))
    return stand(studio.wardrobe.dress(rng, shape, rotations), 0.0)


def test_groups_are_two_to_seven_who_stand_close_and_face_one_way_or_the_other(studio):
    counts, facing = [], []
    for seed in range(16):
        people, headings, _ = line_up(np.random.default_rng(seed), studio)
        places = np.array([person.joints[0, :2] for person in people])
        apart = np.linalg.norm(places[:, None] - places, axis=-1) + 9 * np.eye(len(places))
        assert apart.min(1).max() < 1.1  # everybody has a neighbour
        assert abs(places[:, 0].mean()) < 1.0
        counts.append(len(people))
        facing.append(np.mean(np.cos(headings)))
    assert min(counts) >= 2 and max(counts) <= 7 and len(set(counts)) > 2
    towards, away = np.mean(np.array(facing) > 0.5), np.mean(np.array(facing) < -0.5)
    assert min(towards, away) > 0.25 and towards + away > 0.8


@pytest.mark.parametrize(
    ("arm", "low", "high"), [("round_shoulders", -0.2, 0.1), ("round_waist", -0.5, -0.25)]
)
def test_an_arm_reaches_behind_who_is_beside(studio, arm, low, high):
    rng, wrists = np.random.default_rng(0), []
    shape = np.zeros(len(studio.body.shape_basis))
    for _ in range(20):
        rotations = rotations_of(draw_angles(rng, "standing", (arm, "hanging")))
        person = stand(studio.wardrobe.dress(rng, shape, rotations), 0.0)
        at = {name: person.joints[studio.body.bone(name)] for name in ("lowerarm01.L", "wrist.L", "neck01")}
        assert at["lowerarm01.L"][1] > at["neck01"][1] - 0.05  # the elbow is not before the body
        wrists.append(at["wrist.L"] - at["neck01"])
    side, _, up = np.median(wrists, 0)
    assert 0.25 < side < 0.7 and low < up < high


def test_only_arms_towards_somebody_lie_round_them():
    rng = np.random.default_rng(1)
    alone = {_arm(rng, "standing", near=False) for _ in range(300)}
    beside = [_arm(rng, "standing", near=True) for _ in range(300)]
    assert not alone & {"round_shoulders", "round_waist"}
    assert 0.3 < np.mean([arm.startswith("round") for arm in beside]) < 0.5


def test_who_sits_has_a_seat_below_and_nothing_on_it_above_the_hips_in_front(studio):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        person = sitter(studio, rng)
        hips = person.joints[0]
        parts = _seats(rng, [person], [0.0], away=False)
        corners = np.concatenate([part.vertices for part in parts])
        seat = parts[0].vertices
        assert seat[:, 2].max() < hips[2] - 0.05
        assert seat[:, 0].min() < hips[0] < seat[:, 0].max() and seat[:, 1].min() < hips[1] < seat[:, 1].max()
        over = corners[(corners[:, 2] > hips[2]) & (np.abs(corners[:, 0] - hips[0]) < 0.15)]
        assert (over[:, 1] > hips[1]).all()  # a back is behind them


def test_groups_fill_pictures_with_more_people(studio):
    scenes = [compose(np.random.default_rng(seed), studio, SIZE, groups=1.0) for seed in range(6)]
    assert np.mean([len(scene.people) for scene in scenes]) > 2.5
    samples = [make_sample(k, 3, size=SIZE, groups=1.0) for k in range(6)]
    assert np.mean([len(sample.people) for sample in samples]) >= 2
    empty = compose(np.random.default_rng(0), studio, SIZE, groups=1.0, empty=True)
    assert not empty.people and not empty.headings


def test_data_sets_say_how_many_groups_they_have(tmp_path):
    assert "odp_groups" not in Recipe(1).info()
    assert Recipe(1, groups=0.5).info()["odp_groups"] == 0.5
    with pytest.raises(ValueError, match=r"share of groups in \[0, 1\], got 2"):
        write_dataset(tmp_path / "no", 1, size=SIZE, groups=2)
    wrong = ["synth", "--clip", "4", "--groups", "0.5", "--out", str(tmp_path / "no")]
    done = CliRunner().invoke(main, wrong)
    assert done.exit_code == 2 and "--groups: expected single pictures" in done.output
    assert not (tmp_path / "no").exists()


def test_stances_of_groups_are_drawn_by_name_only():
    knee = np.median(
        [
            draw_angles(np.random.default_rng(k), "knee_over_knee", ("on_lap",) * 2)["hip_abduct.L"]
            for k in range(9)
        ]
    )
    assert knee < -8 and "knee_over_knee" in SITTING
    rng = np.random.default_rng(0)
    drawn = {choose_entry(rng, table) for table in (STANCES, ARMS) for _ in range(500)}
    assert not drawn & {"knee_over_knee", "round_shoulders", "round_waist"} and len(drawn) > 20
