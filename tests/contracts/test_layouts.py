"""Laws of the room: join(cut(s)) is s or the loss is stated, NumPy and torch agree, gradients pass, frames stream."""

import inspect
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece import layouts
from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Layout
from signalpiece.core.signal import Grid, Signal
from signalpiece.layouts.frames import FramedLayout

NAMES = [name for name in layouts.__all__ if hasattr(getattr(layouts, name), "cut")]
FRAMED = [name for name in NAMES if isinstance(getattr(layouts, name)(), FramedLayout)]
EXACT = [name for name in NAMES if not getattr(layouts, name)().loss]
lengths, channels, seeds = st.integers(0, 700), st.integers(1, 4), st.integers(0, 2**31)


def noise(c, t, seed, dtype=np.float32):
    return np.random.default_rng(seed).normal(1.0, 1.0, (c, t)).astype(dtype)


OTHER = {
    "BandEntropy": {"bands": ((1.0, 20.0),), "window_seconds": 0.37, "hop_seconds": 0.1},
    "Bytes": {"patch": 16},
    "DCT": {"size": 7},
    "DCTBlocks": {"axes": ("x", "y", "z"), "size": (5, 4, 3)},
    "FrequencyLevels": {"levels": 3, "colors": 1},
    "HaarPatches": {"patch": 8, "colors": 1},
    "HaarTubelets": {"patch": 2, "colors": 1},
    "Gaussians": {"num": 5, "crop": 3, "colors": 1},
    "Lapped": {"hop": 9},
    "LappedBlocks": {"axes": ("x", "y", "z"), "hop": (5, 4, 3)},
    "Patches": {"axes": ("x", "y", "z"), "patch": (5, 4, 3), "hop": (2, 4, 1)},
    "MixedScale": {"patch": 3, "colors": 1},
    "Quadtree": {"num": 40, "crop": 1, "levels": 4, "colors": 1},
    "STFT": {"window": 30, "hop": 11},
    "Slices": {"size": 19},
    "SoftSplits": {"axes": ("x", "y", "z"), "kernels": (3, 2), "strides": (2, 1), "pads": (1, 0)},
    "SurfacePoints": {"count": 7, "triangles": [[0, 1, 2], [3, 9, 4]], "seed": 3},
    "Superpixels": {"num": 5, "colors": 1},
    "TimePatches": {"patch": 10, "hop": 4},
    "TimeSoftSplits": {"kernels": (5, 4), "strides": (3, 3), "pads": (0, 2)},
    "Trajectories": {"num": 5, "colors": 1},
    "Tubelets": {"frames": 3, "frame_hop": 2, "patch": 5, "hop": 4, "colors": 1},
    "Variates": {"window": 30, "hop": 13},
    "Wavelet": {"levels": 2, "block": 12},
    "WaveletBits": {"levels": 2, "colors": 1, "last": -3},
    "WaveletTrees": {"axes": ("x", "y", "z"), "levels": 2, "name": "db2"},
}


def variants(name):
    """Defaults, and a second set of sizes that do not fit so well."""
    made = [getattr(layouts, name)()]
    return made + ([getattr(layouts, name)(**OTHER[name])] if name in OTHER else [])


def samples(seed=0, dtype=np.float32, odd=0):
    """One signal of every kind that readers make; values of pictures lie in 0..1, sizes are odd or bigger by `odd`."""
    rng, n = np.random.default_rng(seed), odd

    def made(axes, shape, rate=None, **facts):
        values = rng.random(shape).astype(dtype)
        grid = Grid(axes, rate or (None,) * len(axes), ("",), shape, **facts)
        return Signal(grid, values)

    picture, volume = ("row", "column", "color"), ("x", "y", "z")
    rate, affine = (500.0,) * 3, ((0.002, 0.0, 0.0, -0.1), (0.0, 0.002, 0.0, 0.0), (0.0, 0.0, 0.002, 0.1), (0.0,) * 4)
    return [
        made(("channel", "time"), (3, 500 + n), (None, 100.0)),
        made(picture, (33 + n, 47, 3)),
        made(picture, (17, 20 + n, 1)),
        made(("time", *picture), (5, 17 + n, 20, 3), (25.0, None, None, None)),
        made(("time", *picture), (4 + n, 17, 19, 1), (25.0, None, None, None)),
        made(volume, (13, 9 + n, 11), rate, affine=affine),
        made((*volume, "time"), (9, 8, 7 + n, 3), (*rate, 0.5), affine=affine),
        made(("vertex", "xyz"), (30, 3)),
        Signal(Grid(("byte",), (None,), ("",), (101 + n,)), rng.integers(0, 256, 101 + n).astype(np.uint8)),
    ]


