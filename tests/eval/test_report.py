"""The page and the pictures of an evaluation: what is on them, for whom, and that nothing is trusted."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from eval_files import SIZE, content, numbers, score
from opendensepose.eval.figures import GREY, body_errors, error_colour
from opendensepose.eval.pointwise import Pointwise


class Page(HTMLParser):
    """The pictures, texts and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[np.ndarray] = []
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        if tag == "img":
            raw = base64.b64decode((values["src"] or "").split(",")[1])
            self.images.append(np.asarray(Image.open(io.BytesIO(raw)).convert("RGB")))
        self.links += [values[key] or "" for key in ("href", "src") if key in values]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Both pictures of the files, plain green and plain blue."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, colour in enumerate([(40, 160, 60), (40, 60, 160)]):
        picture = np.full((*SIZE, 3), colour, np.uint8)
        Image.fromarray(picture).save(folder / f"{number}.jpg", quality=95)
    return folder


def write_page(folder: Path, truth: Any, results: Any, *options: str) -> Page:
    done = score(folder, truth, results, "--html", str(folder / "page.html"), *options)
    assert done.exit_code == 0, done.output
    return Page((folder / "page.html").read_text(encoding="utf-8"))


def test_the_page(tmp_path: Path, photos: Path) -> None:
    truth, results = content()
    results[3]["bbox"] = [0.0, 0.0, 30.0, 50.0]  # finds nobody
    page = write_page(tmp_path, truth, results, "--images", str(photos))
    summary = numbers(tmp_path)
    assert f"{100 * summary['gps']['AP']:.1f} GPS AP" in page.text
    assert "3 / 4 people found" in page.text and "People whom nobody found: 1" in page.text
    assert page.tags.count("figure") == 4
    assert len(page.images) == 1 + 3 * 2 + 1  # the body, two of each person found, one of the missed
    green = page.images[1].reshape(-1, 3).astype(int)
    assert (np.abs(green - [40, 160, 60]).max(1) < 12).mean() > 0.2  # the photo is behind the points
    assert page.links and all(link.startswith("data:image/") for link in page.links)  # needs nothing else


def test_the_page_is_the_same_each_time_and_names_are_text(tmp_path: Path) -> None:
    truth, results = content()
    truth["images"][0]["file_name"] = "<script>alert(1)</script>.jpg"
    first = write_page(tmp_path, truth, results)
    again = write_page(tmp_path, truth, results)
    assert first.texts == again.texts and "script" not in first.tags
    assert "<script>alert(1)</script>.jpg, annotation 10" in first.text
    assert "--images" in first.text  # how to get the photos


@pytest.mark.parametrize("name", ["../secret.png", "absent.jpg", "broken.jpg"])
def test_photos_elsewhere_or_broken_are_grey(name: str, tmp_path: Path, photos: Path) -> None:
    red = Image.fromarray(np.full((*SIZE, 3), (250, 0, 0), np.uint8))
    red.save(tmp_path / "secret.png")
    (photos / "broken.jpg").write_bytes(b"no picture")
    truth, results = content()
    for image in truth["images"]:
        image["file_name"] = name
    page = write_page(tmp_path, truth, results, "--images", str(photos))
    for picture in page.images[1::2]:  # those with points
        reddish = (picture[..., 0] > 200) & (picture[..., 1] < 60)
        assert reddish.mean() < 0.01


def test_nobody_annotated(tmp_path: Path) -> None:
    truth, results = content()
    page = write_page(tmp_path, truth | {"annotations": []}, results)
    assert "0 / 0 people found" in page.text and "figure" not in page.tags


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_curves_as_a_picture(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"curves.{suffix}"
    assert score(tmp_path, *content(), "--plot", str(path)).exit_code == 0
    if suffix == "svg":
        text = " ".join(ElementTree.parse(path).getroot().itertext())
        assert "AUC30" in text and re.search(r"GPS: AP 100\.0", text)
    elif suffix == "png":
        assert Image.open(path).size[0] > 1000
    else:
        assert path.read_bytes().startswith(b"%PDF")


def test_plot_of_another_kind(tmp_path: Path) -> None:
    done = score(tmp_path, *content(), "--plot", str(tmp_path / "curves.txt"))
    assert done.exit_code == 2 and ".svg" in done.output and not (tmp_path / "curves.txt").exists()


def test_the_body_has_the_colours_of_its_errors() -> None:
    chart = np.array([2, 2, 10], np.uint8)
    points = Pointwise(chart, np.array([0.3, 0.3, 0.0], np.float32), np.ones(3, bool), 1, 1)
    picture = body_errors(points, 300).astype(int)
    dark, pale = error_colour(np.array([0.3, 0.0])).astype(int)

    def share(colour: np.ndarray) -> float:
        """Pixels of a colour, however it is lit: those in its direction."""
        length = np.linalg.norm(picture, axis=2) * np.linalg.norm(colour)
        return float(((picture @ colour) / np.maximum(length, 1) > 0.9995).mean())

    assert share(dark) > 0.02 and share(pale) > 0.005 and share(np.array(GREY)) > 0.1


def test_colours_of_errors() -> None:
    colours = error_colour(np.array([0, 0.1, 0.3, 5.0, np.inf])).astype(int)
    assert colours[4].tolist() == [0, 0, 0]
    assert (colours[2] == colours[3]).all()
    assert (np.diff(colours[:3].sum(1)) < 0).all()  # darker and darker
