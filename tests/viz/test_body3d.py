"""The page of points on the body: places from the atlas; a real browser shows, turns and zooms it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from opendensepose.core.types import SurfacePoints
from opendensepose.surface.atlas import Atlas
from opendensepose.viz.body3d import LIFT, Marked, _gather, body_page

pytest.importorskip("plotly")
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"


@pytest.fixture(scope="module")
def marked() -> list[Marked]:
    atlas = Atlas.load()
    rng = np.random.default_rng(0)
    result = []
    for number in range(3):
        face = rng.integers(0, len(atlas.faces), 100)
        chart, uv = atlas.from_face(face, np.full((100, 3), 1 / 3))
        points = SurfacePoints(np.zeros((100, 2), np.float32), chart, uv.astype(np.float32))
        result.append(Marked(f"annotation {number}", points, rng.random(100) / 5))
    return result


def test_points_lie_on_the_body(marked: list[Marked]) -> None:
    atlas = Atlas.load()
    cloud = _gather(atlas, marked)
    truth = np.concatenate([atlas.to_xyz(m.points.chart, m.points.uv) for m in marked])
    assert np.allclose(np.linalg.norm(cloud.xyz - truth, axis=1), LIFT, atol=1e-6)
    _, _, gap = atlas.nearest(cloud.xyz)
    assert gap.max() < LIFT + 1e-4
    assert cloud.text[0].startswith("annotation 0<br>") and cloud.text[299].startswith("annotation 2<br>")


def test_points_beside_their_chart_are_left_out() -> None:
    points = SurfacePoints(np.zeros((2, 2), np.float32), np.array([2, 2], np.uint8), np.full((2, 2), 0.5))
    far = SurfacePoints(points.xy, points.chart, np.array([[0.5, 0.5], [np.nan, 0.5]], np.float32))
    assert len(_gather(Atlas.load(), [Marked("a", far)]).chart) == 1
    assert len(_gather(Atlas.load(), []).chart) == 0


def test_of_very_many_points_some_are_shown(marked: list[Marked], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opendensepose.viz.body3d.MOST", 90)
    cloud = _gather(Atlas.load(), marked)
    assert len(cloud.chart) == 75 and {text.split("<br>")[0][-1] for text in cloud.text} == set("012")


def test_the_page_needs_no_network(marked: list[Marked]) -> None:
    page = body_page(Atlas.load(), marked, "a <b>")
    assert 'src="http' not in page and "src='http" not in page
    assert len(page) > 3_000_000  # plotly is inside


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).is_file():
        pytest.skip("needs chromium")
    options = ["--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


def picture(page: Any) -> np.ndarray:
    page.wait_for_timeout(700)
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)


def test_a_browser_shows_turns_and_zooms_it(browser: Any, marked: list[Marked], tmp_path: Path) -> None:
    path = tmp_path / "body.html"
    path.write_text(body_page(Atlas.load(), marked, "some points"), encoding="utf-8")
    page = browser.new_page(viewport={"width": 500, "height": 480}, offline=True)  # small: drawn in software
    page.set_default_timeout(120_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(path.as_uri())
    page.get_by_text("some points: 300 points").wait_for()
    first = picture(page)
    grey = (np.ptp(first, axis=-1) < 12) & (first.max(-1) < 250)
    colourful = np.ptp(first[:, :420], axis=-1) > 100  # without the scale at the right
    assert 5_000 < grey.sum() < 100_000 and colourful.sum() > 500
    assert 220 < np.ptp(np.nonzero(grey[110:].any(1))[0]) < 370  # the whole body is in the window

    seen = [first]
    for name in ("part", "error, cm"):
        page.get_by_text(name, exact=True).first.click()
        seen.append(picture(page))
        assert (np.abs(seen[-1] - seen[-2]).max(-1) > 40).sum() > 300, name

    page.mouse.move(250, 300)
    page.mouse.down()
    page.mouse.move(370, 290, steps=2)
    page.mouse.up()
    turned = picture(page)
    assert (np.abs(turned - seen[-1])[110:].max(-1) > 40).sum() > 3_000
    for _ in range(3):
        page.mouse.wheel(0, -500)
    zoomed = picture(page)
    assert ((zoomed.max(-1) < 250).sum()) > 1.3 * (turned.max(-1) < 250).sum()
    assert problems == []
