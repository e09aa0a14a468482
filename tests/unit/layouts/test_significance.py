"""Bit-planes of wavelets: error below the last threshold, any beginning decodes, the walk by hand, impossible rows."""

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts import WaveletBits
from signalpiece.layouts.filter_bank import FilterBank
from signalpiece.layouts.pyramid import decompose
from signalpiece.layouts.significance_kernel import read_tokens, write_tokens

RNG = np.random.default_rng(0)


def picture(rows, columns, colors=1, dtype=np.float64):
    """Smooth shapes and some noise, 0 to 1."""
    y, x = np.mgrid[:rows, :columns] / max(rows, columns)
    smooth = 0.5 + 0.3 * np.sin(7 * x + 3 * y) + 0.15 * (x > y)
    values = np.clip(smooth[..., None] + RNG.normal(0, 0.02, (rows, columns, colors)), 0, 1).astype(dtype)
    return Signal(Grid(("row", "column", "color"), (None,) * 3, ("",), values.shape), values)


def coefficients(signal, levels):
    return decompose(FilterBank(), np.moveaxis(signal.values - 0.5, -1, 0), levels, 2)


@pytest.mark.parametrize("last", [-2, -5, -9])
def test_coefficients_err_by_less_than_the_last_threshold(last):
    signal = picture(32, 48, 3)
    layout = WaveletBits(last=last)
    slots, y = layout.cut(signal), coefficients(signal, 3)
    found = layout.coefficients(slots.values, slots.grid)
    assert np.abs(found - y).max() < 2.0**last
    large = np.abs(y) >= 2.0**last
    assert (np.abs(found - y)[large] <= 2.0**last / 2).all() and not found[~large].any()


def test_any_beginning_decodes_and_errs_by_less_than_its_threshold():
    signal = picture(16, 16)
    layout = WaveletBits(levels=2, colors=1, last=-6)
    slots, y = layout.cut(signal), coefficients(signal, 2)
    planes, errors = slots.coords[0, :, 0], []
    for n in range(0, len(planes) + 1, 7):
        some = Slots(slots.values[:, :n], slots.grid)
        found = layout.coefficients(some.values, slots.grid)
        threshold = 2.0 ** (planes[n] + 1) if n < len(planes) else 2.0**-6
        assert np.abs(found - y).max() < threshold
        errors.append(np.square(layout.join(some).values - signal.values).mean())
    assert errors[-1] < 1e-4 < errors[0] and errors[-1] < errors[len(errors) // 2] < errors[0]


def test_the_walk_by_hand():
    """A 4 x 4 group of one plane and the next: 2 x 2 groups in it, signs, then accuracy."""
    magnitudes = np.zeros(16, np.int64)
    magnitudes[[4, 7]] = 3, 1  # both in the second 2 x 2 group
    group4, group2 = np.zeros(16, np.int64), np.zeros(16, np.int64)
    group4[0], group2[[0, 4, 8, 12]] = 16, 4
    tokens, places = np.empty(64, np.int8), np.empty((64, 2), np.int64)
    count = write_tokens(magnitudes, np.arange(16) == 7, group4, group2, 3, tokens, places)
    assert tokens[:count].tolist() == [0, *(1, 3, 2, 2, 2, 1, 1), *(1, 6, 2, 2, 4, 1, 1)]
    assert places[:count, 1].tolist() == [2] + [1] * 7 + [0] * 7
    assert count == write_tokens.py_func(magnitudes, np.arange(16) == 7, group4, group2, 3, tokens, places)


def test_compiled_and_plain_walks_agree():
    layout, signal = WaveletBits(levels=1, colors=1, last=-4), picture(10, 14)
    tokens = layout.cut(signal).values.ravel().astype(np.int64)
    walk, planes = layout._walk(signal.grid), layout.first - layout.last + 1
    results = []
    for read in (read_tokens, read_tokens.py_func):
        magnitudes, signs, known = np.zeros(140, np.int64), np.zeros(140, np.int8), np.zeros(140, np.int64)
        assert read(tokens, walk.group4, walk.group2, planes, magnitudes, signs, known) == -1
        results.append((magnitudes, signs, known))
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("shape", [(33, 47, 3), (1, 1, 1), (7, 8, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pictures_of_any_size_come_back_as_fine_as_wanted(shape, dtype):
    signal = picture(*shape, dtype)
    layout = WaveletBits(colors=shape[2], last=-16)
    back = layout.join(layout.cut(signal)).values
    assert back.dtype == dtype
    np.testing.assert_allclose(back, signal.values, atol=2e-4)


def test_zero_blocks_make_smooth_pictures_short():
    signal = picture(64, 64)
    flat = Signal(signal.grid, np.full((64, 64, 1), 0.7))
    layout = WaveletBits(colors=1)
    assert layout.cut(flat).values.size < layout.cut(signal).values.size / 3


def test_slots_say_where_they_are():
    slots = WaveletBits(levels=1, colors=1, first=3, last=3).cut(picture(16, 16))
    assert np.unique(slots.coords[0, :, :3], axis=0).tolist() == [[3, 1, band] for band in range(4)]
    assert slots.values.shape == (1, 16, 1)  # four bands of four groups, all of them zero
    assert slots.coords[0, :4, 4:].tolist() == [[0, 0], [0, 4], [4, 0], [4, 4]]


def test_what_cannot_be_is_said():
    signal, layout = picture(8, 8), WaveletBits(colors=1)
    slots = layout.cut(signal)
    with pytest.raises(SignalPieceError, match="first must be at least 2 for this picture, got 0"):
        WaveletBits(colors=1, first=0).cut(Signal(signal.grid, np.ones((8, 8, 1))))
    with pytest.raises(SignalPieceError, match="token 0 is 6, which cannot stand there"):
        layout.join(Slots(np.full((1, 4, 1), 6.0), slots.grid))
    with pytest.raises(SignalPieceError, match="between 0 and 6"):
        layout.join(Slots(np.full((1, 4, 1), 7.0), slots.grid))
    with pytest.raises(SignalPieceError, match="cannot stand there"):
        layout.join(Slots(np.concatenate([slots.values, slots.values], 1), slots.grid))
