import numpy as np
import pytest
import torch

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.layouts import Superpixels, Trajectories, follow_superpixels
from signalpiece.layouts.slic import slic

PICTURE, FILM = ("row", "column", "color"), ("time", "row", "column", "color")


def signal(values, valid=None):
    values = values if torch.is_tensor(values) else np.asarray(values, np.float32)
    axes = PICTURE if values.ndim == 3 else FILM
    rate = (None,) * 3 if values.ndim == 3 else (10.0, None, None, None)
    return Signal(Grid(axes, rate, ("",), tuple(values.shape)), values, valid)


def disc(height, width, row, column, radius=9):
    at = np.mgrid[:height, :width]
    return ((at[0] - row) ** 2 + (at[1] - column) ** 2 < radius**2).astype(float)


def film(frames=6, step=3):
    """A bright disc that moves to the right over a dark ground."""
    return np.stack([disc(48, 80, 24, 15 + step * t) for t in range(frames)])[..., None] * 0.8 + 0.1


@pytest.mark.parametrize("size", [(1, 1), (5, 60), (48, 80)])
def test_labels_have_no_gap_and_reach_every_pixel(size):
    labels = slic(np.random.default_rng(0).random((*size, 3)), min(20, size[0] * size[1]))
    assert labels.min() == 0 and len(np.unique(labels)) == labels.max() + 1
    assert abs(labels.max() + 1 - min(20, size[0] * size[1])) <= 5


def test_even_pictures_give_a_grid():
    labels = slic(np.zeros((40, 60, 1)), 24)
    assert np.array_equal(labels, np.arange(4).repeat(10)[:, None] * 6 + np.arange(6).repeat(10))


def test_superpixels_hold_to_edges_and_lose_less_than_squares():
    x = film(1)[0]
    layout = Superpixels(num=60, colors=1)
    lost = np.abs(layout.join(layout.cut(signal(x))).values.numpy() - x).max()
    grid = Superpixels(num=60, colors=1, segment=lambda p, n: slic(p * 0, n))
    assert lost < 1e-6 < 0.1 < np.abs(grid.join(grid.cut(signal(x))).values.numpy() - x).max()


def test_join_is_the_mean_of_every_region():
    x, labels = np.random.default_rng(1).random((6, 7, 2)), np.random.default_rng(2).integers(0, 5, (6, 7))
    layout = Superpixels(colors=2, segment=lambda p, n: labels)
    slots = layout.cut(signal(x))
    back = layout.join(slots).values.numpy()
    for k in range(5):
        at = np.argwhere(labels == k)
        np.testing.assert_allclose(back[labels == k], x[labels == k].mean(0)[None].repeat(len(at), 0), atol=1e-6)
        np.testing.assert_allclose(slots.coords[0, k], [*at.mean(0), *at.std(0)], atol=1e-5)
    again = layout.cut(signal(back))
    torch.testing.assert_close(again.values, slots.values)


def test_gradient_of_a_mean():
    x = torch.rand(6, 7, 1, dtype=torch.float64, requires_grad=True)
    labels = np.arange(42).reshape(6, 7) // 10
    Superpixels(colors=1, segment=lambda p, n: labels).cut(signal(x)).values.sum().backward()
    torch.testing.assert_close(x.grad[..., 0], torch.from_numpy(1 / np.bincount(labels.ravel())[labels]))


def test_validity():
    labels, valid = np.array([[0, 0, 1, -1, 2]]), np.array([[1, 0, 1, 1, 1]], bool)[..., None]
    layout = Superpixels(colors=1, segment=lambda p, n: labels)
    slots = layout.cut(signal(np.ones((1, 5, 1)), valid))
    assert slots.valid.tolist() == [[False, True, True]]
    back = layout.join(slots)
    assert back.valid[0, :, 0].tolist() == [False, False, True, True, True]
    assert back.values[0, :, 0].tolist() == [1, 1, 1, 0, 1]


def test_given_masks_become_trajectories():
    x = np.random.default_rng(3).random((3, 4, 5, 3))
    masks = np.full((3, 4, 5), -1)
    masks[:, :2], masks[1:, 2:, 3:] = 0, 1
    layout = Trajectories(track=lambda f, n: masks)
    slots = layout.cut(signal(x))
    assert slots.values.shape == (1, 6, 3) and slots.valid.tolist() == [[True, False, True, True, True, True]]
    np.testing.assert_allclose(slots.values[0, 3], x[1, 2:, 3:].mean((0, 1)), atol=1e-6)
    np.testing.assert_allclose(slots.coords[0, 3], [0.1, 2.5, 3.5, 0.5, 0.5], atol=1e-6)
    back = layout.join(slots).values.numpy()
    assert (back[0, 2:] == 0).all()
    np.testing.assert_allclose(back[2, :2], x[2, :2].mean((0, 1))[None, None].repeat(2, 0).repeat(5, 1), atol=1e-6)


def test_superpixels_follow_what_moves():
    x = film()
    labels = follow_superpixels(x, 60)
    bright = x[..., 0] > 0.5
    first, last = (np.isin(labels[t], np.unique(labels[0][bright[0]])) for t in (0, -1))
    assert np.array_equal(first, bright[0]) and (last & bright[-1]).sum() > 0.95 * (last | bright[-1]).sum()
    still = follow_superpixels(np.repeat(x[:1], 4, 0), 60)
    assert (still.max((1, 2)) == still.max()).all()


def test_superpixels_follow_a_pan_and_leave_with_it():
    rng = np.random.default_rng(4)
    scene = rng.random((12, 30, 3)).repeat(8, 0).repeat(8, 1)
    shift = 5
    labels = follow_superpixels(np.stack([scene[:, shift * t : shift * t + 96] for t in range(9)]), 48)
    kept = [(labels[t][:, :-shift] == labels[t - 1][:, shift:]).mean() for t in range(1, 9)]
    assert np.mean(kept) > 0.9
    gone = set(labels[0].ravel()) - set(labels[4].ravel())
    assert gone and not gone & set(labels[5:].ravel())


def test_new_places_get_new_superpixels():
    x = np.zeros((2, 30, 30, 1))
    x[1, :, 15:] = 5.0
    labels = follow_superpixels(x, 9)
    assert (labels >= 0).all()


@pytest.mark.parametrize("layout", [Superpixels(colors=1), Trajectories(colors=1)])
def test_slots_that_do_not_fit_are_refused(layout):
    x = signal(film(1)[0] if isinstance(layout, Superpixels) else film(2))
    slots = layout.cut(x)
    with pytest.raises(SignalPieceError, match="these slots have none"):
        layout.join(type(slots)(slots.values, slots.grid))
    with pytest.raises(SignalPieceError, match="have shape"):
        layout.join(type(slots)(slots.values[:, 1:], slots.grid, assignment=slots.assignment))
    with pytest.raises(SignalPieceError, match="labels must have the shape"):
        name = "segment" if isinstance(layout, Superpixels) else "track"
        type(layout)(colors=1, **{name: lambda p, n: np.zeros((2, 2), int)}).cut(x)
