"""What can be wrong with an image or an annotation: each rule a small function that yields sentences."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.types import CHARTS
from opendensepose.data.entries import point_columns, read_person
from opendensepose.data.rle import read_runs
from opendensepose.data.sample import COARSE_PARTS, GRID, Person
from opendensepose.io.files import InputError, brief
from opendensepose.surface.parts import COARSE_NAMES, FINE_TO_COARSE

KINDS = {
    "form": "an entry that cannot be read",
    "id": "ids used twice, annotations of no image",
    "box": "boxes without size or beside the image",
    "chart": "I that is no whole number 1..24",
    "uv": "U or V outside 0..1",
    "outside": "points outside their box",
    "part": "points that lie beside the mask of their part",
    "mask": "part masks that are broken",
    "segmentation": "segmentations that are broken or of another size",
    "keypoints": "keypoints with wrong visibility or count",
    "track": "track ids that do not fit",
    "frame": "frames whose video or number does not fit",
    "ignore": "ignore regions whose x and y do not fit",
    "image": "image files that are missing or of another size",
}
NEAR = 3  # cells of the 256 x 256 grid: as far beside its mask a point may lie


class Problem(NamedTuple):
    """One thing that is wrong."""

    kind: str  # one of KINDS
    image: int | None  # id
    annotation: int | None  # id
    text: str


Found = Iterator[tuple[str, str]]  # kind, text


def check_person(entry: dict[str, Any], size: tuple[int, int] | None) -> Found:
    """What is wrong with one annotation of a person in an image of `size` (H, W; None: unknown)."""
    try:
        person = read_person(entry, "")
    except InputError as error:
        yield "form", str(error).removeprefix(": ")
        return
    yield from _check_box(person, size)
    yield from _check_segmentation(person, size)
    yield from _check_keypoints(entry, person)
    masks = yield from _read_masks(entry, person)
    if entry.get("dp_x") is not None:
        yield from check_points(point_columns(entry, ""), masks)


def _check_box(person: Person, size: tuple[int, int] | None) -> Found:
    x0, y0, x1, y1 = (float(n) for n in person.box)
    if not (x1 > x0 and y1 > y0):
        yield "box", f"bbox: expected a width and height above 0, got {x1 - x0:g} x {y1 - y0:g}"
    elif size is not None and not (x0 < size[1] and y0 < size[0] and x1 > 0 and y1 > 0):
        place = f"x {x0:g}..{x1:g}, y {y0:g}..{y1:g}"
        yield "box", f"bbox: expected a box in the image of {size[1]} x {size[0]}, got {place}"


def _check_segmentation(person: Person, size: tuple[int, int] | None) -> Found:
    value = person.segmentation
    if isinstance(value, dict):
        try:
            shape, _ = read_runs(value)
            if size is not None and shape != size:
                text = f"expected {size[1]} x {size[0]}, got {shape[1]} x {shape[0]}"
                yield "segmentation", f"segmentation: {text}"
        except ValueError as error:
            yield "segmentation", f"segmentation: {error}"
        return
    for polygon in value or []:
        if len(polygon) < 6 or len(polygon) % 2 or not places(polygon):
            yield "segmentation", f"segmentation: expected x, y of 3 corners or more, got {brief(polygon)}"


def _check_keypoints(entry: dict[str, Any], person: Person) -> Found:
    if person.keypoints is None:
        return
    seen = person.keypoints[:, 2]
    if not np.isin(seen, (0, 1, 2)).all():
        yield "keypoints", f"keypoints: expected visibility 0, 1 or 2, got {sorted(set(seen.tolist()))}"
    labelled, count = int((seen > 0).sum()), entry.get("num_keypoints")
    if count is not None and count != labelled:
        yield "keypoints", f"num_keypoints: expected {labelled}, got {brief(count)}"


def _read_masks(
    entry: dict[str, Any], person: Person
) -> Generator[tuple[str, str], None, list[NDArray[np.int64]] | None]:
    """Yields what is wrong; returns where the runs of the 14 masks end, or None without good masks."""
    if person.parts is None or not any(person.parts):
        return None
    if len(entry["dp_masks"]) > COARSE_PARTS:
        yield "mask", f"dp_masks: expected {COARSE_PARTS} masks, got {len(entry['dp_masks'])}"
    ends = []
    for number, rle in enumerate(person.parts):
        try:
            shape, runs = ((GRID, GRID), np.array([GRID * GRID])) if rle is None else read_runs(rle)
            if shape != (GRID, GRID):
                raise ValueError(f"expected {GRID} x {GRID}, got {shape[1]} x {shape[0]}")
            ends.append(np.cumsum(runs))
        except ValueError as error:
            yield "mask", f"dp_masks of {COARSE_NAMES[number + 1]}: {error}"
    return ends if len(ends) == COARSE_PARTS else None


def _beside(
    row: NDArray[np.int64],  # [P]
    column: NDArray[np.int64],  # [P]
    ends: NDArray[np.int64],  # of the runs of one mask
) -> NDArray[np.bool_]:
    """Which points [P] have no pixel of a mask within NEAR cells."""
    step = np.arange(-NEAR, NEAR + 1)
    rows = np.clip(row[:, None, None] + step[:, None], 0, GRID - 1)  # [P, 2 NEAR + 1, 1]
    columns = np.clip(column[:, None, None] + step, 0, GRID - 1)
    # runs of 0s and 1s in turn, down the columns
    run = np.searchsorted(ends, columns * GRID + rows, side="right")
    return ~(run % 2 == 1).any((1, 2))


def check_points(
    points: NDArray[np.float64],  # [5, P] dp_x, dp_y, dp_I, dp_U, dp_V
    masks: list[NDArray[np.int64]] | None,  # [14] where the runs of each mask end
) -> Found:
    """What is wrong with the points of one person."""
    x, y, chart, u, v = points
    count = len(x)

    def some(bad: NDArray[np.bool_], values: NDArray[np.float64]) -> str:
        got = ", ".join(f"{n:g}" for n in values[bad][:3])
        return f"{bad.sum()} of {count} points: {got}{', ...' if bad.sum() > 3 else ''}"

    known = (chart >= 1) & (chart <= CHARTS) & (chart == np.floor(chart))
    if not known.all():
        yield "chart", f"dp_I: expected whole numbers 1..{CHARTS}, got {some(~known, chart)}"
    for name, value in (("dp_U", u), ("dp_V", v)):
        bad = ~((value >= 0) & (value <= 1))
        if bad.any():
            yield "uv", f"{name}: expected 0..1, got {some(bad, value)}"
    inside = np.ones(count, bool)
    for name, value in (("dp_x", x), ("dp_y", y)):
        bad = ~((value >= 0) & (value < GRID))
        inside &= ~bad
        if bad.any():
            yield "outside", f"{name}: expected 0..255, got {some(bad, value)}"
    if masks is not None:
        usable = np.flatnonzero(known & inside)
        part = FINE_TO_COARSE[chart[usable].astype(int)]
        row, column = y[usable].astype(np.int64), x[usable].astype(np.int64)
        beside = np.zeros(count, bool)
        for number in np.unique(part):
            own = part == number
            beside[usable[own]] = _beside(row[own], column[own], masks[number - 1])
        if beside.any():
            where = ", ".join(f"I {chart[k]:g} at {x[k]:.0f}, {y[k]:.0f}" for k in np.flatnonzero(beside)[:3])
            yield "part", f"dp_I: {beside.sum()} of {count} points lie beside the mask of their part: {where}"


def check_frame(image: dict[str, Any]) -> Found:
    """What is wrong with PoseTrack's keys of an image."""
    if image.get("vid_id") is None:
        return
    for key in ("frame_id", "nframes"):
        value = image.get(key)
        if value is not None and not (isinstance(value, int) and value >= 0):
            yield "frame", f"{key}: expected a whole number, got {brief(value)}"
    for key in ("is_labeled", "has_no_densepose"):
        value = image.get(key)
        if value is not None and value not in (0, 1):
            yield "frame", f"{key}: expected true or false, got {brief(value)}"


def check_regions(image: dict[str, Any]) -> Found:
    """What is wrong with the ignore regions of an image."""
    xs: Any
    ys: Any
    xs, ys = (image.get(f"ignore_regions_{axis}") for axis in "xy")
    if not xs and not ys:
        return
    lists = isinstance(xs, list) and isinstance(ys, list)
    if lists and xs and not isinstance(xs[0], list):
        xs, ys = [xs], [ys]
    good = lists and len(xs) == len(ys) and all(map(_fit, xs, ys))
    if not good:
        got = f"{brief(xs)} and {brief(ys)}"
        yield "ignore", f"ignore_regions_x/y: expected two equal lists of 3 corners or more, got {got}"


def _fit(x: Any, y: Any) -> bool:
    """Whether two lists are the corners of a region."""
    both = isinstance(x, list) and isinstance(y, list) and len(x) == len(y) >= 3
    return both and places(x) and places(y)


def places(values: list[Any]) -> bool:
    """Whether the entries of a list of a JSON file are numbers that can be places or sizes."""
    try:
        array = np.asarray(values)
    except ValueError:
        return False
    return array.ndim == 1 and array.dtype.kind in "iuf" and bool((np.abs(array) < 1e15).all())
