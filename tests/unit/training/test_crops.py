from dataclasses import replace

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.training.crops import Crops


def ramp(channels=3, seconds=20, rate=100.0):
    at = np.arange(int(seconds * rate)) + 10_000 * np.arange(channels)[:, None]
    return Signal.of(at, rate=rate, names=[f"c{i}" for i in range(channels)])


def test_batches_depend_on_seed_and_number_alone():
    crops = Crops([ramp()], seconds=2, batch=4, seed=3)
    again = Crops([ramp()], seconds=2, batch=4, seed=3)
    assert np.array_equal(crops(7).values, again(7).values)
    assert not np.array_equal(crops(7).values, crops(8).values)
    assert not np.array_equal(crops(7).values, Crops([ramp()], seconds=2, batch=4, seed=4)(7).values)


def test_a_crop_is_a_piece_of_its_channel():
    batch = Crops([ramp()], seconds=2, batch=50)(0)
    assert batch.values.shape == (50, 1, 200) and batch.rate == 100
    assert (np.diff(batch.values, axis=2) == 1).all()
    names = [f"c{int(v[0, 0] // 10_000)}" for v in batch.values]
    assert [n[0] for n in batch.names] == names and len(set(names)) == 3


def test_the_margin_is_cut_where_it_was_added():
    def halve(signal):
        grid = replace(signal.grid, rate=(None, 50.0), shape=(1, (signal.grid.shape[1] + 1) // 2))
        return Signal(grid, signal.values[:, ::2])

    batch = Crops([ramp(1)], seconds=2, batch=20, prepare=halve)(0)
    assert batch.values.shape == (20, 1, 100) and batch.rate == 50
    assert (np.diff(batch.values, axis=2) == 2).all()
    assert batch.values.min() < 300 and batch.values.max() > 1600


def test_samples_that_do_not_count_are_avoided():
    signal = ramp(1)
    valid = np.ones(signal.values.shape, bool)
    valid[:, :1000] = False
    batch = Crops([replace(signal, valid=valid)], seconds=2, batch=30)(0)
    assert (batch.values[:, 0, 0] >= 1000).mean() > 0.9


def test_recordings_that_do_not_fit_are_refused():
    with pytest.raises(SignalPieceError, match="give longer ones or shorter crops"):
        Crops([ramp(seconds=1)], seconds=2)
    with pytest.raises(SignalPieceError, match="rates of 100, 200 Hz; give `prepare`"):
        Crops([ramp(), ramp(rate=200.0)], seconds=2, batch=40)(0)


def test_all_channels_at_once_and_a_fixed_set():
    crops = Crops([ramp()], seconds=1, batch=2, channels=0)
    assert crops(0).names[0] == ("c0", "c1", "c2")
    a, b = crops.fixed(2), Crops([ramp()], seconds=1, batch=2, channels=0, seed=9).fixed(2)
    assert all(np.array_equal(x.values, y.values) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a[0].values, a[1].values)
