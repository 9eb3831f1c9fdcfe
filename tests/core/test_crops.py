"""Windows of crops against geometry that can be worked out by hand."""

from __future__ import annotations

import pytest

from opendensepose.core.crops import person_window

CANVAS = (160, 128)


@pytest.mark.parametrize("box", [(10, 20, 60, 220), (0, 0, 300, 40), (5.5, 7.25, 90.5, 113.5)])
def test_a_window_holds_its_box_and_the_box_fills_it(box: tuple[float, ...]) -> None:
    x, y, w, h = person_window(box, CANVAS, 0.9)
    assert x <= box[0] and y <= box[1] and x + w >= box[2] and y + h >= box[3]
    assert max((box[2] - box[0]) / w, (box[3] - box[1]) / h) == pytest.approx(0.9, abs=1.5 / min(w, h))
    assert w / h == pytest.approx(CANVAS[1] / CANVAS[0], abs=2 / h)
    assert abs(x + w / 2 - (box[0] + box[2]) / 2) <= 1 and abs(y + h / 2 - (box[1] + box[3]) / 2) <= 1


def test_zoom_and_shift_move_the_window() -> None:
    box = (100, 100, 200, 300)
    plain, near = person_window(box, CANVAS, 0.8), person_window(box, CANVAS, 0.8, zoom=2.0)
    assert near[3] == pytest.approx(plain[3] / 2, abs=1)
    moved = person_window(box, CANVAS, 0.8, shift=(0.1, -0.1))
    assert (moved[0] - plain[0], moved[1] - plain[1]) == (10, -20) and moved[2:] == plain[2:]


def test_the_window_of_a_tiny_box_has_some_pixels() -> None:
    assert min(person_window((3, 3, 3.5, 3.5), CANVAS, 0.9)[2:]) >= 8
