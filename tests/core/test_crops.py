"""Windows of crops against geometry that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from opendensepose.core.crops import body_box, person_window

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


def test_the_box_round_a_body() -> None:
    body = np.zeros((80, 64), bool)
    body[10:70, 20:30] = True
    window, box = (100, 50, 128, 160), np.array([130, 60, 180, 200], np.float32)  # a cell is 2 x 2 pixels
    assert body_box(body, window, box).tolist() == [140, 70, 165, 190]  # 0.3 of the width before 180
    body[40, 63] = True  # far outside: no side moves by more than 0.3 of the box
    assert body_box(body, window, box).tolist() == [140, 70, 195, 190]
    assert body_box(np.zeros((80, 64), bool), window, box).tolist() == box.tolist()
