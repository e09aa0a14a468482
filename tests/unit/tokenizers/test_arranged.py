"""One model, three ways to write channels: together, in groups, as components of all of them."""

import numpy as np
import pytest

import signalpiece
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.tokenizers.files import decode_range, encode_files, open_tokens
from signalpiece.tokenizers.spread import spread_of


def cap(channels: int = 7, seconds: int = 40, seed: int = 0) -> Signal:
    """Channels that have much in common, in volts."""
    rng = np.random.default_rng(seed)
    hertz = np.fft.rfftfreq(seconds * 100, 0.01)
    noise = np.fft.irfft(np.fft.rfft(rng.normal(size=(3 + channels, seconds * 100))) / (1 + hertz), axis=1)
    mixed = rng.normal(size=(channels, 3)) @ noise[:3] + 0.2 * noise[3:]
    return Signal.of(mixed * 2e-4, rate=100.0, names=[f"E{c}" for c in range(channels)])


@pytest.fixture(scope="module")
def eeg():
    return signalpiece.load("eeg")


def recording(signal: Signal):
    from signalpiece.apps.measure import in_memory

    return in_memory(signal, "cap.edf")


@pytest.mark.parametrize("group", [1, 3, 0])
def test_tokens_do_not_depend_on_groups(eeg, tmp_path, group):
    signal = cap()
    other = eeg.arranged(group=group)
    assert other.model_hash == eeg.model_hash
    encode_files(other, [recording(signal)], tmp_path / "a.sp", step=2e-6)
    stored = open_tokens(tmp_path / "a.sp").recordings[0]
    np.testing.assert_array_equal(stored.read().codes, eeg.encode(signal, step=2e-6).codes)
    part = decode_range(stored, eeg, 10.0, 14.0, [5, 0])
    whole = eeg.decode(eeg.encode(signal, step=2e-6))
    np.testing.assert_array_equal(part.values, whole.values[[5, 0], 1000:1400])


def test_larger_groups_take_fewer_bytes_and_fetch_more(eeg, tmp_path):
    signal, sizes, fetched = cap(), [], []
    for group in (1, 3, 0):
        encode_files(eeg.arranged(group=group), [recording(signal)], tmp_path / "a.sp", step=2e-6)
        opened = open_tokens(tmp_path / "a.sp")
        stored, before = opened.recordings[0], opened.bytes_read
        decode_range(stored, eeg, 10.0, 14.0, [0])
        sizes.append(stored.bits["codes"])
        fetched.append(opened.bytes_read - before)
    assert sizes[0] > sizes[1] > sizes[2] and fetched[0] < fetched[1] < fetched[2]


def test_a_channel_more_changes_no_token(eeg):
    signal = cap()
    steps = np.linspace(1e-6, 4e-6, 7)
    every = eeg.encode(signal, step=steps).cube()
    np.testing.assert_array_equal(eeg.encode(signal.pick([2, 6]), step=steps[[2, 6]]).cube(), every[:, [2, 6]])


def test_components_take_fewer_bits_for_the_same_error(eeg):
    from signalpiece.apps.excerpt import Excerpt
    from signalpiece.apps.measure import measure

    signal = cap(16)
    excerpt = Excerpt("cap", signal, signal.grid.seconds, (0.0,), 16, "cap")
    joint = eeg.arranged(mode="spatial")
    one, all_ = measure(eeg, excerpt, 0.2), measure(joint, excerpt, 0.2)
    assert all_.errors.db["all"] < one.errors.db["all"] - 1.0 and all_.bits_file < 0.9 * one.bits_file