def fitting(layout, seed=0, dtype=np.float32, odd=0):
    """The samples that the layout takes, with their slots."""
    found = []
    for signal in samples(seed, dtype, odd):
        try:
            found.append((signal, layout.cut(signal)))
        except SignalPieceError:
            continue
    return found


@pytest.mark.parametrize("name", NAMES)
def test_defaults_build_a_layout(name):
    made = getattr(layouts, name)()
    assert isinstance(made, Layout) and set(made.arrays) <= {"numpy", "torch"} and made.arrays
    parameters = inspect.signature(getattr(layouts, name)).parameters.values()
    assert len(parameters) <= 8 and all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters)


@pytest.mark.parametrize("name", NAMES)
def test_what_works_on_numpy_imports_no_torch(name):
    made = getattr(layouts, name)
    text = Path(inspect.getfile(made)).read_text()
    assert ("numpy" in made.arrays) == ("\nimport torch" not in text and "\nfrom torch" not in text)


@pytest.mark.parametrize("name", NAMES)
def test_every_layout_takes_some_signal_and_refuses_the_others_in_one_sentence(name):
    for layout in variants(name):
        taken = {len(s.grid.axes) for s, _ in fitting(layout)}
        assert taken
        for signal, slots in fitting(layout):
            assert slots.grid == signal.grid and slots.values.shape[2] == layout.dim
            assert slots.values.dtype == np.float32 or "numpy" not in layout.arrays
            if slots.coords is not None:
                assert slots.coords.shape[:2] == slots.values.shape[:2]


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 2e-5), (np.float64, 1e-11)])
@pytest.mark.parametrize("odd", [0, 1, 6])
def test_join_inverts_cut(name, dtype, close, odd):
    for layout in variants(name):
        for signal, slots in fitting(layout, 1, dtype, odd):
            back = layout.join(slots)
            assert back.grid == signal.grid and back.valid is None and back.values.dtype == signal.values.dtype
            np.testing.assert_allclose(back.values, signal.values, atol=close)


@pytest.mark.parametrize("name", NAMES)
def test_numpy_and_torch_give_the_same_slots_and_signals(name):
    for layout in variants(name):
        if layout.arrays != ("numpy", "torch"):
            continue
        for signal, slots in fitting(layout, 2, np.float64):
            other = layout.cut(Signal(signal.grid, torch.from_numpy(np.array(signal.values))))
            assert isinstance(other.values, torch.Tensor)
            np.testing.assert_allclose(other.values.numpy(), slots.values, atol=1e-9)
            if not layout.loss:
                back = layout.join(other)
                assert isinstance(back.values, torch.Tensor)
                np.testing.assert_allclose(back.values.numpy(), signal.values, atol=1e-9)


@pytest.mark.parametrize("name", EXACT)
def test_empty_signals_and_single_samples_go_there_and_back(name):
    for layout in variants(name):
        for signal in samples():
            for shape in (*((*signal.grid.shape[:k], 0, *signal.grid.shape[k + 1 :]) for k in range(4)), None):
                shape = tuple(1 for _ in signal.grid.axes) if shape is None else shape[: len(signal.grid.axes)]
                if "color" in signal.grid.axes:
                    shape = (*shape[:-1], signal.grid.size("color"))
                grid = replace(signal.grid, shape=shape, units=signal.grid.units[:1])
                for values in (np.ones(shape, np.float32), torch.ones(shape))[: len(layout.arrays)]:
                    try:
                        slots = layout.cut(Signal(grid, values, np.ones(shape, bool)))
                    except SignalPieceError:
                        continue
                    back = layout.join(slots)
                    np.testing.assert_allclose(np.asarray(back.values), np.ones(shape), atol=1e-5)


@pytest.mark.parametrize("name", EXACT)
def test_leading_axes_are_batches(name):
    for layout in variants(name):
        if not hasattr(layout, "analyse"):
            continue
        for signal, slots in fitting(layout, 5):
            one = layout.analyse(signal.values)
            if math.prod(one.shape) != math.prod(slots.values.shape) or "time" in signal.grid.axes[2:]:
                continue  # the axes of the signal go by another order
            both = layout.analyse(np.stack([signal.values, 1 - signal.values]))
            np.testing.assert_allclose(both[0], one, atol=1e-6)
            np.testing.assert_allclose(both[1], layout.analyse(1 - signal.values), atol=1e-6)


