import numpy as np
import pytest

from opendensepose.core.types import Result
from opendensepose.core.visible import iuv_image, visible, visible_share
from people import people

OVERLAPPING = [
    (4.7, 3.2, 30, 40),
    (20, -10, 45.5, 25),
    (-8, 30, 12, 60),
    (100, 100, 120, 130),
    (-9, -9, -2, -2),
]


def slow_iuv(result: Result) -> np.ndarray:
    """Pixel by pixel, the worst score first, so that better ones paint over it."""
    height, width = result.image_size
    image = np.zeros((height, width, 3), np.uint8)
    for i in sorted(range(len(result)), key=lambda i: result.scores[i]):
        x, y, w, h = result.dense[i].box
        for r in range(h):
            for c in range(w):
                if result.dense[i].labels[r, c] and 0 <= y + r < height and 0 <= x + c < width:
                    u, v = result.dense[i].uv[:, r, c]
                    clamped = [min(max(float(np.float32(255) * q), 0), 255) for q in (u, v)]
                    image[y + r, x + c] = [result.dense[i].labels[r, c], *map(int, clamped)]
    return image


def test_iuv_equals_painting_pixel_by_pixel() -> None:
    result = people((50, 40), OVERLAPPING)
    result.dense[0].uv[:] = result.dense[0].uv * 1.4 - 0.2  # networks leave [0, 1]
    assert np.array_equal(iuv_image(result), slow_iuv(result))


def test_order_is_by_score_not_by_position() -> None:
    result = people((50, 40), OVERLAPPING)
    shuffled = result[np.array([2, 0, 4, 1, 3])]
    assert np.array_equal(iuv_image(shuffled), iuv_image(result))


def test_visible_parts_are_disjoint_and_leave_the_result_alone() -> None:
    result = people((50, 40), OVERLAPPING)
    before = [dense.labels.copy() for dense in result.dense]
    count = np.zeros(result.image_size, int)
    for part in visible(result):
        count[part.window] += part.labels > 0
    assert count.max() == 1
    assert all(np.array_equal(a, d.labels) for a, d in zip(before, result.dense, strict=True))


@pytest.mark.parametrize("box", [(100, 0, 120, 20), (-30, 0, -1, 20), (0, -30, 10, -2), (0, 50, 10, 70)])
def test_people_outside_the_image_are_left_out(box: tuple[float, float, float, float]) -> None:
    assert list(visible(people((50, 40), [box]))) == []


def test_nobody() -> None:
    assert not iuv_image(Result.empty((3, 5))).any()


def test_visible_share_is_what_better_people_leave() -> None:
    boxes = [(0, 0, 20, 20), (0, 0, 20, 10), (10, 0, 30, 20), (40, 40, 50, 50)]
    found = people((60, 60), boxes)
    for dense in found.dense:
        dense.labels[:] = 1
    found.scores[:] = (0.9, 0.8, 0.7, 0.6)
    assert visible_share(found).tolist() == [1, 0, 0.5, 1]
    found.scores[:] = (0.1, 0.8, 0.7, 0.6)
    assert visible_share(found).tolist() == [0.25, 1, 0.75, 1]
    found.dense[3].labels[:] = 0
    assert visible_share(found)[3] == 1  # nothing of it is hidden
    assert len(visible_share(Result.empty((60, 60)))) == 0
