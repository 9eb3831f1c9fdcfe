"""A pinhole camera in a world with z up, looking roughly along +y."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opendensepose.surface.jit import njit


@dataclass(frozen=True, eq=False)
class Camera:
    """Where the camera stands and what it sees; the picture's centre is the principal point."""

    position: NDArray[np.float64]  # [3] metres
    rotation: NDArray[np.float64]  # [3, 3] rows: right, down and forward in world axes
    focal: float  # pixels
    size: tuple[int, int]  # height, width

    def project(self, points: NDArray[np.floating]) -> NDArray[np.float32]:  # [V, 3] metres
        """World points -> [V, 3] pixel x, pixel y, depth in metres (negative behind the camera)."""
        points = np.ascontiguousarray(points, np.float32)
        middle = (self.size[1] / 2, self.size[0] / 2)
        return np.asarray(_project(points, self.position, self.rotation, self.focal, middle))

    def rays(self, step: int = 1) -> NDArray[np.float32]:
        """World directions of length >= 1 through the centres of step x step blocks: [H/step, W/step, 3]."""
        height, width = self.size
        rows, columns = -(-height // step), -(-width // step)
        x = ((np.arange(columns) + 0.5) * step - width / 2) / self.focal
        y = ((np.arange(rows) + 0.5) * step - height / 2) / self.focal
        right, down, forward = self.rotation.astype(np.float32)
        return (
            x[None, :, None].astype(np.float32) * right + y[:, None, None].astype(np.float32) * down + forward
        )

    def doubled(self) -> Camera:
        """The same view with 2 H + 1 x 2 W + 1 pixels; [2 i + 1, 2 j + 1] has the centre of pixel [i, j]."""
        height, width = self.size
        return Camera(self.position, self.rotation, 2 * self.focal, (2 * height + 1, 2 * width + 1))


@njit(cache=True, nogil=True)
def _project(points, position, rotation, focal, middle):  # type: ignore[no-untyped-def]
    """Pixel x, y and depth [V, 3]."""
    out = np.empty((len(points), 3), np.float32)
    for p in range(len(points)):
        x, y, z = points[p, 0] - position[0], points[p, 1] - position[1], points[p, 2] - position[2]
        depth = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z
        scale = focal / (depth if abs(depth) > 1e-6 else 1e-6)
        out[p, 0] = (rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z) * scale + middle[0]
        out[p, 1] = (rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z) * scale + middle[1]
        out[p, 2] = depth
    return out


def look(
    position: NDArray[np.floating],  # [3]
    pitch: float,  # radians, up is positive
    roll: float,  # radians
    field: float,  # vertical field of view, radians
    size: tuple[int, int],  # height, width
) -> Camera:
    """A camera at `position` whose forward direction is +y turned up by `pitch`."""
    c, s = np.cos(pitch), np.sin(pitch)
    forward, up, right = np.array([0, c, s]), np.array([0, -s, c]), np.array([1.0, 0, 0])
    c, s = np.cos(roll), np.sin(roll)
    right, up = c * right + s * up, c * up - s * right
    focal = size[0] / (2 * np.tan(field / 2))
    return Camera(np.asarray(position, np.float64), np.stack([right, -up, forward]), float(focal), size)


def frame_person(
    rng: np.random.Generator,
    low: NDArray[np.floating],  # [3] corner of the person's bounding box, standing at the origin
    high: NDArray[np.floating],  # [3]
    size: tuple[int, int],  # height, width
) -> Camera:
    """A natural view of a person at the origin: from close to far, most often whole or nearly whole."""
    field = np.deg2rad(rng.uniform(30, 70))
    height, width = size
    tall = float(high[2] - low[2])
    wide = float(max(high[0] - low[0], high[1] - low[1]))
    extent = max(tall, wide * height / width, 0.6)
    share = np.exp(rng.uniform(np.log(0.45), np.log(0.95)))  # of the picture's height that the person takes
    if rng.random() < 0.3:
        share = np.exp(rng.uniform(np.log(0.95), np.log(2.6)))  # truncated: head and shoulders, legs only
    elif rng.random() < 0.15:
        share = rng.uniform(0.22, 0.45)  # far
    distance = max(extent / (share * 2 * np.tan(field / 2)), 0.75)
    aim = low[2] + tall * (rng.beta(4, 4) if share < 0.95 else rng.beta(2.2, 1.4))  # close-ups: upper body
    eye = float(np.clip(rng.normal(1.5, 0.25), 0.4, 2.2))
    if rng.random() < 0.2:
        eye = rng.uniform(0.2, 3.2)
    eye = float(np.clip(eye, aim - 0.6 * distance, aim + 0.8 * distance))  # no extreme pitch
    pitch = np.arctan2(aim - eye, distance)
    aside = rng.normal(0, 0.12 if share < 0.95 else 0.2) * width / height * 2 * np.tan(field / 2) * distance
    pitch += rng.normal(0, 0.04 + 0.03 * (share < 0.6)) * field
    roll = np.deg2rad(rng.normal(0, 2.5))
    return look(np.array([aside, -distance, eye]), float(pitch), roll, field, size)


def frame_face(
    rng: np.random.Generator,
    head: NDArray[np.floating],  # [3] where it joins the neck
    size: tuple[int, int],  # height, width
) -> Camera:
    """A view of a face from near, as of a mirror, a screen or a passport: up to head and shoulders."""
    field, height = np.deg2rad(rng.uniform(20, 60)), 0.25  # metres, of a head
    share = np.exp(rng.uniform(np.log(0.2), np.log(0.9)))  # of the picture's height that the head takes
    view = height / share
    distance = max(view / (2 * np.tan(field / 2)), 0.4)
    aim = head[2] + 0.4 * height - rng.beta(1.5, 3) * (view - height) / 2  # more below the head than above
    eye = aim + rng.normal(0, 0.15) * distance
    pitch = np.arctan2(aim - eye, distance)
    aside = head[0] + rng.normal(0, 0.12) * size[1] / size[0] * view
    return look(np.array([aside, head[1] - distance, eye]), pitch, np.deg2rad(rng.normal(0, 5)), field, size)
