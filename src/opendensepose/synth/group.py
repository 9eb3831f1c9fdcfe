"""People as they pose together: side by side, arm in arm, on a sofa, in two rows, behind a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opendensepose.synth.archetypes import ARMS
from opendensepose.synth.dress import Outfit
from opendensepose.synth.floor import move, stand
from opendensepose.synth.poses import choose_entry, clear_pose, draw_angles, mirrored, sample_pose
from opendensepose.synth.props import Props, alike, prism, seat, table
from opendensepose.synth.studio import Studio

SIZES = (0.3, 0.25, 0.18, 0.12, 0.08, 0.07)  # shares of groups of 2, 3, ... 7
TOUCHING = 0.4  # share of the arms that lie round who is beside
STANDING = ("standing", "standing", "contrapposto", "wide")
SITTING = ("sitting", "sitting", "knee_over_knee")
LOW = ("crouching", "kneeling", "half_kneeling", "cross_legged")


def line_up(rng: np.random.Generator, studio: Studio) -> tuple[list[Outfit], list[float], list[Props]]:
    """2 to 7 people in one row or two round the origin, most turned one way; their headings; furniture.

    Headings are radians, 0 faces -y, counter-clockwise from above.
    """
    count = 2 + int(rng.choice(len(SIZES), p=SIZES))
    behind = int(rng.integers(1, count // 2 + 1)) if count > 2 and rng.random() < 0.45 else 0
    away = rng.random() < 0.5  # as many groups from behind as from the front: to +y, not -y
    stances = (STANDING, SITTING, LOW)[rng.choice(3, p=(0.5, 0.35, 0.15))]
    people, headings = _row(rng, studio, count - behind, stances, away)
    furniture = _seats(rng, people, headings, away) if stances is SITTING else []
    if behind:
        back = np.array([rng.normal(0, 0.1), rng.uniform(0.3, 0.7) * (-1 if away else 1), 0])
        more, their_headings = _row(rng, studio, behind, STANDING, away)
        people += [move(person, back) for person in more]
        headings += their_headings
    if rng.random() < 0.12:
        furniture += table(
            rng, np.array([rng.normal(0, 0.2), rng.uniform(-0.9, -0.55), 0]), rng.normal(0, 0.1)
        )
    return people, headings, furniture


def _row(
    rng: np.random.Generator, studio: Studio, count: int, stances: tuple[str, ...], away: bool
) -> tuple[list[Outfit], list[float]]:
    """People side by side along x, the outer ones turned a little to the middle."""
    people: list[Outfit] = []
    headings: list[float] = []
    x = y = 0.0
    for number in range(count):
        aside = 2 * number / (count - 1) - 1 if count > 1 else 0.0
        heading = rng.normal(0, 0.3) - aside * abs(rng.normal(0, 0.35)) * (-1 if away else 1)
        heading += np.pi if away != (rng.random() < 0.06) else 0.0
        lower, higher = number > 0, number < count - 1  # who faces -y has higher x on the left
        beside = (higher, lower) if np.cos(heading) > 0 else (lower, higher)
        shape = studio.body.sample_shape(rng)
        rotations = _pose(rng, studio, shape, stances[rng.integers(len(stances))], beside)
        people.append(move(stand(studio.wardrobe.dress(rng, shape, rotations), heading), np.array([x, y, 0])))
        headings.append(heading)
        if stances is STANDING:
            x += rng.uniform(0.28, 0.6)
            y = rng.normal(0, 0.12)
        else:
            x += rng.uniform(0.42, 0.75)
            y = rng.normal(0, 0.04)
    middle = np.array([-np.mean([person.joints[0, 0] for person in people]), 0, 0])
    return [move(person, middle) for person in people], headings


def _pose(
    rng: np.random.Generator, studio: Studio, shape: NDArray, stance: str, beside: tuple[bool, bool]
) -> NDArray:
    """Local rotations [J, 3, 3] of a stance; `beside`: whether somebody is to the left, to the right."""
    if stance in STANDING and rng.random() < 0.25:
        return sample_pose(rng, studio.poses, shape=shape)
    flip = rng.random() < 0.5
    left, right = (_arm(rng, stance, near) for near in (beside[::-1] if flip else beside))
    pose = clear_pose(lambda: draw_angles(rng, stance, (left, right)), shape)
    return mirrored(pose) if flip else pose


def _arm(rng: np.random.Generator, stance: str, near: bool) -> str:
    """What an arm does: often it lies round who is beside, or on the lap."""
    if near and rng.random() < TOUCHING:
        return "round_shoulders" if rng.random() < 0.6 else "round_waist"
    if stance in SITTING and rng.random() < 0.5:
        return ("on_lap", "folded_low", "carrying")[rng.integers(3)]
    return choose_entry(rng, ARMS)


def _seats(rng: np.random.Generator, people: list[Outfit], headings: list[float], away: bool) -> list[Props]:
    """One sofa or bench below all who sit, or a seat for each."""
    hips = np.array([person.joints[0] for person in people], float)
    if rng.random() < 0.25:
        pairs = zip(hips, headings, strict=True)
        return [part for at, heading in pairs for part in seat(rng, at, heading - np.pi / 2)]
    ahead = 1.0 if away else -1.0
    top = max(float(hips[:, 2].min()) - 0.12, 0.15)
    x, y = (hips[:, 0].min() + hips[:, 0].max()) / 2, hips[:, 1].mean() + 0.08 * ahead
    wide = (hips[:, 0].max() - hips[:, 0].min()) / 2 + rng.uniform(0.25, 0.6)
    deep, rise = rng.uniform(0.22, 0.35), rng.uniform(0.15, 0.45)
    parts = [prism(rng, [x, y, top / 2], [wide, deep, top / 2])]
    if rng.random() < 0.85:
        thick = rng.uniform(0.03, 0.15)
        parts.append(prism(rng, [x, y - ahead * (deep + thick), top + rise], [wide, thick, rise]))
    if rng.random() < 0.5:
        for side in (-1, 1):
            parts.append(prism(rng, [x + side * wide, y, (top + 0.2) / 2], [0.08, deep, (top + 0.2) / 2]))
    return alike(rng, parts)
