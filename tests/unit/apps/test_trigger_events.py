"""Trigger codes of recordings encoded by the shipped tokenizer: they come back as events, whatever way tokens go."""

import json

import numpy as np
import pytest

from signalpiece.core.signal import Annotation, Grid, Sensor, Signal
from signalpiece.signals.files import open_all, read, write
from signalpiece.stores.blocks import END
from signalpiece.tokenizers.events import absorbed

RATE, SECONDS = 160.0, 12
CODES = ((3.0, 5), (7.5, 7), (10.0, 5))
WANTED = [(1.0, 2.0, "eyes"), *((onset, 0.0, str(code)) for onset, code in CODES)]


def recorded(codes=CODES):
    """Two channels of noise and a trigger channel that holds each code for an eighth of a second."""
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.normal(0, 1e-6, (3, int(RATE * SECONDS))), axis=1).astype(np.float32)
    x[2] = 0
    for onset, code in codes:
        x[2, int(onset * RATE) : int(onset * RATE) + 20] = code
    sensors = (Sensor("C3", "eeg"), Sensor("C4", "eeg"), Sensor("STI 014", "stim"))
    grid = Grid(("channel", "time"), (None, RATE), ("V", "V", ""), x.shape, sensors)
    return Signal(grid, x, annotations=(Annotation(1.0, 2.0, "eyes"),))


@pytest.fixture
def stim(tmp_path):
    path = tmp_path / "stim.fif"
    write(path, recorded())
    assert open_all(path)[0].triggers() == CODES
    return path


def mixed(path):
    """An EDF file whose trigger channel has a rate of its own."""
    import edfio

    codes = np.zeros(40 * SECONDS)
    for onset, code in CODES:
        codes[int(onset * 40) : int(onset * 40) + 5] = code
    uv = np.cumsum(np.random.default_rng(1).normal(0, 1, int(RATE * SECONDS)))
    trigger = {"label": "STI 014", "physical_range": (0, 255), "digital_range": (0, 255)}
    parts = [edfio.EdfSignal(uv, RATE, label="EEG C3", physical_dimension="uV"), edfio.EdfSignal(codes, 40, **trigger)]
    edfio.Edf(parts).write(path)
    return path


def events(path):
    return [(round(a.onset, 6), a.duration, a.text) for a in read(path).annotations]


@pytest.mark.parametrize("ending", [".edf", ".bdf", ".fif"])
@pytest.mark.parametrize("form", ["coded", "parquet"])
def test_codes_come_back_as_events(run, stim, tmp_path, ending, form):
    tokens = tmp_path / ("x.sp" if form == "coded" else "x")
    code, out, _ = run("encode", "eeg", stim, "--out", tokens, "--format", form, "--json")
    assert code == 0 and "events travel as annotations: STI 014" in " ".join(json.loads(out)["notes"])
    found = json.loads(run("info", tokens, "--json")[1])["tokens"][0]
    assert [tuple(a) for a in found["annotations"]] == WANTED and found["channels"] == 2
    assert "4: 'eyes' x 1, '5' x 2, '7' x 1" in run("info", tokens)[1]
    back = tmp_path / f"back{ending}"
    assert run("decode", "eeg", tokens, "--out", back)[0] == 0
    assert events(back) == WANTED and read(back).grid.names == ("C3", "C4")


@pytest.mark.parametrize(
    "start, stop, texts",
    [
        (2, 8, ["eyes", "5", "7"]),
        (3, 7.5, ["5"]),
        (3.1, 12, ["7", "5"]),
        (0, 3, ["eyes"]),
        (0, 12, [w[2] for w in WANTED]),
    ],
)
def test_a_range_has_the_events_that_reach_into_it(run, stim, tmp_path, start, stop, texts):
    run("encode", "eeg", stim, "--out", tmp_path / "x.sp")
    run("decode", "eeg", tmp_path / "x.sp", "--out", tmp_path / "y.edf", "--start", start, "--stop", stop)
    there = [w for w in WANTED if w[0] < stop and (w[0] >= start or w[0] + w[1] > start)]
    assert events(tmp_path / "y.edf") == [(round(onset - start, 6), long, text) for onset, long, text in there]
    assert [w[2] for w in there] == texts


def test_damaged_events_are_said_and_the_rest_is_there(run, stim, tmp_path):
    run("encode", "eeg", stim, "--out", tmp_path / "x.sp")
    data = bytearray((tmp_path / "x.sp").read_bytes())
    size = json.loads(run("info", tmp_path / "x.sp", "--json")[1])["tokens"][0]["bits"]["annotations"] // 8
    footer = int.from_bytes(data[-len(END) - 4 : -len(END)], "little")
    data[len(data) - len(END) - 4 - footer - size // 2] ^= 1  # events stand before the index
    (tmp_path / "x.sp").write_bytes(data)
    code, out, _ = run("info", tmp_path / "x.sp")
    assert code == 0 and "annotations of recording 0 are damaged" in " ".join(out.split())
    assert run("info", tmp_path / "x.sp", "--verify")[0] == 2


@pytest.mark.parametrize("form", ["coded", "parquet"])
def test_every_recording_of_a_file_keeps_its_own(run, stim, tmp_path, form):
    other = tmp_path / "other.fif"
    write(other, recorded(codes=((4.0, 9),)))
    tokens = tmp_path / ("x.sp" if form == "coded" else "x")
    run("encode", "eeg", stim, other, "--out", tokens, "--format", form)
    assert run("decode", "eeg", tokens, "--out", tmp_path / "back")[0] == 0
    one, two = sorted((tmp_path / "back").iterdir())
    assert events(one) == WANTED and events(two) == [WANTED[0], (4.0, 0.0, "9")]


def test_a_trigger_channel_at_another_rate_gives_its_codes_to_the_file(run, tmp_path):
    path = mixed(tmp_path / "mixed.edf")
    assert [r.grid.kinds for r in open_all(path)] == [("eeg",), ("stim",)]
    code, out, _ = run("encode", "eeg", path, "--out", tmp_path / "x.sp", "--json")
    rows = json.loads(out)["files"]
    assert code == 0 and len(rows) == 1 and rows[0]["channels"] == 1
    run("decode", "eeg", tmp_path / "x.sp", "--out", tmp_path / "back.edf")
    assert events(tmp_path / "back.edf") == WANTED[1:]


def test_events_are_taken_once_and_at_their_own_time(tmp_path):
    recordings = open_all(mixed(tmp_path / "mixed.edf"))
    once = absorbed(recordings)
    assert len(once) == 1 and absorbed(once) == once and len(once[0].annotations) == 3
    assert len(absorbed([*once, recordings[1]])[0].annotations) == 3
    assert absorbed(recordings[1:]) == [recordings[1]], "a file of triggers alone stays, to be refused"
    assert recordings[1].crop(40 * 5, 40 * 12).triggers() == CODES[1:]


def test_a_file_of_triggers_alone_is_refused(run, tmp_path):
    write(tmp_path / "only.fif", recorded().pick([2]))
    code, out, err = run("encode", "eeg", tmp_path / "only.fif", "--out", tmp_path / "x.sp")
    assert code == 2 and out == "" and "trigger channels alone" in err and err.count("\n") == 1
    assert not (tmp_path / "x.sp").exists()