@pytest.mark.parametrize("name", EXACT)
def test_gradients_pass_through_torch(name):
    """join(cut(x)) is x, so its gradient is that of the identity."""
    for layout in variants(name):
        if "torch" not in layout.arrays:
            continue
        for signal, _ in fitting(layout, 3, np.float64):
            if signal.values.dtype != np.float64:
                continue
            x = torch.from_numpy(signal.values).requires_grad_()
            layout.join(layout.cut(Signal(signal.grid, x))).values.square().sum().backward()
            np.testing.assert_allclose(x.grad.numpy(), 2 * signal.values, atol=1e-9)


@pytest.mark.parametrize("name", EXACT)
def test_invalid_samples_stay_invalid_and_others_mostly_valid(name):
    for layout in variants(name):
        for signal, _ in fitting(layout, 4):
            valid = np.ones(signal.grid.shape, bool)
            valid.ravel()[valid.size // 2] = False
            slots = layout.cut(Signal(signal.grid, signal.values, valid))
            if slots.valid is None:
                continue
            assert slots.valid.shape == slots.values.shape[:2] and not slots.valid.all()
            back = layout.join(slots).valid
            assert back is not None and not (np.broadcast_to(back, valid.shape) & ~valid).any()
            whole = layout.join(type(slots)(slots.values, slots.grid, slots.coords, np.ones_like(slots.valid)))
            assert whole.valid is None or np.all(whole.valid)


@pytest.mark.parametrize("name", EXACT)
def test_rows_that_do_not_fit_the_grid_are_refused(name):
    for layout in variants(name):
        for _, slots in fitting(layout):
            with pytest.raises(SignalPieceError, match="have shape"):
                layout.join(type(slots)(slots.values[:, 1:], slots.grid))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in EXACT])
def test_join_keeps_what_it_says_or_refuses(name):
    """Where `loss` is stated, join either gives a signal of the grid or raises that sentence."""
    for layout in variants(name):
        for signal, slots in fitting(layout):
            try:
                back = layout.join(slots)
            except SignalPieceError as error:
                assert str(error) == layout.loss
                continue
            assert back.grid == signal.grid and tuple(back.values.shape) == signal.grid.shape
            assert torch.as_tensor(back.values).isfinite().all()


@pytest.mark.parametrize("name", FRAMED)
@settings(deadline=None, max_examples=20)
@given(t=lengths, c=channels, seed=seeds)
def test_join_inverts_cut_of_frames(name, t, c, seed):
    for layout in variants(name):
        signal = Signal.of(noise(c, t, seed), rate=100)
        slots = layout.cut(signal)
        assert slots.values.shape == (1, layout.frames(t) * c, layout.dim) and slots.values.dtype == np.float32
        back = layout.join(slots)
        assert back.grid == signal.grid and back.valid is None and back.values.dtype == np.float32
        np.testing.assert_allclose(back.values, signal.values, atol=2e-5)


@pytest.mark.parametrize("name", FRAMED)
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


@pytest.mark.parametrize("name", FRAMED)
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


@pytest.mark.parametrize("name", FRAMED)
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


@pytest.mark.parametrize("name", FRAMED)
def test_validity_of_frames_goes_there_and_back(name):
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


@pytest.mark.parametrize("name", FRAMED)
def test_coords_of_frames_are_centres(name):
    layout = getattr(layouts, name)()
    slots = layout.cut(Signal.of(noise(2, 4 * layout.window, 3), rate=50))
    centre = (layout.window / 2 - layout.lead) / 50
    np.testing.assert_allclose(slots.coords[0, :4, 0], [centre, centre, *[centre + layout.hop / 50] * 2])


@pytest.mark.parametrize("name", FRAMED)
def test_wrong_shapes_of_frames_are_refused(name):
    layout = getattr(layouts, name)()
    slots = layout.cut(Signal.of(noise(1, 1000, 4), rate=100))
    with pytest.raises(SignalPieceError, match="need|have shape"):
        layout.synthesise(slots.values, 5000)
    wrong = type(slots)(slots.values[:, 1:], slots.grid)
    with pytest.raises(SignalPieceError, match="have shape"):
        layout.join(wrong)
