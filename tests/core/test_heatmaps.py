import numpy as np
import pytest

from opendensepose.core.heatmaps import decode_keypoints, decode_masks


@pytest.mark.parametrize("at", [(3.5, 10.5), (30.2, 4.9), (0.5, 0.5), (55.5, 55.5)])
def test_a_rendered_peak_is_found_again(at):
    """A Gaussian drawn around a place of the map (in cells) -> that place of the box."""
    y, x = np.mgrid[:56, :56] + 0.5
    heat = -((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * 0.7**2)
    box = np.array([[100.0, 50.0, 212.0, 162.0]])
    got = decode_keypoints(np.tile(heat, (1, 17, 1, 1)).astype(np.float32), box)
    assert got.shape == (1, 17, 3)
    expected = 100 + at[0] * 2, 50 + at[1] * 2
    tolerance = 0.6 if min(at) > 1 and max(at) < 55 else 1.2  # half of the peak lies beyond the border
    assert np.abs(got[..., :2] - expected).max() < tolerance
    assert (got[..., 2] > 0.8).all() and (got[..., 2] <= 1.0001).all()


def test_flat_maps_are_unsure():
    got = decode_keypoints(np.zeros((1, 17, 56, 56), np.float32), np.array([[0, 0, 10, 10]]))
    assert (got[..., 2] < 0.01).all()


def test_masks_lie_in_their_boxes_and_may_stick_out():
    logits = np.full((2, 1, 8, 8), 3.0, np.float32)
    logits[0, 0, :, :4] = -3  # the left half is nobody
    masks = decode_masks(logits, np.array([[10.0, 5, 26, 21], [-8.0, 30, 8, 60]]), (40, 32))
    expected = np.zeros((2, 40, 32), bool)
    expected[0, 5:21, 18:26] = True
    expected[1, 30:40, 0:8] = True
    assert np.array_equal(masks, expected)


def test_nobody():
    none = np.zeros((0, 4), np.float32)
    assert decode_keypoints(np.zeros((0, 17, 56, 56), np.float32), none).shape == (0, 17, 3)
    assert decode_masks(np.zeros((0, 1, 56, 56), np.float32), none, (4, 5)).shape == (0, 4, 5)
