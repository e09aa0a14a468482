import numpy as np
import pytest

from signalpiece.apps.interop import from_epochs, from_mne, open_mne, to_epochs, to_mne
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Grid, Sensor, Signal

mne = pytest.importorskip("mne")


def make_raw(seconds: float = 4.0, first_samp: int = 0, rate: float = 100.0):
    kinds = ["eeg", "eeg", "eog", "misc", "stim", "mag", "grad", "ecog"]
    names = ["Cz", "Oz", "EOG", "temp", "STI", "M1", "G1", "E1"]
    info = mne.create_info(names, rate, kinds)
    scale = np.array([1e-5, 1e-5, 1e-4, 1, 1, 1e-13, 1e-12, 1e-5])
    data = np.random.default_rng(0).normal(size=(8, int(seconds * rate))) * scale[:, None]
    raw = mne.io.RawArray(data, info, first_samp=first_samp, verbose="error")
    places = {"Cz": np.array([0.0, -0.01, 0.1]), "Oz": np.array([0.0, -0.1, 0.02])}
    raw.set_montage(mne.channels.make_dig_montage(places, coord_frame="head"), on_missing="ignore")
    return raw


def test_values_units_kinds_and_places():
    raw = make_raw()
    signal = from_mne(raw)
    assert signal.values.dtype == np.float32
    np.testing.assert_allclose(signal.values, raw.get_data(), rtol=1e-6)
    assert signal.grid.units == ("V", "V", "V", "", "", "T", "T/m", "V")
    assert signal.grid.kinds == ("eeg", "eeg", "eog", "misc", "stim", "mag", "grad", "ecog")
    assert signal.grid.time_rate == 100.0
    assert signal.grid.sensors[0].position == pytest.approx(raw.info["chs"][0]["loc"][:3])
    assert signal.grid.sensors[2].position is None
    assert signal.valid is None


def test_places_of_meg_sensors_are_in_head_coordinates():
    raw = make_raw()
    raw.info["chs"][5]["loc"][:3] = 0.0, 0.0, 0.1
    assert from_mne(raw).grid.sensors[5].position is None  # where the head is, is not known
    shift = np.eye(4)
    shift[:3, 3] = 0.01, 0.02, 0.03
    with raw.info._unlock():
        raw.info["dev_head_t"] = mne.transforms.Transform("meg", "head", shift)
    assert from_mne(raw).grid.sensors[5].position == pytest.approx((0.01, 0.02, 0.13))


@pytest.mark.parametrize("first_samp", [0, 731])
def test_events_and_bad_spans(first_samp):
    raw = make_raw(first_samp=first_samp)
    raw.set_annotations(
        mne.Annotations([0.5, 1.0, 2.0], [0, 0.25, 0.1], ["go", "BAD_jump", "bad one"], ch_names=[[], [], ["Oz", "E1"]])
    )
    raw.info["bads"] = ["EOG"]
    signal = from_mne(raw)
    texts = [(a.onset, a.duration, a.text) for a in signal.annotations]
    assert texts == [(0.5, 0, "go"), (1.0, 0.25, "BAD_jump"), (2.0, 0.1, "bad one@@Oz"), (2.0, 0.1, "bad one@@E1")]
    expected = np.ones((8, 400), bool)
    expected[:, 100:125] = False
    expected[[1, 7], 200:210] = False
    expected[2] = False
    np.testing.assert_array_equal(signal.valid, expected)
    np.testing.assert_allclose(signal.values, raw.get_data(), rtol=1e-6)  # values of bad spans stay
    piece = open_mne(raw).read(1.1, 2.05)
    np.testing.assert_array_equal(piece.valid, expected[:, 110:205])
    some = open_mne(raw).pick([7, 0]).read()
    np.testing.assert_array_equal(some.valid, expected[[7, 0]])
    assert from_mne(raw, keep_bad=True).valid is None


def test_skips_of_the_acquisition_are_gaps():
    raw = make_raw()
    raw._data[:, 100:150] = 0
    raw.set_annotations(mne.Annotations([1.0], [0.5], ["BAD_ACQ_SKIP"]))
    recording = open_mne(raw)
    assert recording.gaps == ((1.0, 1.5),)
    signal = recording.read()
    assert not signal.valid[:, 100:150].any() and signal.valid.sum() == 8 * 350
    np.testing.assert_array_equal(signal.values[:, 149], signal.values[:, 99])  # held, no jump to zero
    np.testing.assert_allclose(signal.values[:, 150:], raw.get_data()[:, 150:], rtol=1e-6)
    assert signal.annotations == ()
    assert [str(a) for a in to_mne(signal).annotations.description] == ["BAD_ACQ_SKIP"]


