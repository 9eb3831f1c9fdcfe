"""Annotated videos: the frames of PoseTrack's clips, drawn and written as films."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from opendensepose.data.coco import AnnotationFile
from opendensepose.data.images import ImageFolder
from opendensepose.data.sample import Sample
from opendensepose.io.files import InputError
from opendensepose.io.image import read_image
from opendensepose.io.video import VideoWriter
from opendensepose.viz.tracks import draw_frame


class Clip(NamedTuple):
    """One film that was written."""

    path: Path
    video: str
    frames: int
    tracks: int


def videos_of(samples: Iterable[Sample]) -> dict[str, list[int]]:
    """The image ids of each video, in the order of its frames; pictures that belong to none are left out."""
    frames: dict[str, list[tuple[int, int]]] = {}
    for sample in samples:
        if sample.video is not None:
            frames.setdefault(sample.video, []).append((sample.frame, sample.image_id))
    return {video: [number for _, number in sorted(of)] for video, of in frames.items()}


def write_clips(
    file: AnnotationFile,
    folder: ImageFolder,
    out: str | os.PathLike[str],
    fps: float = 15,
    *,
    only: str | None = None,
    progress: bool = False,
) -> list[Clip]:
    """Write the videos of a file, each person in the colour of the track.

    One video becomes `out`; of several, video V becomes `out` with _V before the suffix. `only`: the vid_id
    of one. Raises InputError where the file has no video, or not this one.
    """
    videos = videos_of(file)
    if only is not None:
        videos = {only: videos[only]} if only in videos else {}
    if not videos:
        expected = "frames with vid_id" if only is None else f"a video {only!r}"
        raise InputError(f"{file.path}: expected {expected}, got none")
    clips: list[Clip] = []
    for video, numbers in videos.items():
        path = _path(Path(out), video if len(videos) > 1 else "", [clip.path for clip in clips])
        tracks: set[int] = set()
        rate = Fraction(fps).limit_denominator(1001)
        bar = tqdm(numbers, desc=video, unit="frame", disable=None if progress else True)
        with VideoWriter(path, fps=rate) as writer:
            for number in bar:
                sample = file.of_image(number)
                writer.write(draw_frame(read_image(folder.find(sample.file_name)), sample))
                tracks |= {p.track_id for p in sample.people if p.track_id is not None}
        clips.append(Clip(path, video, len(numbers), len(tracks)))
    return clips


def _path(out: Path, video: str, taken: list[Path]) -> Path:
    """Where a video goes: a name that is safe in any file system, and that no other video has."""
    name = "".join(c if c.isalnum() or c in "-_" else "_" for c in f"_{video}") if video else ""
    path = out.with_name(f"{out.stem}{name}{out.suffix}")
    number = 1
    while path in taken:
        number += 1
        path = out.with_name(f"{out.stem}{name}-{number}{out.suffix}")
    return path
