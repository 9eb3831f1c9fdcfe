"""Every row of the table of charts, checked on the body itself: where a chart lies and which way U and V run.

Directions are those of the rest pose: the body faces -y, its left is +x, z is up.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from opendensepose.surface.atlas import Atlas
from opendensepose.surface.body import Body

ATLAS, BODY = Atlas.load(), Body.load()
FRONT, UP = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0])
TOWARDS_RIGHT = np.array([-1.0, 0.0, 0.0])


def joint(name: str, side: str = "") -> NDArray:
    return BODY.joints[BODY.bone(name + side)].astype(float)


def spread(chart: int) -> tuple[NDArray, NDArray, NDArray]:
    """Points [P, 3], outward normals [P, 3] and U, V [P, 2], evenly spread over a chart."""
    faces = np.flatnonzero(ATLAS.face_chart == chart)
    corners = ATLAS.vertices.astype(float)[ATLAS.triangles[faces]]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    size = np.linalg.norm(cross, axis=1)
    rng = np.random.default_rng(chart)
    pick = rng.choice(len(faces), 3000, p=size / size.sum())
    bary = rng.dirichlet([1, 1, 1], 3000)
    uv = (ATLAS.entry_uv[ATLAS.faces[faces[pick]]] * bary[..., None]).sum(1)
    return (corners[pick] * bary[..., None]).sum(1), cross[pick] / size[pick, None], uv


def rises(value: NDArray, along: NDArray, least: float = 0.85) -> None:
    """`value` [P] grows with `along` [P]: their correlation is near 1."""
    assert np.corrcoef(value, along)[0, 1] > least


def rises_at_each_u(uv: NDArray, along: NDArray, least: float = 0.85) -> None:
    """V [P] grows with `along` [P] among points of one U: charts of the arms lie aslant in their squares."""
    known = np.column_stack([np.ones(len(uv)), uv[:, 0]])
    left = [x - known @ np.linalg.lstsq(known, x, rcond=None)[0] for x in (uv[:, 1], along)]
    rises(*left, least)


def lateral(side: str) -> NDArray:
    """Away from the body's mid-line on one side."""
    return -TOWARDS_RIGHT if side == ".L" else TOWARDS_RIGHT


def across(axis: NDArray, wish: NDArray) -> NDArray:
    """The unit vector nearest to `wish` that is perpendicular to a limb."""
    axis = axis / np.linalg.norm(axis)
    rest = wish - (wish @ axis) * axis
    return rest / np.linalg.norm(rest)


def hanging_lateral(axis: NDArray, side: str) -> NDArray:
    """What points sideways once a spread arm is let down (turned about the front-back axis)."""
    return across(axis, lateral(side) + UP)


def back_of_hand(side: str) -> NDArray:
    """Out of the back of the hand: up and away from the body, since the palms look down at the thighs."""
    along, to_thumb = joint("finger3-1", side) - joint("wrist", side), thumb_side(side)
    normal = np.cross(along, to_thumb)
    normal *= np.sign(normal @ (lateral(side) + UP)) / np.linalg.norm(normal)
    assert normal @ UP > 0 and normal @ lateral(side) > 0
    return normal


def thumb_side(side: str) -> NDArray:
    return joint("finger2-1", side) - joint("finger5-1", side)


@pytest.mark.parametrize(("chart", "faces_to"), [(1, -FRONT), (2, FRONT)])
def test_torso(chart: int, faces_to: NDArray) -> None:
    at, normal, uv = spread(chart)
    assert ((normal @ faces_to) > 0).mean() > 0.85
    rises(uv[:, 0], -at[:, 2], 0.97)  # U: neck -> hips or crotch
    rises(uv[:, 1], at @ TOWARDS_RIGHT, 0.97)  # V: person's left -> right
    middle = np.abs(at[:, 0]) < 0.004
    assert np.abs(uv[middle, 1] - 0.5).max() < 0.02
    assert abs(at[:, 2].max() - joint("neck01")[2]) < 0.06


