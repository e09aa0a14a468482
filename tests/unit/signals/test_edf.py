import tracemalloc
from importlib.resources import files as package

import numpy as np
import pytest
from test_edf_write import signal

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation
from signalpiece.signals import edf_data
from signalpiece.signals.files import open, open_all, write


def edf(
    path,
    labels,
    per,
    records,
    *,
    units=(),
    width=2,
    kind="",
    seconds="1",
    limits=None,
    physical=None,
    body=b"",
    lists=(),
):
    """A file with samples `body`, channel by channel within records; `lists` are annotation bytes per record."""
    low, high = limits or (-(1 << (8 * width - 1)), (1 << (8 * width - 1)) - 1)
    least, most = physical or (low, high)
    names, notes = [*labels, *(["EDF Annotations"] if lists else [])], 30 if lists else 0
    n = len(names)
    head = (b"\xffBIOSEMI" if width == 3 else b"0".ljust(8)) + b" " * 160 + b"01.02.0304.05.06"
    for text, size in ((256 * (n + 1), 8), (kind, 44), (records, 8), (seconds, 8), (n, 4)):
        head += str(text).encode().ljust(size)
    columns = (
        (16, names), (80, [""] * n), (8, [*units, *["uV"] * (n - len(units))]), (8, [least] * n), (8, [most] * n),
        (8, [low] * n), (8, [high] * n), (80, [""] * n), (8, [*[per] * len(labels), *([notes] if lists else [])]), (32, [""] * n),
    )  # fmt: skip
    for size, column in columns:
        head += b"".join(str(v).encode().ljust(size) for v in column)
    if lists:
        piece = len(body) // records
        body = b"".join(
            body[i * piece : (i + 1) * piece] + lists[i].ljust(notes * width, b"\0") for i in range(records)
        )
    path.write_bytes(head + body)
    return path


def test_packaged_recording_as_mne_reads_it():
    mne = pytest.importorskip("mne")
    path = str(package("signalpiece.samples").joinpath("S001R02.edf"))
    recording, raw = open(path), mne.io.read_raw_edf(path, verbose="error")
    assert recording.grid.names == tuple(raw.ch_names) and recording.grid.time_rate == 160.0
    np.testing.assert_allclose(recording.read().values, raw.get_data(), rtol=2e-7, atol=1e-12)
    assert recording.annotations == (Annotation(0.0, 60.2, "T0"),)
    assert all(s.position is not None for s in recording.grid.sensors) and set(recording.grid.kinds) == {"eeg"}
    stored = recording.stored(100, 110)
    np.testing.assert_allclose(
        stored.values * stored.scale[:, None] + stored.offset[:, None],
        recording.read().values[:, 100:110],
        rtol=1e-6,
        atol=1e-12,
    )


@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("block", [1, 100, 1 << 23])
def test_any_block_size_reads_the_same(tmp_path, monkeypatch, width, block):
    rng = np.random.default_rng(0)
    values = rng.integers(-(1 << (8 * width - 1)), (1 << (8 * width - 1)) - 1, (5, 3, 7), endpoint=True).astype("<i4")
    body = values.view("u1").reshape(5, 3, 7, 4)[..., :width].tobytes()
    recording = open(edf(tmp_path / "x.edf", ["a", "b", "c"], 7, 5, width=width, body=body))
    monkeypatch.setattr(edf_data, "_BLOCK", block)
    right = values.transpose(1, 0, 2).reshape(3, 35)
    for start, stop in ((0, 35), (3, 4), (6, 22), (34, 35), (9, 9)):
        assert (recording.stored(start, stop).values == right[:, start:stop]).all()
        np.testing.assert_allclose(recording.read_samples(start, stop).values, right[:, start:stop] * 1e-6, rtol=1e-6)


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = edf(tmp_path / "big.bdf", [f"E{n}" for n in range(32)], 2048, 1500, width=3)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 1500 * 32 * 2048 * 3)  # 295 MB, 393 MB as float32
    tracemalloc.start()
    recording = open(path)
    total = 0
    for number, block in enumerate(recording.blocks(4)):
        total += block.grid.size("time")
        if number > 20:
            break
    recording.read(1490.0, 1500.0)
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()
    assert recording.samples == 1500 * 2048


def lists(*starts):
    return [f"{s}\x14\x14\0".encode() for s in starts]


def test_gaps_of_fractions_and_a_late_first_record(tmp_path):
    body = np.arange(40, dtype="<i2").tobytes()
    path = edf(tmp_path / "x.edf", ["a"], 10, 4, kind="EDF+D", body=body, lists=lists("+0.5", "+1.5", "+3.25", "+4.25"))
    recording = open(path)
    assert recording.gaps == ((2.0, 2.8),) or recording.gaps == ((2.0, 2.7),)  # 2.75 s lies between two samples
    assert recording.samples == 40 and recording.read().valid.sum() == 40


def test_events_count_from_the_first_sample(tmp_path):
    marks = [b"+0.5\x14\x14\0+2\x14x\x14\0", b"+1.5\x14\x14\0"]
    recording = open(edf(tmp_path / "x.edf", ["a"], 10, 2, kind="EDF+C", body=bytes(40), lists=marks))
    assert recording.annotations == (Annotation(1.5, 0.0, "x"),)


