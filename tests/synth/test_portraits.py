"""Faces from near: where the camera is and whom it sees."""

import numpy as np
import pytest
from click.testing import CliRunner

from opendensepose.cli import main
from opendensepose.surface.parts import PART_NAMES
from opendensepose.synth.camera import frame_face
from opendensepose.synth.dataset import Recipe, write_dataset
from opendensepose.synth.sample import make_sample
from opendensepose.synth.scene import compose
from opendensepose.synth.studio import Studio

SIZE = (72, 96)
HEADS = [PART_NAMES.index(name) for name in ("right head", "left head")]


def test_a_head_is_in_view_and_a_fifth_of_the_height_or_more():
    neck, shares = np.array([0.2, -0.1, 1.4]), []
    for seed in range(200):
        camera = frame_face(np.random.default_rng(seed), neck, SIZE)
        chin, crown = camera.project(np.array([neck, np.add(neck, [0, 0, 0.25])]))
        shares.append(np.hypot(*(crown - chin)[:2]) / SIZE[0])
        middle = (chin + crown) / 2
        assert chin[2] > 0.3 and -0.1 < middle[1] / SIZE[0] < 0.75
    assert 0.15 < min(shares) < 0.3 and 0.7 < max(shares) < 1.1


def test_most_portraits_show_faces_and_few_of_others_do():
    def share(portraits):
        charts = [make_sample(k, 9, size=SIZE, portraits=portraits).chart for k in range(8)]
        return np.median([np.isin(chart, HEADS).mean() for chart in charts])

    assert share(1.0) > 3 * share(0.0)


def test_nobody_stands_between_the_camera_and_the_first_face():
    studio, front = Studio.load(None, "train"), []
    for seed in range(12):
        scene = compose(np.random.default_rng(seed), studio, SIZE, portraits=1.0)
        places = [person.joints[0] for person in scene.people]
        assert all(place[1] >= places[0][1] - 1e-6 for place in places)
        front += [abs(np.angle(np.exp(1j * heading))) < np.pi / 2 for heading in scene.headings]
    assert np.mean(front) > 0.7


def test_data_sets_say_how_many_portraits_they_have():
    assert "odp_portraits" not in Recipe(1).info()
    assert Recipe(1, portraits=0.5).info()["odp_portraits"] == 0.5


def test_a_share_of_portraits_is_checked(tmp_path):
    with pytest.raises(ValueError, match=r"share of portraits in \[0, 1\], got -1"):
        write_dataset(tmp_path / "no", 1, size=SIZE, portraits=-1)
    wrong = ["synth", "--clip", "4", "--portraits", "0.5", "--out", str(tmp_path / "no")]
    done = CliRunner().invoke(main, wrong)
    assert done.exit_code == 2 and "--portraits: expected single pictures" in done.output
    assert not (tmp_path / "no").exists()
