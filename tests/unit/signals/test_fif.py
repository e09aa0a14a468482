import gzip
import struct

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.files import open, open_all, read


def tag(kind, type_, content=b"", following=0):
    return struct.pack(">4i", kind, type_, len(content), following) + content


def number(kind, value):
    return tag(kind, 3, struct.pack(">i", value))


def block(kind, content):
    return number(104, kind) + content + number(105, kind)


def channel(n, name, kind=2, unit=107, mul=0, cal=1e-6, place=(0.01, 0.02, 0.03), coil=1):
    row = struct.pack(">3i2fi12f2i16s", n, n, kind, 1.0, cal, coil, *place, *[0] * 9, unit, mul, name.encode())
    return tag(203, 30, row)


def fif(pieces, channels, *, rate=100.0, first=0, info=b"", before=b"", after=b""):
    """A file; pieces are arrays "c t" of int16, or numbers of skipped buffers."""
    head = number(200, len(channels)) + tag(201, 4, struct.pack(">f", rate)) + b"".join(channels) + info
    body = number(208, first) if first else b""
    for piece in pieces:
        body += number(301, piece) if isinstance(piece, int) else tag(300, 16, piece.T.astype(">i2").tobytes())
    out = tag(100, 31, struct.pack(">5i", 65540, 1, 2, 0, 0)) + number(101, -1) + before
    out += block(100, block(101, head) + block(102, body) + after)
    return out + tag(108, 0, b"", -1)


def ramp(start, stop):
    return np.array([np.arange(start, stop), -np.arange(start, stop)], np.int16)


TWO = [channel(1, "Fp1"), channel(2, "O2")]


def test_a_skip_is_a_gap_of_the_usual_buffer_size(tmp_path):
    path = tmp_path / "a_raw.fif"
    path.write_bytes(fif([3, ramp(0, 50), ramp(50, 100), 4, ramp(100, 120)], TWO, first=7))
    recording = open(path)
    assert recording.samples == 120 and recording.gaps == ((1.0, 3.0),)
    signal = recording.read()
    assert np.array_equal(np.asarray(signal.values)[0, 300:], np.arange(100, 120, dtype=np.float32) * np.float32(1e-6))
    assert not signal.valid[:, 100:300].any() and signal.valid[:, 300:].all()
    stored = recording.stored(90, 110)
    assert stored.values[0].tolist() == list(range(90, 110)) and stored.scale == pytest.approx([1e-6, 1e-6])


def test_unit_multiplier_and_kinds(tmp_path):
    path = tmp_path / "a_raw.fif"
    rows = [
        channel(1, "Fp1", mul=-6, cal=2.0),
        channel(2, "MEG1", kind=1, unit=201, coil=3012),
        channel(3, "MEG2", kind=1, unit=112),
        channel(4, "STI", kind=3),
        channel(5, "odd", kind=77, unit=-1),
    ]
    turn = struct.pack(">2i24f", 1, 4, *np.eye(3).ravel(), 0, 0, 0.05, *[0] * 12)
    path.write_bytes(fif([np.ones((5, 10))], rows, info=tag(222, 35, turn)))
    recording = open(path)
    assert recording.grid.kinds == ("eeg", "grad", "mag", "stim", "misc")
    assert recording.grid.units == ("V", "T/m", "T", "", "")
    assert recording.read().values[0, 0] == pytest.approx(2e-6)
    assert recording.grid.sensors[1].position == pytest.approx((0.01, 0.02, 0.08))  # device to head
    assert recording.grid.sensors[0].position == pytest.approx((0.01, 0.02, 0.03))
    assert recording.grid.sensors[4].position is None


