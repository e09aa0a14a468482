"""Grids and signals check their own shape and speak SI."""

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError, check_divides, check_option, check_range
from signalpiece.core.signal import Grid, Sensor, Signal, as_signals


def test_bare_arrays_become_signals():
    signal = Signal.of([[1.0, np.nan, 3.0]], rate=100, names=["Cz"])
    assert signal.grid.names == ("Cz",) and signal.grid.time_rate == 100.0 and signal.values.dtype == np.float32
    assert signal.valid.tolist() == [[True, False, True]] and np.isfinite(signal.values).all()


def test_crop_and_pick_move_the_grid():
    signal = Signal.of(np.arange(20).reshape(2, 10), rate=10)
    part = signal.crop(3, 7).pick([1])
    assert part.grid.start == 0.3 and part.values.tolist() == [[13, 14, 15, 16]] and part.grid.names == ("ch1",)


def test_shapes_must_agree():
    with pytest.raises(SignalPieceError, match="1 sensors for 2 channels"):
        Grid(("channel", "time"), (None, 1.0), ("V",), (2, 3), (Sensor("a"),))
    with pytest.raises(SignalPieceError, match="one entry per axis"):
        Grid(("time",), (None, 1.0), ("V",), (2, 3))
    with pytest.raises(SignalPieceError, match="3 units for 2 channels"):
        Grid(("channel", "time"), (None, 1.0), ("V", "V", "T"), (2, 3))
    with pytest.raises(SignalPieceError, match="do not fit"):
        Signal(Signal.of([[1.0]], rate=1).grid, np.zeros((2, 2)))
    with pytest.raises(SignalPieceError, match="rate must be above 0"):
        Signal.of([[1.0]], rate=0)


def test_checks_name_rule_value_and_remedy():
    with pytest.raises(SignalPieceError, match="keep must be between 4 and 8, got 2"):
        check_range("keep", 2, 4, 8)
    with pytest.raises(SignalPieceError, match="patch of 16 does not divide a signal of 250; crop or pad"):
        check_divides("patch", 16, 250, "a signal")
    with pytest.raises(SignalPieceError, match="mode must be one of a, b; got 'c'"):
        check_option("mode", "c", ("a", "b"))
    with pytest.raises(SignalPieceError, match="closest are name7"):
        check_option("recipe", "nam7", [f"name{i}" for i in range(20)])


def test_what_a_public_function_may_be_given():
    signal = Signal.of(np.ones((2, 10)), rate=50)
    assert as_signals(signal) is signal
    one = as_signals(np.ones((2, 10)), rate=50, units="V")
    assert one.grid == signal.grid and np.array_equal(one.values, signal.values)
    assert len(as_signals(np.ones((3, 2, 10)), rate=50)) == 3
    assert [s.grid.shape for s in as_signals([signal, np.ones(10)], rate=50)] == [(2, 10), (1, 10)]

    class Opened:
        grid = signal.grid

        def read(self):
            return signal

    assert as_signals(Opened()) is signal
    with pytest.raises(SignalPieceError, match="needs rate="):
        as_signals(np.ones((2, 10)))
    with pytest.raises(SignalPieceError, match="read it first"):
        as_signals("night.edf")
    with pytest.raises(SignalPieceError, match="got int"):
        as_signals(3)


def test_words_of_a_signal_fit_one_line():
    signal = Signal.of(np.ones((64, 1000)), rate=50)
    assert len(repr(signal)) < 160 and "64 channel x 1000 time" in repr(signal) and "50 Hz, 20 s" in repr(signal)
    assert repr(signal.grid).startswith("Grid(64 channel")
