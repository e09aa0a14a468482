"""The transform over channels: orthonormal on both sides from the few numbers sent, and it gathers what is common."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.entropy.adaptive_binary import AdaptiveBinary
from signalpiece.layouts.dct import DCT
from signalpiece.quantizers.dead_zone import DeadZone
from signalpiece.tokenizers.klt import KLT, complete, rotation_from
from signalpiece.tokenizers.rate import code_bits
from signalpiece.tokenizers.transform import TransformCoder


def sources(channels=8, seconds=15, seed=0):
    rng = np.random.default_rng(seed)
    common = np.cumsum(rng.standard_normal((2, seconds * 100)), axis=1)
    common -= common.mean(1, keepdims=True)
    mixed = rng.standard_normal((channels, 2)) @ common + 0.1 * rng.standard_normal((channels, seconds * 100))
    return Signal.of(mixed * 1e-6, rate=100)


@settings(max_examples=30, deadline=None)
@given(channels=st.integers(1, 12), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_a_completed_basis_is_orthonormal(channels, share, seed):
    vectors = np.random.default_rng(seed).standard_normal((channels, int(share * channels)))
    basis = complete(vectors)
    assert np.allclose(basis.T @ basis, np.eye(channels), atol=1e-9)
    if vectors.shape[1]:
        assert abs(basis[:, 0] @ vectors[:, 0]) == pytest.approx(np.linalg.norm(vectors[:, 0]))


def test_dependent_columns_do_not_break_it():
    assert np.allclose(complete(np.ones((3, 2))).T @ complete(np.ones((3, 2))), np.eye(3))


def test_both_sides_have_the_same_matrix():
    z = sources().values / 1e-6
    made = KLT().fit(z)
    again = rotation_from(made.codes, made.precision)
    assert np.array_equal(made.matrix, again.matrix)
    assert np.allclose(made.unmix(made.mix(z)), z, atol=1e-3)
    power = (made.mix(z) ** 2).mean(1)
    assert power[:2].sum() > 0.99 * power.sum() and made.codes.shape[1] <= 3
    with pytest.raises(SignalPieceError, match="do not fit the header"):
        rotation_from(made.codes, (3,))


def test_mixing_is_sample_by_sample():
    z = sources().values / 1e-6
    made = KLT().fit(z)
    assert np.array_equal(made.mix(z)[:, 100:203], made.mix(z[:, 100:203]))


def test_coarser_steps_send_fewer_components_less_finely():
    z = sources().values / 1e-6
    fine, coarse = KLT().fit(z / 0.01), KLT().fit(z / 10)
    assert fine.codes.shape[1] > coarse.codes.shape[1] and max(fine.precision) > max(coarse.precision)


def test_it_saves_bits_and_needs_all_rows():
    side, signal = AdaptiveBinary(channels=0), sources()
    mixed = TransformCoder(DCT(), DeadZone(), AdaptiveBinary, side_codec=side, spatial=KLT())
    alone = TransformCoder(DCT(), DeadZone(), AdaptiveBinary, side_codec=side)
    tokens = mixed.encode(signal, step=1e-6)
    assert code_bits(mixed, tokens) < 0.6 * code_bits(alone, alone.encode(signal, step=1e-6))
    assert mixed.latency_seconds == 10 and mixed.codec.channels == 0
    error = mixed.decode(tokens).values - signal.values
    assert error.std() < 0.5e-6
    with pytest.raises(SignalPieceError, match="needs all 8 rows"):
        mixed.decode(tokens.pick([1, 2]))


def test_silence_and_one_channel():
    side = AdaptiveBinary(channels=0)
    tok = TransformCoder(DCT(), DeadZone(), AdaptiveBinary, side_codec=side, spatial=KLT(seconds=2))
    for values in (np.zeros((3, 500)), np.random.default_rng(0).standard_normal((1, 500)), np.zeros((2, 0))):
        signal = Signal.of(values, rate=100)
        assert tok.decode(tok.encode(signal, step=1e-3)).values.shape == values.shape
