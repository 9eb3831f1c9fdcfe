"""The rasteriser against a slow one that intersects each pixel's ray with each triangle in space."""

import numpy as np
import pytest

from opendensepose.surface.raster import Cutouts, rasterize

SIZE = (24, 32)


def unproject(vertices):
    """Pixel x, y, depth -> points in space of a camera with focal length 1 pixel at the origin."""
    return np.concatenate([vertices[:, :2] * vertices[:, 2:], vertices[:, 2:]], 1)


def slow_rasterize(vertices, faces, size):
    """Ray through each pixel centre, solved for the barycentrics of each triangle in space."""
    face = np.full(size, -1)
    depth = np.full(size, np.inf)
    bary = np.zeros((*size, 3))
    points = unproject(vertices)
    for y in range(size[0]):
        for x in range(size[1]):
            ray = np.array([x + 0.5, y + 0.5, 1.0])
            for f, corner in enumerate(faces):
                weights = np.linalg.solve(points[corner].T, ray)  # t * ray = sum of weighted corners
                if (weights > 0).all() and 1 / weights.sum() < depth[y, x]:
                    depth[y, x], face[y, x], bary[y, x] = 1 / weights.sum(), f, weights / weights.sum()
    return face, bary, depth


def test_agrees_with_ray_casting():
    rng = np.random.default_rng(5)
    low, high = np.array([-6, -6, 0.5]), np.array([38, 30, 4.0])  # partly outside the picture, both windings
    vertices = rng.uniform(low, high, (60, 3))
    vertices[:, :2] = np.round(vertices[:, :2] * 1024) / 1024  # the rasteriser's own grid
    faces = rng.permutation(60).reshape(20, 3)
    face, bary, depth = rasterize(vertices, faces, SIZE)
    face_, bary_, depth_ = slow_rasterize(vertices, faces, SIZE)
    assert (face == face_).all()
    assert len(np.unique(face)) > 10
    np.testing.assert_allclose(bary, bary_, atol=1e-5)
    np.testing.assert_allclose(depth, depth_, rtol=1e-5)


@pytest.mark.parametrize("step", [0.5, 1.0, 2.7])  # corners on pixel centres, on pixel borders, anywhere
def test_a_shared_edge_belongs_to_one_face(step):
    n = 11
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:n, :n] * step
    wobble = rng.uniform(-0.3, 0.3, (2, n, n)) * step if step > 2 else np.zeros((2, n, n))
    vertices = np.stack([x + wobble[0], y + wobble[1], np.ones((n, n))], -1).reshape(-1, 3)
    corner = np.arange(n * n).reshape(n, n)
    a, b, c, d = (q.ravel() for q in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([c, d, a], 1)])  # a sheet without gaps
    owners = sum((rasterize(vertices, faces[i : i + 1], SIZE)[0] >= 0).astype(int) for i in range(len(faces)))
    together = rasterize(vertices, faces, SIZE)[0] >= 0
    assert owners.max() == 1
    assert (together == (owners == 1)).all()
    inner = int((n - 2) * step)
    assert owners[1:inner, 1:inner].all()


@pytest.mark.parametrize(
    ("vertices", "why"),
    [
        ([[2, 2, 0.01], [20, 2, 1], [2, 20, 1]], "one corner nearer than the near plane"),
        ([[2, 2, -1], [20, 2, -1], [2, 20, -1]], "behind the camera"),
        ([[2, 2, np.nan], [20, 2, 1], [2, 20, 1]], "not a number"),
        ([[2, 2, 1], [20, 2, 1], [2e7, 20, 1]], "absurdly far outside"),
        ([[2, 2, 1], [10, 10, 1], [20, 20, 1]], "no area"),
    ],
)
def test_faces_left_out(vertices, why):
    face, bary, depth = rasterize(np.array(vertices), np.array([[0, 1, 2]]), SIZE)
    assert (face == -1).all() and (bary == 0).all() and np.isinf(depth).all(), why


def test_keep_cuts_a_face_along_a_line():
    vertices = np.array([[-100, -100, 1], [200, -100, 1], [-100, 200, 1.0]])
    keep = vertices[:, 0] - 10.2  # positive right of x = 10.2
    face, _, _ = rasterize(vertices, np.array([[0, 1, 2]]), SIZE, keep=keep)
    assert ((face == 0) == (np.arange(SIZE[1]) + 0.5 > 10.2)).all()


def test_alpha_opens_the_view_to_what_lies_behind():
    square = np.array([[0, 0], [32, 0], [32, 24], [0, 24.0]])
    vertices = np.concatenate([np.c_[square, np.full(4, 2.0)], np.c_[square, np.full(4, 1.0)]])
    faces = np.array([[0, 1, 2], [2, 3, 0], [4, 5, 6], [6, 7, 4]])  # the nearer sheet last
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0.0]], np.float32)[np.array([[0, 1, 2], [2, 3, 0]] * 2)]
    alpha = np.array([[0, 255], [255, 0]], np.uint8)  # a chess board of holes
    cut = Cutouts(alpha.ravel(), np.array([[0, 2, 2]]), np.array([-1, -1, 0, 0], np.int32), uv)
    face, _, depth = rasterize(vertices, faces, SIZE, cutouts=cut)
    expected = np.kron(alpha > 0, np.ones((12, 16))).astype(bool)
    assert ((face >= 2) == expected).all()
    assert (depth == np.where(expected, 1, 2)).all()


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"vertices: expected shape \[\*, 3\], got \[4, 2\]"):
        rasterize(np.zeros((4, 2)), np.zeros((1, 3), int), SIZE)
    with pytest.raises(ValueError, match="keep: expected 4 values, got 2"):
        rasterize(np.zeros((4, 3)), np.zeros((1, 3), int), SIZE, keep=np.zeros(2))
