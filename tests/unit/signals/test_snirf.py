import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.files import open, open_all

h5py = pytest.importorskip("h5py")
DATA = np.arange(200.0).reshape(50, 4)


def snirf(path, *, time=None, unit="s", length="mm", tables=False, kinds=None, aux=(), labels=False):
    """A file of 4 channels of 50 samples at 10 Hz."""
    with h5py.File(path, "w") as file:
        nirs = file.create_group("nirs")
        for name, value in {"TimeUnit": unit, "LengthUnit": length}.items():
            nirs[f"metaDataTags/{name}"] = np.bytes_(value)
        nirs["data1/dataTimeSeries"] = DATA
        nirs["data1/time"] = np.arange(50) / 10 if time is None else time
        rows = [(1, 1, 1), (1, 1, 2), (2, 1, 1), (2, 1, 2)]
        if tables:
            for n, name in enumerate(("sourceIndex", "detectorIndex", "wavelengthIndex")):
                nirs[f"data1/measurementLists/{name}"] = np.array([r[n] for r in rows])
        else:
            for k, row in enumerate(rows, 1):
                place = f"data1/measurementList{k}"
                for n, name in enumerate(("sourceIndex", "detectorIndex", "wavelengthIndex")):
                    nirs[f"{place}/{name}"] = row[n]
                if kinds:
                    nirs[f"{place}/dataTypeLabel"], nirs[f"{place}/dataUnit"] = (np.bytes_(v) for v in kinds[k - 1])
        nirs["probe/wavelengths"] = np.array([760.0, 850.0])
        nirs["probe/sourcePos3D"] = np.array([[0.0, 0, 0], [0, 40, 0]])
        nirs["probe/detectorPos3D"] = np.array([[30.0, 0, 0]])
        if labels:
            nirs["probe/sourceLabels"] = np.array([b"left", b"right"])
        nirs["stim1/name"], nirs["stim1/data"] = np.bytes_("tap"), np.array([[2.0, 1.0, 1.0], [0.5, 0.25, 1.0]])
        for n, (name, times) in enumerate(aux, 1):
            nirs[f"aux{n}/name"], nirs[f"aux{n}/time"] = np.bytes_(name), times
            nirs[f"aux{n}/dataTimeSeries"] = np.arange(len(times), dtype=float) + n
    return path


@pytest.mark.parametrize("tables", [False, True])
def test_channels_events_places(tmp_path, tables):
    recording = open(snirf(tmp_path / "a.snirf", tables=tables))
    assert recording.grid.names == ("S1_D1 760", "S1_D1 850", "S2_D1 760", "S2_D1 850")
    assert recording.grid.kinds == ("fnirs",) * 4 and recording.grid.units == ("",) * 4
    assert recording.grid.time_rate == 10.0
    assert recording.grid.sensors[2].position == pytest.approx((0.015, 0.02, 0.0))
    np.testing.assert_array_equal(recording.read(1.0, 2.0).values, DATA[10:20].T)
    assert [(a.onset, a.duration, a.text) for a in recording.annotations] == [(0.5, 0.25, "tap"), (2.0, 1.0, "tap")]


@pytest.mark.parametrize(
    "time,unit",
    [(np.arange(50) * 100.0, "ms"), (np.array([0.0, 0.1]), "s"), (np.arange(50) * 1e5, "us")],
    ids=["milliseconds", "start and step", "microseconds"],
)
def test_times(tmp_path, time, unit):
    recording = open(snirf(tmp_path / "a.snirf", time=time, unit=unit))
    assert recording.grid.time_rate == pytest.approx(10.0) and recording.samples == 50 and not recording.gaps


def test_late_start_and_gap(tmp_path):
    time = 5 + np.arange(50) / 10
    time[30:] += 2.0
    recording = open(snirf(tmp_path / "a.snirf", time=time))
    assert recording.gaps == (pytest.approx((3.0, 5.0)),)
    assert recording.annotations[0].onset == pytest.approx(-4.5)


def test_labels_units_and_concentrations(tmp_path):
    kinds = [("HbO", "uM"), ("HbR", "uM"), ("raw", "mV"), ("", "")]
    recording = open(snirf(tmp_path / "a.snirf", kinds=kinds, length="cm", labels=True))
    assert recording.grid.names == ("left_D1 hbo", "left_D1 hbr", "right_D1 760", "right_D1 850")
    assert recording.grid.kinds == ("hbo", "hbr", "fnirs", "fnirs")
    assert recording.grid.units == ("M", "M", "V", "")  # molar, not metres
    assert recording.read().values[1:3, 0] == pytest.approx([DATA[0, 1] * 1e-6, DATA[0, 2] * 1e-3])
    assert recording.grid.sensors[2].position[1] == pytest.approx(0.2)


def test_auxiliary_channels_with_another_clock(tmp_path):
    fast = np.arange(200) / 40
    found = open_all(snirf(tmp_path / "a.snirf", aux=[("x", fast), ("y", fast), ("z", np.arange(50) / 10)]))
    assert [(r.grid.names[0], r.grid.time_rate, r.grid.size("channel")) for r in found] == [
        ("S1_D1 760", 10.0, 4), ("x", 40.0, 2), ("z", 10.0, 1),
    ]  # fmt: skip
    assert found[1].read(1.0, 1.1).values.tolist() == [[41, 42, 43, 44], [42, 43, 44, 45]]


def test_refused(tmp_path):
    with pytest.raises(SignalPieceError, match="'fortnights'"):
        open(snirf(tmp_path / "a.snirf", unit="fortnights"))
    with pytest.raises(SignalPieceError, match="49 times for 50"):
        open(snirf(tmp_path / "b.snirf", time=np.arange(49)))
    with pytest.raises(SignalPieceError, match="do not increase"):
        open(snirf(tmp_path / "c.snirf", time=np.zeros(50)))
    (tmp_path / "d.snirf").write_bytes(b"hello world")
    with pytest.raises(SignalPieceError, match="not a SNIRF"):
        open(tmp_path / "d.snirf")
    with h5py.File(tmp_path / "e.snirf", "w") as file:
        file["x"] = 1
    with pytest.raises(SignalPieceError, match="no block of data"):
        open(tmp_path / "e.snirf")


def test_a_heap_entry_of_no_size_is_refused(tmp_path):
    """The HDF5 library walks such a heap for ever."""
    path = tmp_path / "a.snirf"
    with h5py.File(path, "w") as file:
        for n in range(20):
            file.create_dataset(f"nirs/metaDataTags/T{n}", data=f"text {n}", dtype=h5py.string_dtype())
    raw = bytearray(path.read_bytes())
    at = raw.index(b"GCOL") + 16
    raw[at : at + 16] = bytes(16)
    path.write_bytes(bytes(raw))
    with pytest.raises(SignalPieceError, match="heap"):
        open(path)
