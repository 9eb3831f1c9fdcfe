"""The model's head start: regions become polygons that paint the same regions, and it is on record."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from opendensepose.annotate.assist import outlines
from opendensepose.annotate.regions import paint, raster_scale

BOX = (10.0, 20.0, 130.0, 220.0)


def test_outlines_paint_the_regions_that_they_are_made_of() -> None:
    labels = np.zeros((200, 120), np.uint8)  # one per pixel of the box
    cv2.ellipse(labels, (60, 60), (30, 45), 20, 0, 360, 1, -1)
    cv2.circle(labels, (60, 18), 15, 14, -1)
    cv2.rectangle(labels, (35, 110), (55, 190), 6, -1)
    labels[5, 5] = 9  # a speck
    shapes = {str(k): shape for k, shape in enumerate(outlines(labels, (10, 20)))}
    assert {shape["part"] for shape in shapes.values()} == {1, 6, 14}
    painted = paint(shapes, BOX)
    (height, width), scale = raster_scale(BOX)
    rows = ((np.arange(height) + 0.5) / scale[1]).astype(int)
    columns = ((np.arange(width) + 0.5) / scale[0]).astype(int)
    truth = labels[rows[:, None], columns]
    for part in (1, 6, 14):
        both = (painted == part) & (truth == part)
        assert both.sum() / ((painted == part) | (truth == part)).sum() > 0.95


def test_the_model_proposes_once(sign_in: Any) -> None:
    ann = sign_in("ann")
    number = ann.post("/api/next").json()["assignment"]
    answer = ann.post(f"/api/assignments/{number}/assist")
    assert answer.status_code in (200, 422)  # 422: the model sees nobody here
    if answer.status_code == 200:
        state = answer.json()["state"]
        assert state["assisted"] and state["shapes"]
        assert ann.post(f"/api/assignments/{number}/assist").status_code == 409
        key = state["shapes"][0]["key"]
        body = {"kind": "remove", "key": "remove-0001", "shape": key}
        assert ann.post(f"/api/assignments/{number}/events", json=body).status_code == 200
        left = ann.get(f"/api/assignments/{number}").json()["state"]["shapes"]
        assert len(left) == len(state["shapes"]) - 1
    other = sign_in("bob")
    assert other.post(f"/api/assignments/{number}/assist").status_code == 404
