import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.signals.stamps import timeline_of


def stamps(count, rate, *, chunk=1, jitter=0.0, gaps=(), true_rate=None, seed=0):
    """Stamps of samples sent in chunks that arrive late by up to `jitter` seconds."""
    t = np.arange(count) / (true_rate or rate)
    for at, seconds in gaps:
        t[at:] += seconds
    late = np.random.default_rng(seed).uniform(0, jitter, count // chunk + 1)
    return 1000 + t + np.repeat(late, chunk)[:count]


@settings(max_examples=30, deadline=None)
@given(
    rate=st.sampled_from([100.0, 256.0, 1000.0]),
    chunk=st.sampled_from([1, 12, 40]),
    at=st.integers(1000, 7000),
    seconds=st.floats(0.15, 20),
    seed=st.integers(0, 9),
)
def test_a_pause_is_a_gap_of_its_length(rate, chunk, at, seconds, seed):
    jitter, at = 0.02, at // chunk * chunk
    line = timeline_of(stamps(8000, rate, chunk=chunk, jitter=jitter, gaps=[(at, seconds)], seed=seed), rate)
    assert line.rate == rate and len(line.runs) == 2
    assert line.runs[1].stored == at
    assert (line.runs[1].at - at) / rate == pytest.approx(seconds, abs=jitter)


def test_two_pauses_near_each_other():
    line = timeline_of(stamps(5000, 500.0, gaps=[(100, 0.02), (200, 0.1)]), 500.0)
    assert [(r.at, r.stored) for r in line.runs] == [(0, 0), (110, 100), (260, 200)]


@pytest.mark.parametrize("chunk,jitter", [(1, 0.002), (40, 0.03), (32, 0.05)])
def test_jitter_alone_is_no_gap(chunk, jitter):
    line = timeline_of(stamps(20000, 500.0, chunk=chunk, jitter=jitter), 500.0)
    assert len(line.runs) == 1 and line.rate == 500.0 and not line.warnings


def test_a_stall_that_is_caught_up_is_no_gap():
    t = 1000 + np.arange(5000) / 250
    t[1000:1125] = t[1125]
    assert len(timeline_of(t, 250.0).runs) == 1


def test_a_wrong_rate_is_said_and_corrected():
    line = timeline_of(stamps(20000, 512.0, true_rate=474.0, chunk=8, jitter=0.01), 512.0)
    assert line.rate == pytest.approx(474.0, rel=1e-3) and len(line.runs) == 1
    assert "512 Hz" in line.warnings[0]


def test_moments_are_mapped_to_samples():
    """The clock of the amplifier runs 0.1 % slow: a moment is where its samples are."""
    line = timeline_of(stamps(100_000, 100.0, true_rate=99.9, gaps=[(50_000, 30.0)]), 100.0)
    assert line.rate == 100.0
    for sample in (0, 10_000, 49_999):
        assert line.seconds(1000 + sample / 99.9) == pytest.approx(sample / 100, abs=2e-3)
    after = line.runs[1].at + 100
    assert line.seconds(1000 + 50_100 / 99.9 + 30) == pytest.approx(after / 100, abs=2e-3)
    assert line.seconds(990.0) == pytest.approx(-10.0, abs=2e-3)


def test_a_stamp_far_away_is_no_gap():
    line = timeline_of(stamps(2000, 100.0, gaps=[(1000, 1e8)]), 100.0)
    assert sum(r.count for r in line.runs) == 2000 and line.runs[-1].at <= 1000
    assert line.rate == 100.0 and "too far" in line.warnings[0]


@pytest.mark.parametrize("t", [[5.0], [5.0, 5.0, 5.0], [5.0, 1e300], [9.0, 8.0, 7.0, 6.0]])
def test_senseless_stamps_give_one_run(t):
    line = timeline_of(np.array(t), 100.0)
    assert sum(r.count for r in line.runs) == len(t) and line.runs[-1].at < 10_000
    assert np.isfinite(line.seconds(6.0))
