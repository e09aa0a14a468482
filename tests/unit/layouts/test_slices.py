"""Slices of volumes: 27 tokens of 3072 numbers from a cube of 96, aligned cells, padding."""

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.layouts import Slices, align_slices

RNG = np.random.default_rng(0)


def volume(shape, axes=("x", "y", "z")):
    return Signal(Grid(axes, (None,) * len(axes), ("",), shape), RNG.normal(size=shape))


def test_slices_across_each_axis():
    s = volume((4, 4, 4))
    rows = Slices(size=4).cut(s).values[0].reshape(3, 4, 4, 4)
    assert np.array_equal(rows[0, 1], s.values[1])
    assert np.array_equal(rows[1, 1], s.values[:, 1])
    assert np.array_equal(rows[2, 1], s.values[:, :, 1])


def test_smaller_volumes_stand_in_the_middle_of_zeros():
    s = volume((3, 4, 2))
    slots = Slices(size=6).cut(s)
    cube = slots.values[0].reshape(3, 6, 6, 6)[0]
    assert np.array_equal(cube[2:5, 1:5, 2:4], s.values) and np.count_nonzero(cube) == 24
    assert slots.coords[0, :3].tolist() == [[0, -2], [0, -1], [0, 0]]
    with pytest.raises(SignalPieceError, match="size must be at least 4 for a volume of 3 x 4 x 2, got 3"):
        Slices(size=3).cut(s)


def test_an_encoder_of_slices_gives_27_tokens():
    cube = RNG.normal(size=(96, 96, 96)).astype(np.float32)
    slices = Slices().analyse(cube).reshape(3, 96, 96, 96)
    means = slices.reshape(3, 96, 3, 32, 3, 32).mean((3, 5))  # an encoder by 32, of one channel
    latents = np.repeat(means[:, :, None], 32, axis=2)
    tokens = align_slices(latents)
    assert tokens.shape == (27, 3072)
    cells = cube.reshape(3, 32, 3, 32, 3, 32).mean((1, 3, 5)).ravel()
    for part in np.split(tokens, 3, axis=1):  # every axis puts the same piece of the volume into the same cell
        np.testing.assert_allclose(part.mean(1), cells, atol=1e-6)
    with pytest.raises(SignalPieceError, match="does not divide"):
        align_slices(latents[:, :95])


def test_a_bad_voxel_spoils_three_slices_and_itself():
    s = volume((5, 5, 5, 2), ("x", "y", "z", "time"))
    valid = np.ones(s.grid.shape, bool)
    valid[1, 2, 3, 1] = False
    layout = Slices(size=5)
    slots = layout.cut(Signal(s.grid, s.values, valid))
    assert np.flatnonzero(~slots.valid[0]).tolist() == [15 + 1, 20 + 2, 25 + 3]
    assert np.argwhere(~layout.join(slots).valid).tolist() == [[1, 2, 3, 1]]
