"""Sequences: PoseTrack's keys, constant identities, motion that is smooth."""

import json
from itertools import pairwise

import numpy as np
import pytest

from opendensepose.data.coco import read_annotations
from opendensepose.data.dense import dense_paths, read_dense
from opendensepose.synth.clip import is_labeled, make_clip, write_clips

FRAMES, CLIPS = 8, 3
SIZE = (96, 128)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("clips") / "set"
    write_clips(out, CLIPS, FRAMES, seed=2, size=SIZE)
    return out


def test_keys_of_posetrack(folder):
    content = json.loads((folder / "annotations.json").read_text())
    assert len(content["images"]) == CLIPS * FRAMES
    assert [i["vid_id"] for i in content["images"]] == sorted(
        f"{k:06d}" for k in range(CLIPS) for _ in range(FRAMES)
    )
    for image in content["images"]:
        assert image["nframes"] == FRAMES and image["frame_id"] == image["id"]
        assert image["has_no_densepose"] != image["is_labeled"]
        assert len(image["ignore_regions_x"]) == len(image["ignore_regions_y"])
        assert (folder / "images" / image["file_name"]).is_file()
    assert all("track_id" in annotation for annotation in content["annotations"])
    labelled = {i["id"] for i in content["images"] if i["is_labeled"]}
    assert 0 < len(labelled) < CLIPS * FRAMES
    assert {a["image_id"] for a in content["annotations"]} <= labelled


def test_labelled_frames_have_truth_and_the_others_none(folder):
    for sample in read_annotations(folder / "annotations.json"):
        stem = sample.file_name[:-4]
        if not sample.extra["is_labeled"]:
            assert not sample.people and not any(
                path.exists() for path in dense_paths(folder / "dense", stem)
            )
            continue
        _, _, instance = read_dense(folder / "dense", stem)
        assert {p.instance for p in sample.people} == set(instance.ravel().tolist()) - {0}
        for xs, ys in zip(sample.extra["ignore_regions_x"], sample.extra["ignore_regions_y"], strict=True):
            assert len(xs) == len(ys) == 4  # the corners of a box


def test_a_track_is_one_person(folder):
    """Boxes of one track overlap from one labelled frame to the next, more than those of different tracks."""
    same, other = [], []
    tracks = {}
    for sample in read_annotations(folder / "annotations.json"):
        boxes = {p.track_id: p.box for p in sample.people}
        assert len(boxes) == len(sample.people)
        before = tracks.get(sample.extra["vid_id"], {})
        for a, first in before.items():
            for b, second in boxes.items():
                low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
                inter = np.prod(np.maximum(high - low, 0))
                union = np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - inter
                (same if a == b else other).append(inter / union)
        if boxes:
            tracks[sample.extra["vid_id"]] = boxes
    assert len(same) > 5
    assert np.mean(same) > 0.6
    assert not other or np.mean(other) < np.mean(same) - 0.2


def test_neighbouring_frames_are_alike_and_not_equal():
    frames = [s.image.astype(float) for s in make_clip(0, 5, 4, size=SIZE)]
    other = next(make_clip(1, 5, 1, size=SIZE)).image.astype(float)
    steps = [np.abs(a - b).mean() for a, b in pairwise(frames)]
    assert min(steps) > 0
    assert max(steps) < 0.6 * np.abs(frames[0] - other).mean()


def test_labels_as_in_posetrack():
    assert [f for f in range(12) if is_labeled(f, 12)] == [0, 4, 5, 6, 7, 8]
    assert is_labeled(0, 1)
