import numpy as np
import pytest
from scipy.io import savemat

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.files import open
from signalpiece.signals.matlab import read_matlab

DATA = np.arange(600, dtype=np.float32).reshape(2, 300)


def structs(rows):
    out = np.zeros((1, len(rows)), dtype=[(name, object) for name in rows[0]])
    for n, row in enumerate(rows):
        for name, value in row.items():
            out[name][0, n] = np.zeros((0, 0)) if value is None else value
    return out


def places(*xyz, types=("", "EOG")):
    names = ("Fp1", "left eye")
    return structs([dict(labels=n, X=x, Y=y, Z=z, type=t) for n, (x, y, z), t in zip(names, xyz, types, strict=True)])


def eeg(**more):
    base = dict(nbchan=2.0, trials=1.0, pnts=300.0, srate=100.0, data=DATA, event=np.zeros((0, 0)))
    return base | dict(chanlocs=places((80.0, 10.0, 20.0), (60.0, -10.0, 0.0))) | more


@pytest.fixture(params=[False, True], ids=["plain", "compressed"])
def save(request, tmp_path):
    def saver(fields, *, inside=True, name="a.set"):
        savemat(tmp_path / "raw.mat", {"EEG": fields} if inside else fields, do_compression=request.param)
        return (tmp_path / "raw.mat").rename(tmp_path / name)

    return saver


@pytest.mark.parametrize("inside", [True, False], ids=["one struct", "fields at the top"])
def test_values_names_places(save, inside):
    recording = open(save(eeg(), inside=inside))
    assert recording.grid.names == ("Fp1", "left eye") and recording.grid.kinds == ("eeg", "eog")
    assert recording.grid.units == ("V", "V")
    np.testing.assert_allclose(recording.read().values, DATA * 1e-6, rtol=1e-6)
    np.testing.assert_allclose(recording.read(1.0, 2.0).values, DATA[:, 100:200] * 1e-6, rtol=1e-6)
    assert recording.grid.sensors[0].position == pytest.approx((-0.01, 0.08, 0.02))  # x to the right, y to the nose


@pytest.mark.parametrize("unit,factor", [("m", 1e-3), ("sphere", 1 / 85)], ids=["metres", "unit sphere"])
def test_places_in_other_units(save, unit, factor):
    spots = np.array([(84.0, 10.0, 0.0), (60.0, -60.0, 0.0)]) * factor
    found = open(save(eeg(chanlocs=places(*spots.tolist())))).grid.sensors[0].position
    assert found == pytest.approx((-0.01, 0.084, 0.0), rel=1e-3)


def test_a_channel_of_another_kind_is_not_scaled(save):
    recording = open(save(eeg(chanlocs=places((80.0, 0.0, 0.0), (60.0, 0.0, 0.0), types=("EEG", "GSR")))))
    assert recording.grid.units == ("V", "") and any("left eye" in w for w in recording.warnings)
    assert recording.read().values[1, 0] == DATA[1, 0]


def test_data_beside(save, tmp_path):
    path = save(eeg(data="old_name.fdt"))
    with pytest.raises(SignalPieceError, match="old_name.fdt is missing"):
        open(path)
    (tmp_path / "a.fdt").write_bytes(DATA.T.astype("<f4").tobytes())
    recording = open(path)
    assert "a.fdt was read" in recording.warnings[0]
    np.testing.assert_allclose(recording.read(0.5, 0.6).values, DATA[:, 50:60] * 1e-6, rtol=1e-6)
    (tmp_path / "a.fdt").write_bytes(DATA.T.astype("<f4").tobytes()[:-8])
    with pytest.raises(SignalPieceError, match="cut or damaged"):
        open(path)
    (tmp_path / "b.dat").write_bytes(DATA.astype("<f4").tobytes())
    np.testing.assert_allclose(open(save(eeg(data="b.dat"))).read().values, DATA * 1e-6, rtol=1e-6)


