"""Band entropies of signals whose power is known, and the filter beside SciPy's."""

import numpy as np
import pytest
import torch
from scipy.signal import butter, sosfiltfilt

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.layouts import BandEntropy
from signalpiece.layouts.band_entropy import band_pass

RNG = np.random.default_rng(0)


def entropy(power):
    return 0.5 * np.log(2 * np.pi * np.e * power)


def test_white_noise_has_the_power_of_its_share_of_the_spectrum():
    """A band of w Hz holds w / (rate / 2) of the power; the filter's own width is counted."""
    x = RNG.normal(0, 3.0, (1, 400_000))
    f = np.linspace(0, 100, 20_001)[1:]
    for band in ((8.0, 13.0), (30.0, 45.0)):
        low, high, t = *(np.tan(np.pi * np.array(band) / 200)), np.tan(np.pi * f[:-1] / 200)
        share = np.mean((1 + ((t**2 - low * high) / (t * (high - low))) ** 8.0) ** -2.0)
        found = BandEntropy(bands=(band,), window_seconds=500.0).analyse(x, 200.0)
        np.testing.assert_allclose(found.ravel(), entropy(9 * share), atol=0.02 * abs(entropy(9 * share)))


def test_a_sine_is_in_its_band_only():
    t = np.arange(2000) / 200
    x = np.stack([2 * np.sin(2 * np.pi * 10 * t), np.zeros(2000)])
    y = BandEntropy().analyse(x, 200.0)
    np.testing.assert_allclose(y[0, 1:-1, 1], entropy(2.0), atol=0.01)
    assert (y[0, 1:-1, [0, 2, 3]] < entropy(0.02)).all() and np.isfinite(y).all()


@pytest.mark.parametrize("band", [(4.0, 8.0), (30.0, 45.0)])
@pytest.mark.parametrize("length", [3000, 3001])
def test_the_filter_is_the_one_of_scipy_there_and_back(band, length):
    x = RNG.normal(size=(2, length))
    other = sosfiltfilt(butter(4, band, "bandpass", fs=200, output="sos"), x)
    ours = band_pass(x, band, 200.0)
    np.testing.assert_allclose(ours[:, 500:-500], other[:, 500:-500], atol=1e-4)
    np.testing.assert_allclose(band_pass(torch.tensor(x), band, 200.0).numpy(), ours, atol=1e-12)


def test_slots_go_by_time_then_electrode_and_only_whole_windows():
    signal = Signal.of(RNG.normal(size=(3, 530)), rate=100)
    layout = BandEntropy(window_seconds=2.0, hop_seconds=1.0)
    slots = layout.cut(signal)
    assert slots.values.shape == (1, 12, 4) and slots.grid == signal.grid
    np.testing.assert_allclose(slots.values[0, 4], layout.analyse(signal.values, 100.0)[1, 1])
    np.testing.assert_allclose(slots.coords[0, ::3, 0], [1, 2, 3, 4])
    assert layout.cut(Signal.of(np.zeros((3, 150)), rate=100)).values.shape == (1, 0, 4)


def test_what_cannot_be_is_said():
    layout = BandEntropy()
    with pytest.raises(SignalPieceError, match="bands must end below half the rate, got 45 Hz at a rate of 80 Hz"):
        layout.cut(Signal.of(np.zeros((1, 100)), rate=80))
    with pytest.raises(SignalPieceError, match="nothing can be joined"):
        layout.join(layout.cut(Signal.of(np.zeros((1, 200)), rate=100)))
    with pytest.raises(SignalPieceError, match="0 < low < high"):
        BandEntropy(bands=((8.0, 4.0),))
