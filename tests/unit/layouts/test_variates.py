"""Whole channels as slots."""

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.layouts import Variates

X = np.random.default_rng(0).normal(size=(3, 250))


def test_a_slot_is_a_channel_and_a_batch_entry_a_window():
    signal = Signal.of(X, rate=50)
    slots = Variates(window=100).cut(signal)
    assert slots.values.shape == (3, 3, 100)
    assert np.array_equal(slots.values[1, 2], signal.values[2, 100:200])
    assert np.array_equal(slots.values[2, 0, 50:], np.full(50, signal.values[0, -1]))
    np.testing.assert_allclose(slots.coords[:, 0, 0], [1, 3, 5])


def test_channels_that_change_places_change_slots():
    a, b = (Variates(window=40, hop=20).cut(Signal.of(x, rate=50)).values for x in (X, X[[2, 0, 1]]))
    assert np.array_equal(a[:, [2, 0, 1]], b)


def test_a_gap_spoils_the_channel_in_its_windows():
    signal = Signal.of(X, rate=50)
    valid = np.ones((3, 250), bool)
    valid[1, 130] = False
    slots = Variates(window=100).cut(Signal(signal.grid, signal.values, valid))
    assert np.argwhere(~slots.valid).tolist() == [[1, 1]]
    back = Variates(window=100).join(slots).valid
    assert not back[1, 100:200].any() and back[1, :100].all() and back[[0, 2]].all()


def test_batches_and_errors():
    x = np.random.default_rng(0).normal(size=(4, 3, 70))
    layout = Variates(window=20, hop=15)
    y = layout.analyse(x)
    assert y.shape == (4, 5, 3, 20)
    np.testing.assert_allclose(layout.synthesise(y, 70), x, atol=1e-12)
    with pytest.raises(SignalPieceError, match="hop must be between 1 and 20"):
        Variates(window=20, hop=21)