def test_torso_ends_at_the_hips_behind_and_at_the_crotch_in_front() -> None:
    behind, _, _ = spread(1)
    front, _, uv = spread(2)
    hip = joint("upperleg01", ".R")[2]
    assert 0.03 < behind[:, 2].min() - hip < 0.12
    assert front[:, 2].min() < hip - 0.08
    low = uv[:, 0] > 0.97
    assert np.abs(front[low, 0]).max() < 0.03  # the tip is in the middle


@pytest.mark.parametrize(("chart", "side", "back_first"), [(3, ".R", True), (4, ".L", False)])
def test_hand(chart: int, side: str, back_first: bool) -> None:
    at, normal, uv = spread(chart)
    outwards = normal @ back_of_hand(side)
    back, palm = outwards > 0.7, outwards < -0.7
    back_half = (uv[:, 0] < 0.5) == back_first
    assert back_half[back].mean() > 0.95 and (~back_half)[palm].mean() > 0.95
    along = joint("finger3-1", side) - joint("wrist", side)
    rises(uv[:, 1], at @ along, 0.8)  # finger tips at large V
    assert (at @ lateral(side) > 0).all()
    tip = (at @ along).argmax()
    assert uv[tip, 1] > 0.9


@pytest.mark.parametrize(("chart", "side", "toes_large"), [(5, ".L", True), (6, ".R", False)])
def test_foot(chart: int, side: str, toes_large: bool) -> None:
    at, normal, uv = spread(chart)
    assert (at @ lateral(side) > 0).all()
    u = uv[:, 0] if toes_large else 1 - uv[:, 0]
    for face in (normal[:, 2] < -0.7, normal[:, 2] > 0.7):  # sole, top
        rises(u[face], at[face] @ FRONT, 0.6)
    toes, heel = at @ FRONT > np.quantile(at @ FRONT, 0.97), at @ FRONT < np.quantile(at @ FRONT, 0.1)
    assert u[toes].mean() > u[heel].mean() + 0.3
    sole, top = (uv[normal[:, 2] * sign > 0.7, 1].mean() for sign in (-1, 1))
    assert top > sole + 0.15  # the sole lies below in the chart
    above = normal[:, 2] > 0.5
    rises(uv[above, 1], at[above] @ lateral(side), 0.6)


LEGS = [  # charts R, L; where they face; first and last joint along U; whether V rises medially or laterally
    ((7, 8), -FRONT, ("upperleg02", "lowerleg01"), "lateral"),
    ((9, 10), FRONT, ("lowerleg01", "upperleg02"), "medial"),
    ((11, 12), -FRONT, ("foot", "lowerleg01"), "lateral"),
    ((13, 14), FRONT, ("lowerleg01", "foot"), "lateral"),
]


@pytest.mark.parametrize(("charts", "faces_to", "ends", "v_to"), LEGS)
@pytest.mark.parametrize("side", [".R", ".L"])
def test_leg(charts: tuple[int, int], faces_to: NDArray, ends: tuple[str, str], v_to: str, side: str) -> None:
    at, normal, uv = spread(charts[side == ".L"])
    assert (at @ lateral(side) > -1e-6).all()
    assert ((normal @ faces_to) > 0).mean() > 0.8
    start, end = (joint(name, side) for name in ends)
    rises(uv[:, 0], at @ (end - start), 0.95)
    outwards = across(end - start, lateral(side)) * (1 if v_to == "lateral" else -1)
    # about the axis of the leg, since the legs are spread
    rises(uv[:, 1], (at - start) @ outwards, 0.85)
    height = at[uv[:, 0].argsort()][[0, -1], 2]
    for name, z in zip(ends, height, strict=True):
        if name != "upperleg02":  # there a groin or a buttock, not a joint
            assert abs(z - joint(name, side)[2]) < 0.09


UPPER, LOWER = ("upperarm01", "lowerarm01"), ("lowerarm01", "wrist")


