"""Files of given boxes, for predictions without the detector."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.boxes import as_boxes
from opendensepose.data.coco import Sample, read_annotations
from opendensepose.io.files import InputError


class GivenBoxes:
    """Boxes of images, from a JSON file in one of three forms.

    * a list [[x1, y1, x2, y2], ...] in pixels: the same boxes for every image;
    * an object {"photo.jpg": [[x1, y1, x2, y2], ...], ...};
    * COCO annotations, whose crowds are left out.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read the file; raises FileNotFoundError or InputError."""
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"{path}: expected a file of boxes, got no such file")
        self._everywhere: NDArray[np.float32] | None = None
        self._by_name: dict[str, NDArray[np.float32]] = {}
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if isinstance(content, list):
                self._everywhere = as_boxes(content)
            elif "annotations" in content:
                self._by_name = {s.file_name: people_boxes(s) for s in read_annotations(path)}
            else:
                self._by_name = {Path(name).as_posix(): as_boxes(rows) for name, rows in content.items()}
        except InputError:
            raise
        except (ValueError, TypeError, AttributeError) as error:
            expected = "JSON: a list of [x1, y1, x2, y2], an object of names and lists, or COCO annotations"
            raise InputError(f"{self.path}: expected {expected}, got {error}") from error

    def of(self, image: str | os.PathLike[str]) -> NDArray[np.float32]:
        """Boxes [N, 4] xyxy of one image, found by its path as written or its file name; else InputError."""
        if self._everywhere is not None:
            return self._everywhere
        path = Path(image)
        for name in (path.as_posix(), path.name):
            if name in self._by_name:
                return self._by_name[name]
        raise InputError(f"{path}: expected boxes for it in {self.path}, got none under this name")


def people_boxes(sample: Sample) -> NDArray[np.float32]:
    """Boxes [N, 4] xyxy of the annotated people of one image, without crowds."""
    return as_boxes([person.box for person in sample.people if not person.iscrowd])
