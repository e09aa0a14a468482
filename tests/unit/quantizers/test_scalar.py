import numpy as np
import pytest

from signalpiece import quantizers
from signalpiece.core.check import SignalPieceError


def test_uniform_rounds_halves_away_from_zero():
    z = np.array([-1.5, -0.5, -0.49, 0.0, 0.49, 0.5, 1.5, 2.6], np.float32)
    assert quantizers.Uniform().encode(z).tolist() == [-2, -1, 0, 0, 0, 1, 2, 3]
    assert quantizers.Uniform(step=0.5).encode(z / 2).tolist() == [-2, -1, 0, 0, 0, 1, 2, 3]


def test_decisions_look_at_64ths_of_a_step():
    almost = np.float32(0.5 - 1 / 256)  # nearer to 32/64 than to 31/64
    assert quantizers.Uniform().encode(np.array([almost, -almost])).tolist() == [1, -1]
    assert quantizers.Uniform().encode(np.array([0.5 - 1 / 100])).tolist() == [0]


def test_dead_zone():
    z = np.array([-1.7, -1.6, -0.7, -0.6, 0.0, 0.6, 0.7, 1.6, 1.7])
    assert quantizers.DeadZone(rounding=0.35).encode(z).tolist() == [-2, -1, -1, 0, 0, 0, 1, 1, 2]
    assert quantizers.DeadZone(rounding=0.5).encode(z).tolist() == quantizers.Uniform().encode(z).tolist()
    shifted = quantizers.DeadZone(step=2.0, shift=0.125).decode(np.array([-3, 0, 1], np.int32))
    assert shifted.tolist() == [-6.25, 0.0, 2.25]


def test_steps_broadcast():
    step = np.array([1.0, 0.1])[None, :, None]
    z = np.full((2, 2, 3), 5.0, np.float32)
    for q in (quantizers.Uniform(step=step), quantizers.DeadZone(step=step)):
        out = q(z)
        assert (out.codes[:, 0] == 5).all() and (out.codes[:, 1] == 50).all()
        np.testing.assert_allclose(out.embeddings, z, rtol=1e-6)


def test_integers_are_values():
    assert quantizers.Uniform(step=2.0).encode(np.array([5, -3])).tolist() == [3, -2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_values(dtype):
    q = quantizers.Uniform(step=1e-3)
    assert abs(q.encode(np.array([16000.0], dtype))[0] - 16_000_000) <= 1
    with pytest.raises(SignalPieceError, match="values must be finite and below 16777216 steps; take a larger step"):
        q.encode(np.array([17000.0], dtype))


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["Uniform", "DeadZone"])
def test_a_step_is_positive(name, step):
    with pytest.raises(SignalPieceError, match="step must be above 0 and finite"):
        getattr(quantizers, name)(step=step)


def test_mu_law_is_the_textbook_formula():
    z = np.linspace(-1, 1, 1001)
    curve = np.sign(z) * np.log1p(255 * np.abs(z)) / np.log1p(255)
    wanted = np.floor((curve + 1) / 2 * 255 + 0.5)
    codes = quantizers.MuLaw().encode(z)
    assert (codes == wanted).mean() > 0.97 and np.abs(codes - wanted).max() <= 1  # 1/64 of a level
    assert codes[0] == 0 and codes[-1] == 255


def test_mu_law_is_fine_near_zero_and_clips():
    q = quantizers.MuLaw(peak=np.array([[[1e-4], [1.0]]]))
    z = np.array([[[1e-5, -5.0], [1e-1, -5.0]]], np.float32)
    out = q(z)
    assert out.codes[0, 0].tolist() == out.codes[0, 1].tolist() and out.codes[0, 0, 1] == 0
    np.testing.assert_allclose(out.embeddings[0, :, 0], z[0, :, 0], rtol=0.03)
    np.testing.assert_allclose(out.embeddings[0, :, 1], [-1e-4, -1.0], rtol=1e-6)


def test_bad_arguments():
    with pytest.raises(SignalPieceError, match="levels must be between 2 and 65536, got 1"):
        quantizers.MuLaw(levels=1)
    with pytest.raises(SignalPieceError, match="mu and peak must be above 0"):
        quantizers.MuLaw(peak=0.0)
    with pytest.raises(SignalPieceError, match="rounding must be between 0 and 0.5"):
        quantizers.DeadZone(rounding=0.7)
