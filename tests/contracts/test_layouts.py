"""Laws of the room: join(cut(s)) is s, frames cover every sample, NumPy and torch agree, gradients pass, it streams."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece import layouts
from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Layout
from signalpiece.core.signal import Signal

NAMES = layouts.__all__
lengths, channels, seeds = st.integers(0, 700), st.integers(1, 4), st.integers(0, 2**31)


def noise(c, t, seed, dtype=np.float32):
    return np.random.default_rng(seed).normal(1.0, 1.0, (c, t)).astype(dtype)


def variants(name):
    """Defaults, and a second set of sizes that do not fit so well."""
    other = {
        "DCT": {"size": 7},
        "Lapped": {"hop": 9},
        "STFT": {"window": 30, "hop": 11},
        "TimePatches": {"patch": 10, "hop": 4},
        "Wavelet": {"levels": 2, "block": 12},
    }
    return [getattr(layouts, name)(), getattr(layouts, name)(**other.get(name, {}))]


@pytest.mark.parametrize("name", NAMES)
def test_defaults_build_a_layout(name):
    made = getattr(layouts, name)()
    assert isinstance(made, Layout) and set(made.arrays) <= {"numpy", "torch"}
    parameters = inspect.signature(getattr(layouts, name)).parameters.values()
    assert len(parameters) <= 8 and all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters)


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=20)
@given(t=lengths, c=channels, seed=seeds)
def test_join_inverts_cut(name, t, c, seed):
    for layout in variants(name):
        signal = Signal.of(noise(c, t, seed), rate=100)
        slots = layout.cut(signal)
        assert slots.values.shape == (1, layout.frames(t) * c, layout.dim) and slots.values.dtype == np.float32
        back = layout.join(slots)
        assert back.grid == signal.grid and back.valid is None and back.values.dtype == np.float32
        np.testing.assert_allclose(back.values, signal.values, atol=2e-5)


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=10)
@given(t=lengths, c=channels, seed=seeds)
def test_numpy_and_torch_agree_and_gradients_pass(name, t, c, seed):
    for layout in variants(name):
        x = noise(c, t, seed, np.float64)
        y = layout.analyse(x)
        tensor = torch.from_numpy(x).requires_grad_()
        other = layout.analyse(tensor)
        assert y.dtype == np.float64 and other.dtype == torch.float64
        np.testing.assert_allclose(other.detach().numpy(), y, atol=1e-10)
        back = layout.synthesise(other, t)
        np.testing.assert_allclose(back.detach().numpy(), x, atol=1e-10)
        np.testing.assert_allclose(layout.synthesise(y, t), x, atol=1e-10)
        if t:
            back.square().sum().backward()
            np.testing.assert_allclose(tensor.grad.numpy(), 2 * x, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_frames_lie_where_hop_window_and_lead_say(name):
    for layout in variants(name):
        t = 3 * layout.window + 5
        count = layout.frames(t)
        starts = np.arange(count) * layout.hop - layout.lead
        covered = np.zeros(t, int)
        for a in starts:
            covered[max(a, 0) : max(a + layout.window, 0)] += 1
        assert (covered > 0).all() and starts[-1] < t
        for at in (layout.window, layout.window + layout.hop // 2, t - layout.window - 1):
            x = np.zeros((1, t))
            x[0, at] = 1.0
            touched = np.flatnonzero(np.abs(layout.analyse(x)[0]).max(1) > 1e-12)
            inside = np.flatnonzero((starts <= at) & (at < starts + layout.window))
            assert set(touched) <= set(inside) and len(touched)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("windows", [1, 2, 9, 60])
def test_a_frame_sees_nothing_but_its_samples(name, windows):
    """What a stream relies on: the bits of a frame are the same whatever stands around it."""
    for layout in variants(name):
        x = noise(3, 80 * layout.window, 1)
        whole = layout.analyse(x)
        part = layout.analyse(x[1:2, 4 * layout.hop : 4 * layout.hop + (windows + 1) * layout.window])
        inner = range(-(-layout.lead // layout.hop), windows)
        for i in inner:
            assert np.array_equal(part[0, i], whole[1, i + 4])
        assert windows < 9 or len(inner)


@pytest.mark.parametrize("name", NAMES)
def test_validity_goes_there_and_back(name):
    for layout in variants(name):
        t = 6 * layout.window
        signal = Signal.of(noise(2, t, 2), rate=100)
        valid = np.ones((2, t), bool)
        valid[1, 2 * layout.window + 1] = False
        slots = layout.cut(Signal(signal.grid, signal.values, valid))
        grid = slots.valid.reshape(-1, 2)
        assert grid[:, 0].all() and not grid[:, 1].all() and grid[:, 1].sum() >= len(grid) // 2
        back = layout.join(slots).valid
        assert back[0].all() and not back[1, 2 * layout.window + 1] and back[1, 0] and back[1, -1]


@pytest.mark.parametrize("name", NAMES)
def test_coords_are_centres(name):
    layout = getattr(layouts, name)()
    slots = layout.cut(Signal.of(noise(2, 4 * layout.window, 3), rate=50))
    centre = (layout.window / 2 - layout.lead) / 50
    np.testing.assert_allclose(slots.coords[0, :4, 0], [centre, centre, *[centre + layout.hop / 50] * 2])


@pytest.mark.parametrize("name", NAMES)
def test_wrong_shapes_are_refused(name):
    layout = getattr(layouts, name)()
    slots = layout.cut(Signal.of(noise(1, 1000, 4), rate=100))
    with pytest.raises(SignalPieceError, match="need|have shape"):
        layout.synthesise(slots.values, 5000)
    wrong = type(slots)(slots.values[:, 1:], slots.grid)
    with pytest.raises(SignalPieceError, match="have shape"):
        layout.join(wrong)
