import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation
from signalpiece.signals.files import open, open_all

BITS = {8: 7, 16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 160: 16, 212: 12, 310: 10, 311: 10}


def pack(values, form):
    """Samples in a row to the bytes of a format, as signal(5) describes it, one by one."""
    flat = [int(v) for v in values]
    if form == 212:
        flat += [0] * (len(flat) % 2)
        return b"".join(
            bytes([a & 0xFF, (a >> 8 & 0xF) | (b >> 8 & 0xF) << 4, b & 0xFF])
            for a, b in zip(flat[::2], flat[1::2], strict=True)
        )
    if form in (310, 311):
        flat += [0] * (-len(flat) % 3)
        out = b""
        for a, b, c in zip(*[iter(v & 0x3FF for v in flat)] * 3, strict=True):
            if form == 311:
                out += (a | b << 10 | c << 20).to_bytes(4, "little")
            else:
                out += (a << 1 | (c & 0x1F) << 11).to_bytes(2, "little") + (b << 1 | (c >> 5) << 11).to_bytes(
                    2, "little"
                )
        return out
    size, order = {8: (1, "little"), 80: (1, "little"), 24: (3, "little"), 32: (4, "little"), 61: (2, "big")}.get(
        form, (2, "little")
    )
    shift = {80: 128, 160: 32768}.get(form, 0)
    return b"".join((v + shift).to_bytes(size, order, signed=not shift) for v in flat)


@pytest.mark.parametrize("form", sorted(BITS))
@pytest.mark.parametrize("signals", [1, 2, 3])
def test_every_format(tmp_path, form, signals):
    limit = 1 << (BITS[form] - 1)
    values = np.random.default_rng(form).integers(-limit + 1, limit - 1, (101, signals), endpoint=True)
    if form == 8:
        values = np.cumsum(values, axis=0)
        body = pack(np.diff(values, axis=0, prepend=np.full((1, signals), 5)).ravel(), 8)
    else:
        body = pack(values.ravel(), form)
    (tmp_path / "x.dat").write_bytes(b"head" + body)
    lines = "".join(f"x.dat {form}+4 100(3)/uV 0 0 5 0 0 lead {n}\n" for n in range(signals))
    (tmp_path / "x.hea").write_text(f"x {signals} 250 101\n{lines}")
    recording = open(tmp_path / "x.hea")
    assert recording.samples == 101 and recording.warnings == ()
    assert (recording.stored().values == values.T).all()
    assert (recording.stored(17, 40).values == values.T[:, 17:40]).all()
    np.testing.assert_allclose(recording.read().values, (values.T - 3) / 100 * 1e-6, rtol=1e-6, atol=1e-14)


def test_defaults_missing_samples_skew_and_kinds(tmp_path):
    (tmp_path / "x.dat").write_bytes(np.array([[1, 2], [3, 4], [-32768, 6], [7, 8]], "<i2").tobytes())
    (tmp_path / "x.hea").write_text("# comment\nx 2\nx.dat 16\nx.dat 16:1 -50/mV 16 0 0 0 0 MLII\n#age: 70\n")
    recording = open(tmp_path / "x.hea")
    assert recording.grid.time_rate == 250.0 and recording.grid.names == ("signal 0", "MLII")
    assert recording.grid.kinds == ("eeg", "ecg")
    read = recording.read()
    assert read.valid.tolist() == [[True, True, False, True], [True, True, True, False]]
    assert read.values[0, :2].tolist() == pytest.approx([1 / 200 * 1e-3, 3 / 200 * 1e-3])
    assert read.values[1, :3].tolist() == pytest.approx([-4 / 50 * 1e-3, -6 / 50 * 1e-3, -8 / 50 * 1e-3])


def test_several_samples_per_frame_are_a_recording_of_their_own(tmp_path):
    (tmp_path / "x.dat").write_bytes(np.arange(12, dtype="<i2").tobytes())
    (tmp_path / "x.hea").write_text(
        "x 2 100 4 10:00:00 02/03/2020\nx.dat 16x2 1/V 0 0 0 0 0 fast\nx.dat 16 1/V 0 0 0 0 0 slow\n"
    )
    fast, slow = open_all(tmp_path / "x.hea")
    assert fast.grid.time_rate == 200 and slow.grid.time_rate == 100
    assert fast.read().values.tolist() == [[0, 1, 3, 4, 6, 7, 9, 10]] and slow.read().values.tolist() == [[2, 5, 8, 11]]
    assert fast.read(0.015, 0.03).values.tolist() == [[4, 6, 7]]
    assert fast.identity == {"start": "2020-03-02T10:00:00"}


