import numpy as np
import pytest
from scipy import signal as scipy_signal

from signalpiece import layouts
from signalpiece.core.check import SignalPieceError


@pytest.mark.parametrize(("window", "hop"), [(100, 50), (64, 16), (30, 11), (31, 10)])
def test_frames_are_scipys_stft(window, hop):
    layout, x = layouts.STFT(window=window, hop=hop), np.random.default_rng(0).normal(size=(2, 20 * window))
    y = layout.analyse(x)
    spectra = y[..., : layout.bins] + 1j * y[..., layout.bins :]
    _, _, wanted = scipy_signal.stft(
        np.pad(x, ((0, 0), (layout.lead, 0))),
        window=layout.taper,
        nperseg=window,
        noverlap=window - hop,
        boundary=None,
        padded=False,
    )
    wanted = wanted * layout.taper.sum() / np.sqrt(window)
    inner = slice(-(-layout.lead // hop), (x.shape[1] - window + layout.lead) // hop + 1)  # frames that see no edge
    np.testing.assert_allclose(spectra[:, inner], wanted.transpose(0, 2, 1)[:, inner], atol=1e-10)


def test_energy_is_kept():
    layout, x = layouts.STFT(window=64, hop=16), np.random.default_rng(0).normal(size=(1, 640))
    x[:, :64] = x[:, -64:] = 0
    y = layout.analyse(x)
    twice = np.full(layout.bins, 2.0)
    twice[[0, -1]] = 1.0
    assert np.isclose((y**2 * np.tile(twice, 2)).sum(), (x**2).sum())


def test_the_inverse_is_the_nearest_signal():
    layout, rng = layouts.STFT(window=16, hop=4), np.random.default_rng(0)
    y = layout.analyse(rng.normal(size=(1, 80)))
    y = y + rng.normal(size=y.shape)
    near = layout.synthesise(y, 80)
    again = layout.synthesise(layout.analyse(near), 80)
    np.testing.assert_allclose(again, near, atol=1e-10)


def test_a_hop_is_below_the_window():
    with pytest.raises(SignalPieceError, match="hop must be between 1 and 99, got 100"):
        layouts.STFT(window=100, hop=100)