def test_events_and_cuts(save):
    rows = [
        dict(type="go", latency=51.0, duration=10.0),
        dict(type="boundary", latency=100.5, duration=50.0),
        dict(type=7.0, latency=151.0, duration=None),
        dict(type="boundary", latency=200.5, duration=np.nan),
        dict(type="lost", latency=None, duration=None),
        dict(type="text", latency="251", duration=None),
    ]
    recording = open(save(eeg(event=structs(rows))))
    assert recording.gaps == ((1.0, 1.5),) and recording.samples == 300
    found = [(pytest.approx(a.onset), a.duration, a.text) for a in recording.annotations]
    assert found == [
        (0.5, 0.1, "go"),
        (0.995, 0.0, "boundary"),
        (2.0, 0.0, "7"),
        (2.495, 0.0, "boundary"),
        (3.0, 0.0, "text"),
    ]
    assert np.array_equal(recording.read().valid[0], np.r_[[True] * 100, [False] * 50, [True] * 200])
    said = " ".join(recording.warnings)
    assert "cut out" in said and "without a latency" in said and "text" in said


@pytest.mark.parametrize(
    "more,words",
    [
        (dict(trials=3.0, pnts=100.0), "3 epochs of 100"),
        (dict(srate=0.0), "sampling rate"),
        (dict(pnts=299.0), "are not 2 channels x 299"),
        (dict(nbchan=-2.0), "cannot be"),
    ],
)
def test_refused(save, more, words):
    with pytest.raises(SignalPieceError, match=words):
        open(save(eeg(**more)))


def test_no_names_in_the_file(save):
    recording = open(save(eeg(chanlocs=np.zeros((0, 0)))))
    assert recording.grid.names == ("EEG 001", "EEG 002") and recording.grid.units == ("V", "V")


def test_matlab_values(tmp_path):
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = "one", np.array([[1.5, 2.5]])
    savemat(tmp_path / "a.mat", {"s": {"name": "x", "n": 3.0}, "c": cell, "t": np.array(["ab ", "cd "]), "e": ""})
    found = read_matlab(tmp_path / "a.mat")
    assert found["s"]["name"] == "x" and found["s"]["n"].tolist() == [[3.0]]
    assert found["c"][0] == "one" and found["c"][1].tolist() == [[1.5, 2.5]]
    assert found["t"] == ["ab", "cd"] and found["e"] == ""


def test_matlab_promises_too_much(tmp_path):
    savemat(tmp_path / "a.mat", {"x": np.arange(4.0)})
    sound = bytearray((tmp_path / "a.mat").read_bytes())
    at = sound.index(b"\x05\0\0\0\x08\0\0\0") + 8  # dimensions
    sound[at + 4 : at + 8] = b"\xff\xff\xff\x7f"
    (tmp_path / "a.mat").write_bytes(bytes(sound))
    with pytest.raises(SignalPieceError, match="damaged"):
        read_matlab(tmp_path / "a.mat")


def test_version_73(tmp_path):
    """A file as MATLAB 7.3 lays it out: arrays transposed, structs of references, letters as numbers."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.set", "w", userblock_size=512) as file:

        def put(place, value, kind):
            item = file.create_dataset(place, data=value)
            item.attrs["MATLAB_class"] = np.bytes_(kind)
            return item

        def text(place, value):
            return put(place, np.array([[ord(c)] for c in value], np.uint16), "char")

        for name, value in dict(nbchan=2.0, trials=1.0, pnts=300.0, srate=100.0).items():
            put(f"EEG/{name}", np.array([[value]]), "double")
        put("EEG/data", DATA.T, "single")
        columns = {
            "labels": [text("#refs#/a", "Fp1"), text("#refs#/b", "Cz")],
            "X": [put("#refs#/c", np.array([[80.0]]), "double"), put("#refs#/d", np.array([[0.0]]), "double")],
        }
        for name, items in columns.items():
            file["EEG/chanlocs/" + name] = np.array([[i.ref] for i in items], h5py.ref_dtype)
        put("EEG/event", np.zeros((2,), np.uint64), "struct").attrs["MATLAB_empty"] = 1
    recording = open(tmp_path / "a.set")
    assert recording.grid.names == ("Fp1", "Cz")
    np.testing.assert_allclose(recording.read(0.1, 0.2).values, DATA[:, 10:20] * 1e-6, rtol=1e-6)
