import gzip

import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation
from signalpiece.signals.files import open
from signalpiece.signals.row_clock import clock_of


def put(folder, text, name="x.csv", encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


def test_muse_with_markers_and_late_packets(tmp_path):
    rng = np.random.default_rng(0)
    stamps = 1500000000 + np.arange(2560) / 256 + np.repeat(rng.uniform(-0.008, 0.008, 214), 12)[:2560]
    rows = [f"{t:.3f},{n % 7},1,2,3,{int(n == 512)}" for n, t in enumerate(stamps)]
    recording = open(put(tmp_path, "timestamps,TP9,AF7,AF8,TP10,Marker\n" + "\n".join(rows)))
    assert recording.grid.time_rate == 256.0 and recording.gaps == () and recording.samples == 2560
    assert recording.annotations == (Annotation(2.0, 0.0, "1"),) and recording.grid.names == (
        "TP9",
        "AF7",
        "AF8",
        "TP10",
    )
    assert recording.grid.units == ("V",) * 4 and recording.read().values[0, 6] == pytest.approx(6e-6)


@pytest.mark.parametrize("jitter", [0.0, 0.004])
@pytest.mark.parametrize("packet", [1, 12])
def test_lost_rows_leave_a_gap(packet, jitter):
    rng = np.random.default_rng(1)
    index = np.arange(3000)
    kept = (index < 960) | (index >= 1080)
    stamps = (index // packet * packet) / 256 + np.repeat(rng.uniform(-jitter, jitter, 3000 // packet), packet)
    clock = clock_of(np.round(stamps[kept], 3))
    assert clock.rate == 256.0
    assert [(r.stored, r.count) for r in clock.runs] == [(0, 960), (960, 1920)]
    assert abs(clock.runs[1].at - 1080) <= 2


def test_usual_rates_are_kept_and_odd_ones_measured():
    assert clock_of(np.round(np.arange(500) / 250.02, 4)).rate == 250.0
    assert clock_of(np.arange(500) / 97.3).rate == pytest.approx(97.3, rel=1e-6)
    with pytest.raises(SignalPieceError, match="fewer than two"):
        clock_of(np.zeros(4))
    with pytest.raises(SignalPieceError, match="backwards"):
        clock_of(-np.arange(9.0))


def test_openbci(tmp_path):
    head = (
        "%OpenBCI Raw EXG Data\n%Number of channels = 2\n%Sample Rate = 250 Hz\n%Board = OpenBCI_GUI$BoardCytonSerial\n"
    )
    names = "Sample Index, EXG Channel 0, EXG Channel 1, Accel Channel 0, Timestamp, Timestamp (Formatted)\n"
    numbers = [n % 256 for n in range(600) if not 300 <= n < 305]
    rows = [
        f"{k}, {i * 0.5}, -1.5, 0.25, {1600000000 + i / 250}, 2020-09-13 12:26:40.000" for i, k in enumerate(numbers)
    ]
    recording = open(put(tmp_path, head + names + "\n".join(rows)))
    assert recording.grid.names == ("EXG Channel 0", "EXG Channel 1", "Accel Channel 0")
    assert recording.grid.time_rate == 250.0 and recording.grid.units == ("V", "V", "")
    assert recording.gaps == ((1.2, 1.22),) and recording.samples == 595
    assert recording.read().values[:2, 3].tolist() == pytest.approx([1.5e-6, -1.5e-6])


def test_muse_monitor_with_blinks(tmp_path):
    rows = [f"2020-01-01 10:00:{n // 256:02d}.{round(n % 256 / 256 * 1000):03d},800.5,801,802,803," for n in range(512)]
    rows.insert(256, "2020-01-01 10:00:01.000,,,,,/muse/elements/blink")
    recording = open(put(tmp_path, "TimeStamp,RAW_TP9,RAW_AF7,RAW_AF8,RAW_TP10,Elements\n" + "\n".join(rows)))
    assert recording.samples == 512 and recording.grid.time_rate == 256.0 and recording.gaps == ()
    assert recording.annotations[0].text == "/muse/elements/blink" and recording.annotations[0].onset == pytest.approx(
        1, abs=0.01
    )
    assert recording.read().values[0, 0] == pytest.approx(800.5e-6)


def test_milliseconds_missing_cells_bad_cells_and_gzip(tmp_path):
    rows = "".join(f"{4 * n},{n}.5,{'' if n == 3 else n},{'?' if n == 5 else n}\n" for n in range(100)) + "1,2\n"
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(f"time [ms],Fp1 (mV),Fp2_uV,C3\n{rows}".encode()))
    recording = open(path)
    assert recording.grid.time_rate == 250.0 and recording.grid.names == ("Fp1", "Fp2", "C3")
    assert recording.grid.units == ("V", "V", "")
    read = recording.read()
    assert not read.valid[1, 3] and not read.valid[2, 5] and read.valid.sum() == 298
    said = " ".join(recording.warnings)
    assert "1 rows have a wrong number" in said and "C3: 1 cells are no numbers" in said and "no unit for C3" in said


@pytest.mark.parametrize(
    "text, says",
    [
        ("a,b\n1,2\n3,4\n", "no column is named time"), ("just words", "one column"), ("time,x\n", "holds no row"),
        ("time,x\n0,a\n1,b\n", "no column of the table holds numbers"), ("time,x,y\n0,1,0,2,0,3\n0,1,0,2,0,3\n", "decimal comma"),
        ("time,x\n0,1\n", "fewer than two"), ("%only\n%comments\n", "no line of data"),
    ],
)  # fmt: skip
def test_refusals(tmp_path, text, says):
    with pytest.raises(SignalPieceError, match=says):
        open(put(tmp_path, text))
