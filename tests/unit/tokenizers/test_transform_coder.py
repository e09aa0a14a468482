"""Transform coders: what they promise on steps, invalid stretches, batches, truncation, latency and refusals."""

import dataclasses

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Sensor, Signal
from signalpiece.entropy.adaptive_binary import AdaptiveBinary
from signalpiece.layouts.dct import DCT
from signalpiece.layouts.lapped import Lapped
from signalpiece.layouts.time_patches import TimePatches
from signalpiece.layouts.wavelet import Wavelet
from signalpiece.quantizers.dead_zone import DeadZone
from signalpiece.quantizers.uniform import Uniform
from signalpiece.tokenizers.blocks import BlockStream
from signalpiece.tokenizers.decide import as_steps, decide
from signalpiece.tokenizers.transform import TransformCoder


def coder(layout=None, quantizer=None, **how):
    side = AdaptiveBinary(channels=0)
    return TransformCoder(layout or DCT(), quantizer or DeadZone(), AdaptiveBinary, side_codec=side, **how)


def noise(channels=3, seconds=12.3, rate=160.0, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.standard_normal((channels, int(seconds * rate))), axis=1) * 0.1
    return Signal.of((x + rng.standard_normal(x.shape)) * 1e-5 + offset, rate=rate)


@pytest.mark.parametrize("layout", [DCT(), Lapped(), Wavelet(), TimePatches(), DCT(size=37), Lapped(hop=16)])
def test_maps_equal_the_layout(layout):
    tok = coder(layout)
    x = np.random.default_rng(0).standard_normal((2, 1033)).astype(np.float32)
    stream = BlockStream(tok.analysis)
    y = np.concatenate([stream.push(x), stream.close(layout.frames(1033))], axis=1)
    gains = np.sqrt((np.linalg.inv(layout.analyse(np.eye(layout.dim))[:, 0]) ** 2).sum(1)) if layout.lead == 0 else 1
    assert np.allclose(y, layout.analyse(x.astype(float)) * gains, atol=2e-5)
    back = tok.synthesis.between(y.reshape(2, -1), 0, 0, -(-1033 // layout.hop), edge=False).reshape(2, -1)
    assert np.allclose(back[:, :1033], x, atol=2e-5)


def test_decisions_are_the_quantizers():
    y = np.random.default_rng(0).standard_normal((3, 5, 7)).astype(np.float32) * 4
    y[0, 0] = [0, 0.5, -0.5, 0.65, -0.65, 1.5, 1e12]
    for quantizer in (DeadZone(), DeadZone(rounding=0.48), DeadZone(rounding=0.0), Uniform()):
        codes = decide(y, getattr(quantizer, "rounding", 0.5))
        few = np.minimum(y, 1e5)
        same = np.minimum(codes, 10**5) == quantizer.encode(few).transpose(1, 0, 2)
        assert same[few.transpose(1, 0, 2) < 1e5].all()
        assert np.array_equal(as_steps(codes).transpose(1, 0, 2), codes)
    assert codes[0, 0, 6] == 2**24  # clipped, not wrapped


@pytest.mark.parametrize("layout", [DCT(), Lapped(), Wavelet(), TimePatches()])
@pytest.mark.parametrize("rate", [100.0, 160.0, 50.0, 256.0])
def test_fine_steps_give_the_band_back(layout, rate):
    t = np.arange(int(9.1 * rate)) / rate
    x = np.sin(2 * np.pi * 7 * t) + 0.3 * np.sin(2 * np.pi * 20 * t + 1) + 40
    signal = Signal.of(np.stack([x, -2 * x]) * 1e-5, rate=rate)
    tok = coder(layout)
    tokens = tok.encode(signal, step=1e-9)
    back = tok.decode(tokens, rate="source")
    assert back.grid == signal.grid and back.valid is None
    middle = slice(int(rate), -int(rate))
    assert abs(back.values - signal.values)[:, middle].max() < 4e-8
    model = tok.decode(tokens)
    assert model.grid.time_rate == 100 and model.grid.shape == (2, -(-len(t) * 100 // int(rate)))


def test_steps_are_stated_and_kept():
    tok, signal = coder(), noise(offset=0.03)
    tokens = tok.encode(signal, step=[1e-6, 2e-6, 5e-6])
    error = abs(
        tok.decode(tokens, rate="source").values - tok.decode(tok.encode(signal, step=1e-9), rate="source").values
    )
    assert 1 < error[2].std() / error[0].std() < 10
    expected = 0.03 / (16e-6 * np.array([1, 2, 5]))
    assert abs(tokens.side.codes[0, :, 1] - expected).max() < 3
    with pytest.raises(SignalPieceError, match="one per channel"):
        tok.encode(signal, step=[1e-6, 2e-6])


def test_offsets_cost_next_to_nothing():
    flat, raised = (coder().encode(noise(offset=o), step=1e-6) for o in (0.0, 0.02))
    assert abs(raised.codes).sum() < 1.2 * abs(flat.codes).sum()


def test_invalid_stretches_come_back_invalid():
    signal = noise(2)
    valid = np.ones(signal.values.shape, bool)
    valid[:, 320:480], valid[1, 900:910] = False, False
    values = np.where(valid, signal.values, np.nan).astype(np.float32)
    tok = coder(Lapped())
    tokens = tok.encode(Signal(signal.grid, values, None))
    assert tokens.header.invalid == ((-1, 320, 480), (1, 900, 910))
    source, model = tok.decode(tokens, rate="source"), tok.decode(tokens)
    assert np.array_equal(source.valid, valid) and np.isfinite(source.values).all()
    assert model.valid is not None and not model.valid[:, 200:300].any() and model.valid[:, 300:560].all()
    assert not model.valid[1, 562:569].any() and model.valid[0, 300:].all()


def test_batches():
    tok, signals = coder(), [noise(3, 5.2), noise(2, 7.0, seed=1)]
    batch = tok.encode(signals, step=1e-6)
    assert batch.codes.shape == (2, 18, 100)
    for i, signal in enumerate(signals):
        alone = tok.encode(signal, step=1e-6)
        assert np.array_equal(batch[i].codes, alone.codes) and batch[i].header == alone.header
        assert np.array_equal(tok.decode(batch[i]).values, tok.decode(alone).values)
    with pytest.raises(SignalPieceError, match="2 recordings"):
        tok.decode(batch)
    with pytest.raises(SignalPieceError, match="empty list"):
        tok.encode([])


def test_truncated_bands_are_a_low_pass():
    tok, signal = coder(), noise()
    tokens = tok.encode(signal, step=1e-7)
    low = tok.decode(tokens.truncate(20)).values[:, :1200]
    spectrum = abs(np.fft.rfft(low - low.mean(1, keepdims=True), axis=1)) ** 2
    assert spectrum[:, 12 * 30 :].sum() < 1e-2 * spectrum.sum()
    assert tok.truncates == "bands" and coder(TimePatches()).truncates is None


@pytest.mark.parametrize("samples", [0, 1, 7, 99, 101, 161])
def test_short_signals(samples):
    for layout in (DCT(), Lapped(), Wavelet()):
        tok = coder(layout)
        signal = noise(2, samples / 160 + 1e-9)
        tokens = tok.encode(signal, step=1e-7)
        assert tok.decode(tokens, rate="source").values.shape == (2, samples)
        assert tok.decode(tokens).values.shape == (2, -(-samples * 5 // 8))


def test_what_it_refuses():
    tok, signal = coder().named("dct", {}), noise()
    picture = Signal(Grid(("row", "column"), (None, None), ("1",), (4, 4)), np.zeros((4, 4), np.float32))
    with pytest.raises(SignalPieceError, match="dct codes channels x time"):
        tok.encode(picture)
    tokens = tok.encode(signal)
    with pytest.raises(SignalPieceError, match=r"these tokens are of recipe dct with hash \w+, not of lapped"):
        coder(Lapped()).named("lapped", {}).decode(tokens)
    with pytest.raises(SignalPieceError, match="lack their side information"):
        tok.decode(dataclasses.replace(tokens, side=None))
    stream = tok.stream(signal.grid, step=1e-6)
    stream.close()
    with pytest.raises(SignalPieceError, match="closed"):
        stream.push(signal)


def test_trigger_channels_are_not_coded():
    signal = noise(3)
    sensors = (Sensor("C3", "eeg"), Sensor("STI", "stim"), Sensor("C4", "eeg"))
    grid = Grid(signal.grid.axes, signal.grid.rate, ("V", "", "V"), signal.grid.shape, sensors)
    tok = coder()
    tokens = tok.encode(Signal(grid, signal.values), step=1e-6)
    assert tokens.header.grid.names == ("C3", "C4")
    assert np.array_equal(tokens.codes, tok.encode(signal.pick([0, 2]), step=1e-6).codes)
    assert np.array_equal(tok.encode(Signal(grid, signal.values), step=[1e-6, 1.0, 1e-6]).codes, tokens.codes)


def test_streams_without_a_step_take_a_usual_one():
    grid = noise(2).grid
    assert coder().stream(grid).steps.values == pytest.approx([2.5e-6] * 2)
    assert coder().stream(dataclasses.replace(grid, units=("T", "T/m"))).steps.values == pytest.approx(
        [1.25e-13, 2.5e-12]
    )
    with pytest.raises(SignalPieceError, match="channels in bananas needs a step"):
        coder().stream(dataclasses.replace(grid, units=("bananas",)))


def test_latency_holds_sample_by_sample():
    signal = noise(2, 8)
    for layout in (DCT(), Lapped()):
        stream, done = coder(layout).stream(signal.grid, step=1e-6), 0
        for n in range(signal.values.shape[1]):
            done += stream.push(signal.crop(n, n + 1)).num_frames
            if n >= 320:  # beside the first second, which the offset is read from
                begun = (done * layout.hop - layout.lead) / 100  # where the first frame that is not known begins
                assert (n + 1) / 160 - begun <= stream.latency_seconds + 1e-9
        assert stream.latency_seconds < 1.5


def test_estimated_tables_make_another_model():
    from signalpiece.entropy.static_tables import StaticTables

    side = AdaptiveBinary(channels=0)
    tok = TransformCoder(DCT(), DeadZone(), StaticTables, side_codec=side, tables="eeg-dct100-1").named("dct", {"a": 1})
    before = tok.model_hash
    tok.estimate([noise(), noise(seed=1)])
    assert tok.model_hash != before and tok.model["tables"] == "own" and tok.tensors()["scales"].shape == (100,)
    with pytest.raises(SignalPieceError, match="adaptive tables"):
        coder().estimate([noise()])


def test_bare_arrays_need_their_rate():
    tok, signal = coder(), noise(2, 3.0, 100.0)
    tokens = tok.encode(np.asarray(signal.values), rate=100.0, step=1e-6)
    assert np.array_equal(tokens.codes, tok.encode(signal, step=1e-6).codes) and len(repr(tokens)) < 250
    assert len(tok.encode(np.stack([signal.values] * 2), rate=100.0, step=1e-6).headers) == 2
    with pytest.raises(SignalPieceError, match="needs rate="):
        tok.encode(np.asarray(signal.values))
