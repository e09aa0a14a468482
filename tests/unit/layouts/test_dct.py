import numpy as np
import pytest
from scipy.fft import dct

from signalpiece import layouts
from signalpiece.core.check import SignalPieceError


@pytest.mark.parametrize("size", [1, 2, 7, 100, 511, 512, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_are_scipys_dct(size, dtype):
    x = np.random.default_rng(0).normal(size=(2, 3 * size)).astype(dtype)
    y = layouts.DCT(size=size).analyse(x)
    wanted = dct(x.reshape(2, 3, size).astype(np.float64), norm="ortho")
    np.testing.assert_allclose(y, wanted, atol=1e-5 if dtype == np.float32 else 1e-11)
    assert y.dtype == dtype


def test_the_last_value_holds():
    y = layouts.DCT(size=8).analyse(np.full((1, 11), 3.0))
    np.testing.assert_allclose(y[0, :, 0], 3.0 * np.sqrt(8))
    np.testing.assert_allclose(y[0, :, 1:], 0, atol=1e-12)


def test_leading_axes_and_integers():
    x = np.arange(60, dtype=np.int16).reshape(2, 1, 30)
    layout = layouts.DCT(size=10)
    y = layout.analyse(x)
    assert y.shape == (2, 1, 3, 10) and y.dtype == np.float32
    np.testing.assert_allclose(layout.synthesise(y, 30), x, atol=1e-4)


def test_bad_sizes():
    for size in (0, 5000):
        with pytest.raises(SignalPieceError, match=f"size must be between 1 and 4096, got {size}"):
            layouts.DCT(size=size)
