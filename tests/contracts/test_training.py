"""Laws of the room over all that it offers: what a step sees depends on seed and step alone; factors stay in bounds."""

import numpy as np
import pytest

from signalpiece import training
from signalpiece.core.signal import Signal

TESTED_WITH_MODELS = ["Fitted", "Plan", "fit"]  # tests/unit/training: loop, resume


def signals():
    rng = np.random.default_rng(0)
    return [Signal.of(rng.normal(size=(3, 900)), rate=100), Signal.of(rng.normal(size=(5, 700)), rate=100)]


def test_every_name_is_under_a_law():
    assert sorted(["Batch", "Crops", "warm_cosine", *TESTED_WITH_MODELS]) == sorted(training.__all__)


def test_a_batch_depends_on_seed_and_step_alone():
    one, two = (training.Crops(signals(), seconds=2, batch=4, seed=3) for _ in range(2))
    later = one(7)
    one(1)
    assert isinstance(later, training.Batch) and later.values.shape == (4, 1, 200)
    assert np.array_equal(later.values, two(7).values) and later.names == two(7).names
    assert not np.array_equal(later.values, two(8).values)
    other = training.Crops(signals(), seconds=2, batch=4, seed=4)
    assert not np.array_equal(other(7).values, later.values)
    assert all(np.array_equal(a.values, b.values) for a, b in zip(one.fixed(2), other.fixed(2), strict=True))


def test_crops_are_stretches_of_the_recordings():
    given = signals()
    for crop, names in zip(
        *(lambda b: (b.values, b.names))(training.Crops(given, seconds=2, batch=16)(0)), strict=True
    ):
        rows = [s.values[s.grid.names.index(names[0])] for s in given if names[0] in s.grid.names]
        assert any(np.array_equal(crop[0], r[a : a + 200]) for r in rows for a in range(len(r) - 199))


@pytest.mark.parametrize("steps", [1, 9, 1000])
def test_the_rate_rises_then_falls_to_its_floor(steps):
    factors = [training.warm_cosine(s, steps, warmup=100, floor=0.1) for s in range(steps)]
    assert all(0 < f <= 1 for f in factors)
    peak = int(np.argmax(factors))
    assert factors[: peak + 1] == sorted(factors[: peak + 1]) and factors[peak:] == sorted(factors[peak:], reverse=True)
    assert training.warm_cosine(steps, steps, floor=0.1) == pytest.approx(0.1)
