"""What a command does with the files and folders it is given, and what it says of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from signalpiece.apps.fitting import Loaded
from signalpiece.apps.inputs import open_inputs
from signalpiece.apps.measure import source_bytes
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Signal
from signalpiece.samples import sample
from signalpiece.signals.files import open as open_file
from signalpiece.signals.files import read, write


@pytest.fixture
def folder(tmp_path):
    """Two recordings, a broken one and a picture."""
    inside = tmp_path / "in"
    inside.mkdir()
    signal = read(sample("S001R01.edf")).pick([8, 10]).crop(0, 800)
    write(inside / "a.edf", signal)
    write(inside / "b.edf", signal.pick([1]))
    (inside / "broken.edf").write_bytes(b"0       " + b"x" * 400)
    (inside / "photo.png").write_bytes(_png())
    return inside


def _png():
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "PNG")
    return out.getvalue()


def test_a_broken_file_is_named_and_can_be_left_out(run, folder, tmp_path):
    code, out, err = run("encode", "dct", folder, "--out", tmp_path / "o", "--step", "5uV")
    assert code == 2 and out == "" and "broken.edf" in err and not (tmp_path / "o").exists()
    (folder / "broken2.edf").write_bytes(b"y")
    _, _, err = run("encode", "dct", folder, "--out", tmp_path / "o", "--step", "5uV")
    assert "broken.edf, broken2.edf" in err and "--skip-damaged" in err and err.count("\n") == 1
    code, out, _ = run("encode", "dct", folder, "--out", tmp_path / "o", "--step", "5uV", "--skip-damaged", "--json")
    found = json.loads(out)
    assert code == 0 and [r["file"] for r in found["files"]] == ["a.edf", "b.edf"]
    assert sum("cannot be read" in n for n in found["notes"]) == 2
    assert any("no channels over time: photo.png" in n for n in found["notes"])


def test_a_unit_for_a_channel_that_is_not_there_is_refused(folder):
    with pytest.raises(SignalPieceError, match="channel of units"):
        open_file(folder / "a.edf", units={"Nowhere": "uV"})
    name = open_file(folder / "a.edf").grid.names[0]
    assert open_file(folder / "a.edf", units={name: "uV", "*": "uV"}).grid.names[0] == name
    (folder / "broken.edf").unlink()
    recordings, _ = open_inputs([folder], {name: "uV"})  # b.edf does not have it, a.edf does
    assert len(recordings) == 2
    with pytest.raises(SignalPieceError, match="channel of units"):
        open_inputs([folder], {"Nowhere": "uV"})


def test_rates_that_change_are_said(run, tmp_path):
    x = np.random.default_rng(0).normal(0, 1e-5, (1, 4000)).astype(np.float32)
    write(tmp_path / "slow.edf", Signal.of(x, rate=10))
    write(tmp_path / "fast.edf", Signal.of(x, rate=200))
    write(tmp_path / "same.edf", Signal.of(x, rate=100))
    said = {}
    for name in ("slow", "fast", "same"):
        _, out, _ = run("encode", "dct", tmp_path / f"{name}.edf", "--out", tmp_path / "x.sp", "--bits", 200, "--json")
        said[name] = " ".join(json.loads(out)["notes"])
    assert "interpolated to 100 Hz" in said["slow"] and "--set rate=10" in said["slow"]
    assert "nothing above 45 Hz" in said["fast"] and said["same"] == ""
    own = ("--set", "rate=10", "--set", "tables=adaptive", "--step", "2uV", "--out", tmp_path / "y.sp", "--json")
    code, out, _ = run("encode", "dct", tmp_path / "slow.edf", *own)
    assert code == 0 and json.loads(out)["notes"] == []


def test_smaller_is_said_of_the_file_as_it_lies_on_the_disk(tmp_path):
    write(tmp_path / "a.edf", read(sample("S001R01.edf")).pick([8, 10]).crop(0, 800))
    only = open_file(tmp_path / "a.edf")
    assert source_bytes(only, [only]) == only.disk_bytes == (tmp_path / "a.edf").stat().st_size
    parts = [only.pick([0]), only]
    assert sum(source_bytes(p, parts) for p in parts) == pytest.approx(only.disk_bytes)
    assert source_bytes(parts[1], parts) == pytest.approx(2 * source_bytes(parts[0], parts))


def test_outputs_of_another_kind_are_refused(run, folder, tmp_path):
    code, _, err = run("encode", "dct", folder / "a.edf", "--out", tmp_path / "z.txt", "--step", "5uV")
    assert code == 2 and "ends in .sp" in err and not (tmp_path / "z.txt").exists()


def test_info_of_a_folder_has_a_line_per_file(run, folder, tmp_path):
    run("encode", "dct", folder / "a.edf", "--out", folder / "t.sp", "--step", "5uV")
    code, out, _ = run("info", folder)
    assert code == 0 and all(n in out for n in ("a.edf", "b.edf", "broken.edf", "photo.png", "tokens of dct"))
    found = json.loads(run("info", folder, "--json")[1])
    assert len(found["files"]) == 5 and any("error" in f for f in found["files"])


def test_short_recordings_say_what_fit_needs(run, tmp_path):
    write(tmp_path / "a.edf", read(sample("S001R01.edf")).pick([8]).crop(0, 800))
    code, _, err = run("fit", "biocodec", tmp_path / "a.edf", "--out", tmp_path / "m.safetensors", "--steps", 1)
    assert code == 2 and "last tenth" in err and "--valid" in err
    assert not Path(tmp_path / "m.safetensors").exists()


def test_loaded_recordings_are_read_when_asked_for():
    recording = open_file(sample("S001R01.edf")).pick([8]).crop(0, 800)
    loaded = Loaded([recording, recording])
    assert len(loaded) == 2 and all(np.array_equal(s.values, recording.read().values) for s in loaded)
