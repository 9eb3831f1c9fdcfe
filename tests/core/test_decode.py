"""Decoding against a slow loop over pixels, PyTorch's resampling, and the published system's numbers."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from opendensepose.core import decode as module
from opendensepose.core.decode import decode, dequantise, integer_box, quantise
from opendensepose.core.types import ChartLogits

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "detectron2"


def make_logits(n: int = 1, size: int = 12, coarse: int = 2, seed: int = 0, **confidence: int) -> ChartLogits:
    """Random maps: every channel wins somewhere."""
    rng = np.random.default_rng(seed)

    def draw(channels: int) -> NDArray[np.float32]:
        return rng.standard_normal((n, channels, size, size)).astype(np.float32)

    extra = {name: draw(channels) for name, channels in confidence.items()}
    return ChartLogits(draw(coarse), draw(25), draw(25), draw(25), extra)


def sample(plane: NDArray[np.float32], row: int, column: int, h: int, w: int) -> float:
    """One bilinear value by the definition: half-pixel centres, the border repeated, no antialias."""
    taps = []
    for index, size, n in ((row, plane.shape[0], h), (column, plane.shape[1], w)):
        source = max((index + 0.5) * size / n - 0.5, 0.0)
        low = min(int(source), size - 1)
        taps.append((low, min(low + 1, size - 1), source - low))
    (top, bottom, down), (left, right, across) = taps
    above = float(plane[top, left]) * (1 - across) + float(plane[top, right]) * across
    below = float(plane[bottom, left]) * (1 - across) + float(plane[bottom, right]) * across
    return above * (1 - down) + below * down


def slow_decode(
    logits: ChartLogits, h: int, w: int
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.float64]]]:
    """Labels [h, w] and named planes [h, w] of person 0, pixel by pixel."""
    labels = np.zeros((h, w), np.uint8)
    planes = {"u": logits.u[0], "v": logits.v[0], **{k: c[0] for k, c in logits.confidence.items()}}
    values = {name: np.zeros((h, w)) for name in planes}
    for r in range(h):
        for c in range(w):
            inside = np.argmax([sample(p, r, c, h, w) for p in logits.coarse[0]]) > 0
            chart = int(np.argmax([sample(p, r, c, h, w) for p in logits.fine[0]])) if inside else 0
            labels[r, c] = chart
            for name, stack in planes.items():
                if len(stack) == 1 or chart:
                    values[name][r, c] = sample(stack[chart if len(stack) > 1 else 0], r, c, h, w)
    return labels, values


@pytest.mark.parametrize(
    ("size", "coarse", "h", "w"),
    [
        (12, 2, 31, 17),  # enlarged, by no whole number
        (12, 15, 20, 40),  # many coarse parts: any of them is foreground
        (12, 2, 12, 12),  # as it is
        (12, 2, 5, 7),  # shrunk: taps skip values
        (12, 2, 3, 60),  # shrunk one way, enlarged the other
        (12, 2, 1, 1),
        (1, 2, 9, 4),  # one value
    ],
)
def test_as_a_loop_over_pixels(size: int, coarse: int, h: int, w: int) -> None:
    logits = make_logits(size=size, coarse=coarse, sigma=25, sure=1)
    found = decode(logits, np.array([[10.2, -3.0, 10.2 + w + 0.25, -3.0 + h + 0.25]]))[0]
    labels, values = slow_decode(logits, h, w)
    assert found.box == (10, -3, w, h)
    assert np.array_equal(found.labels, labels)
    assert found.confidence is not None
    planes = {"u": found.uv[0], "v": found.uv[1], **found.confidence}
    for name, expected in values.items():
        assert planes[name].dtype == np.float32
        np.testing.assert_allclose(planes[name], expected, atol=3e-6, err_msg=name)


@pytest.mark.parametrize(("h", "w"), [(300, 130), (50, 90), (417, 112), (1000, 333)])
def test_as_the_plain_way_in_torch(h: int, w: int) -> None:
    """All planes resampled, then chosen: same numbers up to rounding, other charts only at ties."""
    torch = pytest.importorskip("torch")
    logits = make_logits(n=2, size=28, seed=3)
    boxes = np.array([[0, 0, 1, 1], [7, 9, 7 + w, 9 + h]], np.float32)
    found = decode(logits, boxes)[1]

    def resize(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        tensor = torch.from_numpy(planes[1:])
        return torch.nn.functional.interpolate(tensor, (h, w), mode="bilinear", align_corners=False)[
            0
        ].numpy()

    fine = resize(logits.fine)
    labels = np.where(resize(logits.coarse).argmax(0) > 0, fine.argmax(0), 0)
    best = np.sort(fine, axis=0)[-2:]
    coarse = resize(logits.coarse)
    clear = (best[1] - best[0] > 1e-5) & (np.abs(coarse[1] - coarse[0]) > 1e-5)
    assert clear.mean() > 0.99
    assert np.array_equal(found.labels[clear], labels[clear])
    for mine, planes in ((found.uv[0], logits.u), (found.uv[1], logits.v)):
        plain = np.take_along_axis(resize(planes), labels[None], 0)[0] * (labels > 0)
        np.testing.assert_allclose(mine[clear], plain[clear], atol=5e-6)


@pytest.mark.parametrize("corner", [(0, 0), (13, 7)])
def test_a_box_in_a_larger_window_is_a_part_of_it(corner: tuple[int, int]) -> None:
    logits, window = make_logits(size=16, spread=25, sure=1), np.array([[40, 30, 50, 64]])
    (whole,) = decode(logits, np.array([[40, 30, 90, 94]]))
    x, y = corner
    (part,) = decode(logits, np.array([[40 + x, 30 + y, 40 + x + 31, 30 + y + 42]]), window)
    assert part.box == (40 + x, 30 + y, 31, 42)
    there = np.s_[y : y + 42, x : x + 31]
    assert np.array_equal(part.labels, whole.labels[there])
    np.testing.assert_allclose(part.uv, whole.uv[:, *there], atol=1e-6)
    assert part.confidence is not None and whole.confidence is not None
    for name in ("spread", "sure"):
        np.testing.assert_allclose(part.confidence[name], whole.confidence[name][there], atol=1e-5)


def test_bands_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = make_logits(sure=1, sigma=25)
    box = np.array([[0, 0, 37, 53]])
    whole = decode(logits, box)[0]
    monkeypatch.setattr(module, "BAND_PIXELS", 40)
    banded = decode(logits, box)[0]
    assert np.array_equal(whole.labels, banded.labels)
    assert np.array_equal(whole.uv, banded.uv)
    assert whole.confidence is not None and banded.confidence is not None
    assert all(np.array_equal(whole.confidence[k], banded.confidence[k]) for k in ("sure", "sigma"))


def test_a_very_large_person_takes_little_more_than_the_result() -> None:
    logits = make_logits(size=56)
    tracemalloc.start()
    try:
        found = decode(logits, np.array([[0, 0, 600, 5000]]))[0]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    result = found.labels.nbytes + found.uv.nbytes
    assert peak < 2 * result + 32e6


def test_ties_go_to_the_lower_channel() -> None:
    logits = make_logits(size=4)
    flat = np.zeros_like(logits.fine)
    person = np.zeros_like(logits.coarse)
    person[:, 1] = 1
    box = np.array([[0, 0, 9, 9]])
    flat[:, [5, 9]] = 2
    assert (decode(ChartLogits(person, flat, logits.u, logits.v), box)[0].labels == 5).all()
    # coarse tie: background is channel 0
    assert not decode(ChartLogits(0 * person, flat, logits.u, logits.v), box)[0].labels.any()


def test_u_and_v_are_not_clamped() -> None:
    logits = make_logits(size=4)
    coarse, fine, zero = np.zeros_like(logits.coarse), np.zeros_like(logits.fine), np.zeros_like(logits.u)
    coarse[:, 1] = fine[:, 3] = 1
    found = decode(ChartLogits(coarse, fine, zero + 1.5, zero - 0.25), np.array([[0, 0, 5, 6]]))[0]
    np.testing.assert_allclose(found.uv[0], 1.5, rtol=1e-6)
    np.testing.assert_allclose(found.uv[1], -0.25, rtol=1e-6)


def test_a_broken_network_gives_a_valid_map() -> None:
    logits = make_logits(size=6)
    logits.fine[0, 4, 2:4] = np.nan
    logits.u[0, :, 0] = np.nan
    found = decode(logits, np.array([[0, 0, 40, 40]]))[0]
    assert found.labels.max() <= 24
    assert quantise(found.uv).shape == (2, 40, 40)


def test_no_people_and_wrong_numbers_of_boxes() -> None:
    assert decode(make_logits(n=0), np.zeros((0, 4))) == ()
    with pytest.raises(ValueError, match="expected 2 boxes, one for each person, got 1"):
        decode(make_logits(n=2), np.zeros((1, 4)))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((1.9, 2.9, 11.9, 22.9), (1, 2, 10, 20)),
        ((1.2, 2.0, 5.1, 9.9), (1, 2, 3, 7)),  # w of 3.9 is cut, not rounded
        ((-1.9, -0.5, 3.0, 3.0), (-1, 0, 4, 3)),  # toward zero, w taken before
        ((4.0, 4.0, 4.0, 4.0), (4, 4, 1, 1)),  # empty: one pixel
        ((4.0, 4.0, 4.9, 4.2), (4, 4, 1, 1)),
        # in float64 the width is 2.9999999; float32 cannot tell 20.1 - 17.1 from 3
        ((17.1, 0.0, 20.1, 3.0), (17, 0, int(np.float32(20.1) - np.float32(17.1)), 3)),
    ],
)
def test_integer_box(box: tuple[float, ...], expected: tuple[int, ...]) -> None:
    assert integer_box(box) == expected


def test_quantiser() -> None:
    levels = np.arange(256)
    assert np.array_equal(quantise(dequantise(levels.astype(np.uint8))), levels)
    assert quantise(np.array([-0.1, 0.0039, 0.004, 0.999, 1.0, 1.01, 7.0, np.nan])).tolist() == [
        *(0, 0, 1, 254, 255, 255, 255, 0)
    ]


@pytest.mark.parametrize("name", ["R_50_FPN_s1x", "R_50_FPN_s1x_legacy", "R_50_FPN_DL_s1x"])
def test_the_resampling_of_the_published_system(name: str) -> None:
    """Its u and v of box 0 (every 8th channel, float16) give its U and V of the pixels with these charts."""
    path = REFERENCE / f"ref_{name}.npz"
    if not path.is_file():
        pytest.skip("needs ../shared: outputs of the reference system")
    data = np.load(path)
    labels, *expected = data["given0_iuv_sub4"]  # every 4th pixel, quantised
    raw = {key: data[f"dp_{key}_full_inst0_sub2ch"].astype(np.float32) for key in "uv"}
    size = raw["u"].shape[1]
    checked = same = 0
    for number, chart in enumerate((8, 16, 24), start=1):
        fine, u, v = (np.zeros((1, 25, size, size), np.float32) for _ in range(3))
        coarse = np.zeros((1, 2, size, size), np.float32)
        fine[:, chart] = coarse[:, 1] = 1
        u[0, chart], v[0, chart] = raw["u"][number], raw["v"][number]
        found = decode(ChartLogits(coarse, fine, u, v), data["given_boxes_orig"][:1])[0]
        assert found.labels.shape == tuple(data["given0_iuv_shape"][1:])
        there = labels == chart
        checked += there.sum()
        steps = quantise(found.uv[:, ::4, ::4])[:, there].astype(int) - np.array(expected)[:, there]
        assert (np.abs(steps) <= 1).all()  # 1: the halved precision of the stored maps
        same += (steps == 0).sum()
        exact = labels[::2, ::2] == chart
        np.testing.assert_allclose(
            found.uv[:, ::8, ::8][:, exact], data["given0_uv_sub8"][:, exact], atol=1e-3
        )
    assert checked > 10 and same > 0.8 * 2 * checked


def test_the_one_channel_confidence_of_the_published_system() -> None:
    path = REFERENCE / "ref_R_50_FPN_DL_WC1M_s1x.npz"
    if not path.is_file():
        pytest.skip("needs ../shared: outputs of the reference system")
    data = np.load(path)
    logits = make_logits(size=112)
    for name in ("fine_segm_confidence", "coarse_segm_confidence"):
        logits.confidence[name] = data[f"dp_{name}_full_inst0_sub2ch"].astype(np.float32)[None]
    found = decode(logits, data["given_boxes_orig"][:1])[0].confidence or {}
    for name, plane in found.items():
        np.testing.assert_allclose(plane[::8, ::8], data[f"given0_{name}_sub8"].squeeze(), rtol=1e-3)
    assert len(found) == 2
