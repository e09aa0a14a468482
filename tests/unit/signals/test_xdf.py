import gzip
import logging
import struct

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.files import open, open_all
from signalpiece.signals.xdf_chunks import whole_chunks

pytest.importorskip("pyxdf")
BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")


def chunk(kind, content):
    return struct.pack("<BIH", 4, len(content) + 2, kind) + content


def stream(number, name, type_, channels, rate, fmt="float32"):
    """`channels`: XML of each channel."""
    rows = "".join(f"<channel>{c}</channel>" for c in channels)
    xml = (
        f"<info><name>{name}</name><type>{type_}</type><channel_count>{len(channels)}</channel_count>"
        f"<nominal_srate>{rate}</nominal_srate><channel_format>{fmt}</channel_format>"
        f"<desc><channels>{rows}</channels></desc></info>"
    )
    return chunk(2, struct.pack("<I", number) + xml.encode())


def samples(number, stamps, rows, fmt="f"):
    body = struct.pack("<IBI", number, 4, len(stamps))
    for stamp, row in zip(stamps, rows, strict=True):
        body += b"\0" if stamp is None else struct.pack("<Bd", 8, stamp)
        for v in row:
            body += struct.pack("<BB", 1, len(v.encode())) + v.encode() if fmt == "s" else struct.pack(f"<{fmt}", v)
    return chunk(3, body)


def offset(number, time, value):
    return chunk(4, struct.pack("<Idd", number, time, value))


def xdf(*chunks):
    return b"XDF:" + chunk(1, b"<info><version>1.0</version></info>") + b"".join(chunks)


CHANNELS = [
    "<label>Fp1</label><unit>microvolts</unit><type>EEG</type><location><X>-20</X><Y>80</Y><Z>10</Z></location>",
    "<label>Fp1</label><unit>mystery</unit><type>EEG</type>",
    "<label>box</label><unit></unit><type>Stim</type>",
]


@pytest.fixture
def path(tmp_path):
    rows = np.arange(900).reshape(300, 3)
    body = xdf(
        stream(1, "Amp", "EEG", CHANNELS, 100),
        stream(2, "Task", "Markers", ["<label>mark</label>"], 0, "string"),
        stream(3, "Box", "Triggers", ["<label>code</label>"], 0, "int32"),
        stream(4, "Eye", "Gaze", ["<label>x</label>", "<label>y</label>"], 0, "double64"),
        stream(5, "Slow", "Temp", ["<label>t</label><unit>degC</unit>"], 10, "int16"),
        samples(1, 100 + np.arange(300) / 100, rows),
        samples(2, [50.5, 51.0], [["go"], ["stop"]], "s"),
        samples(3, [101.25], [[7]], "i"),
        samples(4, [100.0, 100.31], [[1.5, 2.5], [3.5, 4.5]], "d"),
        samples(5, [100.0] + [None] * 29, [[n] for n in range(30)], "h"),
        *(offset(2, t, 50.0) for t in (50, 51, 52)),
    )
    (tmp_path / "a.xdf").write_bytes(body)
    return tmp_path / "a.xdf"


def test_streams_clocks_and_markers(path):
    fast, slow = open_all(path)
    assert (fast.grid.time_rate, fast.samples, slow.grid.time_rate, slow.samples) == (100.0, 300, 10.0, 30)
    assert fast.grid.names == ("Fp1", "Fp1-2", "box") and fast.grid.kinds == ("eeg", "eeg", "stim")
    assert fast.grid.units == ("V", "mystery", "") and slow.grid.units == ("degC",)
    assert fast.read().values[:, 1] == pytest.approx([3e-6, 4, 5])
    assert np.array_equal(slow.read(1.0, 1.5).values[0], np.arange(10, 15))
    assert fast.grid.sensors[0].position == (-0.02, 0.08, 0.01)
    found = [(pytest.approx(a.onset, abs=1e-6), a.text) for a in fast.annotations]
    assert found == [(0.5, "go"), (1.0, "stop"), (1.25, "7")]
    assert any("Eye has no even rate" in w for w in fast.warnings)
    with pytest.raises(SignalPieceError, match="holds 2 recordings"):
        open(path)


def test_what_was_cut_is_said(path):
    sound = path.read_bytes()
    where = sound.index(b"\x04", sound.index(b"Slow") + 400)
    path.write_bytes(sound[:where] + b"\x99" * 40 + chunk(5, BOUNDARY) + samples(5, [100.0], [[5]], "h"))
    found = open_all(path)
    assert any("left out" in w for w in found[0].warnings)
    assert len(found) == 1 and found[0].samples == 1


def test_markers_are_where_their_samples_are(tmp_path):
    """The amplifier's clock runs 0.2 % slow: its samples are even, and the marker stands at sample 2900."""
    (tmp_path / "a.xdf").write_bytes(
        xdf(
            stream(1, "Amp", "EEG", CHANNELS[:1], 100),
            stream(2, "Task", "Markers", ["<label>mark</label>"], 0, "string"),
            samples(1, 100 + np.arange(3000) / 99.8, np.zeros((3000, 1))),
            samples(2, [100 + 2900 / 99.8], [["go"]], "s"),
        )
    )
    recording = open(tmp_path / "a.xdf")
    assert recording.grid.time_rate == 100.0
    assert recording.annotations[0].onset == pytest.approx(29.0, abs=1e-3)


def test_a_sample_chunk_may_not_promise_more_than_it_holds(path):
    body = xdf(stream(1, "Amp", "EEG", CHANNELS, 100), chunk(3, struct.pack("<IBI", 1, 4, 1 << 31) + b"\0" * 50))
    path.write_bytes(body)
    with pytest.raises(SignalPieceError, match="no stream"):
        open_all(path)
    assert len(whole_chunks(path)[0].getvalue()) == body.index(struct.pack("<H", 3) + struct.pack("<I", 1)) - 5


def test_markers_alone(path):
    path.write_bytes(
        xdf(stream(2, "T", "M", ["<label>m</label>"], 0, "string"), samples(2, [5.0, 7.5], [["a"], ["b"]], "s"))
    )
    recording = open(path)
    assert recording.grid.shape == (0, 0)
    assert [(a.onset, a.text) for a in recording.annotations] == [(0.0, "a"), (2.5, "b")]


def test_zipped_and_silent(path, tmp_path, capfd):
    (tmp_path / "b.xdfz").write_bytes(gzip.compress(path.read_bytes()))
    assert len(open_all(tmp_path / "b.xdfz")) == 2
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("pyxdf").propagate and not logging.getLogger("pyxdf").handlers
