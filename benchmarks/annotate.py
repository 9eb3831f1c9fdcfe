"""The annotation tool: how fast clicks and strokes are answered, what the views show, what clicks recover.

python -m benchmarks.annotate [--points 300] [--json FILE]

Served by a process of its own, one annotator on loopback. Times are from sending to the whole answer; the
server's processor time per action does not depend on what else the machine does. Then a scripted annotator
clicks the pixel at which a view shows a random surface point.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

import opendensepose as odp
from benchmarks import machine
from benchmarks.annotate_server import Server
from opendensepose.annotate.access import add_token, add_user
from opendensepose.annotate.drawing import load_views
from opendensepose.annotate.project import Project
from opendensepose.annotate.tiles import Crop, tile_file
from opendensepose.annotate.views import ViewSet
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import COARSE_NAMES, FINE_TO_COARSE

BOX = (100.0, 20.0, 190.0, 230.0)
CLICK_BAR, STROKE_BAR = 100, 50  # ms, 95th percentile
LARGE = (3648, 5472)  # a photo of 20 megapixels


class Annotator:
    """One connection that times its actions."""

    def __init__(self, server: Server, token: str) -> None:
        self.connection = HTTPConnection("127.0.0.1", server.port)
        self.headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self.process = psutil.Process(server.process.pid)
        self.count = 0

    def call(self, path: str, body: Any) -> Any:
        self.connection.request("POST", path, json.dumps(body), self.headers)
        return json.loads(self.connection.getresponse().read())

    def time_actions(self, path: str, bodies: list[dict[str, Any]]) -> tuple[dict[str, float], Any]:
        """Milliseconds of each, and of the server's processor; the last answer."""
        before = sum(self.process.cpu_times()[:2])
        times = []
        for body in bodies:
            self.count += 1
            start = time.perf_counter()
            answer = self.call(path, {"key": f"benchmark-{self.count:06d}", **body})
            times.append(1000 * (time.perf_counter() - start))
        processor = 1000 * (sum(self.process.cpu_times()[:2]) - before) / len(bodies)
        p50, p95 = np.percentile(times, [50, 95])
        return {"count": len(times), "p50_ms": p50, "p95_ms": p95, "processor_ms": processor}, answer


def time_server(folder: Path, points: int) -> dict[str, Any]:
    """Strokes, then clicks, of one person."""
    project = Project.open(folder / "project", gold_share=0.0)
    project.add_photo(odp.SAMPLE_IMAGE.read_bytes(), "a.jpg", [BOX], "drawn")
    token = add_token(project.store, add_user(project.store, "one", "annotator"))
    server = Server(folder / "project")
    try:
        one = Annotator(server, token)
        path = f"/api/assignments/{one.call('/api/next', {})['assignment']}/events"
        rng = np.random.default_rng(0)
        drawn = [rng.uniform(BOX[:2], BOX[2:], (60, 2)).round(2).tolist() for _ in range(points // 2)]
        strokes = [{"kind": "shape", "part": 1, "tool": "polygon", "points": line} for line in drawn]
        square = [[100.0, 20.0], [190.0, 20.0], [190.0, 230.0], [100.0, 230.0]]
        one.time_actions(path, [{"kind": "undo", "stage": 1}] * 20)  # warm
        stroke, _ = one.time_actions(path, [*strokes, strokes[0] | {"points": square}])
        one.time_actions(path, [{"kind": "parts_done"}])
        at = rng.uniform([200, 150], [280, 300], (points, 2)).round(1)
        clicks = [
            {"kind": "place", "point": k % 14, "view": 0, "x": float(x), "y": float(y)}
            for k, (x, y) in enumerate(at)
        ]
        click, answer = one.time_actions(path, clicks)
        assert "places" in answer
        return {"stroke": stroke, "click": click}
    finally:
        server.stop()


def time_large_photo(folder: Path) -> float:
    """Seconds until the first tile of a person in a photo of 20 megapixels."""
    image = cv2.resize(cv2.imread(str(odp.SAMPLE_IMAGE)), LARGE[::-1])
    cv2.imwrite(str(folder / "large.jpg"), image)
    crop = Crop.around((500, 100, 4500, 3600), LARGE)
    start = time.process_time()
    tile_file(folder / "tiles", folder / "large.jpg", crop, 0, 0, 0)
    return time.process_time() - start


def random_points(atlas: Atlas, part: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Faces [P] and barycentrics [P, 3] spread evenly over the area of a part."""
    rng = np.random.default_rng([0, part])
    faces = np.flatnonzero(FINE_TO_COARSE[atlas.face_chart] == part)
    a, b, c = np.moveaxis(atlas.vertices[atlas.triangles[faces]].astype(float), 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return rng.choice(faces, count, p=area / area.sum()), rng.dirichlet([1, 1, 1], count)


def click_part(views: ViewSet, part: int, count: int) -> dict[str, float]:
    """Share of the area that the six views show; right charts away from seams; median distance."""
    atlas = views.atlas
    faces, barys = random_points(atlas, part, count)
    a, b, c = np.moveaxis(atlas.vertices[atlas.triangles[faces]].astype(float), 1, 0)
    points = np.einsum("pk,pkd->pd", barys, np.stack([a, b, c], 1))
    shown = [view.shows(atlas, faces, barys) for view in views.parts[part]]
    square = np.array([np.cross(b - a, c - a) @ view.camera.axes[2] for view in views.parts[part]])
    seen = np.array([s for _, s in shown])  # [6, P]
    best = np.where(seen, square, -np.inf).argmax(0)
    gaps, right = [], []
    for k in np.flatnonzero(seen.any(0)):
        x, y = shown[best[k]][0][k].astype(int)
        hit = views.locate(part, int(best[k]), x + 0.5, y + 0.5)
        if hit is None:
            continue
        gaps.append(np.linalg.norm(hit[1] @ atlas.vertices[atlas.triangles[hit[0]]] - points[k]))
        around = views.parts[part][best[k]].faces[y - 1 : y + 2, x - 1 : x + 2]
        if (around >= 0).all() and len(np.unique(atlas.face_chart[around])) == 1:
            right.append(atlas.face_chart[hit[0]] == atlas.face_chart[faces[k]])
    share, chart = float(seen.any(0).mean()), float(np.mean(right))
    return {"shown": share, "right_chart": chart, "median_mm": 1000 * float(np.median(gaps))}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=300, help="clicks that are timed, half as many strokes")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    views, _ = load_views()
    with tempfile.TemporaryDirectory() as folder:
        numbers: dict[str, Any] = {"machine": machine.describe(), **time_server(Path(folder), options.points)}
        numbers["large_photo_s"] = time_large_photo(Path(folder))
    numbers["parts"] = {COARSE_NAMES[p]: click_part(views, p, 2000) for p in range(1, 15)}
    print(machine.line(numbers["machine"]))
    for name, bar in (("stroke", STROKE_BAR), ("click", CLICK_BAR)):
        row = numbers[name]
        print(
            f"{name}: {row['count']} actions, median {row['p50_ms']:.1f} ms, 95 % within "
            f"{row['p95_ms']:.1f} ms (bar {bar}); server's processor {row['processor_ms']:.1f} ms"
        )
    print(f"all tiles of a person in a 20-megapixel photo: {numbers['large_photo_s']:.2f} s (processor)")
    print("part              area shown   right chart   surface point, median")
    for name, row in numbers["parts"].items():
        print(f"  {name:16s} {row['shown']:8.1%} {row['right_chart']:12.1%} {row['median_mm']:10.2f} mm")
    machine.save(options.json, numbers)


if __name__ == "__main__":
    main()
