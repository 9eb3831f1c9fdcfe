"""Cameras, buffers, shading and props against closed forms and slow loops."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from opendensepose.synth import light as lighting
from opendensepose.synth import props, texture
from opendensepose.synth.backdrop import Backdrop, Backdrops, held_out, outdoors, room, studio
from opendensepose.synth.camera import frame_person, look
from opendensepose.synth.light import Light
from opendensepose.synth.render import draw_buffers, render
from opendensepose.synth.shadow import shadow_map
from opendensepose.synth.template import vertex_normals

SIZE = (60, 80)
CAMERA = look(np.array([0.3, -4.0, 1.2]), -0.1, 0.05, np.deg2rad(45), SIZE)


def plain_light(key=(0.0, 0.0, 1.0), colour=0.0, shade=0.0):
    sh = np.zeros((9, 3), np.float32)
    sh[0] = 0.5
    return Light(sh, np.array(key, np.float32), np.full(3, colour, np.float32), shade)


def grey(value=0.2, light=None):
    return Backdrop(np.full((*SIZE, 3), value, np.float32), light or plain_light())


def box(centre, half, seed=0):
    part = props.prism(np.random.default_rng(seed), centre, half)
    plain = np.full(len(part.faces), len(texture.bank()) - 1)
    return props.Props(
        part.vertices,
        part.faces,
        part.face_uv,
        plain,
        np.ones_like(part.colour),
        np.zeros_like(part.contrast),
    )


def test_rays_go_through_the_pixels_they_belong_to():
    rays = CAMERA.rays().reshape(-1, 3)
    depth = np.random.default_rng(0).uniform(0.5, 9, len(rays))
    pixels = CAMERA.project(CAMERA.position + rays * depth[:, None])
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    np.testing.assert_allclose(pixels[:, 0], columns.ravel() + 0.5, atol=1e-3)
    np.testing.assert_allclose(pixels[:, 1], rows.ravel() + 0.5, atol=1e-3)
    np.testing.assert_allclose(pixels[:, 2], depth, rtol=1e-5)


def test_the_camera_stands_upright():
    up, down = CAMERA.project(np.array([[0, 0, 1.5], [0, 0, 0.5]]))[:, 1]
    left, right = CAMERA.project(np.array([[-1, 0, 1.0], [1, 0, 1.0]]))[:, 0]
    assert up < down and left < right
    assert np.allclose(CAMERA.rotation @ CAMERA.rotation.T, np.eye(3))


def test_a_doubled_camera_has_the_plain_pixel_centres():
    points = CAMERA.position + CAMERA.rays().reshape(-1, 3) * 3
    fine = CAMERA.doubled().project(points)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    np.testing.assert_allclose(fine[:, 0], 2 * columns.ravel() + 1.5, atol=2e-3)
    np.testing.assert_allclose(fine[:, 1], 2 * rows.ravel() + 1.5, atol=2e-3)
    things = [box([0, 0, 1], [0.5, 0.4, 0.6]), box([0.6, -0.5, 0.5], [0.2, 0.2, 0.5])]
    centres, plain = draw_buffers(CAMERA.doubled(), things).centres(), draw_buffers(CAMERA, things)
    assert (centres.owner == plain.owner).mean() > 0.998  # rounding at edges
    same = (centres.owner == plain.owner) & (plain.owner >= 0) & (centres.face == plain.face)
    np.testing.assert_allclose(centres.bary[same], plain.bary[same], atol=1e-3)


def test_framing_shows_the_person():
    low, high = np.array([-0.3, -0.2, 0.0]), np.array([0.3, 0.2, 1.7])
    seen, shares = [], []
    for seed in range(200):
        camera = frame_person(np.random.default_rng(seed), low, high, SIZE)
        x, y, depth = camera.project(np.random.default_rng(0).uniform(low, high, (200, 3))).T
        seen.append(np.mean((depth > 0) & (x > 0) & (y > 0) & (x < SIZE[1]) & (y < SIZE[0])))
        shares.append(np.ptp(y) / SIZE[0])
        assert 0.2 < camera.position[2] < 4
    assert np.median(seen) > 0.9 and np.quantile(seen, 0.05) > 0.1
    assert np.quantile(shares, 0.05) < 0.45 and np.quantile(shares, 0.95) > 1.3  # from far to close


def test_normals_of_a_ball_point_outwards():
    rng = np.random.default_rng(0)
    ball = props.blob(rng, [0, 0, 0], 1.0)
    points = ball.vertices / np.linalg.norm(ball.vertices, axis=1, keepdims=True)
    normals = vertex_normals(points.astype(np.float32), ball.faces)
    inner = np.abs(points[:, 2]) < 0.95
    cosine = np.abs((normals * points).sum(1))[inner]
    assert cosine.min() > 0.95


def test_ambient_light_gives_albedo_times_irradiance():
    picture = render(
        CAMERA,
        [box([0, 0, 1], [0.6, 0.5, 0.6])],
        grey(),
        draw_buffers(CAMERA.doubled(), [box([0, 0, 1], [0.6, 0.5, 0.6])]),
    )
    owner = draw_buffers(CAMERA, [box([0, 0, 1], [0.6, 0.5, 0.6])]).owner
    assert np.allclose(picture[30, 36], 0.5, atol=0.01)  # white, lit by 0.5 from everywhere
    assert np.allclose(picture[0, 0], 0.2)
    edge = (owner[:, 1:] != owner[:, :-1]).any()
    values = np.unique(np.round(picture[..., 0], 3))
    assert edge and ((values > 0.21) & (values < 0.49)).any()  # smoothed edges


def test_the_main_light_lights_tops_and_leaves_shadows():
    table = [box([0, 0, 1.0], [0.8, 0.8, 0.02]), box([0, 0, 0.4], [0.2, 0.2, 0.2])]  # a top over a block
    light = plain_light(key=(0, 0, 1), colour=1.0, shade=0.5)
    high = look(np.array([0.0, -4.0, 2.6]), -0.45, 0, np.deg2rad(40), SIZE)
    lit = render(high, table, grey(light=light), draw_buffers(high.doubled(), table))
    top = high.project(np.array([[0.5, 0, 1.02]]))[0]
    assert lit[int(top[1]), int(top[0]), 0] > 1.2  # 0.5 ambient + 1 direct
    x, y, _ = high.project(np.array([[0.0, -0.2, 0.5]]))[0]  # the block's front, under the top
    assert lit[int(y), int(x), 0] < 0.5
    x, y, _ = high.project(np.array([[-0.5, -0.5, 0.0]]))[0]  # floor under the top
    assert lit[int(y), int(x), 0] < 0.15 < 0.19 < lit[5, 5, 0]


def test_shadow_maps_measure_along_the_light():
    towards = np.array([0.6, 0.0, 0.8])
    shadows = shadow_map([box([0, 0, 1], [0.5, 0.5, 0.5])], towards)
    hits = np.isfinite(shadows.distance)
    rows, columns = np.nonzero(hits)
    place = np.stack(
        [(columns + 0.5) / shadows.scale, (rows + 0.5) / shadows.scale, shadows.distance[hits]], 1
    )
    world = (place + shadows.origin) @ shadows.axes
    gap = np.abs(np.abs(world - [0, 0, 1]).max(1) - 0.5)  # distance to the surface of the cube
    assert gap.max() < 1e-3
    behind = (world - [0, 0, 1]) @ towards
    assert (behind > -0.2).all()  # the lit side


@pytest.mark.parametrize("paint", [room, outdoors, studio])
def test_painted_backdrops_are_filled(paint):
    for seed in range(12):
        backdrop = paint(np.random.default_rng(seed), CAMERA)
        assert backdrop.radiance.shape == (*SIZE, 3)
        assert np.isfinite(backdrop.radiance).all() and backdrop.radiance.min() >= 0
        assert 0.02 < backdrop.radiance.mean() < 1.5
        irradiance = lighting.polynomials(np.eye(3)) @ backdrop.light.sh
        assert (irradiance > 0).any()


def test_without_assets_backdrops_are_painted_and_vary():
    backdrops = Backdrops(None)
    pictures = [backdrops.draw(np.random.default_rng(seed), CAMERA).radiance for seed in range(8)]
    assert all(not np.array_equal(a, b) for a, b in pairwise(pictures))


def test_every_fifth_file_is_held_out():
    files = [Path(f"{name}.bvh") for name in "fbdacegjihk"]
    assert [path.stem for path in held_out(files, "test")] == ["e", "j"]
    assert [path.stem for path in held_out(files, "train")] == list("abcdfghik")


def test_seats_are_below_and_behind_who_sits():
    hips, facing = np.array([0.3, -0.2, 0.55]), 0.7
    for seed in range(10):
        chair = props.join(props.seat(np.random.default_rng(seed), hips, facing))
        ahead = np.array([np.cos(facing), np.sin(facing)])
        over = chair.vertices[:, 2] > hips[2]
        assert chair.vertices[:, 2].min() >= -1e-3
        assert ((chair.vertices[over, :2] - hips[:2]) @ ahead < -0.05).all()  # only the back rises above


def test_things_in_front_lie_between_person_and_camera():
    eye = np.array([0.5, -4.0, 1.5])
    for seed in range(40):
        parts = props.join(props.in_front(np.random.default_rng(seed), np.zeros(3), eye))
        middle = parts.vertices.mean(0)
        assert -4 < middle[1] < 0.4
        assert len(parts.faces) == len(parts.face_uv) == len(parts.pattern) == len(parts.colour)
        assert parts.faces.max() < len(parts.vertices)
