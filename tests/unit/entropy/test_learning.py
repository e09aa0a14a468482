"""What adaptive coding is for: it comes near the entropy, learns from a start, from the past and from other channels."""

import numba
import numpy as np
import pytest
from makers import header_of

from signalpiece.core.check import SignalPieceError
from signalpiece.entropy import adaptive_state, channel_prediction
from signalpiece.entropy.adaptive_binary import AdaptiveBinary
from signalpiece.entropy.categorical import Categorical
from signalpiece.entropy.static_tables import StaticTables
from signalpiece.entropy.train_start import train_start

FRAMES, COLUMNS = 240, 20


def laplace(seed, channels, loud=0.0, alike=0.0):
    """Rounded Laplace variables of scale 2 falling with the column; loudness and channels may vary together."""
    rng = np.random.default_rng(seed)
    x = rng.laplace(size=(FRAMES, channels, COLUMNS)) + alike * rng.laplace(size=(FRAMES, 1, COLUMNS))
    x *= np.exp(loud * np.sin(np.arange(FRAMES) / 15))[:, None, None] * 2 * np.exp(-np.arange(COLUMNS) / 10)
    return np.round(x).astype(np.int32)


def bits(codec, codes):
    return 8 * len(codec.encode(codes, header_of(codes.shape[1], (0,) * COLUMNS, FRAMES))) / codes.size


def entropy(codes):
    """Bits per code of the empirical distribution of each column."""
    total = 0.0
    for column in codes.reshape(-1, codes.shape[2]).T:
        counts = np.unique(column, return_counts=True)[1]
        total -= (counts * np.log2(counts / counts.sum())).sum()
    return total / codes.size


def test_codecs_come_near_the_entropy_of_a_stationary_source():
    codes = laplace(0, 4)
    ideal = entropy(codes)
    scales = np.exp(-np.arange(COLUMNS) / 10)
    assert bits(StaticTables(scales=scales, channels=0), codes) < 1.02 * ideal
    assert bits(AdaptiveBinary(channels=0), codes) < 1.05 * ideal


def test_adaptive_follows_what_static_cannot():
    codes = laplace(1, 1, loud=2.0)
    scales = np.exp(-np.arange(COLUMNS) / 10)
    assert bits(AdaptiveBinary(), codes) < 0.9 * bits(StaticTables(scales=scales), codes)


def test_channels_predict_each_other():
    codes = laplace(2, 6, alike=3.0)
    alone = np.mean([bits(AdaptiveBinary(), codes[:, c : c + 1]) for c in range(6)])
    assert bits(AdaptiveBinary(channels=0), codes) < 0.8 * alone


def test_a_start_spares_learning():
    start = train_start([laplace(s, 1, loud=1.0) for s in range(8)])
    codes = laplace(99, 1, loud=1.0)[:40]
    assert bits(AdaptiveBinary(start=start), codes) < 0.98 * bits(AdaptiveBinary(), codes)
    assert start.dtype == np.uint16 and (start == train_start([laplace(s, 1, loud=1.0) for s in range(8)])).all()


def test_a_start_of_the_wrong_size_is_refused():
    with pytest.raises(SignalPieceError, match="a start of the adaptive codec has"):
        AdaptiveBinary(start=np.zeros(5, np.uint16)).encode(laplace(0, 1), header_of(1, (0,) * COLUMNS))
    with pytest.raises(SignalPieceError, match="no codes"):
        train_start([np.zeros((0, 2, 3), np.int32)])


def test_a_start_keeps_what_a_state_has_learnt():
    state = adaptive_state.new_state(1, 1)
    state.counters[:100] = (np.linspace(1e5, 4e6, 100).astype(np.int64) << 10) | 50
    counters, mixers, signs = adaptive_state.unpack_start(adaptive_state.pack_start(state))
    assert np.abs((counters >> 10) - (state.counters >> 10)).max() < 1 << 16
    assert (mixers >> 4 == state.mixers >> 4).all() and (signs == state.signs).all()
    assert (counters[:100] & 1023 == 50).all()


def test_categorical_learns_what_follows_what():
    rng = np.random.default_rng(3)
    steps = rng.integers(0, 2, (400, 1, 1))
    codes = (np.cumsum(steps, 0) % 16).astype(np.int32)
    header = header_of(1, (16,), 400)
    assert 8 * len(Categorical().encode(codes, header)) / codes.size < 2.5
    even = rng.integers(0, 1024, (400, 1, 4)).astype(np.int32)
    assert 8 * len(Categorical().encode(even, header_of(1, (1024,) * 4, 400))) / even.size < 10.3


def test_scales_must_fit():
    with pytest.raises(SignalPieceError, match="above 0"):
        StaticTables(scales=np.array([1.0, 0.0]))
    with pytest.raises(SignalPieceError, match="for 2 columns, the tokens have 3"):
        StaticTables(scales=np.ones(2)).encode(np.zeros((1, 1, 3), np.int32), header_of(1, (0, 0, 0)))


def test_no_compiler_may_fuse_or_reorder_the_predictions():
    prediction = channel_prediction.new_prediction(2, np.array([0, 1]))
    for kernel, values in (
        (channel_prediction.predict, (prediction, 1)),
        (channel_prediction.observe, (prediction, 1, np.zeros(2, np.int32))),
        (channel_prediction.learn, (prediction, np.zeros((2, 2), np.int32))),
    ):
        fresh = numba.njit(error_model="numpy")(kernel.py_func)
        fresh(*values)
        for code in fresh.inspect_llvm().values():
            assert not any(word in code for word in ("contract", "reassoc", " fast ", "fmuladd", "llvm.fma"))
