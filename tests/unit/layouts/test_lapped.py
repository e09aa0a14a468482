import numpy as np
import pytest
import torch

from signalpiece import layouts
from signalpiece.layouts.lapped import lapped_matrix


def textbook(frame):
    """MDCT with a sine window, term by term."""
    hop = len(frame) // 2
    n, k = np.arange(2 * hop)[:, None], np.arange(hop)
    cosine = np.cos(np.pi / hop * (n + 0.5 + hop / 2) * (k + 0.5))
    window = np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop))
    return np.sqrt(2 / hop) * (window * frame) @ cosine


@pytest.mark.parametrize("hop", [1, 2, 5, 50, 256, 301, 1024])
def test_frames_are_the_textbook_formula(hop):
    x = np.random.default_rng(0).normal(size=5 * hop)
    y = layouts.Lapped(hop=hop).analyse(x[None])[0]
    assert y.shape == (6, hop)
    for i in (1, 3, 4):
        np.testing.assert_allclose(y[i], textbook(x[(i - 1) * hop : (i + 1) * hop]), atol=1e-9)


@pytest.mark.parametrize("hop", [1, 9, 50, 64])
def test_it_is_orthonormal(hop):
    basis = lapped_matrix(hop)
    np.testing.assert_allclose(basis.T @ basis, np.eye(hop), atol=1e-12)
    np.testing.assert_allclose(basis[:hop].T @ basis[hop:], 0, atol=1e-12)  # neighbours


@pytest.mark.parametrize("hop", [256, 1024])
def test_the_fast_path_is_the_matrix(hop):
    layout, x = layouts.Lapped(hop=hop), np.random.default_rng(0).normal(size=(2, 3 * hop + 5))
    y = layout.analyse(x)
    tensor = layout.analyse(torch.from_numpy(x))
    np.testing.assert_allclose(tensor.numpy(), y, atol=1e-10)
    np.testing.assert_allclose(
        layout.synthesise(tensor, x.shape[1]).numpy(), layout.synthesise(y, x.shape[1]), atol=1e-10
    )
    single = layout.analyse(x.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, y, atol=1e-4)


def test_one_changed_coefficient_moves_two_hops():
    layout = layouts.Lapped(hop=10)
    y = np.zeros((1, 7, 10))
    y[0, 3, 2] = 1.0
    x = layout.synthesise(y, 60)[0]
    assert np.flatnonzero(np.abs(x) > 1e-12).min() >= 20 and np.flatnonzero(np.abs(x) > 1e-12).max() < 40
    assert np.isclose((x**2).sum(), 1.0)
