import struct

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.files import open

RNG = np.random.default_rng(0)


def cnt(data, width, *, counted=None, events=b"", kind=1, rate=250, baseline=0, block=0, bad=(), place=None):
    """A file of integers "c t"."""
    names = ("Fp1", "HEOG", "CZ", "PZ", "OZ", "F8")[: len(data)]
    head = bytearray(900)
    head[:12] = b"Version 3.0\0"
    struct.pack_into("<H", head, 370, len(names))
    struct.pack_into("<H", head, 376, rate)
    struct.pack_into("<I", head, 864, data.shape[1] if counted is None else counted)
    end = 900 + 75 * len(names) + data.size * width
    struct.pack_into("<I", head, 886, end if place is None else place)
    struct.pack_into("<i", head, 894, block * width if block else 0)
    table = b""
    for name in names:
        row = bytearray(75)
        row[: len(name)] = name.encode()
        row[14] = name in bad
        struct.pack_into("<h", row, 47, baseline)
        struct.pack_into("<f", row, 59, 204.8)
        struct.pack_into("<f", row, 71, 0.5)
        table += row
    rows = data.T if not block else data.reshape(len(data), -1, block).swapaxes(0, 1)
    return (
        bytes(head) + table + rows.astype(f"<i{width}").tobytes() + struct.pack("<Bii", kind, len(events), 0) + events
    )


def walk(channels, count, size):
    return np.clip(np.cumsum(RNG.normal(0, size, (channels, count)), 1), -30000, 30000).astype(int)


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("counted", [None, 0, 4294966564])
@pytest.mark.parametrize("size", [3, 200])
def test_width_is_told(tmp_path, width, counted, size):
    data = walk(4, 1000, size)
    data = data * 40 if width == 4 and size == 200 else data
    (tmp_path / "a.cnt").write_bytes(cnt(data, width, counted=counted, baseline=7))
    recording = open(tmp_path / "a.cnt")
    assert np.array_equal(recording.stored().values, data)
    np.testing.assert_allclose(recording.read().values, (data - 7) * 0.5e-6, rtol=1e-5, atol=1e-12)
    np.testing.assert_array_equal(recording.read(1.0, 2.0).values, recording.read().values[:, 250:500])
    assert bool(recording.warnings) == (counted is not None)
    assert recording.grid.kinds == ("eeg", "eog", "eeg", "eeg") and recording.grid.units == ("V",) * 4


@pytest.mark.parametrize("top", [1, 3])
def test_width_that_cannot_be_told(tmp_path, top):
    (tmp_path / "a.cnt").write_bytes(cnt(RNG.integers(0, top, (4, 100)), 2, counted=0))
    with pytest.raises(SignalPieceError, match="16 or 32 bits"):
        open(tmp_path / "a.cnt")


@pytest.mark.parametrize("block", [20, 40])
def test_blocks(tmp_path, block):
    data = walk(3, 400, 20)
    (tmp_path / "a.cnt").write_bytes(cnt(data, 2, block=block))
    recording = open(tmp_path / "a.cnt")
    assert np.array_equal(recording.stored().values, data)
    assert np.array_equal(recording.stored(33, 75).values, data[:, 33:75])


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_events(tmp_path, kind):
    def event(code, sample, keyboard=0, pad=0):
        at = sample if kind == 3 else 900 + 75 * 3 + sample * 3 * 2
        return struct.pack("<HBBi", code, keyboard, pad, at) + (b"" if kind == 1 else bytes(11))

    events = event(7, 50) + event(0, 75, pad=3) + event(0, 80, keyboard=2)
    events += event(0, 100, pad=0xC0) + event(0, 150, pad=0xD0) + event(9, 10)
    (tmp_path / "a.cnt").write_bytes(cnt(walk(3, 400, 20), 2, events=events, kind=kind, bad=("CZ",)))
    recording = open(tmp_path / "a.cnt")
    assert [(a.onset, a.duration, a.text) for a in recording.annotations] == [
        (0.04, 0.0, "9"), (0.2, 0.0, "7"), (0.3, 0.0, "KeyPad 3"), (0.32, 0.0, "Keyboard 2"),
        (0.4, pytest.approx(0.2), "BAD_0"),
    ]  # fmt: skip
    assert recording.warnings == ("marked as bad in the file: CZ",)


def test_event_table_lost(tmp_path):
    data = walk(3, 400, 20)
    raw = cnt(data, 2, place=123456789)
    (tmp_path / "a.cnt").write_bytes(raw[:-9])
    recording = open(tmp_path / "a.cnt")
    assert np.array_equal(recording.stored().values, data) and "event table" in recording.warnings[0]


@pytest.mark.parametrize("raw", [b"Version 3.0" + bytes(1000), b"Edition" + bytes(1000), bytes(50)])
def test_refused(tmp_path, raw):
    (tmp_path / "a.cnt").write_bytes(raw)
    with pytest.raises(SignalPieceError, match="not a Neuroscan"):
        open(tmp_path / "a.cnt")
