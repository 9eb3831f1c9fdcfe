from dataclasses import replace

import cv2
import numpy as np

from opendensepose.train.around import defocused
from opendensepose.train.picture import Picture


def crowd():
    """100 x 90 pixels of noise; three people stand side by side, 60 rows tall."""
    rng = np.random.default_rng(5)
    instance = np.zeros((100, 90), np.uint8)
    for number, left in ((1, 5), (2, 35), (3, 65)):
        instance[20:80, left : left + 20] = number
    image = rng.integers(0, 256, (100, 90, 3)).astype(np.uint8)
    return Picture(image, (instance > 0).astype(np.uint8), np.zeros((2, 100, 90), np.uint8), instance)


def test_what_is_out_of_focus_is_behind_the_people_only():
    before, far = crowd(), []
    checks = (255 * (np.indices((120, 160)).sum(0) // 2 % 2)).astype(np.uint8)[..., None].repeat(3, 2)
    for seed in range(20):
        after = defocused(np.random.default_rng(seed), before, checks)
        near = cv2.erode((before.instance > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        assert np.array_equal(after.image[near], before.image[near])
        for name in ("chart", "instance", "uv"):
            assert np.array_equal(getattr(after, name), getattr(before, name)), name
        away = cv2.dilate((before.instance > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
        far.append(after.image[away].astype(int))
    assert np.abs(np.concatenate(far) - 127.5).max() < 20  # no square of the board is left


def test_without_people_all_is_out_of_focus():
    nobody = replace(crowd(), instance=np.zeros((100, 90), np.uint8))
    half = np.zeros((100, 100, 3), np.uint8)
    half[:, 50:] = 200
    after = defocused(np.random.default_rng(1), nobody, half).image.astype(int)
    assert np.abs(np.diff(after, axis=1)).max() < 30  # 200 where the edge was
    one = np.full((1, 1, 3), 77, np.uint8)
    assert (defocused(np.random.default_rng(1), nobody, one).image == 77).all()
