"""Draw `annotate/static/body.svg`: the 14 parts from front and back, as outlines that a page can colour."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from opendensepose.annotate.views import WHOLE, Camera, draw_map, look
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import COARSE_NAMES, FINE_TO_COARSE

OUT = Path(__file__).parents[1] / "src/opendensepose/annotate/static/body.svg"
WIDTH, HEIGHT, FINE = 150, 240, 6


def outlines(atlas: Atlas, azimuth: float, left: int) -> list[str]:
    """One path for each part that shows, shifted right by `left`."""
    points = atlas.vertices
    centre = (points.min(0) + points.max(0)).astype(float) / 2
    scale = 0.95 * HEIGHT * FINE / float(np.ptp(points[:, 2]))
    camera = Camera(look(np.array([0, 0, 1.0]), azimuth, 0), centre, scale, (HEIGHT * FINE, WIDTH * FINE))
    faces = draw_map(atlas, WHOLE, camera)
    part = np.where(faces >= 0, FINE_TO_COARSE[atlas.face_chart[np.maximum(faces, 0)]], 0)
    lines = []
    for number in range(1, 15):
        mask = (part == number).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        path = ""
        for contour in contours:
            if cv2.contourArea(contour) > 40 * FINE:
                corners = cv2.approxPolyDP(contour, 0.25 * FINE, True)[:, 0] / FINE + [left, 0]
                path += "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners) + "Z"
        if path:
            lines.append(
                f'<path data-part="{number}" d="{path}"><title>{COARSE_NAMES[number]}</title></path>'
            )
    return lines


def main() -> None:
    atlas = Atlas.load()
    front, back = outlines(atlas, 0, 0), outlines(atlas, 180, WIDTH)
    texts = [
        f'<text x="{x}" y="{y}">{word}</text>'
        for x, y, word in (
            *((12, 60, "R"), (138, 60, "L"), (162, 60, "L"), (288, 60, "R")),
            *((75, 254, "front"), (225, 254, "back")),
        )
    ]
    body = "\n".join([*front, *back, *texts])
    OUT.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT + 20}">\n{body}\n</svg>\n'
    )


if __name__ == "__main__":
    main()
