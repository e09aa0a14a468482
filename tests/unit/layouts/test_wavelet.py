import builtins

import numpy as np
import pytest
import pywt

from signalpiece import layouts
from signalpiece.core.check import SignalPieceError
from signalpiece.layouts.filters import FILTERS

NAMES = ("haar", "db2", "db4", "sym5", "coif2", "bior2.2", "bior3.3", "rbio4.4", "bior4.4", "dmey")


@pytest.mark.filterwarnings("ignore:Level value")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("levels", [1, 3])
def test_blocks_are_pywavelets_periodization(name, levels):
    x = np.random.default_rng(0).normal(size=(2, 5 * 64))
    layout = layouts.Wavelet(name=name, levels=levels, block=64, edges="periodic")
    y = layout.analyse(x)
    for c, i in ((0, 0), (1, 4)):
        block = x[c, 64 * i : 64 * (i + 1)]
        wanted = np.concatenate(pywt.wavedec(block, name, "periodization", levels))
        np.testing.assert_allclose(y[c, i], wanted, atol=1e-10)
    np.testing.assert_allclose(layout.synthesise(y, 320), x, atol=1e-9)


@pytest.mark.parametrize("name", pywt.wavelist(kind="discrete")[::9])
def test_any_wavelet_inverts(name):
    layout, x = layouts.Wavelet(name=name, levels=4, block=48), np.random.default_rng(0).normal(size=(1, 100))
    np.testing.assert_allclose(layout.synthesise(layout.analyse(x), 100), x, atol=1e-6)


def test_shipped_filters_are_pywavelets():
    for name, (low, high) in FILTERS.items():
        wavelet = pywt.Wavelet(name)
        np.testing.assert_allclose(low, wavelet.dec_lo, rtol=0, atol=1e-15)
        np.testing.assert_allclose(high, wavelet.dec_hi, rtol=0, atol=1e-15)


def test_mirrored_edges_are_the_whole_point_extension():
    x = np.random.default_rng(0).normal(size=32)
    layout = layouts.Wavelet(levels=1, block=32)
    assert layout.edges == "mirror"
    low, high = pywt.dwt(np.pad(x, 32, mode="reflect"), "bior4.4", "periodization")
    y = layout.analyse(x[None])[0, 0]
    np.testing.assert_allclose(y[:16], low[16:32], atol=1e-10)
    np.testing.assert_allclose(y[16:], high[16:32], atol=1e-10)


def test_mirrored_edges_see_no_jump_in_a_ramp():
    ramp = np.linspace(0, 1, 256)[None]
    detail = {}
    for edges in ("mirror", "periodic"):
        y = layouts.Wavelet(levels=3, edges=edges).analyse(ramp)[0, 0]
        detail[edges] = np.abs(y[32:]).max()
    assert detail["mirror"] < 0.05 * detail["periodic"]


def test_all_depths():
    x = np.random.default_rng(0).normal(size=(1, 64))
    np.testing.assert_array_equal(layouts.Wavelet(levels=0, block=64).analyse(x)[0, 0], x[0])
    deepest = layouts.Wavelet(levels=6, block=64)
    np.testing.assert_allclose(deepest.synthesise(deepest.analyse(x), 64), x, atol=1e-10)


def test_the_default_needs_no_pywavelets(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("pywt"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setitem(__import__("sys").modules, "pywt", None)
    monkeypatch.setattr(builtins, "__import__", refuse)
    layouts.Wavelet().analyse(np.zeros((1, 10)))
    with pytest.raises(SignalPieceError, match="the wavelet 'db4' needs PyWavelets; install it with"):
        layouts.Wavelet(name="db4")


def test_bad_arguments():
    with pytest.raises(SignalPieceError, match="name 'db400' is not known; the closest are"):
        layouts.Wavelet(name="db400")
    with pytest.raises(SignalPieceError, match="2 \\*\\* levels of 32 does not divide a block of 100"):
        layouts.Wavelet(block=100)
    with pytest.raises(SignalPieceError, match="edges mirror needs symmetric filters of odd length, db4 has none"):
        layouts.Wavelet(name="db4", edges="mirror")
    with pytest.raises(SignalPieceError, match="edges must be one of periodic, mirror"):
        layouts.Wavelet(edges="zero")
