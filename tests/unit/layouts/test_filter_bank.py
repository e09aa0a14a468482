"""Filter bank and whole-picture wavelets beside PyWavelets, which also gives the order of bands."""

import numpy as np
import pytest
import torch

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.layouts import WaveletTrees
from signalpiece.layouts.filter_bank import FilterBank
from signalpiece.layouts.pyramid import decompose, recompose

pywt = pytest.importorskip("pywt")
RNG = np.random.default_rng(0)
NAMES = ("haar", "db2", "db4", "sym5", "coif2", "bior2.2", "bior3.3", "rbio4.4", "bior4.4", "bior6.8")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [4, 6, 64])
def test_split_is_the_periodic_dwt_of_pywavelets(name, size):
    x, bank = RNG.normal(size=(3, size, 5)), FilterBank(name=name, edges="periodic")
    expected = np.concatenate(pywt.dwt(x, name, "periodization", axis=1), 1)
    for y in (bank.split(x, 1), bank.split(torch.tensor(x), 1).numpy(), bank.split(x.swapaxes(1, 2)).swapaxes(1, 2)):
        np.testing.assert_allclose(y, expected, atol=1e-12)


@pytest.mark.parametrize("name", (*NAMES, "dmey"))  # the filters of dmey alone miss by .6 %
@pytest.mark.parametrize("edges", ["periodic", None])
@pytest.mark.parametrize("size", [2, 4, 6, 50])
def test_merge_inverts_split(name, edges, size):
    x, bank = RNG.normal(size=(size, 3, size)), FilterBank(name=name, edges=edges)
    for axis in (0, 2):
        np.testing.assert_allclose(bank.merge(bank.split(x, axis), axis), x, atol=1e-10)
        other = torch.tensor(x)
        np.testing.assert_allclose(bank.merge(bank.split(other, axis), axis).numpy(), x, atol=1e-10)


def test_mirrored_edges_are_the_mirrored_signal():
    """Splitting a whole period of the mirrored signal periodically gives the mirrored split."""
    x = RNG.normal(size=20)
    period = np.concatenate([x, x[-2:0:-1]])  # 38 samples
    mirrored, periodic = FilterBank(edges="mirror").split(x), FilterBank(edges="periodic").split(period)
    np.testing.assert_allclose(mirrored[:10], periodic[:10], atol=1e-12)
    np.testing.assert_allclose(mirrored[10:], periodic[19:29], atol=1e-12)


def test_a_ramp_leaves_no_details_but_at_the_edges():
    high = FilterBank().split(np.arange(64.0))[32:]
    assert np.abs(high[2:-3]).max() < 1e-9


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pictures_transform_like_wavedec2(dtype):
    x = RNG.normal(size=(80, 96)).astype(dtype)
    y = decompose(FilterBank(edges="periodic"), x, 3, 2)
    expected, _ = pywt.coeffs_to_array(pywt.wavedec2(x, "bior4.4", "periodization", level=3))
    assert y.dtype == dtype
    np.testing.assert_allclose(y, expected, atol=1e-5 if dtype == np.float32 else 1e-12)
    np.testing.assert_allclose(recompose(FilterBank(edges="periodic"), y, 3, 2), x, atol=1e-5)


def test_volumes_transform_like_wavedecn():
    x = RNG.normal(size=(16, 12, 24))
    y = decompose(FilterBank(name="db2"), x, 2, 3)
    expected, _ = pywt.coeffs_to_array(pywt.wavedecn(x, "db2", "periodization", level=2))
    np.testing.assert_allclose(y, expected, atol=1e-12)


def test_a_tree_is_all_that_lies_under_a_coarse_coefficient():
    grid = Grid(("row", "column", "color"), (None,) * 3, ("",), (8, 12, 2))
    s = Signal(grid, RNG.normal(size=grid.shape))
    rows = WaveletTrees(levels=2, colors=2).cut(s).values[0].reshape(6, 16, 2)
    y = decompose(FilterBank(), np.moveaxis(s.values, -1, 0), 2, 2)
    at = y[:, 0, 2]  # row 0, column 2 of the lowest band
    np.testing.assert_allclose(rows[2, 0], at)
    np.testing.assert_allclose(rows[2, 1:4], np.stack([y[:, 0, 5], y[:, 2, 2], y[:, 2, 5]]))
    np.testing.assert_allclose(rows[2, 4:8], y[:, 0:2, 10:12].reshape(2, 4).T)
    np.testing.assert_allclose(rows[2, 12:], y[:, 4:6, 10:12].reshape(2, 4).T)


def test_whole_pictures_have_no_seams():
    """Without details a smooth picture stays smooth where blocks would meet."""
    grid = Grid(("row", "column", "color"), (None,) * 3, ("",), (160, 160, 1))
    smooth = np.add.outer(np.arange(160.0), np.arange(160.0))[..., None] / 320
    layout = WaveletTrees(levels=3, colors=1)
    slots = layout.cut(Signal(grid, smooth))
    slots.values[..., 1:] = 0
    assert np.abs(layout.join(slots).values - smooth)[64:-64, 64:-64].max() < 1e-6


def test_odd_lengths_are_refused():
    with pytest.raises(SignalPieceError, match="2 of 2 does not divide an axis of 5"):
        FilterBank().split(np.zeros(5))
    with pytest.raises(SignalPieceError, match="does not divide an axis of 12"):
        decompose(FilterBank(), np.zeros((16, 12)), 3, 2)


@pytest.mark.parametrize("edges", ["periodic", "mirror"])
def test_slices_and_the_compiled_loop_agree(edges):
    """A tensor with a gradient goes by slices, one without through the loop of NumPy."""
    x, bank = torch.tensor(RNG.normal(size=(3, 12, 5))), FilterBank(edges=edges)
    for run in (bank.split, bank.merge):
        by_slices = run(x.clone().requires_grad_(), 1)
        assert by_slices.requires_grad
        np.testing.assert_allclose(by_slices.detach(), run(x, 1), atol=1e-12)
