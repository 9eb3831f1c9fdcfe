"""Whose pixel it is, against a slow loop over pixels."""

import numpy as np
import pytest

from opendensepose.core.decode import decode
from opendensepose.core.overlap import apart, doubled, settled
from opendensepose.core.types import ChartLogits, DenseMap, Result
from opendensepose.core.visible import iuv_image

SIZE = 40, 50
BOXES = np.array([(3, 2, 25, 30), (15, 10, 48, 38), (20, -6, 33, 20), (40, 1, 47, 8)], np.float32)
WINDOWS = np.array([(0, -2, 30, 36), (14, 6, 36, 36), (16, -8, 20, 32), (38, 0, 12, 10)])


def logits(seed: int, channels: int = 2) -> ChartLogits:
    """Of four people, smooth enough that neighbours agree."""
    rng = np.random.default_rng(seed)
    fine = rng.normal(0, 1, (4, 25, 9, 8)).astype(np.float32)
    uv = rng.uniform(0, 1, (2, 4, 25, 9, 8)).astype(np.float32)
    coarse = rng.normal(0.5, 1, (4, channels, 9, 8)).astype(np.float32)
    fine[:, 0] = -9
    return ChartLogits(coarse, fine, *uv)


def bilinear(plane: np.ndarray, window: np.ndarray, row: int, column: int) -> float:
    """The plane's value at the middle of a pixel of the image."""
    y = min(max((row - window[1] + 0.5) * plane.shape[0] / window[3] - 0.5, 0), plane.shape[0] - 1)
    x = min(max((column - window[0] + 0.5) * plane.shape[1] / window[2] - 0.5, 0), plane.shape[1] - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, plane.shape[0] - 1), min(left + 1, plane.shape[1] - 1)
    a, b = y - top, x - left
    upper = (1 - b) * plane[top, left] + b * plane[top, right]
    return (1 - a) * upper + a * ((1 - b) * plane[bottom, left] + b * plane[bottom, right])


def owners(dense: tuple[DenseMap, ...], coarse: np.ndarray) -> np.ndarray:
    """The person [H, W] with the largest logit of those who claim a pixel; -1: nobody."""
    owner = np.full(SIZE, -1)
    for row in range(SIZE[0]):
        for column in range(SIZE[1]):
            best = -np.inf
            for k, person in enumerate(dense):
                x, y, w, h = person.box
                if not (x <= column < x + w and y <= row < y + h):
                    continue
                body = bilinear(coarse[k, 1:].max(0) - coarse[k, 0], WINDOWS[k], row, column)
                if person.labels[row - y, column - x] and body > best:
                    best, owner[row, column] = body, k
    return owner


@pytest.mark.parametrize("channels", [2, 15])
def test_the_surest_has_the_pixel(channels: int) -> None:
    maps = logits(channels, channels)
    dense = decode(maps, BOXES, WINDOWS)
    seen = settled(dense, maps.coarse, WINDOWS)
    wanted = owners(dense, maps.coarse)
    count = np.zeros(SIZE, int)
    for k, (person, before) in enumerate(zip(seen, dense, strict=True)):
        assert person.labels is before.labels and person.uv is before.uv
        x, y, w, h = person.box
        top = max(-y, 0)
        shown = ((person.labels > 0) & ~person.hidden)[top:]
        count[y + top : y + h, x : x + w] += shown
        assert np.array_equal(shown, wanted[y + top : y + h, x : x + w] == k)
    assert np.array_equal(count, (wanted >= 0).astype(int))
    several = sum(np.count_nonzero(person.hidden) for person in seen)
    assert several > 100  # there is something to settle


def test_the_first_of_equals_has_it_and_pictures_follow() -> None:
    maps = logits(0)
    maps.coarse[:] = np.array([0, 1], np.float32)[None, :, None, None]  # all are as sure everywhere
    dense = decode(maps, BOXES, WINDOWS)
    scores = np.array([0.9, 0.8, 0.7, 0.6], np.float32)
    by_score = Result(BOXES, scores, dense, SIZE)
    equal = Result(BOXES, scores, settled(dense, maps.coarse, WINDOWS), SIZE)
    assert np.array_equal(iuv_image(equal), iuv_image(by_score))
    maps.coarse[1, 1] = 2  # now the second is the surest
    ahead = Result(BOXES, scores, settled(dense, maps.coarse, WINDOWS), SIZE)
    second = Result(BOXES, scores + np.float32(np.eye(4)[1]), dense, SIZE)
    assert np.array_equal(iuv_image(ahead), iuv_image(second))
    assert not np.array_equal(iuv_image(ahead), iuv_image(by_score))


