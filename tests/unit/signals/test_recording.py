from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Grid, Sensor
from signalpiece.signals.recording import Recording, Run, hold, runs_of


def ramp(start, stop):
    values = np.arange(start, stop, dtype=float)[None] + np.array([[1.0], [101.0]])
    values[0, values[0] == 3] = np.nan
    return values


RUNS = (Run(2, 0, 5), Run(10, 5, 30))


def recording(rate=100.0, fetch=ramp, runs=RUNS):
    total = runs[-1].at + runs[-1].count
    grid = Grid(("channel", "time"), (None, rate), ("V",), (2, total), (Sensor("a"), Sensor("b")))
    return Recording(Path("x.edf"), grid, fetch, runs=runs)


def test_missing_samples_hold_the_last_valid_one():
    signal = recording().read()
    assert signal.values[0, :12].tolist() == [0, 0, 1, 2, 2, 4, 5, 5, 5, 5, 6, 7]
    assert signal.valid[0, :12].tolist() == [
        False,
        False,
        True,
        True,
        False,
        True,
        True,
        False,
        False,
        False,
        True,
        True,
    ]
    assert signal.values[1, :12].tolist() == [0, 0, 101, 102, 103, 104, 105, 105, 105, 105, 106, 107]
    assert hold(np.array([[1.0, 2.0]]), np.array([[False, False]])).tolist() == [[0, 0]]


def test_seconds_are_rounded_to_samples():
    read = recording().read(0.29, 0.31)  # 0.29 * 100 is a little below 29
    assert read.values[1].tolist() == [125, 126] and read.grid.start == pytest.approx(0.29)
    assert read.valid is None


def test_gaps_samples_and_pick():
    whole = recording()
    assert whole.gaps == ((0.07, 0.1),) and whole.samples == 35
    picked = whole.pick([1])
    assert picked.grid.names == ("b",) and (picked.read().values == whole.read().values[1:]).all()


def test_invalid_channels_follow_their_channel():
    grid = recording().grid
    marked = Recording(Path("x"), grid, ramp, runs=(Run(0, 0, 40),), invalid_channels=(1,))
    assert marked.read().valid.any(axis=1).tolist() == [True, False]
    assert marked.pick([1, 0]).read().valid.any(axis=1).tolist() == [False, True]


def test_errors_of_libraries_become_one_sentence():
    def broken(start, stop):
        raise RuntimeError("first line\nsecond line")

    with pytest.raises(SignalPieceError, match="^x.edf: samples 0 to 5 cannot be read: first line$"):
        recording(fetch=broken).read(0.0, 0.08)


def test_long_gap_is_not_filled_in():
    with pytest.raises(SignalPieceError, match="the rest is gap"):
        recording(runs=(Run(0, 0, 5), Run(10**11, 5, 5))).read()


def test_runs_of_pieces():
    assert runs_of(np.array([0.0, 1.0, 2.0]), np.array([10, 10, 10]), 10.0) == (Run(0, 0, 30),)
    assert runs_of(np.array([5.0, 6.04, 9.0]), np.array([10, 10, 10]), 10.0) == (Run(0, 0, 20), Run(40, 20, 10))
    assert runs_of(np.array([0.0, 0.5]), np.array([10, 10]), 10.0)[-1].at == 10  # never over what stands before


@pytest.mark.parametrize(("first", "end"), [(0, 40), (4, 12), (8, 9), (11, 30), (7, 10), (5, 5)])
def test_a_crop_reads_what_the_whole_has_there(first, end):
    whole, part = recording().read(), recording().crop(first, end)
    read = part.read()
    valid = whole.valid[:, first:end]
    assert part.grid == whole.grid.span(first, end)
    assert (read.valid if read.valid is not None else np.ones_like(valid)).tolist() == valid.tolist()
    assert read.values[valid].tolist() == whole.values[:, first:end][valid].tolist()
    assert part.samples == sum(2 <= t < 7 or 10 <= t < 40 for t in range(first, end))


def test_stored_samples_of_a_crop_are_its_own():
    def stored(start, stop):
        return Stored(np.arange(start, stop)[None].repeat(2, 0), np.ones(2), np.zeros(2))

    whole = replace(recording(), fetch_stored=stored)
    assert whole.crop(11, 20).stored(1, 3).values[0].tolist() == [7, 8]
