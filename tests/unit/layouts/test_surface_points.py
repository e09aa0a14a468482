"""Points on surfaces: on the plane, evenly by area, the same for the same seed."""

import numpy as np
import pytest
import torch

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.layouts import SurfacePoints
from signalpiece.signals.mesh import open_file

SQUARE = np.array([[0, 0, 0], [3, 0, 0], [3, 1, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3], [4, 3, 5]])


def mesh(vertices):
    return Signal(Grid(("vertex", "xyz"), (None, None), ("",), tuple(vertices.shape)), vertices)


def test_points_lie_on_their_triangles_evenly_by_area():
    rows = SurfacePoints(count=20_000, triangles=FACES).cut(mesh(SQUARE)).values[0]
    flat = rows[rows[:, 2] == 0]
    assert abs(len(flat) / 20_000 - 3 / 3.5) < 0.01  # areas 1.5, 1.5 and 0.5
    np.testing.assert_allclose(flat[:, 3:], np.tile([0, 0, 1], (len(flat), 1)), atol=1e-6)
    counts, _, _ = np.histogram2d(flat[:, 0], flat[:, 1], bins=(6, 2), range=((0, 3), (0, 1)))
    assert np.abs(counts / counts.mean() - 1).max() < 0.1
    side = rows[rows[:, 2] > 0]
    assert np.all(side[:, 0] == 0) and (side[:, 1] + side[:, 2] <= 1 + 1e-6).all()
    np.testing.assert_allclose(side[:, 3:], np.tile([1, 0, 0], (len(side), 1)), atol=1e-6)


def test_a_seed_is_a_draw():
    a, b, c = (SurfacePoints(count=9, triangles=FACES, seed=s).cut(mesh(SQUARE)).values for s in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_gradients_reach_vertices():
    x = torch.tensor(SQUARE, requires_grad=True)
    slots = SurfacePoints(count=50, triangles=FACES).cut(mesh(x))
    slots.values[..., :3].sum().backward()
    np.testing.assert_allclose(x.grad.sum(), 150, rtol=1e-5)
    np.testing.assert_allclose(slots.coords[0], slots.values[0, :, :3].detach())


def test_what_cannot_be_is_said():
    with pytest.raises(SignalPieceError, match="has no area"):
        SurfacePoints().cut(mesh(np.zeros((6, 3), np.float32)))
    with pytest.raises(SignalPieceError, match="triangles name vertices 0 to 7 of 6"):
        SurfacePoints(triangles=[[0, 1, 7]]).cut(mesh(SQUARE))
    with pytest.raises(SignalPieceError, match=r"shape \(f, 3\)"):
        SurfacePoints(triangles=[0, 1, 2])
    with pytest.raises(SignalPieceError, match="nothing can be joined"):
        SurfacePoints().join(SurfacePoints(count=2).cut(mesh(SQUARE)))


def test_triangles_come_from_the_reader(tmp_path):
    path = tmp_path / "square.obj"
    path.write_text("v 0 0 1\nv 2 0 1\nv 2 2 1\nv 0 2 1\nf 1 2 3 4\n", encoding="ascii")
    recording = open_file(path, {})[0]
    rows = SurfacePoints(count=200, triangles=recording.extra["triangles"]).cut(recording.read()).values[0]
    assert np.allclose(rows[:, 2], 1) and np.abs(rows[:, :2].mean(0) - 1).max() < 0.15