def test_who_meets_nobody_hides_nothing() -> None:
    maps = logits(3)
    alone = settled(decode(maps, BOXES, WINDOWS)[3:], maps.coarse[3:], WINDOWS[3:])
    assert alone[0].hidden is not None and not alone[0].hidden.any()
    assert settled((), maps.coarse[:0], WINDOWS[:0]) == ()


def test_somebody_seen_twice_is_left_out_and_gives_the_pixels_back() -> None:
    maps = logits(4)
    maps.coarse[:] = np.array([0, 1], np.float32)[None, :, None, None]
    boxes, windows = BOXES[[0, 1, 1]], WINDOWS[[0, 1, 1]]
    chosen = ChartLogits(*(values[[0, 1, 1]].copy() for values in (maps.coarse, maps.fine, maps.u, maps.v)))
    chosen.coarse[2, 1] = 0.9  # the same one once more, less surely ...
    chosen.coarse[2, 1, :1] = 1.2  # ... but for a few rows
    result = Result(boxes, np.array([0.9, 0.8, 0.7], np.float32), decode(chosen, boxes, windows), SIZE)
    seen = settled(result.dense, chosen.coarse, windows)
    taken = (seen[1].hidden & ~seen[2].hidden).sum()
    assert 20 < taken < 0.2 * (seen[2].labels > 0).sum()
    left = apart(result, chosen.coarse, windows, 0.2)
    assert left.scores.tolist() == result.scores[:2].tolist()
    alone = settled(result.dense[:2], chosen.coarse[:2], windows[:2])
    assert all(np.array_equal(a.hidden, b.hidden) for a, b in zip(left.dense, alone, strict=True))
    assert len(apart(result, chosen.coarse, windows, 0.0)) == 3


def test_the_same_one_once_more_shares_box_and_pixels() -> None:
    def person(box: tuple[int, int, int, int], rows: slice) -> DenseMap:
        labels = np.zeros((box[3], box[2]), np.uint8)
        labels[rows] = 1
        return DenseMap(labels, np.zeros((2, *labels.shape), np.float32), box)

    every = slice(None)
    dense = (
        person((0, 0, 10, 20), slice(0, 12)),
        person((0, 5, 10, 20), slice(4, 20)),  # its 16 rows begin in row 9: 3 of them are the first one's
        person((0, 2, 10, 20), slice(0, 14)),  # 10 of its 14 rows are the first one's, 7 the second one's
        person((8, 0, 10, 20), every),  # boxes hardly meet
        person((0, 0, 10, 20), slice(0, 0)),  # nothing of a body is seen
    )
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in (one.box for one in dense)], np.float32)
    result = Result(boxes, np.linspace(0.9, 0.5, 5).astype(np.float32), dense, (40, 50))
    same = doubled(result, 0.5, 0.4)
    assert np.argwhere(same).tolist() == [[2, 0], [4, 0], [4, 1], [4, 2]]
    assert np.argwhere(doubled(result, 0.5, 0.51)).tolist() == [[2, 0], [2, 1], [4, 0], [4, 1], [4, 2]]
    assert np.argwhere(doubled(result, 0.5, 0.9)).tolist()[:3] == [[1, 0], [2, 0], [2, 1]]
    assert np.argwhere(doubled(result, 0.99, 0.4)).tolist() == [[4, 0]]


def test_what_is_hidden_has_the_size_of_the_box() -> None:
    labels, uv = np.zeros((4, 3), np.uint8), np.zeros((2, 4, 3), np.float32)
    with pytest.raises(ValueError, match=r"DenseMap.hidden: expected shape \[4, 3\], got \[3, 4\]"):
        DenseMap(labels, uv, (0, 0, 3, 4), hidden=np.zeros((3, 4), bool))