def test_segments_and_gaps(tmp_path):
    for name, value, lead in (("s1", 1, "II"), ("s2", 2, "V")):
        (tmp_path / f"{name}.dat").write_bytes(np.full(10, value, "<i2").tobytes())
        (tmp_path / f"{name}.hea").write_text(f"{name} 1 10 10\n{name}.dat 16 1/V 0 0 0 0 0 {lead}\n")
    (tmp_path / "x.hea").write_text("x/3 2 10 25\ns1 10\n~ 5\ns2 10\n")
    recording = open(tmp_path / "x.hea")
    assert recording.gaps == ((1.0, 1.5),) and recording.samples == 20 and recording.grid.names == ("II", "V")
    read = recording.read()
    assert read.valid[0].sum() == 10 and read.valid[1].sum() == 10 and read.values[1, 20] == 2


def word(code, time):
    return (code << 10 | time).to_bytes(2, "little")


def test_annotations(tmp_path):
    (tmp_path / "x.dat").write_bytes(bytes(2000))
    (tmp_path / "x.hea").write_text("x 1 100 1000\nx.dat 16\n")
    data = word(28, 18) + word(63, 2) + b"(N" + word(1, 82) + word(61, 3) + word(62, 1)
    data += word(59, 0) + (1).to_bytes(2, "little") + (2).to_bytes(2, "little") + word(5, 0)
    (tmp_path / "x.atr").write_bytes(data + word(0, 0))
    recording = open(tmp_path / "x.hea")
    assert recording.annotations == (Annotation(0.18, 0, "+ (N"), Annotation(1.0, 0, "N"), Annotation(656.38, 0, "V"))
    (tmp_path / "x.atr").write_bytes(data)
    assert "no end mark" in open(tmp_path / "x.hea").warnings[0]


@pytest.mark.parametrize(
    "text, says",
    [
        ("hello\n", "no WFDB header"), ("x 2 100 4\nx.dat 16\n", "2 signals and describes 1"), ("x 1 0 4\nx.dat 16\n", "above 0 Hz"),
        ("x 1 100 4\nx.dat 516\n", "format 516 is not read"), ("x 1 100 4\ny.dat 16\n", "y.dat not found"),
        ("x 1 100 4\nx.dat\n", "no format"), ("x 1 100 4\nx.dat 16x9\n", "no whole frame"), ("x/1 1 100 4\ns9 4\n", "none of its 1 segments"),
    ],
)  # fmt: skip
def test_refusals(tmp_path, text, says):
    (tmp_path / "x.dat").write_bytes(bytes(8))
    (tmp_path / "x.hea").write_text(text)
    with pytest.raises(SignalPieceError, match=says):
        open(tmp_path / "x.hea")


def test_short_file_is_said(tmp_path):
    (tmp_path / "x.dat").write_bytes(bytes(8))
    (tmp_path / "x.hea").write_text("x 1 100 9\nx.dat 16\n")
    recording = open(tmp_path / "x.hea")
    assert recording.samples == 4 and "4 of 9 frames" in recording.warnings[0]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(name=st.sampled_from(["x.hea", "x.dat", "x.atr"]), data=st.data())
def test_damaged_files_are_read_or_refused(tmp_path_factory, name, data):
    folder = tmp_path_factory.mktemp("wfdb")
    (folder / "x.hea").write_text("x 2 100 40\nx.dat 212x2 10/mV 0 0 0 0 0 I\nx.dat 212 10(3)/mV 12 5 9 0 0 V\n")
    (folder / "x.dat").write_bytes(bytes(range(180)))
    (folder / "x.atr").write_bytes(
        word(28, 18) + word(63, 2) + b"(N" + word(59, 0) + bytes(4) + word(1, 9) + word(0, 0)
    )
    bad = bytearray((folder / name).read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        bad[data.draw(st.integers(0, len(bad) - 1))] = data.draw(st.integers(0, 255))
    (folder / name).write_bytes(bytes(bad[: data.draw(st.integers(1, len(bad)))]))
    try:
        for recording in open_all(folder / "x.hea"):
            recording.read()
            recording.stored()
    except SignalPieceError as error:
        assert "\n" not in str(error) and "Type-check" not in str(error)
