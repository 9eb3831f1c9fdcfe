"""Pictures side by side, to look at many results at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.io.image import write_image


def contact_sheet(
    pictures: list[tuple[str, NDArray[np.uint8]]],  # name, [H, W, 3] RGB
    folder: Path,
    *,
    columns: int = 2,
    cell: tuple[int, int] = (430, 640),
) -> Path:
    """Write every picture as NAME.png and all of them, fitted into cells, as sheet.png; return the sheet."""
    height, width = cell
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * height, columns * width, 3), 32, np.uint8)
    for number, (name, picture) in enumerate(pictures):
        write_image(folder / f"{name}.png", picture)
        scale = min((height - 20) / picture.shape[0], width / picture.shape[1])
        size = (max(int(picture.shape[1] * scale), 1), max(int(picture.shape[0] * scale), 1))
        small: Any = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        top, left = number // columns * height, number % columns * width
        cv2.putText(sheet, name, (left + 4, top + 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1)
        sheet[top + 20 : top + 20 + size[1], left : left + size[0]] = small
    path = folder / "sheet.png"
    write_image(path, sheet)
    return path
