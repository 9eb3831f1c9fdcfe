"""Sheets of annotations out of a file: one person or image, or a grid of people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opendensepose.data.coco import AnnotationFile
from opendensepose.data.images import ImageFolder
from opendensepose.data.sample import Person, Sample
from opendensepose.io.files import InputError
from opendensepose.io.image import read_image
from opendensepose.viz.annotations import GAP, captioned, coordinates, panels, stacked, view_of

HEIGHT = 640  # pixels of a picture that stands alone
CELL = 280  # of one in a grid
CELL_ASPECT = 0.62  # width / height
LEAST = 48  # pixels: smaller people are not chosen for a grid


class Choice(NamedTuple):
    """What is shown: an image, and one of its people or all (None)."""

    sample: Sample
    person: Person | None

    @property
    def people(self) -> tuple[Person, ...]:
        return self.sample.people if self.person is None else (self.person,)


def choose(file: AnnotationFile, number: int | None) -> Choice:
    """The annotation with this id, else the image with it; without one the first image with points.

    Raises InputError where there is none.
    """
    for sample in file:
        for person in sample.people:
            if person.id == number and number not in (None, sample.image_id):
                return Choice(sample, person)
        if sample.image_id == number:
            return Choice(sample, None)
        if number is None and any(p.points is not None and len(p.points.chart) for p in sample.people):
            return Choice(sample, None)
    what = "people with points" if number is None else f"an annotation or image with id {number}"
    raise InputError(f"{file.path}: expected {what}, got none")


def choose_grid(file: AnnotationFile, count: int, seed: int) -> list[Choice]:
    """Up to `count` different people with points, drawn by `seed`; InputError where there is nobody."""
    chosen: list[Choice] = []
    for row in np.random.default_rng(seed).permutation(len(file)):
        sample = file[int(row)]
        fit = [p for p in sample.people if p.points is not None and len(p.points.chart)]
        chosen += [Choice(sample, p) for p in fit if p.box[3] - p.box[1] >= LEAST]
        if len(chosen) >= count:
            break
    if not chosen:
        raise InputError(f"{file.path}: expected people with points, got none of {LEAST} pixels or more")
    return chosen[:count]


def draw_choice(choice: Choice, folder: ImageFolder) -> NDArray[np.uint8]:
    """Image, U, V and parts side by side; of one person a close view, of an image all of it."""
    image = read_image(folder.find(choice.sample.file_name))
    size = image.shape[:2]
    if choice.person is None:
        view = view_of(np.array([0, 0, size[1], size[0]]), HEIGHT, margin=0)
    else:
        view = view_of(choice.person.box, HEIGHT, size=size)
    pictures = panels(image, choice.people, view)
    if view.width > 1.2 * view.height:  # a broad image: two by two
        return stacked([captioned(pictures[:2], ("image", "U")), captioned(pictures[2:], ("V", "parts"))])
    return captioned(pictures)


def draw_grid(choices: Sequence[Choice], folder: ImageFolder, columns: int) -> NDArray[np.uint8]:
    """Image, U and V of one person after the other, in so many columns, as in the publication."""
    cells = [_cell(choice, folder) for choice in choices]
    lines = [list(_filled(cells[k : k + columns], columns)) for k in range(0, len(cells), columns)]
    rows = [_joined(line, 2 * GAP) for line in lines]
    sheet = np.concatenate([np.pad(row, ((0, GAP), (0, 0), (0, 0)), constant_values=255) for row in rows])
    return np.pad(sheet, ((2 * GAP, GAP), (2 * GAP, 2 * GAP), (0, 0)), constant_values=255)


def _cell(choice: Choice, folder: ImageFolder) -> NDArray[np.uint8]:
    assert choice.person is not None
    image = read_image(folder.find(choice.sample.file_name))
    view = view_of(choice.person.box, CELL, CELL_ASPECT, size=image.shape[:2])
    photo = view.crop(image)
    return _joined([photo, *coordinates(photo, choice.people, view)], 2)


def _filled(cells: list[NDArray[np.uint8]], columns: int) -> Iterator[NDArray[np.uint8]]:
    """The cells of a row, and paper for those that it lacks."""
    yield from cells
    for _ in range(columns - len(cells)):
        yield np.full_like(cells[0], 255)


def _joined(pictures: Sequence[NDArray[np.uint8]], gap: int) -> NDArray[np.uint8]:
    """Pictures side by side with paper between them."""
    between = np.full((pictures[0].shape[0], gap, 3), 255, np.uint8)
    return np.concatenate([p for picture in pictures for p in (between, picture)][1:], axis=1)
