"""Laws of every metric of two signals and of codes, over the room's public names."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from signalpiece import metrics


@st.composite
def signals(draw):
    shape = draw(st.integers(1, 3)), draw(st.integers(64, 200))
    noise = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape)
    return (noise.cumsum(1) if draw(st.booleans()) else noise) * 10 ** draw(st.floats(-3, 3))


SIGNALS = signals()


def functions_of(*names):
    """Public functions whose first parameters are these: found, never listed."""
    found = [getattr(metrics, name) for name in metrics.__all__]
    found = [
        f for f in found if inspect.isfunction(f) and tuple(inspect.signature(f).parameters)[: len(names)] == names
    ]
    assert found
    return [pytest.param(f, id=f.__name__) for f in found]


def call(metric, reference, decoded):
    rate = (100.0,) if "rate" in inspect.signature(metric).parameters else ()
    got = metric(reference, decoded, *rate)
    return np.asarray(list(got.db.values())) if hasattr(got, "db") else np.asarray(got)


@pytest.mark.parametrize("metric", functions_of("reference", "decoded"))
@settings(max_examples=20, deadline=None)
@given(x=SIGNALS, seed=st.integers(0, 9))
def test_a_metric_of_two_signals_is_scale_free_and_touches_nothing(metric, x, seed):
    y = x + np.random.default_rng(seed).normal(size=x.shape) * x.std()
    before = x.copy(), y.copy()
    one = call(metric, x, y)
    assert np.array_equal(x, before[0]) and np.array_equal(y, before[1])
    assert np.allclose(one, call(metric, x * 1e-6, y * 1e-6), equal_nan=True, atol=1e-4)


@pytest.mark.parametrize("metric", functions_of("reference", "decoded"))
@settings(max_examples=20, deadline=None)
@given(x=SIGNALS)
def test_equal_signals_give_the_best_value(metric, x):
    best = call(metric, x, x.copy())
    assert not np.isposinf(best).any()
    worse = call(metric, x, x + np.random.default_rng(0).normal(size=x.shape) * (1 + np.abs(x).max()))
    sign = 1 if metric.__name__ == "correlation" else -1
    both = np.isfinite(best) & np.isfinite(worse)
    assert (sign * best[both] >= sign * worse[both] - 1e-9).all()


@pytest.mark.parametrize("metric", functions_of("codes", "sizes"))
@settings(max_examples=20, deadline=None)
@given(codes=hnp.arrays(np.int32, st.tuples(st.integers(1, 40), st.integers(1, 4)), elements=st.integers(0, 15)))
def test_metrics_of_codes_do_not_depend_on_the_order_of_rows(metric, codes):
    def value(c):
        got = metric(c, [16] * codes.shape[1])
        return [getattr(got, "bits", got)] if not isinstance(got, np.ndarray) else got.tolist()

    assert value(codes) == value(codes[::-1])


@settings(max_examples=30, deadline=None)
@given(codes=hnp.arrays(np.int32, st.tuples(st.integers(1, 60), st.integers(1, 3)), elements=st.integers(-9000, 9000)))
def test_entropy_lies_between_nothing_and_fixed_length(codes):
    counts = metrics.codebook_counts(codes)
    assert -1e-9 <= counts.bits <= counts.bits_nominal + 1e-6
    assert (1 - 1e-9 <= metrics.perplexity(codes)).all()
    assert all(u.perplexity <= u.live + 1e-6 for u in counts.use())