def test_reads_lazily(tmp_path):
    make_raw(seconds=100).save(tmp_path / "x_raw.fif", verbose="error")
    raw = mne.io.read_raw_fif(tmp_path / "x_raw.fif", verbose="error")
    recording = open_mne(raw)
    asked = []
    read = raw._read_segment
    raw._read_segment = lambda start=0, stop=None, **rest: asked.append((start, stop)) or read(start, stop, **rest)
    assert not asked
    recording.read(10, 12)
    assert asked == [(1000, 1200)]
    blocks = list(recording.blocks(40))
    assert max(b - a for a, b in asked) == 3000
    whole = recording.read()
    np.testing.assert_array_equal(np.concatenate([b.values for b in blocks], axis=1), whole.values)
    assert recording.path.name == "x_raw.fif"


def test_raw_there_and_back():
    raw = make_raw(first_samp=50)
    raw.set_annotations(mne.Annotations([0.5, 1.0], [0, 0.25], ["go", "BAD_a"], ch_names=[[], ["Cz"]]))
    raw.info["bads"] = ["E1"]
    back = to_mne(from_mne(raw))
    np.testing.assert_allclose(back.get_data(), raw.get_data(), rtol=1e-6)
    assert back.ch_names == raw.ch_names and back.get_channel_types() == raw.get_channel_types()
    assert back.info["bads"] == ["E1"] and back.info["sfreq"] == 100.0
    assert list(back.annotations.description) == ["go", "BAD_a"]
    assert list(back.annotations.ch_names) == [(), ("Cz",)]
    np.testing.assert_allclose(back.annotations.onset - back.first_time, [0.5, 1.0])
    for one, two in zip(back.info["chs"][:2], raw.info["chs"][:2], strict=True):
        np.testing.assert_allclose(one["loc"][:3], two["loc"][:3], atol=1e-7)
    assert back.get_montage().get_positions()["coord_frame"] == "head"


def test_signal_there_and_back_with_invalid_stretches():
    sensors = (Sensor("Cz", "eeg", (0.0, 0.0, 0.1)), Sensor("Pz", "eeg"), Sensor("x", "sound"))
    valid = np.ones((3, 200), bool)
    valid[:, 20:40] = False
    valid[0, 100:103] = False
    valid[1, 100:103] = False
    valid[2, 199] = False
    values = np.random.default_rng(1).normal(size=(3, 200)).astype(np.float32)
    values[:, 20:40] = values[:, 19:20]  # a gap is held
    grid = Grid(("channel", "time"), (None, 128.0), ("V", "V", ""), (3, 200), sensors)
    signal = Signal(grid, values, valid, (Annotation(0.25, 0.0, "tone"),))
    raw = to_mne(signal)
    assert sorted(raw.annotations.description) == ["BAD_ACQ_SKIP", "BAD_invalid", "BAD_invalid", "tone"]
    back = from_mne(raw)
    np.testing.assert_array_equal(back.valid, valid)
    np.testing.assert_array_equal(back.values, values)
    assert back.annotations == signal.annotations
    assert [s.position for s in back.grid.sensors[1:]] == [None, None]
    assert back.grid.sensors[0].position == pytest.approx((0.0, 0.0, 0.1))
    assert back.grid.kinds == ("eeg", "eeg", "misc")


def test_a_crop_keeps_its_place_and_its_events():
    signal = Signal.of(np.zeros((1, 1000)), rate=100.0)
    signal = Signal(signal.grid, signal.values, None, (Annotation(1.0, 0, "early"), Annotation(5.5, 0.5, "mid")))
    raw = to_mne(signal.crop(500, 700))
    assert raw.first_samp == 500
    assert list(raw.annotations.description) == ["mid"]
    np.testing.assert_allclose(raw.annotations.onset - raw.first_time, [0.5])


