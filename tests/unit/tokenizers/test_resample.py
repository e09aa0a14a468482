"""Resampling: flat where it should be, silent where it should be, in time, and the same under any chunking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.tokenizers.resample import Resampler, ratio_between

PAIRS = [(160, 100), (250, 100), (256, 100), (512, 128), (50, 100), (1000 / 3, 100), (1017.2526, 100), (2048, 100)]


def tone(hertz, rate, seconds=40):
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)[None].astype(np.float32)


def db(error):
    return 20 * np.log10(error[:, 300:-300].std() / np.sqrt(0.5) + 1e-9)


@pytest.mark.parametrize("source, rate", PAIRS)
@pytest.mark.parametrize("share", [0.02, 0.2, 0.44])
def test_passband_is_flat_and_in_time(source, rate, share):
    resampler = Resampler.between(source, rate)
    hertz = share * min(source, rate)
    out = resampler(tone(hertz, source))
    at = np.arange(out.shape[1]) / resampler.rate(source, rate)
    assert db(out - np.sin(2 * np.pi * hertz * at)) < -70


def test_above_55_hz_nothing_is_left_at_100_hz():
    assert db(Resampler.between(256, 100)(tone(56.0, 256))) < -65


@pytest.mark.parametrize("source, rate", PAIRS)
def test_there_and_back(source, rate):
    resampler = Resampler.between(source, rate)
    x = tone(0.3 * min(source, rate), source)
    back = resampler.inverse()(resampler(x))[:, : x.shape[1]]
    assert back.shape == x.shape and db(back - x) < -65


def test_ratios():
    assert ratio_between(160, 100) == (5, 8)
    assert ratio_between(256, 100) == (25, 64)
    assert ratio_between(1000 / 3, 100) == (3, 10)
    up, down = ratio_between(1017.2526, 100)
    assert up <= 128 and abs(1017.2526 * up / down / 100 - 1) < 1e-3
    assert ratio_between(99.9987, 100) == (1, 1)
    with pytest.raises(SignalPieceError, match="above 0 Hz"):
        ratio_between(0, 100)
    with pytest.raises(SignalPieceError, match="factor of 10000"):
        ratio_between(5e6, 100)


def test_same_rate_is_the_identity():
    resampler, x = Resampler.between(100, 100), tone(3, 100)
    assert resampler.is_identity and np.array_equal(resampler(x), x) and resampler.latency_seconds(100) == 0
    stream = resampler.stream()
    assert np.array_equal(stream.push(x), x) and not stream.close().size


@settings(max_examples=25, deadline=None)
@given(
    pair=st.sampled_from([*PAIRS[:5], (2048, 100), (1000, 100)]),
    samples=st.integers(1, 3000),
    cuts=st.lists(st.integers(0, 3000), max_size=7),
    seed=st.integers(0, 9),
)
def test_stream_equals_the_whole(pair, samples, cuts, seed):
    resampler = Resampler.between(*pair)
    x = np.random.default_rng(seed).standard_normal((3, samples)).astype(np.float32)
    stream = resampler.stream()
    pieces = [stream.push(p) for p in np.split(x, sorted(c for c in cuts if c <= samples), axis=1)]
    whole = resampler(x)
    assert np.array_equal(np.concatenate([*pieces, stream.close()], axis=1), whole)
    assert whole.shape[1] == resampler.length(samples)


@pytest.mark.parametrize("source", [160, 1000])
def test_latency_is_what_the_stream_needs(source):
    resampler, x = Resampler.between(source, 100), tone(3, source, 3)
    stream, given = resampler.stream(), 0
    for n in range(x.shape[1]):
        given += stream.push(x[:, n : n + 1]).shape[1]
        late = (n + 1) / source - given / 100
        assert late <= resampler.latency_seconds(source)
    assert resampler.latency_seconds(source) < 0.6


def test_high_rates_go_in_two_stages():
    resampler = Resampler.between(2048, 100)
    assert resampler.first == 4 and resampler.inverse().first == 1
    assert db(resampler(tone(56.0, 2048, 20))) < -65 and db(resampler(tone(456.0, 2048, 20))) < -65
    assert Resampler.between(500, 100).first == 1 and Resampler.between(20000, 100).first == 50


def test_samples_that_a_piece_determines():
    resampler = Resampler.between(160, 100)
    x = np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32)
    whole = resampler(x)
    start, stop = resampler.within(300, 700, 1000)
    assert 187 < start < stop < 438
    assert np.array_equal(resampler.between_samples(x[:, 300:700], 300, start, stop), whole[:, start:stop])
    assert resampler.within(0, 1000, 1000) == (0, 625)
