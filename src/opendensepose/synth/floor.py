"""Where on the floor people stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from opendensepose.synth.camera import Camera
from opendensepose.synth.dress import Outfit
from opendensepose.synth.shadow import bounds


def stand(outfit: Outfit, heading: float, jump: float = 0.0) -> Outfit:
    """Turn a person about the vertical and put them over the origin, `jump` metres above the floor."""
    c, s = np.cos(heading), np.sin(heading)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)
    turned = replace(outfit, vertices=outfit.vertices @ turn.T, joints=outfit.joints @ turn.T)
    lowest = bounds(turned.vertices, -np.inf)[0][2]
    return move(turned, np.array([-turned.joints[0, 0], -turned.joints[0, 1], jump - lowest]))


def move(outfit: Outfit, by: NDArray[np.floating]) -> Outfit:  # [3] metres
    """The same person elsewhere."""
    step = np.asarray(by, np.float32)
    return replace(outfit, vertices=outfit.vertices + step, joints=outfit.joints + step)


def extent(people: list[Outfit]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest corner [3] of the box round all people, metres."""
    corners = [bounds(person.vertices, -np.inf) for person in people]
    return np.min([low for low, _ in corners], 0), np.max([high for _, high in corners], 0)


def choose_spots(rng: np.random.Generator, camera: Camera, count: int) -> list[NDArray[np.float64]]:
    """Places [3] on the floor: first the origin, then touching one before or scattered in view."""
    spots = [np.zeros(3)]
    distance = float(np.hypot(*camera.position[:2]))
    half_width = camera.size[1] / (2 * camera.focal)
    for _ in range(count - 1):
        for _ in range(8):
            if rng.random() < 0.4:  # arm in arm, one before the other
                angle, gap = rng.normal(0, 0.6) + np.pi * rng.integers(2), rng.uniform(0.25, 0.65)
                spot = spots[rng.integers(len(spots))] + gap * np.array([np.cos(angle), np.sin(angle), 0])
            else:
                y = camera.position[1] + distance * np.exp(rng.uniform(np.log(0.75), np.log(3.5)))
                x = camera.position[0] + (y - camera.position[1]) * half_width * rng.uniform(-0.95, 0.95)
                spot = np.array([x, y, 0.0])
            apart = min(float(np.hypot(*(spot - other)[:2])) for other in spots)
            if apart > 0.25 and spot[1] - camera.position[1] > 0.7:
                spots.append(spot)
                break
        else:
            spots.append(spots[-1] + [rng.choice([-1, 1]) * rng.uniform(0.4, 0.8), 0.3, 0])
    return spots
