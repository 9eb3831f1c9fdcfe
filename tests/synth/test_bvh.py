"""BVH files: kinematics by hand, retargeting against directions measured in the file."""

from pathlib import Path

import numpy as np
import pytest

from opendensepose.io.files import InputError
from opendensepose.surface.body import Body
from opendensepose.synth.bvh import load_poses, read_bvh, retarget, without_heading
from opendensepose.synth.rotations import axis_angle

ASSETS = Path(__file__).parents[2] / ".." / "shared" / "assets"
BODY = Body.load()
TINY = """HIERARCHY
ROOT a
{
  OFFSET 0 0 1
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT b
  {
    OFFSET 0 2 0
    CHANNELS 3 Zrotation Yrotation Xrotation
    JOINT c
    {
      OFFSET 3 0 0
      CHANNELS 3 Zrotation Yrotation Xrotation
      End Site
      {
        OFFSET 1 1 1
      }
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.2
5 6 7  90 0 0  0 90 0  0 0 0
0 0 0  90 0 90  0 0 0  0 0 0
"""


def needs(folder: str) -> list[Path]:
    files = sorted((ASSETS / folder).glob("*.bvh"))
    if not files:
        pytest.skip(f"no BVH files in {folder} of the shared assets")
    return files


def test_kinematics_of_a_tiny_file(tmp_path: Path) -> None:
    path = tmp_path / "tiny.bvh"
    path.write_text(TINY)
    motion = read_bvh(path)
    assert motion.names == ("a", "b", "c") and motion.parents == (-1, 0, 1) and motion.seconds == 0.2
    first, second = motion.places()
    # frame 1: a at offset + position; turned 90 about z, (0, 2, 0) becomes (-2, 0, 0); b turned 90 about y
    # takes (3, 0, 0) to (0, 0, -3), which a's turn about z leaves
    np.testing.assert_allclose(first, [[5, 6, 8], [3, 6, 8], [3, 6, 5]], atol=1e-12)
    # frame 2: R = Rz(90) Rx(90): (0, 2, 0) -> (0, 0, 2) -> (0, 0, 2); (3, 0, 0) -> (3, 0, 0) -> (0, 3, 0)
    np.testing.assert_allclose(second, [[0, 0, 1], [0, 0, 3], [0, 3, 3]], atol=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "expected a BVH file with HIERARCHY and MOTION"),  # not a BVH file
        (TINY[:-12], "expected a readable BVH file"),  # cut off
        (TINY.replace("0 0 0  90 0 90", "0 0 0  90 x 90"), "expected a readable BVH file"),  # no number
        (TINY, None),  # readable, but of no skeleton that we know
    ],
)
def test_broken_files_are_named(tmp_path: Path, text: str, message: str | None) -> None:
    path = tmp_path / "broken.bvh"
    path.write_text(text)
    with pytest.raises(InputError, match=message or "expected MakeHuman's or Reallusion's"):
        load_poses([path])


def test_heading_is_removed_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    poses = axis_angle([1.0, 0, 0], rng.uniform(-40, 40, (3, 4)))
    turned = poses.copy()
    turned[:, 0] = axis_angle([0.0, 0, 1], 70) @ turned[:, 0]
    np.testing.assert_allclose(without_heading(turned), poses, atol=1e-9)


def test_captured_limbs_keep_their_directions() -> None:
    """Arms are aligned exactly to the file's; elbows keep their bend."""
    file = needs("mocap")[-1]
    motion = read_bvh(file)
    x, y, z = np.moveaxis(motion.places(), -1, 0)
    place = dict(zip(motion.names, np.moveaxis(np.stack([x, -z, y], -1), 1, 0), strict=True))
    poses = retarget(motion)
    for frame in range(0, len(poses), 5):
        _, joints = BODY.pose(np.zeros(len(BODY.shape_basis)), poses[frame])
        for start, stop, theirs in (
            ("upperarm01.L", "lowerarm01.L", ("CC_Base_L_Upperarm", "CC_Base_L_Forearm")),
            ("lowerarm01.R", "wrist.R", ("CC_Base_R_Forearm", "CC_Base_R_Hand")),
            ("foot.L", "toe3-1.L", ("CC_Base_L_Foot", "CC_Base_L_ToeBase")),
        ):
            ours = joints[BODY.bone(stop)] - joints[BODY.bone(start)]
            captured = place[theirs[1]][frame] - place[theirs[0]][frame]
            cosine = ours @ captured / np.linalg.norm(ours) / np.linalg.norm(captured)
            assert cosine > 0.9999


def test_walking_people_are_upright_and_walk_on_their_feet() -> None:
    files = [file for file in needs("mocap") if file.stem.startswith("007")]
    library = load_poses(files)
    rng = np.random.default_rng(1)
    for _ in range(20):
        _, joints = BODY.pose(np.zeros(len(BODY.shape_basis)), library.sample(rng))
        at = dict(zip(BODY.bones, joints, strict=True))
        assert at["head"][2] > at["root"][2] + 0.5 > at["foot.L"][2] + 0.9
        assert at["eye.L"][0] > at["eye.R"][0] and at["toe3-1.L"][1] < at["foot.L"][1] + 0.1, "faces -y"


def test_makehuman_poses_apply_by_name() -> None:
    files = needs("makehuman/poses")
    library = load_poses(files)
    assert len(library) == len(files) and not library.has_motion
    sitting = library.motions[[file.stem for file in files].index("sit01")][0]
    _, joints = BODY.pose(np.zeros(len(BODY.shape_basis)), sitting)
    at = dict(zip(BODY.bones, joints, strict=True))
    assert abs(at["root"][2] - at["foot.L"][2]) < 0.3 < at["head"][2] - at["root"][2]


def test_clips_are_consecutive() -> None:
    library = load_poses(needs("mocap")[:6])
    clip = library.clip(np.random.default_rng(2), 20)
    assert clip.shape == (20, len(BODY.bones), 3, 3)
    steps = np.swapaxes(clip[:-1], -1, -2) @ clip[1:]
    degrees = np.rad2deg(np.arccos(np.clip((np.trace(steps, axis1=-2, axis2=-1) - 1) / 2, -1, 1)))
    assert degrees.max() < 60 and np.median(degrees.max(1)) < 25