def test_units_are_made_si_or_refused():
    data = np.full((1, 10), 7.0)
    np.testing.assert_allclose(to_mne(Signal.of(data, rate=10, units="uV")).get_data(), 7e-6)
    with pytest.raises(
        SignalPieceError, match="channel ch0 is eeg, which MNE keeps in V, and has the unit \"?'?furlong"
    ):
        to_mne(Signal.of(data, rate=10, units="furlong"))
    assert to_mne(Signal.of(data, rate=10, units="furlong", kind="misc")).get_data()[0, 0] == 7.0
    bend = to_mne(Signal.of(data, rate=10, units="uV", kind="misc"))
    assert from_mne(bend).grid.units == ("V",) and bend.get_data()[0, 0] == pytest.approx(7e-6)
    celsius = to_mne(Signal.of(data, rate=10, units="degC", kind="temperature"))
    assert from_mne(celsius).grid.units == ("degC",)


def test_epochs_there_and_back():
    raw = make_raw(seconds=10)
    raw.set_annotations(mne.Annotations([4.1], [0.1], ["BAD_x"]))
    events = np.array([[100, 0, 3], [400, 0, 5], [700, 0, 3]])
    epochs = mne.Epochs(
        raw, events, {"left": 3, "right": 5}, tmin=-0.2, tmax=0.5, baseline=None, verbose="error",
        reject_by_annotation=False, preload=False,
    )  # fmt: skip
    signals = from_epochs(epochs)
    assert len(signals) == 3 and signals[0].grid.shape == (8, 71)
    np.testing.assert_allclose(signals[1].values, raw.get_data()[:, 380:451], rtol=1e-6)
    assert [s.annotations[0].text for s in signals] == ["left", "right", "left"]
    assert signals[0].annotations[0].onset == pytest.approx(0.2)
    assert signals[0].valid is None
    assert np.flatnonzero(~signals[1].valid[0]).tolist() == list(range(30, 40))
    assert from_epochs(epochs, keep_bad=True)[1].valid is None
    back = to_epochs(signals)
    np.testing.assert_allclose(back.get_data(copy=False), epochs.get_data(copy=False), rtol=1e-6)
    np.testing.assert_allclose(back.times, epochs.times)
    assert [sorted(back[name].selection) for name in ("left", "right")] == [[0, 2], [1]]
    assert back.get_channel_types() == epochs.get_channel_types()
    named = to_epochs([s.crop(0, 50) for s in signals], labels=["a", "b", "a"], tmin_seconds=-0.1)
    assert named.event_id == {"a": 1, "b": 2} and named.tmin == pytest.approx(-0.1)


def test_errors_are_one_sentence():
    one, two = Signal.of(np.zeros((1, 10)), rate=10), Signal.of(np.zeros((1, 12)), rate=10)
    with pytest.raises(SignalPieceError, match="at least one trial, got none"):
        to_epochs([])
    with pytest.raises(SignalPieceError, match="length and rate of the first; trial 1 has not"):
        to_epochs([one, two])
    with pytest.raises(SignalPieceError, match="labels must be one per trial, got 1 for 2 trials"):
        to_epochs([one, one], labels=["a"])
    with pytest.raises(SignalPieceError, match="an mne.io.Raw is needed, got int"):
        from_mne(3)  # type: ignore[arg-type]
    with pytest.raises(SignalPieceError, match="mne.Epochs are needed, got RawArray; a Raw goes to from_mne"):
        from_epochs(make_raw())
    with pytest.raises(SignalPieceError, match="channels x time, got the axes row, column"):
        to_mne(Signal(Grid(("row", "column"), (None, None), ("",), (2, 2)), np.zeros((2, 2), np.float32)))


def test_without_mne_one_sentence(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mne", None)
    with pytest.raises(SignalPieceError, match=r"needs MNE-Python; install it with: pip install 'signalpiece\[eeg\]'"):
        to_mne(Signal.of(np.zeros((1, 10)), rate=10))


def test_channels_without_names_get_some():
    valid = np.ones((2, 10), bool)
    valid[1, 3:5] = False
    raw = to_mne(Signal(Grid(("channel", "time"), (None, 10.0), ("V",), (2, 10)), np.zeros((2, 10), np.float32), valid))
    assert raw.ch_names == ["ch0", "ch1"] and raw.get_channel_types() == ["misc", "misc"]
    assert list(raw.annotations.ch_names) == [("ch1",)]
