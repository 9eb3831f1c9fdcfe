"""Find the camera directions of `annotate/views.py`: six per part that together show its surface well.

Greedy, then exchanges, over directions every 30 degrees; front and back are always among them. A place on the
surface counts by how squarely the best view shows it.
"""

from __future__ import annotations

import numpy as np

from opendensepose.annotate import views
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import COARSE_NAMES, FINE_TO_COARSE

Step = tuple[int, int]  # azimuth, elevation
RIGHT = (1, 2, 5, 6, 8, 11, 13, 14)  # parts of the right side and the middle
VIEWS = 6
TILT = 2e-4  # worth of a degree less of elevation: upright views are easier to read
EXTRA = {14: [(0, 90)]}  # the crown, which upright views show aslant
BARY = np.array([[4, 1, 1], [1, 4, 1], [1, 1, 4], [2, 2, 2]]) / 6  # four samples of each face


def candidates(part: int) -> list[Step]:
    steps = [(a, e) for e in (-60, -30, 0, 30, 60) for a in range(0, 360, 30)] + [(0, 90), (0, -90)]
    return [(a - 360 if a > 180 else a, e) for a, e in steps]


def worth(atlas: Atlas, part: int, steps: list[Step]) -> tuple[np.ndarray, np.ndarray]:
    """[C, samples] 0 = hidden .. 1 = seen squarely, and the area of each sample."""
    faces = np.flatnonzero(FINE_TO_COARSE[atlas.face_chart] == part)
    face = np.repeat(faces, len(BARY))
    bary = np.tile(BARY, (len(faces), 1))
    corners = atlas.vertices[atlas.triangles[face]].astype(float)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normal, axis=1)
    rows = []
    for _, camera in views._aim(atlas, faces, views.part_axis(atlas, part), steps, (views.SIZE, views.SIZE)):
        view = views.View("", camera, views.draw_map(atlas, part, camera))
        _, seen = view.shows(atlas, face, bary)
        square = normal @ camera.axes[2] / area
        rows.append(np.where(seen, 0.6 + 0.4 * square, 0))
    return np.array(rows), area


def choose(value: np.ndarray, area: np.ndarray, steps: list[Step], wanted: list[Step]) -> list[int]:
    """Numbers of the best VIEWS rows, those of `wanted` among them."""
    fixed = [steps.index(step) for step in wanted]

    def total(rows: list[int]) -> float:
        best = np.sort(value[rows], axis=0)[-2:]  # a second view of a place helps a little
        return float((best[-1] + 0.2 * best[0]) @ area / area.sum()) - TILT * sum(
            abs(steps[r][1]) for r in rows
        )

    chosen = list(fixed)
    while len(chosen) < VIEWS:
        chosen.append(max(range(len(value)), key=lambda c: total([*chosen, c])))
    for _ in range(3):
        for place in range(len(fixed), VIEWS):
            others = chosen[:place] + chosen[place + 1 :]
            chosen[place] = max(range(len(value)), key=lambda c: total([*others, c]))
    return chosen


def main() -> None:
    atlas = Atlas.load()
    for part in RIGHT:
        steps = candidates(part)
        value, area = worth(atlas, part, steps)
        wanted = [(0, 0), (180, 0), *EXTRA.get(part, [])]
        rows = choose(value, area, steps, wanted)
        seen = float((value[rows].max(0) > 0) @ area / area.sum())
        print(f"    {part}: {tuple(steps[r] for r in rows)},  # {COARSE_NAMES[part]}: {seen:.1%}")


if __name__ == "__main__":
    main()
