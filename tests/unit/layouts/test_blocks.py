"""Blocks of several axes: naive cuts, the order of rows and numbers, coordinates, errors."""

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.layouts import DCTBlocks, HaarPatches, HaarTubelets, Lapped, LappedBlocks, Patches, Tubelets

RNG = np.random.default_rng(0)
PICTURE, FILM, VOLUME = ("row", "column", "color"), ("time", "row", "column", "color"), ("x", "y", "z")


def signal(axes, shape, **facts):
    grid = Grid(axes, facts.pop("rate", (None,) * len(axes)), ("",), shape, **facts)
    return Signal(grid, RNG.normal(size=shape))


def test_patches_are_squares_row_by_row():
    s = signal(PICTURE, (8, 12, 3))
    values = Patches(patch=4).cut(s).values
    assert np.array_equal(values[0, 4], s.values[4:8, 4:8].ravel())


def test_overlapping_patches_are_the_unfold_of_torch():
    s = signal(PICTURE, (10, 13, 2))
    ours = Patches(patch=4, hop=3, colors=2).cut(s).values
    other = torch.nn.functional.unfold(torch.tensor(s.values).permute(2, 0, 1)[None], 4, stride=3)
    other = other.reshape(1, 2, 16, -1).permute(0, 3, 2, 1).reshape(1, -1, 32)
    assert np.array_equal(ours, other.numpy())


def test_join_averages_overlaps():
    s = signal(PICTURE, (1, 7, 1))
    layout = Patches(patch=(1, 4), hop=(1, 3), colors=1)
    slots = layout.cut(s)
    back = layout.join(type(slots)(np.array([[[0.0, 0, 0, 1], [3, 2, 2, 2]]]), s.grid))
    np.testing.assert_allclose(back.values[0, :, 0], [0, 0, 0, 2, 2, 2, 2])


def test_tubelets_hold_frames_and_rows_go_by_time():
    s = signal(FILM, (4, 8, 8, 3), rate=(25.0, None, None, None), start=2.0)
    slots = Tubelets(frames=2, patch=4).cut(s)
    assert np.array_equal(slots.values[0, 5], s.values[2:4, :4, 4:].ravel())
    np.testing.assert_allclose(slots.coords[0, 5], [2 + 3 / 25, 1.5, 5.5])


def test_patches_of_a_film_go_frame_by_frame():
    s = signal(FILM, (3, 4, 8, 3), rate=(10.0, None, None, None))
    slots = Patches(patch=4).cut(s)
    assert np.array_equal(slots.values[0, 3], s.values[1, :, 4:].ravel())
    np.testing.assert_allclose(slots.coords[0, 3], [0.1, 1.5, 5.5])


def test_places_of_voxels_come_from_the_affine():
    affine = ((0.0, 0.002, 0.0, 1.0), (0.003, 0.0, 0.0, 2.0), (0.0, 0.0, 0.004, 3.0), (0.0, 0.0, 0.0, 1.0))
    s = signal(VOLUME, (4, 4, 4), affine=affine)
    slots = Patches(axes=VOLUME, patch=2).cut(s)
    np.testing.assert_allclose(slots.coords[0, 1], [1.001, 2.0015, 3.01])


@pytest.mark.parametrize("size", [4, 5, 512])
def test_dct_of_blocks_is_the_one_of_scipy_lowest_first(size):
    s = signal(PICTURE, (size, size, 2))
    ours = DCTBlocks(size=size, colors=2).cut(s).values[0, 0].reshape(-1, 2)
    other = dctn(s.values, axes=(0, 1), norm="ortho")
    order = np.argsort(np.add.outer(np.arange(size), np.arange(size)).ravel(), kind="stable")
    np.testing.assert_allclose(ours, other.reshape(-1, 2)[order], atol=1e-9)


def test_lapped_blocks_are_the_lapped_transform_along_each_axis():
    s = signal(PICTURE, (6, 9, 1))
    rows = Lapped(hop=3).analyse(s.values[..., 0])  # r n d
    whole = Lapped(hop=3).analyse(np.moveaxis(rows, 0, -1))  # n d m e
    ours = LappedBlocks(hop=3, colors=1).cut(s).values[0]
    np.testing.assert_allclose(ours[:, 0], whole[:, 0, :, 0].T.ravel(), atol=1e-12)
    np.testing.assert_allclose(ours[:, 3], whole[:, 2, :, 0].T.ravel(), atol=1e-12)  # after (0, 0), (0, 1), (1, 0)
    np.testing.assert_allclose(np.square(ours).sum(), np.square(whole).sum())


def test_leading_axes_are_batches():
    x = RNG.normal(size=(2, 3, 9, 8, 3))
    layout = DCTBlocks(size=4)
    y = layout.analyse(x)
    assert y.shape == (2, 3, 6, 48) and np.array_equal(y[1, 2], layout.analyse(x[1, 2]))
    np.testing.assert_allclose(layout.synthesise(y, (9, 8)), x, atol=1e-12)


def test_one_bad_pixel_spoils_the_patches_that_cover_it():
    s = signal(PICTURE, (6, 6, 3))
    valid = np.ones((6, 6, 1), bool)
    valid[2, 2] = False
    layout = Patches(patch=4, hop=2)
    slots = layout.cut(Signal(s.grid, s.values, valid))
    assert slots.valid.tolist() == [[False, False, False, False]]
    layout = Patches(patch=2)
    slots = layout.cut(Signal(s.grid, s.values, valid))
    assert slots.valid.sum() == 8 and not slots.valid[0, 4]
    assert np.argwhere(~layout.join(slots).valid[..., 0]).tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]


def test_what_does_not_fit_is_said():
    with pytest.raises(SignalPieceError, match="set colors=1"):
        Patches().cut(signal(PICTURE, (8, 8, 1)))
    with pytest.raises(SignalPieceError, match="cuts row x column x color, got a signal of axes x x y x z"):
        Patches().cut(signal(VOLUME, (8, 8, 8)))
    with pytest.raises(SignalPieceError, match="patch must be one number or 2"):
        Patches(patch=(4, 4, 4))
    with pytest.raises(SignalPieceError, match="hop must be between 1 and 4"):
        Patches(patch=4, hop=5)


def test_blocks_of_film_go_over_time_too():
    s = signal(FILM, (4, 8, 8, 3))
    ours = DCTBlocks(axes=("time", "row", "column"), size=(4, 8, 8)).cut(s).values[0, 0].reshape(-1, 3)
    np.testing.assert_allclose(ours[0], s.values.sum((0, 1, 2)) / np.sqrt(256), atol=1e-12)
    np.testing.assert_allclose(
        np.sort(ours, 0), np.sort(dctn(s.values, axes=(0, 1, 2), norm="ortho").reshape(-1, 3), 0)
    )


def test_a_film_of_one_frame_is_a_picture():
    """The first frame stands alone: its slot holds the bands of the picture and no change over time."""
    s = signal(FILM, (1, 8, 8, 3))
    film = HaarTubelets(patch=2).cut(s).values.reshape(16, 2, 4, 3)
    still = HaarPatches(patch=2).cut(Signal(Grid(PICTURE, (None,) * 3, ("",), (8, 8, 3)), s.values[0]))
    assert not film[:, 1].any()
    np.testing.assert_allclose(film[:, 0], still.values.reshape(16, 4, 3)[:, [0, 2, 1, 3]], atol=1e-12)
