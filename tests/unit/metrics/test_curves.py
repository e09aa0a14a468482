import numpy as np
import pytest

from signalpiece.metrics.protocol import MARGIN_SECONDS, bandpass, resample, to_protocol
from signalpiece.metrics.rate_distortion import Curve, rate_distortion_at
from signalpiece.metrics.similarity import correlation, log_spectral_distance, power_spectrum


def test_curve_is_exact_at_its_points_and_never_leaves_them():
    curve = Curve(np.array([200.0, 50.0, 100.0]), np.array([[-9.0, 1.0], [-3.0, 3.0], [-6.0, 2.0]]))
    got = rate_distortion_at(curve, [49.0, 50.0, 100.0, 200.0, 201.0])
    assert np.isnan(got[[0, 4]]).all()
    assert got[1:4] == pytest.approx(np.array([[-3, 3], [-6, 2], [-9, 1]]))
    between = rate_distortion_at(curve, 141.421356)  # half way in log bits on a straight line
    assert between == pytest.approx([-7.5, 1.5], abs=1e-6)


def test_one_point_is_read_only_where_it_stands():
    got = rate_distortion_at(Curve(np.array([100.0]), np.array([-6.0])), [99.0, 100.0])
    assert np.isnan(got[0]) and got[1] == -6


def test_a_band_that_is_nan_at_one_step_is_read_from_the_others():
    curve = Curve(np.array([50.0, 100.0, 200.0]), np.array([[np.nan], [-6.0], [-9.0]]))
    assert np.isnan(rate_distortion_at(curve, 60.0)) and rate_distortion_at(curve, 150.0) < -6


def test_protocol_keeps_10_hz_and_drops_drift_and_mains():
    t = np.arange(256 * 60) / 256
    x = np.stack([np.sin(2 * np.pi * f * t) for f in (10, 0.05, 60)])
    y = to_protocol(x, 256.0)
    assert y.shape == (3, 6000)
    power = np.square(y[:, 1000:5000]).mean(1)
    assert power[0] == pytest.approx(0.5, rel=1e-3) and (power[1:] < 0.01).all()


def test_the_filter_takes_out_mains_by_itself():
    t = np.arange(256 * 30) / 256
    y = bandpass(np.sin(2 * np.pi * 60 * t)[None], 256.0)
    assert np.square(y[:, 1000:-1000]).mean() < 0.01


def test_a_piece_with_its_margin_equals_the_whole():
    x = np.random.default_rng(0).normal(size=(1, 200 * 120)).cumsum(1)
    a, b, m = 200 * 40, 200 * 60, int(200 * MARGIN_SECONDS)
    whole = bandpass(x, 200.0)[:, a:b]
    piece = bandpass(x[:, a - m : b + m], 200.0)[:, m:-m]
    assert np.abs(whole - piece).max() < 1e-3 * whole.std()


def test_slow_recordings_are_filtered_from_below_only():
    t = np.arange(50 * 60) / 50
    y = to_protocol(np.sin(2 * np.pi * 20 * t)[None], 50.0)
    assert y.shape == (1, 3000) and np.square(y[:, 500:2500]).mean() == pytest.approx(0.5, rel=1e-3)


def test_resampling_by_one_changes_nothing():
    x = np.random.default_rng(0).normal(size=(2, 50))
    assert np.array_equal(resample(x, 100.0, 100.0), x)


def test_the_spectrum_is_welchs():
    from scipy.signal import welch

    x = np.random.default_rng(0).normal(size=(2, 1717))
    for seconds in (1.0, 2.05, 60.0):
        hertz, power = power_spectrum(x, 100.0, seconds=seconds)
        wanted = welch(x, 100.0, nperseg=min(int(round(seconds * 100)), 1717))
        assert hertz == pytest.approx(wanted[0]) and power == pytest.approx(wanted[1], rel=1e-9, abs=1e-15)


def test_similarity_by_hand():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 4000))
    assert correlation(x, 3 * x + 1) == pytest.approx([1, 1])
    assert np.isnan(correlation(x, 0 * x)).all()
    valid = np.ones_like(x, bool)
    valid[:, :100] = False
    assert correlation(x, np.where(valid, x, 1e9), valid=valid) == pytest.approx([1, 1])
    assert log_spectral_distance(x, x, 100.0) == pytest.approx([0, 0])
    assert log_spectral_distance(x, 10 * x, 100.0) == pytest.approx([20, 20], abs=1e-9)
