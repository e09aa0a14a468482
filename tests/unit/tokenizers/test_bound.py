"""The grid of a bounded error: no sample moves further than allowed, and a wider step would break the bound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.tokenizers.bound import check_bound, from_grid, steps_within, to_grid

WHOLE = st.integers(-(2**31), 2**31 - 1)


@given(st.lists(WHOLE, min_size=1, max_size=20), st.floats(0, 1e6))
def test_no_sample_moves_further_than_allowed(values, limit):
    x, limits = np.array(values)[:, None], np.array([limit])
    steps = steps_within(limits)
    k = to_grid(x, steps)
    check_bound(x, k, steps, limits)
    assert np.abs(from_grid(k, steps) - x).max() <= (steps[0] - 1) / 2 <= limit * (1 + 1e-9)
    assert steps[0] / 2 > limit * (1 - 1e-9)  # the next wider one would not do


@given(st.lists(WHOLE, min_size=1, max_size=20), st.integers(1, 10**6))
def test_the_grid_keeps_its_values(values, step):
    k, steps = to_grid(np.array(values)[:, None], np.array([step])), np.array([step])
    assert (to_grid(np.floor(from_grid(k, steps)).astype(np.int64), steps) == k).all()


def test_known_steps():
    assert steps_within(np.array([0.0, 0.5, 1.0, 0.5e-6 / 1e-7, 2.0])).tolist() == [1, 2, 3, 11, 5]
    assert to_grid(np.array([[-2], [-1], [0], [1], [2], [4]]), np.array([3])).ravel().tolist() == [-1, 0, 0, 0, 1, 1]
    assert from_grid(np.array([[-1, 1]]), np.array([3, 2])).tolist() == [[-3.0, 2.5]]


def test_a_broken_bound_is_said():
    with pytest.raises(SignalPieceError, match="channel 1: a sample moved by 4 stored units, allowed are 1"):
        check_bound(np.array([[0, 4]]), np.array([[0, 0]]), np.array([3, 3]), np.array([1.0, 1.0]))
    with pytest.raises(SignalPieceError, match="wider than what 32 bits hold"):
        steps_within(np.array([1e12]))
