"""Annotated videos: colours of tracks, and films of the right length."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotation_files import posetrack_file
from opendensepose.data import AnnotationFile, ImageFolder
from opendensepose.io.video import VideoReader
from opendensepose.viz.clips import write_clips
from opendensepose.viz.tracks import draw_frame, track_colour


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    content = posetrack_file(tmp_path / "a.json")
    for image in content["images"]:
        path = tmp_path / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (100, 120), (60, 60, 60)).save(path)
    return tmp_path / "a.json"


def test_colours_of_tracks_differ() -> None:
    colours = np.stack([track_colour(k) for k in range(12)]).astype(int)
    apart = np.abs(colours[:, None] - colours).sum(-1) + 999 * np.eye(12, dtype=int)
    assert apart.min() > 40
    assert track_colour(None).tolist() == [150, 150, 150]


def test_people_have_the_colour_of_their_track(clip: Path) -> None:
    sample = AnnotationFile(clip)[0]
    image = np.full((120, 100, 3), 60, np.uint8)
    alone = [draw_frame(image, type(sample)(1, "a", people=(p,))) for p in sample.people]
    assert alone[0].shape == (480, 400, 3)  # four times
    for person, picture in zip(sample.people, alone, strict=True):
        rows, columns = np.nonzero((person.part_labels() > 0)[9:243:18, 100:150])
        x, y = 20.123 + (columns[0] + 100) * 60.3 / 255, 10.7 + (18 * rows[0] + 9) * 100.33 / 255
        colour = picture[int(4 * y) - 2 : int(4 * y) + 3, int(4 * x) - 2 : int(4 * x) + 3].reshape(-1, 3)
        expected = 60 + 0.5 * (track_colour(person.track_id).astype(float) - 60)
        assert np.abs(colour - expected).max(-1).min() < 6


def test_ignored_regions_are_hatched(clip: Path) -> None:
    sample = AnnotationFile(clip)[1]  # without people
    picture = draw_frame(np.full((120, 100, 3), 60, np.uint8), sample)
    hatched = (picture[8:30, 8:34] == 230).all(-1)  # corners 1, 1 to 9, 8, four times larger
    assert 0.1 < hatched.mean() < 0.3
    assert (picture[60:300] == 60).all()


def test_films(clip: Path, tmp_path: Path) -> None:
    (done,) = write_clips(AnnotationFile(clip), ImageFolder(None, clip), tmp_path / "v.mp4", 12)
    assert (done.path, done.video, done.frames, done.tracks) == (tmp_path / "v.mp4", "000034", 6, 2)
    reader = VideoReader(done.path)
    frames = list(reader)
    assert len(frames) == 6 and reader.size == (480, 400) and reader.fps == Fraction(12)
    assert np.abs(frames[0].astype(int) - frames[1]).mean() > 5  # people, then a frame without labels


def test_several_videos(clip: Path, tmp_path: Path) -> None:
    content = json.loads(clip.read_text())
    for image, video in zip(content["images"], ["a/b", "a/b", "a:b", "a:b", "c", "c"], strict=True):
        image["vid_id"] = video
    clip.write_text(json.dumps(content))
    file, folder = AnnotationFile(clip), ImageFolder(tmp_path)
    done = write_clips(file, folder, tmp_path / "out" / "v.mp4")
    assert [c.path.name for c in done] == ["v_a_b.mp4", "v_a_b-2.mp4", "v_c.mp4"]
    (one,) = write_clips(file, folder, tmp_path / "one.mp4", only="c")
    assert one.frames == 2 and one.path.is_file()
    with pytest.raises(ValueError, match="expected a video 'x', got none"):
        write_clips(file, folder, tmp_path / "one.mp4", only="x")
