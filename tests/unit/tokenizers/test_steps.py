"""Steps: exact where given, an eighth of an octave where chosen."""

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.tokenizers.spread import Spread, spread_of
from signalpiece.tokenizers.steps import Steps, given, proportional


def test_given_steps_are_kept():
    assert given(2e-6, 3).values.tolist() == [2e-6] * 3
    several = given([1e-6, 2.5e-6, 3.3e-7], 3)
    assert np.allclose(several.values, [1e-6, 2.5e-6, 3.3e-7], rtol=1e-7)
    assert np.allclose(several.times(2).values, 2 * several.values, rtol=1e-7)
    assert several.pick([2, 0]).values.tolist() == several.values[[2, 0]].tolist()


def test_proportional_steps_follow_the_spread():
    spread = np.array([1e-6, 3e-6, 2e-5, 0.0])
    steps = proportional(spread, 0.25)
    assert np.all(abs(np.log2(steps.values[:3] / (0.25 * spread[:3]))) < 1 / 15)
    assert steps.values[3] == steps.values[1] and abs(steps.codes).max() < 40
    assert np.allclose(steps.times(3).values, 3 * steps.values, rtol=1e-3)
    assert proportional(np.zeros(2), 0.5).values.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("step", [0, -1, np.nan, np.inf, [1, 2], [[1.0]]])
def test_bad_steps_are_refused(step):
    with pytest.raises(SignalPieceError, match="step must be"):
        given(step, 3)
    with pytest.raises(SignalPieceError, match="step_ratio must be above 0"):
        proportional(np.ones(3), -1.0)


def test_steps_survive_the_side():
    for steps in (given(0.1, 2), given([0.1, 0.3], 2), proportional(np.array([1.0, 9.0]), 1.0)):
        assert np.array_equal(Steps(steps.base, steps.codes.astype(np.int32)).values, steps.values)


def test_spread_counts_what_is_valid():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3000)).astype(np.float32) * np.array([[1], [5]], np.float32) + 100
    valid = np.ones(x.shape, bool)
    valid[0, 500:900], x[0, 500:900] = False, 9999
    spread = Spread(2)
    for a in range(0, 3000, 700):
        spread.push(x[:, a : a + 700], valid[:, a : a + 700])
    assert np.allclose(spread.values, [x[0, valid[0]].std(), x[1].std()], rtol=1e-6)
    signal = Signal.of(x, rate=100)
    signal = Signal(signal.grid, signal.values, valid)
    assert np.allclose(spread_of(signal.grid, [signal], 100.0).values, spread.values, rtol=1e-6)
    assert 0.5 < spread_of(signal.grid, [signal], 50.0).values[0] < 1.0
