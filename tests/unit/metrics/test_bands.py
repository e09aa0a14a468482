import numpy as np
import pytest

from signalpiece.metrics.bands import channel_sd, nmse_bands, pool_channels, pool_time

RATE = 100.0
T = np.arange(2000) / RATE


def tone(hertz, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * hertz * T)


def test_error_in_one_band_is_read_in_that_band_only():
    x = np.stack([tone(2) + tone(10) + tone(35)])
    got = nmse_bands(x, x + 0.1 * tone(10), RATE).db
    assert got["alpha"] == pytest.approx(-20, abs=1e-6)
    assert got["delta"] < -200 and got["gamma"] < -200
    assert got["all"] == pytest.approx(10 * np.log10(0.01 / 3), abs=1e-6)


def test_every_channel_weighs_the_same_whatever_its_unit():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 2000))
    e = rng.normal(size=(2, 2000)) * 0.1
    loud = np.array([[1.0], [1e6]])
    one, two = nmse_bands(x, x + e, RATE).db, nmse_bands(x * loud, (x + e) * loud, RATE).db
    assert one["all"] == pytest.approx(two["all"], abs=1e-9)


def test_all_holds_every_bin_by_parseval():
    rng = np.random.default_rng(1)
    for n in (999, 1000):
        x, y = rng.normal(size=(3, n)), rng.normal(size=(3, n))
        got = nmse_bands(x, y, RATE)
        sd = x.std(1)[:, None]
        assert np.allclose(got.error[:, -1], np.square((x - y) / sd).sum(1))
        assert np.allclose(got.energy[:, -1], np.square(x / sd).sum(1))


def test_invalid_samples_do_not_count():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1, 1000))
    valid = np.ones_like(x, bool)
    valid[:, 300:500] = False
    y = np.where(valid, x, 1e6)
    assert nmse_bands(np.where(valid, x, -1e6), y, RATE, valid=valid).db["all"] < -200
    assert channel_sd(np.where(valid, x, -1e6), valid) == pytest.approx(x[valid].std())


def test_silence_and_missing_bands_are_nan_not_an_error():
    got = nmse_bands(np.zeros((1, 100)), np.zeros((1, 100)), RATE)
    assert np.isnan(got.db["all"])
    assert channel_sd(np.full((1, 77), 0.1)) == 0
    assert np.isnan(nmse_bands(np.zeros((1, 0)), np.zeros((1, 0)), RATE).db["all"])


def test_pooling_adds_energies():
    x, y = np.ones((1, 100)), np.zeros((1, 100))
    good, bad = nmse_bands(x, x, RATE, scale=np.ones(1)), nmse_bands(x, y, RATE, scale=np.ones(1))
    assert pool_time([good, bad]).db["all"] == pytest.approx(10 * np.log10(0.5))
    assert pool_channels([good, bad]).per_channel["all"].shape == (2,)
