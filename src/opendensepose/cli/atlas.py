"""`densepose atlas`: a picture of the 24 charts and of the body that they cover."""

from __future__ import annotations

from typing import Any

import click
import cv2
import numpy as np

from opendensepose.cli.common import JsonCommand, json_option, write_summary
from opendensepose.io.image import read_image, write_image
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import PART_NAMES
from opendensepose.viz.atlas import draw_body, draw_layout, likeness


@click.command(cls=JsonCommand)
@click.option("--out", default="atlas.png", show_default=True, help="Picture to write.")
@click.option(
    "--compare", metavar="PICTURE", help="Another atlas, drawn alike; put beside ours and measured."
)
@click.option(
    "--atlas", "source", metavar="DIR", default="odp24", help="The official atlas, out of its files."
)
@click.option("--quiet", is_flag=True, help="Print nothing.")
@json_option
def atlas(out: str, compare: str | None, source: str, json_file: str | None, quiet: bool) -> None:
    """Draw the body atlas: 24 charts, U to the right and V up; the body from the front and from behind."""
    charts = Atlas.load(source)
    layout = draw_layout(charts)
    panels, lines = [layout, draw_body(charts, len(layout))], []
    summary: dict[str, Any] = {"out": out, "atlas": charts.name, "faces": len(charts.faces)}
    if compare:
        other = read_image(compare)
        iou = likeness(charts, other)
        summary["iou"] = {PART_NAMES[c]: round(float(iou[c - 1]), 3) for c in range(1, 25)}
        summary["median_iou"] = round(float(np.median(iou)), 3)
        lines = [
            f"{c:3d} {name:28s} IoU {value:.3f}" for c, (name, value) in enumerate(summary["iou"].items(), 1)
        ]
        lines.append(f"median IoU {summary['median_iou']:.3f}")
        panels.insert(0, cv2.resize(other, layout.shape[1::-1]).astype(np.uint8))
    write_image(out, np.concatenate(panels, axis=1))
    if not quiet and json_file != "-":
        click.echo("\n".join([*lines, f"{out}: {len(charts.faces)} triangles in 24 charts"]))
    write_summary(summary, json_file)
