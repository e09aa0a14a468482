import numpy as np
import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation
from signalpiece.signals.files import open

HEAD = "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nDataFile={data}\nMarkerFile=x.vmrk\n"
REST = "DataFormat=BINARY\nDataOrientation={order}\nNumberOfChannels=2\nSamplingInterval={step}\n[Binary Infos]\nBinaryFormat={type}\n"
CHANNELS = "[Channel Infos]\nCh1=Cz,,0.5,uV\nCh2=X,,,\n[Coordinates]\nCh1=1,0,0\n[Comment]\nfree text = with = signs\n"


def make(folder, values, *, kind="INT_16", order="MULTIPLEXED", step="2000", data="x.eeg", marks=()):
    text = HEAD.format(data=data) + REST.format(order=order, step=step, type=kind) + CHANNELS
    (folder / "x.vhdr").write_text(text)
    (folder / "x.eeg").write_bytes((values.T if order == "MULTIPLEXED" else values).tobytes())
    lines = "".join(f"Mk{n}={mark}\n" for n, mark in enumerate(marks, 1))
    (folder / "x.vmrk").write_text(f"Brain Vision Data Exchange Marker File, Version 1.0\n[Marker Infos]\n{lines}")
    return folder / "x.vhdr"


@pytest.mark.parametrize("order", ["MULTIPLEXED", "VECTORIZED"])
@pytest.mark.parametrize(
    "kind, code", [("INT_16", "<i2"), ("INT_32", "<i4"), ("UINT_16", "<u2"), ("IEEE_FLOAT_32", "<f4")]
)
def test_formats_and_orders(tmp_path, order, kind, code):
    values = (np.arange(200).reshape(2, 100) * 3).astype(code)
    recording = open(make(tmp_path, values, kind=kind, order=order))
    assert recording.grid.time_rate == 500.0 and recording.samples == 100 and recording.grid.units == ("V", "V")
    np.testing.assert_allclose(recording.read().values, values * np.array([[0.5e-6], [1e-6]]), rtol=1e-6)
    assert (recording.read(0.02, 0.1).values == recording.read().values[:, 10:50]).all()
    if "INT" in kind:
        assert (recording.stored(5, 9).values == values[:, 5:9]).all()
    else:
        with pytest.raises(SignalPieceError, match="keeps no integers"):
            recording.stored()


def test_places_of_the_file_stand_above_the_table(tmp_path):
    sensors = open(make(tmp_path, np.zeros((2, 9), "<i2"))).grid.sensors
    assert sensors[0].position == pytest.approx((0.0, 0.0, 0.095)) and sensors[1].position is None


def test_markers_of_odd_forms(tmp_path):
    marks = [
        "New Segment,,1,1,0,20200101000000000000",
        "Stimulus,S  1,11,0,0",
        "broken",
        "Comment,a\\1b,31,5,2",
        "Stimulus,S  2,x,1,0",
    ]
    recording = open(make(tmp_path, np.zeros((2, 100), "<i2"), marks=marks))
    assert recording.annotations == (Annotation(0.02, 0.0, "Stimulus/S  1"), Annotation(0.06, 0.01, "Comment/a,b"))
    assert "2 markers cannot be read" in recording.warnings[0]
    assert recording.identity == {"start": "2020-01-01T00:00:00"}


def test_segment_without_date_keeps_time_and_says_so(tmp_path):
    marks = ["New Segment,,1,1,0,20200101000000000000", "New Segment,,51,1,0", "Stimulus,S  1,61,1,0"]
    recording = open(make(tmp_path, np.zeros((2, 100), "<i2"), marks=marks))
    assert recording.gaps == () and "pause before it is not known" in recording.warnings[0]
    assert recording.annotations[0].onset == pytest.approx(0.12)


def test_three_segments(tmp_path):
    stamp = "2020010100000{}000000".format
    marks = [f"New Segment,,{p},1,0,{stamp(s)}" for p, s in ((1, 0), (501, 3), (1001, 4), (1501, 2))]
    recording = open(make(tmp_path, np.zeros((2, 2000), "<i2"), marks=marks))
    assert recording.gaps == ((1.0, 3.0),) and recording.samples == 2000
    assert any("out of order" in w for w in recording.warnings)


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("Brain Vision Data", "Something", "no BrainVision header"), ("BINARY\n", "ASCII\n", "must be BINARY"),
        ("Interval=2000", "Interval=0", "must be above 0 microseconds"), ("INT_16", "INT_12", "INT_12 is not read"),
        ("Channels=2", "Channels=0", "whole number above 0"), ("Channels=2", "Channels=999999", "describes 2"),
    ],
)  # fmt: skip
def test_refusals(tmp_path, old, new, says):
    path = make(tmp_path, np.zeros((2, 9), "<i2"))
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SignalPieceError, match=says):
        open(path)


def test_missing_data_file(tmp_path):
    path = make(tmp_path, np.zeros((2, 9), "<i2"), data="y.eeg")
    assert "x.eeg is read" in open(path).warnings[0]
    (tmp_path / "x.eeg").unlink()
    with pytest.raises(SignalPieceError, match="data file y.eeg not found"):
        open(path)


def test_as_pybv_writes_it(tmp_path):
    pybv = pytest.importorskip("pybv")
    values = np.random.default_rng(0).standard_normal((3, 500)) * 1e-5
    pybv.write_brainvision(
        data=values,
        sfreq=250,
        ch_names=["Cz", "Pz", "a,b"],
        fname_base="w",
        folder_out=str(tmp_path),
        events=np.array([[100, 1]]),
    )
    recording = open(tmp_path / "w.vhdr")
    assert recording.grid.names == ("Cz", "Pz", "a,b")
    np.testing.assert_allclose(recording.read().values, values, atol=1e-10)
    assert recording.annotations[0].onset == 0.4