@pytest.mark.parametrize(("chart", "side"), [(15, ".L"), (16, ".R")])
def test_upper_arm_inner_front(chart: int, side: str) -> None:
    at, normal, uv = spread(chart)
    start, end = (joint(name, side) for name in UPPER)
    rises(uv[:, 0], at @ (end - start), 0.97)  # shoulder -> elbow
    assert (normal @ across(end - start, FRONT)).mean() > 0.2  # front, and
    assert (normal @ hanging_lateral(end - start, side)).mean() < -0.2  # inner half
    ahead = normal @ FRONT > 0.5
    rises(uv[ahead, 1], (at[ahead] - start) @ hanging_lateral(end - start, side), 0.8)  # medial -> lateral


@pytest.mark.parametrize(("chart", "inner", "side"), [(17, 15, ".L"), (18, 16, ".R")])
def test_upper_arm_outer_back(chart: int, inner: int, side: str) -> None:
    at, normal, uv = spread(chart)
    start, end = (joint(name, side) for name in UPPER)
    rises(uv[:, 0], at @ (end - start), 0.97)
    assert (normal @ hanging_lateral(end - start, side)).mean() > 0.2  # outside, and
    assert (normal @ across(end - start, -FRONT)).mean() > 0.1  # back
    ahead, outside = across(end - start, FRONT), hanging_lateral(end - start, side)
    rises_at_each_u(uv, np.arctan2((at - start) @ ahead, (at - start) @ outside), 0.9)  # round the outside
    # at the front seam V is large on both charts, at the seam behind the armpit small on both
    v = {c: dict(zip(*entries(c), strict=True)) for c in (chart, inner)}
    shared = [p for p in v[chart] if p in v[inner] and 0.2 < progress(p, start, end) < 0.8]
    in_front = [(ATLAS.vertices[p] - start) @ ahead > 0 for p in shared]
    assert len(shared) > 8 and 0.2 < np.mean(in_front) < 0.8
    for p, front in zip(shared, in_front, strict=True):
        assert (v[chart][p] > 0.6) == (v[inner][p] > 0.6) == front


def entries(chart: int) -> tuple[list[int], list[float]]:
    """The vertices of a chart and their V."""
    here = ATLAS.entry_chart == chart
    return ATLAS.entry_vertex[here].tolist(), ATLAS.entry_uv[here, 1].tolist()


def progress(vertex: int, start: NDArray, end: NDArray) -> float:
    """0..1 along a bone."""
    return float((ATLAS.vertices[vertex] - start) @ (end - start) / ((end - start) @ (end - start)))


@pytest.mark.parametrize("side", [".L", ".R"])
@pytest.mark.parametrize("half", ["inner", "outer"])
def test_lower_arm(side: str, half: str) -> None:
    chart = {"inner": 19, "outer": 21}[half] + (side == ".R")
    at, normal, uv = spread(chart)
    elbow, wrist = (joint(name, side) for name in LOWER)
    along = (elbow - wrist) if half == "inner" else (wrist - elbow)
    rises(uv[:, 0], at @ along, 0.97)  # inner: wrist -> elbow; outer: elbow -> wrist
    # the inner half is the one of the palm: it looks to the body when the arm hangs with the thumb in front
    out = across(along, back_of_hand(side))
    assert ((normal @ out) > 0).mean() > 0.9 if half == "outer" else ((normal @ out) < 0).mean() > 0.9
    ahead = normal @ across(along, thumb_side(side)) > 0.5  # what is then seen from the front
    medial = -((at[ahead] - elbow) @ out)
    rises_at_each_u(uv[ahead], medial, 0.95)
    if half == "inner":  # the outer chart lies so much aslant that V alone does not say it
        rises(uv[ahead, 1], medial, 0.7)


@pytest.mark.parametrize(("chart", "side"), [(23, ".R"), (24, ".L")])
def test_head(chart: int, side: str) -> None:
    at, _, uv = spread(chart)
    assert (at @ lateral(side) > -1e-6).all()
    u = uv[:, 0] if chart == 23 else 1 - uv[:, 0]
    rises(u, at @ FRONT, 0.85)  # middle of the back -> middle of the face
    rises(uv[:, 1], at[:, 2], 0.95)  # neck -> top
    assert at[:, 2].min() < joint("neck02")[2]  # with the neck
    nose = (at @ FRONT).argmax()
    assert u[nose] > 0.95 and at[uv[:, 1].argmax(), 2] > at[:, 2].max() - 0.02
