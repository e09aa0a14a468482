import numpy as np
import pytest

from signalpiece import layouts
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal


def test_rows_go_by_frame_then_channel():
    x = np.arange(24, dtype=np.float32).reshape(2, 12)
    slots = layouts.TimePatches(patch=4).cut(Signal.of(x, rate=10))
    wanted = [[0, 1, 2, 3], [12, 13, 14, 15], [4, 5, 6, 7], [16, 17, 18, 19], [8, 9, 10, 11], [20, 21, 22, 23]]
    assert slots.values[0].tolist() == wanted


def test_overlapping_patches_are_averaged():
    layout = layouts.TimePatches(patch=4, hop=2)
    y = layout.analyse(np.arange(6.0)[None]).copy()
    assert y[0].tolist() == [[0, 1, 2, 3], [2, 3, 4, 5]]
    assert layout.cut(Signal.of(np.arange(6.0), rate=10)).values.flags.writeable
    y[0, 0] += 2.0
    assert layout.synthesise(y, 6)[0].tolist() == [2, 3, 3, 4, 4, 5]


def test_samples_that_are_missing_hold_the_last_value():
    y = layouts.TimePatches(patch=4).analyse(np.arange(6.0)[None])
    assert y[0].tolist() == [[0, 1, 2, 3], [4, 5, 5, 5]]


def test_a_patch_cannot_leave_samples_out():
    with pytest.raises(SignalPieceError, match="hop must be between 1 and 4, got 5"):
        layouts.TimePatches(patch=4, hop=5)


def test_other_axes_are_refused():
    picture = Signal(Grid(("row", "column"), (None, None), ("",), (3, 4)), np.zeros((3, 4)))
    with pytest.raises(SignalPieceError, match="this layout cuts channel x time, got a signal of axes row x column"):
        layouts.DCT().cut(picture)


def test_coords_carry_positions_and_the_start():
    grid = Signal.of(np.zeros((2, 300)), rate=100).grid
    sensor = type(grid.sensors[0])("C3", "eeg", (0.1, 0.2, 0.3))
    grid = Grid(grid.axes, grid.rate, grid.units, grid.shape, (sensor, grid.sensors[1]), start=7.0)
    coords = layouts.DCT().cut(Signal(grid, np.zeros((2, 300), np.float32))).coords[0]
    assert coords[0].tolist() == [7.5, 0.1, 0.2, 0.3]
    assert coords[3, 0] == 8.5 and np.isnan(coords[3, 1:]).all()


def test_a_mask_of_one_row_covers_all_channels():
    x = Signal.of(np.zeros((2, 300)), rate=100)
    valid = np.ones((1, 300), bool)
    valid[:, 150] = False
    slots = layouts.DCT().cut(Signal(x.grid, x.values, valid))
    assert slots.valid[0].tolist() == [True, True, False, False, True, True]