def test_parts_are_joined_and_a_missing_one_is_named(tmp_path):
    def reference(name):
        return block(118, number(115, 2) + tag(118, 10, name.encode()))

    (tmp_path / "a_raw.fif").write_bytes(fif([ramp(0, 50)], TWO, after=reference("a_raw-1.fif")))
    with pytest.raises(SignalPieceError, match="a_raw-1.fif is missing"):
        open(tmp_path / "a_raw.fif")
    (tmp_path / "a_raw-1.fif").write_bytes(fif([ramp(50, 80)], TWO, first=50))
    assert np.array_equal(open(tmp_path / "a_raw.fif").stored().values, ramp(0, 80))
    (tmp_path / "a_raw-1.fif").write_bytes(fif([ramp(50, 80)], TWO, after=reference("a_raw.fif")))
    with pytest.raises(SignalPieceError, match="circle"):
        open(tmp_path / "a_raw.fif")


def test_not_raw_is_said(tmp_path):
    path = tmp_path / "a-epo.fif"
    out = tag(100, 31, struct.pack(">5i", 65540, 1, 2, 0, 0))
    path.write_bytes(out + block(100, block(373, number(200, 1))) + tag(108, 0, b"", -1))
    with pytest.raises(SignalPieceError, match="holds epochs"):
        open(path)


def test_tags_in_a_circle_end(tmp_path):
    path = tmp_path / "a_raw.fif"
    sound = fif([ramp(0, 50)], TWO)
    path.write_bytes(sound[:-16] + tag(108, 0, b"", 36))
    with pytest.raises(SignalPieceError, match="do not follow"):
        open(path)


def test_cut_file_gives_what_is_there(tmp_path):
    path = tmp_path / "a_raw.fif"
    sound = fif([ramp(0, 50), ramp(50, 100)], TWO)
    path.write_bytes(sound[:-150])
    recording = open(path)
    assert recording.samples == 50 and "ends inside" in recording.warnings[0]


def test_zipped(tmp_path):
    (tmp_path / "a_raw.fif.gz").write_bytes(gzip.compress(fif([ramp(0, 50)], TWO)))
    assert open(tmp_path / "a_raw.fif.gz").read().values.shape == (2, 50)


@pytest.mark.parametrize("measured", [None, 1000000000.5])
@pytest.mark.parametrize("fmt", ["single", "short"])
def test_same_as_mne(tmp_path, measured, fmt):
    mne = pytest.importorskip("mne")
    names = ["Fp1", "EOG1", "a:b", "STI 014", "A very long channel name indeed", "x"]
    info = mne.create_info(names, 100.0, ["eeg", "eog", "misc", "stim", "seeg", "hbo"])
    values = np.random.default_rng(0).standard_normal((6, 1500))
    raw = mne.io.RawArray(values, info, first_samp=700, verbose="ERROR")
    raw.set_meas_date(measured)
    raw.info["bads"] = [names[4]]
    raw.set_annotations(mne.Annotations([1.0, 7.5, 9.0], [0, 2.0, 0.5], ["a:b", "BAD_x", "z"]))
    path = tmp_path / "a_raw.fif"
    raw.save(path, fmt=fmt, verbose="ERROR")
    recording = open(path)
    again = mne.io.read_raw_fif(path, verbose="ERROR")
    assert recording.grid.names == tuple(names) and recording.grid.kinds == tuple(again.get_channel_types())
    np.testing.assert_allclose(recording.read().values, again.get_data(), rtol=2e-7)
    assert [(a.onset, a.text) for a in recording.annotations] == [(1.0, "a:b"), (7.5, "BAD_x"), (9.0, "z")]
    assert any(names[4] in w for w in recording.warnings)
    assert recording.has_stored == (fmt == "short")


def test_user_units_rule(tmp_path):
    path = tmp_path / "a_raw.fif"
    path.write_bytes(fif([ramp(0, 50)], [channel(1, "Fp1", cal=1.0), channel(2, "O2", cal=1.0)]))
    assert read(path, units={"Fp1": "uV"}).values[0, 10] == pytest.approx(1e-5)
    assert len(open_all(path)) == 1