def test_components_are_those_of_the_whole_recording_or_of_what_a_stream_has_seen(eeg):
    signal = cap(5, 60)
    joint = eeg.arranged(mode="spatial")
    seen = joint.encode(signal, step_ratio=0.2)
    steps = joint.prepare(signal.grid, (signal,), step_ratio=0.2)
    want = np.cov(np.asarray(signal.values, float), bias=True)
    assert steps.covariance == pytest.approx(want, rel=0.02, abs=0.02 * np.abs(want).max())
    live = joint.encode(signal, step=steps.values)
    assert live.header.preprocessing["spatial"]["channels"] == seen.header.preprocessing["spatial"]["channels"] == 5
    assert not np.array_equal(live.side.codes, seen.side.codes)
    for tokens in (seen, live):
        back = joint.decode(tokens).values
        assert np.mean((back - signal.values) ** 2) < 0.02 * np.var(signal.values)
        assert np.array_equal(eeg.decode(tokens).values, back)  # the model is the same


def test_a_few_channels_of_components_cannot_be_had_alone(eeg):
    tokens = eeg.arranged(mode="spatial").encode(cap(), step_ratio=0.2)
    with pytest.raises(SignalPieceError, match="needs all 7 rows"):
        eeg.decode(tokens.pick([0, 1]))


def test_spread_over_blocks_is_that_of_the_whole(eeg):
    signal = cap(4, 30)
    blocks = [signal.crop(a, a + 500) for a in range(0, 3000, 500)]
    one, many = (spread_of(signal.grid, b, 100.0, together=True) for b in ((signal,), blocks))
    np.testing.assert_allclose(many.values, one.values, rtol=1e-5)
    np.testing.assert_allclose(many.covariance, one.covariance, rtol=1e-4, atol=1e-4 * np.abs(one.covariance).max())
    assert spread_of(signal.grid, blocks, 100.0).covariance is None


@pytest.mark.parametrize(
    ("model", "how", "sentence"),
    [
        ("eeg", {"mode": "both"}, "mode"),
        ("eeg", {"group": -1}, "0 \\(all channels\\) or more"),
        ("eeg", {"group": 2, "mode": "spatial"}, "not beside mode=spatial"),
        ("dct", {"group": 2}, "leave group out"),
    ],
)
def test_what_cannot_be_arranged(model, how, sentence):
    with pytest.raises(SignalPieceError, match=sentence):
        signalpiece.load(model, **how)


def test_bands_have_steps_of_their_own(eeg, tmp_path):
    from signalpiece.metrics.bands import nmse_bands

    signal = cap(3, 60)
    coarse = eeg.arranged(bands={"gamma": 4.0, "theta": 0.5})
    encode_files(coarse, [recording(signal)], tmp_path / "a.sp", step=2e-6)
    stored = open_tokens(tmp_path / "a.sp").recordings[0]
    assert stored.header.model["bands"] == {"gamma": 4.0, "theta": 0.5}
    back = decode_range(stored, eeg)  # the tokens say so, not the coder
    np.testing.assert_array_equal(back.values, coarse.decode(coarse.encode(signal, step=2e-6)).values)
    plain = eeg.decode(eeg.encode(signal, step=2e-6))
    one, two = (nmse_bands(signal.values, s.values, 100.0).db for s in (plain, back))
    assert two["gamma"] > one["gamma"] + 6 and two["theta"] < one["theta"] - 4
    assert two["alpha"] == pytest.approx(one["alpha"], abs=1.5) and two["delta"] == pytest.approx(one["delta"], abs=1.5)
    part = decode_range(stored, eeg, 20.0, 30.0, [1])
    np.testing.assert_array_equal(part.values, back.values[[1], 2000:3000])


@pytest.mark.parametrize(
    ("model", "bands", "sentence"),
    [
        ("eeg", {"kappa": 2.0}, "band"),
        ("eeg", {"beta": 0.0}, "0.001 to 1000"),
        ("wavelet", {"beta": 2.0}, "transform to frequencies"),
        ("biocodec", {"beta": 2.0}, "trained first"),
    ],
)
def test_bands_that_cannot_be_had(model, bands, sentence):
    with pytest.raises(SignalPieceError, match=sentence):
        signalpiece.load(model, bands=bands)
