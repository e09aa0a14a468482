"""Intake: trigger channels left out, stretches that do not count held and noted, the same under any chunking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Sensor, Signal
from signalpiece.tokenizers.intake import Intake, coded_channels, left_out, valid_samples


def signal_of(values, valid=None, kinds=None):
    values = np.asarray(values, np.float32)
    kinds = kinds or ["eeg"] * len(values)
    sensors = tuple(Sensor(f"c{i}", k) for i, k in enumerate(kinds))
    grid = Grid(("channel", "time"), (None, 100.0), ("V",), values.shape, sensors)
    return Signal(grid, values, valid)


def test_trigger_channels_are_left_out():
    signal = signal_of([[1, 2], [3, 4], [5, 6]], kinds=["eeg", "stim", "misc"])
    assert coded_channels(signal.grid) == [0, 2] and left_out(signal.grid) == ["c1"]
    intake = Intake(signal.grid)
    assert intake.push(signal)[0].tolist() == [[1, 2], [5, 6]]
    assert intake.coded_grid().names == ("c0", "c2")
    with pytest.raises(SignalPieceError, match="trigger channels alone"):
        coded_channels(signal.grid.pick([1]))
    with pytest.raises(SignalPieceError, match="x codes channels x time, got a signal of axes row x column"):
        coded_channels(Grid(("row", "column"), (None, None), ("1",), (2, 2)), "x")


def test_held_and_noted():
    valid = np.array([[1, 0, 0, 1, 1], [0, 1, 1, 1, 0]], bool)
    signal = signal_of([[1, 9, 9, 4, 5], [9, 2, 3, np.nan, 9]], valid)
    intake = Intake(signal.grid)
    x, counts = intake.push(signal)
    assert x.tolist() == [[1, 1, 1, 4, 5], [0, 2, 3, 3, 3]]
    assert counts is not None and counts.sum() == 5
    assert intake.invalid == ((1, 0, 1), (0, 1, 3), (1, 3, 5))


def test_a_gap_of_all_channels_is_one_stretch():
    signal = signal_of(np.ones((3, 6)), np.array([[1, 1, 0, 0, 1, 1]], bool))
    intake = Intake(signal.grid)
    intake.push(signal)
    assert intake.invalid == ((-1, 2, 4),)


@settings(max_examples=40, deadline=None)
@given(
    mask=st.lists(st.booleans(), min_size=2, max_size=40).filter(lambda m: len(m) % 2 == 0),
    cuts=st.lists(st.integers(0, 20), max_size=5),
)
def test_any_chunking_gives_the_same(mask, cuts):
    valid = np.array(mask).reshape(2, -1)
    values = np.random.default_rng(0).standard_normal(valid.shape).astype(np.float32)
    signal = signal_of(values, valid)
    whole, parts = Intake(signal.grid), Intake(signal.grid)
    x, _ = whole.push(signal)
    edges = [0, *sorted(c for c in cuts if c <= valid.shape[1]), valid.shape[1]]
    pieces = [parts.push(signal.crop(a, b))[0] for a, b in zip(edges[:-1], edges[1:], strict=True)]
    assert np.array_equal(np.concatenate(pieces, axis=1), x) and parts.invalid == whole.invalid
    back = valid_samples(whole.invalid, 2, 0, valid.shape[1])
    assert np.array_equal(np.ones(valid.shape, bool) if back is None else back, valid)


def test_another_signal_is_refused():
    signal = signal_of(np.ones((3, 6)))
    intake = Intake(signal.grid)
    with pytest.raises(SignalPieceError, match="takes 3 channels at 100 Hz, got 2"):
        intake.push(signal.pick([0, 1]))


def test_stretches_at_another_rate_cover_what_they_touch():
    valid = valid_samples(((-1, 8, 16), (0, 17, 18)), 2, 0, 12, (5, 8))
    assert valid is not None
    assert np.flatnonzero(~valid[0]).tolist() == [5, 6, 7, 8, 9, 10, 11] and np.flatnonzero(~valid[1]).tolist() == [
        5,
        6,
        7,
        8,
        9,
    ]
