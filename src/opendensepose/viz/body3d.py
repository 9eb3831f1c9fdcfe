"""A page with annotated points on the 3D body, which turns and zooms in any browser, without a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opendensepose.core.types import SurfacePoints
from opendensepose.surface.atlas import Atlas
from opendensepose.surface.parts import PART_COLOURS, PART_NAMES

LIFT = 0.006  # metres: points float so far above the skin, else it hides half of each
MOST = 20_000  # points: more and the page turns slowly
WORST = 0.3  # metres: errors from here on have the last colour
_BODY = "rgb(214, 214, 220)"


class Marked(NamedTuple):
    """Points of one annotation, and what is told about them."""

    label: str  # such as "annotation 12"
    points: SurfacePoints
    error: NDArray[np.floating] | None = None  # [P] metres; infinite or NaN where nothing was predicted


def body_page(atlas: Atlas, marked: Sequence[Marked], title: str) -> str:
    """HTML of the body with all points, coloured by U, V, part or, if given, by error; plotly is inside.

    Points that lie on no chart of the atlas are left out, and of more than MOST every k-th is shown.
    Raises ModuleNotFoundError without plotly (extra `[viz]`).
    """
    import plotly.graph_objects as go

    points = _gather(atlas, marked)
    views = _views(points)
    figure = go.Figure([_body(atlas), *(_cloud(points, view, k == 0) for k, view in enumerate(views))])
    buttons: list[dict[str, Any]] = []
    for number, view in enumerate(views):
        visible = [True, *(k == number for k in range(len(views)))]
        buttons.append({"label": view.name, "method": "restyle", "args": [{"visible": visible}]})
    axis = {"visible": False, "showspikes": False}
    figure.update_layout(
        title={"text": f"{title}: {len(points.chart):,} points", "x": 0.5, "y": 0.975},
        font={"family": "sans-serif", "size": 15},
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        paper_bgcolor="white",
        updatemenus=[
            {"type": "buttons", "direction": "right", "buttons": buttons}
            | {"x": 0.5, "xanchor": "center", "y": 0.94, "yanchor": "top", "showactive": True}
        ],
        scene={"xaxis": axis, "yaxis": axis, "zaxis": axis, "aspectmode": "data", "dragmode": "orbit"}
        | {"camera": {"eye": {"x": 0.4, "y": -2.3, "z": 0.3}, "up": {"x": 0, "y": 0, "z": 1}}}
        | {"domain": {"x": [0, 1], "y": [0, 0.88]}},
    )
    return str(figure.to_html(include_plotlyjs=True, full_html=True, config={"displaylogo": False}))


class _Cloud(NamedTuple):
    xyz: NDArray[np.float64]  # [P, 3] metres
    chart: NDArray[np.uint8]
    uv: NDArray[np.float32]
    text: list[str]
    error: NDArray[np.float64] | None


class _View(NamedTuple):
    name: str
    colour: Any  # [P] numbers, or [P] "rgb(...)"
    most: float | None  # of the numbers


def _gather(atlas: Atlas, marked: Sequence[Marked]) -> _Cloud:
    chart = np.concatenate([m.points.chart for m in marked] or [np.zeros(0, np.uint8)])
    uv = np.concatenate([m.points.uv for m in marked] or [np.zeros((0, 2), np.float32)])
    label = [m.label for m in marked for _ in m.points.chart]
    kept = np.arange(0, len(chart), max(1, -(-len(chart) // MOST)))
    face, bary, _ = atlas.to_face(chart[kept], uv[kept])
    on_it = face >= 0
    kept, face, bary = kept[on_it], face[on_it], bary[on_it]
    corners = atlas.vertices[atlas.triangles[face]].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    xyz = np.einsum("pk,pkd->pd", bary, corners) + LIFT * normal
    error = None
    if marked and all(m.error is not None for m in marked):
        error = np.concatenate([np.asarray(m.error, np.float64) for m in marked])[kept]
    text = [f"{label[k]}<br>{PART_NAMES[chart[k]]} ({chart[k]})" for k in kept]
    text = [f"{t}<br>U {u:.3f}, V {v:.3f}" for t, (u, v) in zip(text, uv[kept].tolist(), strict=True)]
    if error is not None:
        said = [f"{100 * e:.1f} cm off" if np.isfinite(e) else "not found" for e in error.tolist()]
        text = [f"{t}<br>{e}" for t, e in zip(text, said, strict=True)]
    return _Cloud(xyz, chart[kept], uv[kept], text, error)


def _views(points: _Cloud) -> list[_View]:
    colours = [f"rgb({r}, {g}, {b})" for r, g, b in PART_COLOURS[points.chart].tolist()]
    views = [_View("U", points.uv[:, 0], 1), _View("V", points.uv[:, 1], 1), _View("part", colours, None)]
    if points.error is not None:
        error = np.minimum(np.nan_to_num(points.error, nan=WORST, posinf=WORST), WORST)
        views.append(_View("error, cm", 100 * error, 100 * WORST))
    return views


def _cloud(points: _Cloud, view: _View, visible: bool) -> Any:
    import plotly.graph_objects as go

    size = 4.5 if len(points.chart) < 3000 else 3
    marker: dict[str, Any] = {"size": size, "color": view.colour, "line": {"width": 1, "color": "#333"}}
    if view.most is not None:
        marker |= {"colorscale": "Turbo", "cmin": 0, "cmax": view.most, "showscale": True}
        marker["colorbar"] = {"title": view.name, "len": 0.6, "thickness": 16, "x": 0.98}
    x, y, z = points.xyz.astype(np.float32).T
    return go.Scatter3d(
        x=x, y=y, z=z, mode="markers", marker=marker, visible=visible, name=view.name, showlegend=False
    ).update(hovertext=points.text, hoverinfo="text")


def _body(atlas: Atlas) -> Any:
    import plotly.graph_objects as go

    x, y, z = atlas.vertices.T
    i, j, k = atlas.triangles.T
    light = {"ambient": 0.55, "diffuse": 0.65, "specular": 0.05, "roughness": 0.9, "fresnel": 0.05}
    return go.Mesh3d(
        x=x, y=y, z=z, i=i, j=j, k=k, color=_BODY, hoverinfo="skip", name="body", lighting=light
    ).update(lightposition={"x": -2000, "y": -3000, "z": 4000}, flatshading=False)
