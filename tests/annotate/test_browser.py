"""The whole way in real Chromium: photos, two annotators, both stages by mouse and keys, review, export."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import opendensepose as odp
from annotate.browser import CHROMIUM, chromium, open_page, ready, until
from benchmarks.annotate_server import Server
from opendensepose.annotate.views import ViewSet
from opendensepose.cli import main
from opendensepose.data.coco import read_annotations

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
NAME = "<img src=x onerror=alert(1)>.jpg"
BOX = [100.0, 20.0, 190.0, 230.0]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture
def server(tmp_path: Path, views: ViewSet) -> Iterator[Server]:
    """A project with one photo that two people annotate, and one that nobody has drawn a box on."""
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(odp.SAMPLE_IMAGE, photos / NAME)
    (tmp_path / "boxes.json").write_text(json.dumps({NAME: [BOX]}))
    project = tmp_path / "project"
    made = Server(
        project,
        *("--images", str(photos), "--boxes", str(tmp_path / "boxes.json"), "--double", "1"),
        *("--add-user", "ann:annotator", "--add-user", "bob:annotator", "--add-user", "rev:reviewer"),
    )
    yield made
    assert made.stop() in (0, -signal.SIGKILL)


def tokens(server: Server) -> dict[str, str]:
    return dict(re.findall(r"(\w+) signs in with the token (\S+)", server.log.read_text()))


def click_photo(page: Any, x: float, y: float) -> None:
    """Click at a place of the photo, in its pixels, as the page shows it now."""
    box = page.locator("canvas.photo").bounding_box()
    left, top, right, bottom = crop_of(page)
    scale = min(box["width"] / (right - left), box["height"] / (bottom - top))
    cx, cy = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(cx + (x - (left + right) / 2) * scale, cy + (y - (top + bottom) / 2) * scale)


def crop_of(page: Any) -> tuple[float, float, float, float]:
    number = re.search(r"a=(\d+)", page.url)
    assert number
    crop = page.evaluate(f"fetch('/api/assignments/{number[1]}').then(r => r.json()).then(w => w.crop)")
    return crop["x"], crop["y"], crop["x"] + crop["width"], crop["y"] + crop["height"]


def outline(page: Any, corners: list[tuple[float, float]]) -> None:
    for x, y in corners:
        click_photo(page, x, y)
    page.keyboard.press("Enter")


def draw_parts(page: Any) -> None:
    """A torso by mouse, a head by brush, a hidden hand by a key."""
    page.click("#next")
    page.wait_for_url("**/parts.html*")
    ready(page)
    page.keyboard.press("1")
    outline(page, [(120, 80), (170, 80), (165, 140), (125, 140)])
    page.keyboard.press("r")  # head
    page.keyboard.press("b")
    box = page.locator("canvas.photo").bounding_box()
    click_photo(page, 145, 45)
    page.keyboard.press("2")
    page.keyboard.press("n")
    assert page.locator("#parts .state.done").count() == 2
    page.keyboard.press("Control+z")  # the hand is not hidden after all
    until(page, "document.querySelectorAll('#parts .state').length === 2")
    page.keyboard.press("Control+y")
    until(page, "document.querySelectorAll('#parts .state').length === 3")
    assert box["width"] > 500
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/points.html*")
    ready(page)


def place_points(page: Any, views: ViewSet) -> int:
    """Every point in the middle of the first view: the first by keys, the others by mouse."""
    count = page.locator("#points .chip").count()
    page.keyboard.press("1")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_selector("#points .chip.on.done")
    turn_the_body(page)
    page.keyboard.press("Space")
    for k in range(1, count - 1):
        pane = page.locator("#views canvas").nth(k % 2 * 3)  # front and back
        at = pane.bounding_box()
        page.mouse.click(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2 + k % 5)
        page.wait_for_selector("#points .chip.on.done")
        page.keyboard.press("Space")
        page.wait_for_selector("#points .chip.on:not(.done)")
    page.keyboard.press("c")
    page.wait_for_selector("#points .chip.out")
    return int(count)


def turn_the_body(page: Any) -> None:
    """Keys turn it by a picture and back; a drag of 12 pixels as much as a key."""
    body = page.locator("#turntable canvas")
    seen = body.screenshot()
    page.keyboard.press("]")
    turned = body.screenshot()
    page.keyboard.press("[")
    assert body.screenshot() == seen != turned
    at = body.bounding_box()
    x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 13, y)
    page.mouse.up()
    assert body.screenshot() == turned


def hand_in(page: Any) -> None:
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/?done=1")
    ready(page)


def test_the_whole_way(server: Server, browser: Any, views: ViewSet, tmp_path: Path) -> None:
    faults: list[str] = []
    secret = tokens(server)
    counts = []
    for name in ("ann", "bob"):
        page = open_page(browser, server.url, secret[name], faults)
        draw_parts(page)
        counts.append(place_points(page, views))
        hand_in(page)
        assert "Handed in" in page.inner_text("main")
    assert counts[0] == counts[1] >= 15
    review(open_page(browser, server.url, secret["rev"], faults), secret["ann"], server, browser, faults)
    admin = open_page(browser, server.url, server.token, faults)
    admin.goto(f"{server.url}/admin.html")
    ready(admin)
    assert NAME in admin.inner_text(".photo-card figcaption")  # shown, not obeyed
    with admin.expect_download() as download:
        admin.click("text=Export what is handed in")
    out = tmp_path / "annotations.json"
    download.value.save_as(out)
    assert faults == []
    check_export(out, counts[0], views)


def review(page: Any, annotator: str, server: Server, browser: Any, faults: list[str]) -> None:
    """The first is sent back with a note and handed in again, then all are accepted."""
    page.goto(f"{server.url}/review.html")
    ready(page)
    assert page.locator("#list .tag.submitted").count() == 2
    page.fill("#verdict-note", "<img src=x onerror=alert(1)> the head, please")
    page.click("text=Send back")
    page.wait_for_selector("#list .tag.returned")
    again = open_page(browser, server.url, annotator, faults)
    again.click("#next")
    again.wait_for_url("**/points.html*")
    ready(again)
    assert "<img src=x onerror=alert(1)> the head, please" in again.inner_text("#note")
    assert again.locator("#note img").count() == 0
    hand_in(again)
    page.reload()
    ready(page)
    for left in (1, 0):
        page.keyboard.press("a")
        until(page, f"document.querySelector('#list h1').textContent === '{left} to review'")
    page.goto(f"{server.url}/dashboard.html")
    ready(page)
    text = page.inner_text("main")
    assert "2 / 2" in text and "ann" in text and "bob" in text


def check_export(out: Path, count: int, views: ViewSet) -> None:
    done = CliRunner().invoke(main, ["data", "check", str(out)])
    assert done.exit_code == 0, done.output
    (sample,) = read_annotations(out)
    (person,) = sample.people
    assert sample.file_name == NAME and person.points is not None
    np.testing.assert_allclose(person.box, BOX)
    assert len(person.points.chart) == count - 1
    labels = person.part_labels()
    assert labels is not None and set(np.unique(labels)) == {0, 1, 14}
    # the torso's trapezium as drawn by the mouse, to the width of a screen pixel
    np.testing.assert_allclose((labels == 1).mean() * 90 * 210, (50 + 40) / 2 * 60, rtol=0.03)
    assert set(person.points.chart) <= {1, 2, 23, 24}
    first = person.points  # placed by keys: four view pixels above the middle of the torso's first view
    found = views.locate(1, 0, 240, 236)
    assert found is not None
    truth = found[1] @ views.atlas.vertices[views.atlas.triangles[found[0]]]
    np.testing.assert_allclose(views.atlas.to_xyz(first.chart[:1], first.uv[:1])[0], truth, atol=1e-4)


def state_of(page: Any) -> Any:
    number = re.search(r"a=(\d+)", page.url)
    assert number
    return page.evaluate(f"fetch('/api/assignments/{number[1]}').then(r => r.json()).then(w => w.state)")


def saved(page: Any, shapes: int) -> Any:
    """The shapes, when so many are stored."""
    until(page, "document.getElementById('saved').textContent === 'saved'")
    found = state_of(page)["shapes"]
    assert len(found) == shapes
    return found


def screen(page: Any, x: float, y: float) -> tuple[float, float]:
    """Where a place of the photo is on the screen while the whole crop is shown."""
    box = page.locator("canvas.photo").bounding_box()
    left, top, right, bottom = crop_of(page)
    scale = min(box["width"] / (right - left), box["height"] / (bottom - top))
    cx, cy = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return cx + (x - (left + right) / 2) * scale, cy + (y - (top + bottom) / 2) * scale


def drag(page: Any, places: list[tuple[float, float]]) -> None:
    page.mouse.move(*screen(page, *places[0]))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*screen(page, *place), steps=4)
    page.mouse.up()


def test_drawing_tools_and_a_killed_server(server: Server, browser: Any, tmp_path: Path) -> None:
    """Freehand, eraser, vertices, keys alone; and what is drawn while the server is dead is not lost."""
    faults: list[str] = []
    page = open_page(browser, server.url, tokens(server)["ann"], faults)
    page.click("#next")
    page.wait_for_url("**/parts.html*")
    ready(page)
    turns = np.linspace(0, 2 * np.pi, 30)
    page.keyboard.press("1")
    drag(page, [(145 + 20 * np.cos(t), 110 + 30 * np.sin(t)) for t in turns])
    (loop,) = saved(page, 1)
    radius = np.hypot(*((np.array(loop["points"]) - [145, 110]) / [20, 30]).T)
    assert 8 <= len(loop["points"]) <= 60 and np.abs(radius - 1).max() < 0.08
    page.keyboard.press("x")
    drag(page, [(130, 130), (160, 130)])
    assert [s["part"] for s in saved(page, 2)] == [1, 0]
    page.keyboard.press("v")
    page.mouse.click(*screen(page, 145, 100))  # selects the loop
    drag(page, [tuple(loop["points"][0]), (185, 110)])
    moved = saved(page, 2)[0]["points"]
    np.testing.assert_allclose(moved[0], [185, 110], atol=0.6)
    assert moved[1:] == loop["points"][1:]
    page.keyboard.press("Escape")
    draw_by_keys(page)
    keyed = saved(page, 3)[2]
    assert keyed["part"] == 6 and keyed["tool"] == "polygon" and len(keyed["points"]) == 3
    sides = np.linalg.norm(np.diff([*keyed["points"], keyed["points"][0]], axis=0), axis=1)
    np.testing.assert_allclose(sides[0] / sides[1], 1, atol=0.02)  # as many steps to the right as down
    spots = [screen(page, *place) for place in ((120, 180), (140, 180), (140, 220))]
    server.stop(signal.SIGKILL)
    page.keyboard.press("8")
    for spot in spots:
        page.mouse.click(*spot)
    page.keyboard.press("Enter")
    page.wait_for_selector("#saved.bad")
    again = Server(tmp_path / "project", port=server.port)
    try:
        assert [s["part"] for s in saved(page, 4)] == [1, 0, 6, 8]
    finally:
        again.stop()
    assert [fault for fault in faults if "ERR_CONNECTION" not in fault] == []


def draw_by_keys(page: Any) -> None:
    """A triangle without the mouse: arrows move the pointer, C clicks, Enter closes."""
    page.keyboard.press("p")
    page.keyboard.press("6")
    page.keyboard.press("c")
    for keys in (["Shift+ArrowRight"] * 2, ["Shift+ArrowDown"] * 2):
        for key in keys:
            page.keyboard.press(key)
        page.keyboard.press("c")
    page.keyboard.press("Enter")
