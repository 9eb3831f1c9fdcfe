"""One walk through an annotation file: what is in it, and what is wrong with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from opendensepose.core.types import CHARTS
from opendensepose.data.check import Problem, check_frame, check_person, check_regions, places
from opendensepose.data.images import ImageFolder
from opendensepose.data.sample import PERSON
from opendensepose.data.scan import LISTS, Found, scan
from opendensepose.io.files import brief, misfit
from opendensepose.surface.parts import PART_NAMES

KEPT = 10_000  # problems whose sentences are kept; all are counted


@dataclass
class Summary:
    """What is in an annotation file."""

    path: Path
    sizes: Counter[tuple[int, int] | None] = field(default_factory=Counter)  # (H, W) -> images
    people: int = 0
    crowds: int = 0
    others: int = 0  # annotations of other categories
    points: list[int] = field(default_factory=list)  # of each person that has the keys
    per_chart: NDArray[np.int64] = field(default_factory=lambda: np.zeros(CHARTS + 1, np.int64))
    heights: list[float] = field(default_factory=list)  # of boxes, pixels
    videos: dict[str, list[int]] = field(default_factory=dict)  # name -> frames, labelled ones
    tracks: Counter[tuple[str, int]] = field(default_factory=Counter)  # video, track id -> people
    problems: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)  # kind -> problems

    @property
    def images(self) -> int:
        return self.sizes.total()

    def report(self, problem: Problem) -> None:
        self.counts[problem.kind] += 1
        if len(self.problems) < KEPT:
            self.problems.append(problem)

    def as_json(self) -> dict[str, Any]:
        """The figures, for `--json`."""
        sizes = [size for size in self.sizes if size is not None]
        return {
            "file": str(self.path),
            "images": self.images,
            "people": self.people,
            "crowds": self.crowds,
            "other_categories": self.others,
            "people_with_points": len(self.points),
            "points": sum(self.points),
            "points_per_person": _spread(self.points),
            "points_per_part": {PART_NAMES[c]: int(self.per_chart[c]) for c in range(1, CHARTS + 1)},
            "person_height": _spread(self.heights),
            "image_height": _spread([h for h, _ in sizes]),
            "image_width": _spread([w for _, w in sizes]),
            "videos": len(self.videos),
            "frames_labelled": sum(labelled for _, labelled in self.videos.values()),
            "tracks": len(self.tracks),
            "people_per_track": _spread(list(self.tracks.values())),
            "problems": dict(sorted(self.counts.items())),
        }


def _spread(values: list[Any]) -> list[float] | None:
    """[least, median, greatest], or None of nothing."""
    if not values:
        return None
    return [round(float(n), 2) for n in (min(values), np.median(values), max(values))]


def summarise(
    path: str | os.PathLike[str], images: ImageFolder | None = None, *, progress: bool = False
) -> Summary:
    """Walk through an annotation file of any size, with one entry in memory; problems do not stop it.

    `images`: the image files are looked at too. Raises FileNotFoundError, or InputError for a file that is no
    annotation file at all.
    """
    path = Path(path)
    walk = _Walk(Summary(path), images)
    size = path.stat().st_size if path.is_file() else 0
    with tqdm(total=size, unit="B", unit_scale=True, disable=None if progress else True) as bar:
        for found in _in_order(path):
            walk.look(found)
            bar.update(max(found.end - bar.n, 0))
    walk.finish()
    return walk.summary


def _in_order(path: Path) -> Iterator[Found]:
    """Images first, then annotations, however the file has them."""
    first = next((found.key for found in scan(path) if found.key in LISTS), "images")
    for keys in (LISTS,) if first == "images" else (("images",), ("annotations",)):
        yield from (found for found in scan(path) if found.key in keys)


class _Walk:
    """Takes the entries one after the other."""

    def __init__(self, summary: Summary, folder: ImageFolder | None) -> None:
        self.summary = summary
        self._folder = folder
        self._images: dict[int, tuple[tuple[int, int] | None, str | None]] = {}  # id -> size, video
        self._ids: set[int] = set()
        self._in_frame: set[tuple[int, int]] = set()  # image id, track id
        self._lengths: dict[str, int] = {}  # video -> nframes

    def look(self, found: Found) -> None:
        if found.key == "images":
            self._image(found.value)
        else:
            self._annotation(found.value)

    def finish(self) -> None:
        for video, length in self._lengths.items():
            frames = self.summary.videos[video][0]
            if frames > length:
                self._report("frame", None, None, f"video {video}: expected {length} frames, got {frames}")

    def _report(self, kind: str, image: Any, annotation: Any, text: str) -> None:
        first, second = (n if isinstance(n, int) else None for n in (image, annotation))
        self.summary.report(Problem(kind, first, second, text))

    def _image(self, image: dict[str, Any]) -> None:
        number, summary = image.get("id"), self.summary
        if not isinstance(number, int) or isinstance(number, bool):
            self._report("form", None, None, f"an image: {misfit('id', 'int', image)}")
            return
        sides = [image.get(key) for key in ("height", "width")]
        size = None
        if sides != [None, None]:
            if all(isinstance(n, int) and 0 < n < 2**31 for n in sides):
                size = (int(sides[0]), int(sides[1]))  # type: ignore[arg-type]
            else:
                self._report("form", number, None, f"height, width: expected numbers above 0, got {sides}")
        if not isinstance(image.get("file_name"), str):
            self._report("form", number, None, misfit("file_name", "str", image))
        elif self._folder is not None:
            self._file(number, image["file_name"], size)
        if number in self._images:
            self._report("id", number, None, "image id: expected one of its own, got one used twice")
            return
        summary.sizes[size] += 1
        for kind, text in (*check_frame(image), *check_regions(image)):
            self._report(kind, number, None, text)
        video = None if image.get("vid_id") is None else str(image["vid_id"])
        self._images[number] = size, video
        if video is not None:
            self._frame(number, video, image)

    def _frame(self, number: int, video: str, image: dict[str, Any]) -> None:
        counts = self.summary.videos.setdefault(video, [0, 0])
        counts[0] += 1
        counts[1] += bool(image.get("is_labeled", True))
        length = image.get("nframes")
        if isinstance(length, int) and self._lengths.setdefault(video, length) != length:
            text = f"nframes: expected {self._lengths[video]} as before in video {video}, got {length}"
            self._report("frame", number, None, text)

    def _file(self, number: int, name: str, size: tuple[int, int] | None) -> None:
        from PIL import Image

        try:
            with Image.open(self._folder.find(name)) as picture:  # type: ignore[union-attr]
                width, height = picture.size
        except (OSError, ValueError) as error:
            self._report("image", number, None, " ".join(str(error).split()))
            return
        if size is not None and (height, width) != size:
            text = f"{name}: expected {size[1]} x {size[0]} pixels, got {width} x {height}"
            self._report("image", number, None, text)

    def _annotation(self, entry: dict[str, Any]) -> None:
        number, image_id, summary = entry.get("id"), entry.get("image_id"), self.summary
        if isinstance(number, int) and number in self._ids:
            self._report("id", image_id, number, "id: expected one of its own, got one used twice")
        elif isinstance(number, int):
            self._ids.add(number)
        if not isinstance(image_id, int) or image_id not in self._images:
            text = f"image_id: expected the id of an image of the file, got {brief(image_id)}"
            self._report("id", image_id, number, text)
        if entry.get("category_id", PERSON) != PERSON:
            summary.others += 1
            return
        size, video = self._images.get(image_id, (None, None)) if isinstance(image_id, int) else (None, None)
        for kind, text in check_person(entry, size):
            self._report(kind, image_id, number, text)
        self._count(entry)
        track = entry.get("track_id")
        if video is not None and isinstance(track, int):
            summary.tracks[video, track] += 1
            if (image_id, track) in self._in_frame:
                self._report(
                    "track", image_id, number, f"track_id: expected one person each, got {track} twice"
                )
            self._in_frame.add((image_id, track))  # type: ignore[arg-type]

    def _count(self, entry: dict[str, Any]) -> None:
        summary = self.summary
        summary.people += 1
        summary.crowds += bool(entry.get("iscrowd", 0))
        box, charts = entry.get("bbox"), entry.get("dp_I")
        if isinstance(box, list) and len(box) == 4 and places(box):
            summary.heights.append(float(box[3]))
        if isinstance(charts, list):
            summary.points.append(len(charts))
            if places(charts) and charts:
                known = np.asarray(charts)
                known = known[(known >= 1) & (known <= CHARTS) & (known == np.floor(known))].astype(int)
                self.summary.per_chart += np.bincount(known, minlength=CHARTS + 1)
