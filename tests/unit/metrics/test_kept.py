"""Band power, alpha peaks and coherence of signals whose answers are known."""

import numpy as np
import pytest

from signalpiece.metrics.kept import Coherence, alpha_peaks, band_power_change
from signalpiece.metrics.similarity import power_spectrum

RATE = 100.0


def pink(channels: int, seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(size=(channels, int(seconds * RATE))))
    hertz = np.fft.rfftfreq(int(seconds * RATE), 1 / RATE)
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(hertz, 0.5)), n=int(seconds * RATE))


@pytest.mark.parametrize("hertz", [8.3, 10.0, 12.6])
def test_peak_is_found_where_it_is(hertz):
    x = pink(2, 120)
    t = np.arange(x.shape[1]) / RATE
    x[0] += 0.6 * x[0].std() * np.sin(2 * np.pi * hertz * t)
    found = alpha_peaks(*power_spectrum(x, RATE))
    assert found[0] == pytest.approx(hertz, abs=0.06) and np.isnan(found[1])


def test_power_change_is_that_of_the_filter():
    hertz = np.arange(0, 50, 0.25)
    before = np.ones((2, len(hertz)))
    after = before.copy()
    after[0, (hertz >= 13) & (hertz < 30)] /= 10
    after[1, hertz >= 30] = 0
    change = band_power_change(hertz, before, after)
    assert (
        change["beta"] == pytest.approx([-10, 0]) and change["gamma"][1] == -100 and change["alpha"].tolist() == [0, 0]
    )
    assert np.isnan(band_power_change(hertz, 0 * before, after)["theta"]).all()


def test_coherence_of_shared_and_of_independent_signals():
    rng = np.random.default_rng(0)
    one, own = rng.normal(size=60000), rng.normal(size=(2, 60000))
    x = np.stack([one, one + own[0], own[1]])  # coherence 1/2 and 0
    sums = Coherence()
    for start in range(0, 60000, 7000):
        sums.add(x[:, start : start + 7000], RATE)
    for band in sums.bands().values():
        assert band == pytest.approx([0.5, 0, 0], abs=0.03)


def test_one_channel_has_no_coherence():
    sums = Coherence()
    sums.add(np.ones((1, 500)), RATE)
    assert sums.bands() == {}
    assert np.isnan(alpha_peaks(np.arange(3.0), np.ones((1, 3)))).all()
