"""An MNE Raw over stored tokens says what the decoded recording says, and decodes only what is asked for."""

from dataclasses import replace

import numpy as np
import pytest

import signalpiece
from signalpiece.apps.interop import to_mne
from signalpiece.apps.measure import in_memory
from signalpiece.core.signal import Annotation, Grid, Sensor, Signal
from signalpiece.tokenizers.files import encode_files, open_tokens

mne = pytest.importorskip("mne")
NAMES = ("Cz", "Oz", "EOG")


def recording(seconds: float = 600.0) -> Signal:
    """Three channels with a bad span of one, a gap of all and events, one of a channel."""
    shape = (3, int(seconds * 50))
    sensors = (Sensor("Cz", "eeg", (0.0, 0.0, 0.1)), Sensor("Oz", "eeg"), Sensor("EOG", "eog"))
    grid = Grid(("channel", "time"), (None, 50.0), ("V", "V", "V"), shape, sensors=sensors)
    values = np.random.default_rng(0).normal(size=shape).cumsum(1).astype(np.float32) * 1e-6
    valid = np.ones(shape, bool)
    valid[1, 500:600] = False
    valid[:, 1000:1050] = False
    valid[:, 20000:20010] = False
    events = ((10.25, 0.0, "go"), (20.0, 1.0, "spindle@@Oz"), (400.0, 0.2, "BAD_jump"), (599.0, 0.0, "end"))
    return Signal(grid, values, valid, tuple(Annotation(a, b, c) for a, b, c in events))


def opened(signal: Signal):
    return replace(in_memory(signal, "night.edf"), annotations=signal.annotations)


def stored(tmp_path, signal: Signal, model: str = "eeg", **how):
    tok = signalpiece.load(model, **how)
    encode_files(tok, [opened(signal)], tmp_path / "night.sp", step=2e-6)
    return tok, tmp_path / "night.sp"


@pytest.mark.parametrize("rate", ["model", "source"])
@pytest.mark.parametrize("how", [{}, {"mode": "spatial"}])
def test_equals_the_decoded_recording(tmp_path, rate, how):
    tok, path = stored(tmp_path, recording(), **how)
    raw = signalpiece.read_raw(path, rate=rate)
    want = to_mne(tok.decode(open_tokens(path, tok).recordings[0].read(), rate=rate))
    assert not raw.preload and raw.n_times == want.n_times and raw.first_samp == want.first_samp
    assert raw.ch_names == list(NAMES) and raw.get_channel_types() == want.get_channel_types()
    np.testing.assert_array_equal(raw.get_data(), want.get_data())
    np.testing.assert_array_equal(raw.get_data([2, 0], 23990, 24050), want.get_data([2, 0], 23990, 24050))
    assert raw.info["chs"][0]["loc"][:3] == pytest.approx(want.info["chs"][0]["loc"][:3])


def test_events_and_bad_spans_need_no_decoding(tmp_path, monkeypatch):
    _, path = stored(tmp_path, recording())
    monkeypatch.setattr("signalpiece.apps.stored_raw.decode_range", None)
    raw = signalpiece.read_raw(path)
    found = sorted((a["onset"], a["description"], a["ch_names"]) for a in raw.annotations)
    assert found == [
        (10.0, "BAD_invalid", ("Oz",)),
        (10.25, "go", ()),
        (20.0, "BAD_ACQ_SKIP", ()),
        (20.0, "spindle", ("Oz",)),
        (400.0, "BAD_jump", ()),
        (599.0, "end", ()),
    ]


def test_crops_copies_and_joins(tmp_path):
    _, path = stored(tmp_path, recording())
    raw = signalpiece.read_raw(path)
    data = raw.get_data()
    np.testing.assert_array_equal(raw.copy().crop(200.0, 300.0).get_data(), data[:, 20000:30001])
    both = mne.concatenate_raws([raw.copy().pick(["Oz", "EOG"]), raw.copy().pick(["Oz", "EOG"])], verbose="error")
    np.testing.assert_array_equal(both.get_data(), np.tile(data[1:], 2))
    projected = raw.copy().pick(["Cz", "Oz"]).set_eeg_reference(projection=True, verbose="error").apply_proj()
    np.testing.assert_allclose(projected.get_data(), data[:2] - data[:2].mean(0), atol=1e-18)


def test_decodes_a_block_once(tmp_path, monkeypatch):
    from signalpiece.apps import stored_raw

    _, path = stored(tmp_path, recording())
    seen = []
    decode = stored_raw.decode_range
    monkeypatch.setattr(stored_raw, "decode_range", lambda *a, **k: seen.append(a[2:4]) or decode(*a, **k))
    raw = signalpiece.read_raw(path)
    for first in range(0, 20000, 500):
        raw.get_data(start=first, stop=first + 500)
    assert seen == [(0.0, 240.0)]


def test_a_wrong_recording_and_an_unknown_model(tmp_path):
    _, path = stored(tmp_path, recording(60.0))
    with pytest.raises(signalpiece.SignalPieceError, match="between 0 and 0, got 1"):
        signalpiece.read_raw(path, recording=1)
    own = tmp_path / "own.safetensors"
    signalpiece.save(own, signalpiece.load("dct").estimate([recording(60.0)]))
    encode_files(signalpiece.load(own), [opened(recording(60.0))], tmp_path / "a.sp", step=2e-6)
    assert signalpiece.read_raw(tmp_path / "a.sp", own).n_times == 6000
    with pytest.raises(signalpiece.SignalPieceError, match="does not ship"):
        signalpiece.read_raw(tmp_path / "a.sp")


def test_a_file_anywhere(tmp_path):
    import fsspec

    _, path = stored(tmp_path, recording(60.0))
    fsspec.filesystem("memory").pipe("/night.sp", path.read_bytes())
    there, here = signalpiece.read_raw("memory://night.sp"), signalpiece.read_raw(path)
    np.testing.assert_array_equal(there.get_data(start=0, stop=50), here.get_data(start=0, stop=50))