def test_continuous_file_whose_records_jump_is_said(tmp_path):
    path = edf(tmp_path / "x.edf", ["a"], 10, 3, kind="EDF+C", body=bytes(60), lists=lists("+0", "+1", "+9"))
    recording = open(path)
    assert recording.gaps == () and "do not follow each other" in recording.warnings[0]


def test_records_out_of_order_are_said(tmp_path):
    path = edf(tmp_path / "x.edf", ["a"], 10, 3, kind="EDF+D", body=bytes(60), lists=lists("+0", "+5", "+2"))
    recording = open(path)
    assert recording.samples == 30 and "starts before" in recording.warnings[0]


def test_gap_of_years_is_not_filled_in(tmp_path):
    path = edf(tmp_path / "x.edf", ["a"], 100, 2, kind="EDF+D", body=bytes(400), lists=lists("+0", "+900000000"))
    recording = open(path)
    with pytest.raises(SignalPieceError, match="the rest is gap"):
        recording.read()
    assert recording.read(0.0, 2.0).valid.sum() == 100


def test_user_units(tmp_path):
    path = edf(
        tmp_path / "x.edf", ["C3", "C4", "C3"], 4, 1, units=["blob", "uV", "blob"], body=np.ones(12, "<i2").tobytes()
    )
    assert open(path).grid.units == ("blob", "V", "blob") and "'blob' of C3, C3-2" in open(path).warnings[0]
    assert open(path, units={"*": "mV"}).read().values[:, 0].tolist() == pytest.approx([1e-3, 1e-6, 1e-3])
    assert open(path, units={"C4": "nV", "C3-2": "V"}).read().values[:, 0].tolist() == pytest.approx([1, 1e-9, 1])


def test_trigger_bits_are_integers_whatever_the_header_says(tmp_path):
    codes = np.array([[1, 300], [2, -5]] * 2, "<i4")
    body = np.ascontiguousarray(codes).view("u1").reshape(4, 2, 4)[..., :3].tobytes()
    path = edf(
        tmp_path / "x.bdf",
        ["Status", "X"],
        2,
        2,
        units=["uV", "Boolean"],
        width=3,
        physical=(-262144, 262143),
        body=body,
    )
    recording = open(path, units={"*": "uV"})
    assert recording.grid.kinds == ("stim", "stim") and recording.grid.units == ("", "")
    assert recording.read().values.tolist() == [[1, 300, 1, 300], [2, -5, 2, -5]]
    assert recording.stored().scale.tolist() == [1, 1] and recording.stored().offset.tolist() == [0, 0]
    assert [code for _, code in recording.triggers()] == [1, 2, 300, 65531, 1, 2, 300, 65531]


def test_identity_stays_apart(tmp_path):
    path = edf(tmp_path / "x.edf", ["a"], 4, 1, body=bytes(8))
    data = bytearray(path.read_bytes())
    data[8:24] = b"Jane Doe 1 F X  "
    path.write_bytes(bytes(data))
    recording = open(path)
    assert recording.identity == {"patient": "Jane Doe 1 F X", "start": "2003-02-01T04:05:06"}
    assert "Jane" not in repr(recording.read().grid) + repr(recording.annotations) + repr(recording.warnings)


@pytest.mark.parametrize(
    "where, text, says",
    [
        (252, b"9999", "file is shorter than the header says"), (252, b"0   ", "number of signals must be at least 1"),
        (244, b"0       ", "must be above 0 s"), (244, b"-1      ", "must be above 0 s"), (0, b"x", "no EDF or BDF file"),
        (256 + 216, b"1.5     ", "whole number"), (256 + 216, b"99999999", "no whole data record"),
    ],
)  # fmt: skip
def test_refusals(tmp_path, where, text, says):
    path = edf(tmp_path / "x.edf", ["a"], 4, 2, body=bytes(16))
    data = bytearray(path.read_bytes())
    data[where : where + len(text)] = text
    path.write_bytes(bytes(data))
    with pytest.raises(SignalPieceError, match=says):
        open(path)


def test_several_rates_ask_which(tmp_path):
    path = edf(tmp_path / "x.edf", ["a", "b"], 4, 2, body=bytes(36))
    data = bytearray(path.read_bytes())
    at = 256 + 216 * 2 + 8
    data[at : at + 8] = b"5       "
    path.write_bytes(bytes(data))
    assert [r.grid.time_rate for r in open_all(path)] == [4.0, 5.0]
    with pytest.raises(SignalPieceError, match="holds 2 recordings .0: a at 4 Hz; 1: b at 5 Hz."):
        open(path)
    assert open(path, recording=1).grid.names == ("b",)


def test_file_cut_after_opening(tmp_path):
    write(tmp_path / "x.edf", signal(1000))
    recording = open(tmp_path / "x.edf")
    with (tmp_path / "x.edf").open("r+b") as file:
        file.truncate(3000)
    with pytest.raises(SignalPieceError, match="the file ends early"):
        recording.read()
