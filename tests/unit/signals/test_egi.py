import struct

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.files import open

RNG = np.random.default_rng(0)
KINDS = {2: ">i2", 4: ">f4", 6: ">f8"}


def egi(data, events, version=2, *, bits=0, span=0, samples=None):
    count = data.shape[1] if samples is None else samples
    head = struct.pack(">i6hi5hih", version, 2020, 3, 2, 10, 0, 0, 7, 250, len(data), 1, bits, span, count, len(events))
    body = np.vstack([data, *events.values()]).T.astype(KINDS.get(version, ">i2")).tobytes()
    return head + b"".join(code.encode() for code in events) + body


@pytest.mark.parametrize("version", [2, 4, 6])
def test_values_and_events(tmp_path, version):
    data = RNG.integers(-2000, 2000, (3, 500))
    go, stop = np.zeros(500), np.zeros(500)
    go[[100, 200, 201, 202]], stop[490:] = 1, 1
    (tmp_path / "a.raw").write_bytes(egi(data, {"go  ": go, "stop": stop}, version))
    recording = open(tmp_path / "a.raw")
    assert recording.grid.names == ("E1", "E2", "E3") and recording.grid.units == ("V",) * 3
    np.testing.assert_allclose(recording.read(0.4, 0.8).values, data[:, 100:200] * 1e-6, rtol=1e-6)
    assert [(a.onset, a.duration, a.text) for a in recording.annotations] == [
        (0.4, 0.0, "go"), (0.8, 3 / 250, "go"), (1.96, 10 / 250, "stop"),
    ]  # fmt: skip
    assert recording.has_stored == (version == 2)
    if version == 2:
        assert np.array_equal(recording.stored().values, data)
    assert recording.identity["start"] == "2020-03-02T10:00:00.007"


def test_range_and_bits_give_microvolts(tmp_path):
    data = RNG.integers(-2000, 2000, (3, 50))
    (tmp_path / "a.raw").write_bytes(egi(data, {}, bits=12, span=1024))
    np.testing.assert_allclose(open(tmp_path / "a.raw").read().values, data * 0.25e-6, rtol=1e-6)


def test_events_across_blocks(tmp_path, monkeypatch):
    from signalpiece.signals import egi as reader

    monkeypatch.setattr(reader, "_BLOCK", 7)
    on = (np.arange(100) % 21 < 9).astype(int)
    (tmp_path / "a.raw").write_bytes(egi(RNG.integers(0, 9, (2, 100)), {"DIN1": on}))
    onsets = [round(a.onset * 250) for a in open(tmp_path / "a.raw").annotations]
    assert onsets == [0, 21, 42, 63, 84]


def test_cut_and_refused(tmp_path):
    data = RNG.integers(-2000, 2000, (3, 500))
    raw = egi(data, {})
    (tmp_path / "a.raw").write_bytes(raw[:-605])
    recording = open(tmp_path / "a.raw")
    assert recording.samples == 399 and "promises 500" in recording.warnings[0]
    (tmp_path / "b.raw").write_bytes(egi(data, {}, 3))
    with pytest.raises(SignalPieceError, match="segmented"):
        open(tmp_path / "b.raw")
    (tmp_path / "c.raw").write_bytes(bytes(100))
    with pytest.raises(SignalPieceError, match="as_bytes"):
        open(tmp_path / "c.raw")
