"""Predict and write files: a photo, a video, or all images of an annotation file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.data.boxes import people_boxes
from opendensepose.data.coco import Sample
from opendensepose.data.images import ImageFolder
from opendensepose.io.files import Input, InputError
from opendensepose.io.results import results_json, save_result, write_results
from opendensepose.io.video import VideoReader, VideoWriter
from opendensepose.runtime.predictor import Predictor
from opendensepose.viz.overlay import draw

Frames = Iterable[NDArray[np.uint8]]


@dataclass(frozen=True)
class Report:
    """What became of one input."""

    source: str
    people: int  # in a video: the sum over its frames
    seconds: float
    files: list[Path] = field(default_factory=list)
    frames: int | None = None  # of a video
    problem: str | None = None  # of a broken video: what is missing; the rest is done

    def summary(self) -> dict[str, Any]:
        """The same for JSON."""
        return {**asdict(self), "files": [str(path) for path in self.files]}


def predict_image(
    predictor: Predictor,
    source: Input,
    directory: Path,
    *,
    boxes: NDArray[np.float32] | None = None,  # [N, 4] xyxy
    threshold: float | None = None,
    style: str = "parts",
) -> Report:
    """Predict one photo (or the bytes on standard input) and write its result files below `directory`."""
    start = time.perf_counter()
    result = predictor(source.path or sys.stdin.buffer.read(), boxes=boxes, threshold=threshold)
    files = save_result(result, directory, source.stem, style=style)
    return Report(str(source), len(result), time.perf_counter() - start, files)


def predict_video(
    predictor: Predictor,
    source: Input,
    directory: Path,
    *,
    boxes: NDArray[np.float32] | None = None,  # [N, 4] xyxy, in every frame
    threshold: float | None = None,
    style: str = "parts",
    stride: int = 1,
    watch: Callable[[VideoReader], Frames] = iter,
) -> Report:
    """Predict every `stride`-th frame of a video; write STEM_overlay.mp4 and STEM.json below `directory`.

    The JSON's image_id is the number of the frame in the input, from 0. `watch` may show the progress: it is
    given the reader and passes its frames on.
    """
    if source.path is None:
        raise InputError("standard input: expected an image, got a video")
    start = time.perf_counter()
    reader = VideoReader(source.path, stride)
    base = directory / source.stem
    files = [base.with_name(base.name + end) for end in ("_overlay.mp4", ".json")]
    frames = 0

    def entries(writer: VideoWriter) -> Iterator[dict[str, Any]]:
        nonlocal frames
        for frame in watch(reader):
            result = predictor(frame, boxes=boxes, threshold=threshold)
            writer.write(draw(frame, result, style))
            yield from results_json(result, image_id=frames * stride)
            frames += 1

    with VideoWriter(files[0], like=reader) as writer:
        people = write_results(files[1], entries(writer))
    return Report(str(source), people, time.perf_counter() - start, files, frames, reader.problem)


def predict_dataset(
    predictor: Predictor,
    samples: Iterable[Sample],
    images: str | os.PathLike[str],  # the folder of their files, or the root of the data set
    results: str | os.PathLike[str],
    *,
    given_boxes: bool = False,
    threshold: float | None = None,
    on_failure: Callable[[str, Exception], None] = lambda name, error: None,
) -> int:
    """Write one results file with the annotation file's image ids; return the number of people in it.

    `given_boxes`: the annotated boxes take the detector's place. An image that cannot be read has no entries,
    and `on_failure` is told its name and the error.
    """

    folder = ImageFolder(images)

    def entries() -> Iterator[dict[str, Any]]:
        for sample in samples:
            boxes = people_boxes(sample) if given_boxes else None
            try:
                result = predictor(folder.find(sample.file_name), boxes=boxes, threshold=threshold)
            except Exception as error:  # whatever one image does, the others are done
                on_failure(sample.file_name, error)
                continue
            yield from results_json(result, image_id=sample.image_id)

    return write_results(results, entries())
