import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Grid, Sensor, Signal
from signalpiece.signals.files import open, write

NAMES = ("Fp1", "STI 014", "A very long channel name: indeed", "MEG0111", "MEG0112", "O2", "skin")
KINDS = ("eeg", "stim", "seeg", "mag", "grad", "eog", "misc")
UNITS = ("V", "", "V", "T", "T/m", "V", "S")


@pytest.fixture
def signal():
    placed = ("eeg", "seeg", "mag")
    sensors = tuple(
        Sensor(n, k, (0.015625 * i, 0.25, 0.125) if k in placed else None)
        for i, (n, k) in enumerate(zip(NAMES, KINDS, strict=True))
    )
    values = np.random.default_rng(0).standard_normal((7, 1050)).astype(np.float32) * np.float32(1e-5)
    valid = np.ones(values.shape, bool)
    valid[:, 100:200] = False
    valid[5] = False
    notes = (Annotation(-1.0, 0.5, "early"), Annotation(1.25, 0.125, "go: \u00e4"), Annotation(99.0, 5.0, "\u03bc"))
    return Signal(Grid(("channel", "time"), (None, 250.0), UNITS, values.shape, sensors), values, valid, notes)


def test_round_trip(tmp_path, signal):
    write(tmp_path / "a_raw.fif", signal)
    recording = open(tmp_path / "a_raw.fif")
    assert np.array_equal(recording.read().values, signal.values)
    assert recording.grid == signal.grid
    assert recording.warnings == ("marked as bad in the file: O2",)
    gap = Annotation(0.4, 0.4, "BAD_gap")
    assert recording.annotations == (signal.annotations[0], gap, *signal.annotations[1:])


def test_a_piece_keeps_its_own_times(tmp_path, signal):
    write(tmp_path / "a_raw.fif", signal.crop(125, 625))
    onsets = {a.text: a.onset for a in open(tmp_path / "a_raw.fif").annotations}
    assert onsets["go: \u00e4"] == pytest.approx(0.75) and onsets["BAD_gap"] == pytest.approx(0.0)


def test_mne_reads_it(tmp_path, signal):
    mne = pytest.importorskip("mne")
    write(tmp_path / "a_raw.fif", signal)
    raw = mne.io.read_raw_fif(tmp_path / "a_raw.fif", verbose="ERROR")
    assert tuple(raw.ch_names) == NAMES and tuple(raw.get_channel_types()) == KINDS
    assert np.array_equal(raw.get_data().astype(np.float32), signal.values)
    assert raw.info["bads"] == ["O2"] and raw.info["meas_date"] is None
    assert np.allclose(raw.info["chs"][2]["loc"][:3], signal.grid.sensors[2].position)
    assert [(a["onset"], a["description"]) for a in raw.annotations][:2] == [(0.4, "BAD_gap"), (1.25, "go: \u00e4")]


def test_what_it_cannot_hold(tmp_path):
    picture = Signal(Grid(("row", "column"), (None, None), ("",), (2, 2)), np.zeros((2, 2), np.float32))
    with pytest.raises(SignalPieceError, match="channels in time"):
        write(tmp_path / "a_raw.fif", picture)
    with pytest.raises(SignalPieceError, match="channels in time"):
        write(tmp_path / "a_raw.fif", Signal.of(np.zeros((2, 0)), rate=1.0))
    assert list(tmp_path.iterdir()) == []
