"""The command line as a person meets it: what works, and one sentence with exit code 2 where something does not."""

import json

import numpy as np
import pytest

from signalpiece.core.signal import Signal
from signalpiece.samples import sample
from signalpiece.signals.files import read, write


@pytest.fixture
def short(tmp_path):
    """Six seconds of four channels, as an EDF file."""
    path = tmp_path / "short.edf"
    write(path, read(sample("S001R01.edf")).pick([8, 10, 12, 60]).crop(0, 960))
    return path


def refused(result, *words):
    code, out, err = result
    assert code == 2 and out == "", (code, out, err)
    lines = err.strip().splitlines()
    assert len(lines) == 1 and "Traceback" not in err, err
    assert all(w in err for w in words), err


def test_the_journey(run, short, tmp_path):
    code, out, _ = run("encode", "lapped", short, "--out", tmp_path / "x.sp", "--step", "5uV", "--json")
    row = json.loads(out)["files"][0]
    assert code == 0 and row["channels"] == 4 and row["bytes"] == (tmp_path / "x.sp").stat().st_size
    assert run("info", tmp_path / "x.sp", "--verify")[0] == 0
    code, out, _ = run(
        "decode", "lapped", tmp_path / "x.sp", "--out", tmp_path / "back.edf", "--rate", "source", "--json"
    )
    assert code == 0 and json.loads(out)["files"][0]["rate"] == 160
    a, b = read(short), read(tmp_path / "back.edf")
    low = np.abs(np.fft.rfft(a.values - b.values))[:, 6:200].mean() / np.abs(np.fft.rfft(a.values))[:, 6:200].mean()
    assert low < 0.3 and a.annotations == b.annotations


def test_info_speaks_json(run):
    code, out, _ = run("info", sample("S001R01.edf"), "--json")
    found = json.loads(out)["recordings"][0]
    assert code == 0 and set(found) >= {
        "channels",
        "kinds",
        "rate",
        "samples",
        "units",
        "annotations",
        "gaps",
        "warnings",
    }
    assert found["rate"] == 160 and found["samples"] == 9600 and found["units"][0] == "V"


def test_systems_lists_all(run):
    code, out, _ = run("systems", "--json")
    rows = json.loads(out)["systems"]
    assert code == 0 and len(rows) == 305 and rows[37]["recipe"] == "biocodec"


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["info", "nowhere.edf"], ["nowhere.edf", "no such file"]),
        (["encode", "dtc", "SHORT", "--out", "x.sp"], ["dtc", "no model file", "dct"]),
        (["encode", "dct", "SHORT", "--out", "x.sp", "--step", "5"], ["step", "unit"]),
        (["encode", "dct", "SHORT", "--out", "x.sp", "--step", "0uV"], ["above 0"]),
        (["encode", "dct", "SHORT", "--out", "x.sp", "--set", "tabels=adaptive"], ["tabels", "tables"]),
        (["encode", "dct", "SHORT", "--out", "x.sp", "--set", "rate=fast"], ["rate", "number"]),
        (["encode", "dct", "SHORT", "--out", "x.sp", "--units", "C3"], ["channel=unit"]),
        (["encode", "eeg", "SHORT", "--out", "x.sp", "--set", "rate=50"], ["fixed"]),
        (["encode", "dct", "SHORT", "--out", "nowhere/x.sp"], ["nowhere"]),
        (["encode", "dct", "SHORT", "--out", "x.sp", "--format", "zip"], ["format", "coded", "parquet"]),
        (["encode", "dct", "SHORT", "--out", "x.sp", "--bits", "0.2"], ["bits"]),
        (["encode", "biocodec", "SHORT", "--out", "x.sp"], ["trained first"]),
        (["decode", "dct", "SHORT", "--out", "y.edf"], ["short.edf"]),
        (["decode", "dct", "nowhere.sp", "--out", "y.edf"], ["nowhere.sp"]),
        (["report", "dct", "SHORT", "--out", "nowhere/r.html"], ["nowhere"]),
        (["compare", "dct"], ["--data"]),
        (["compare", "dct", "--suite", "suite-eeg-1"], ["--data DIR"]),
        (["fit", "lapped", "SHORT", "--out", "nowhere/m.safetensors"], ["nowhere"]),
        (["fit", "dtc", "SHORT", "--out", "m.safetensors"], ["dtc"]),
        (["reproduce", "biocodec"], ["--data DIR"]),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run, short, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIGNALPIECE_DATA", raising=False)
    before = set(tmp_path.iterdir())
    refused(run(*[short if a == "SHORT" else a for a in arguments]), *words)
    assert set(tmp_path.iterdir()) == before, "nothing may be half-written"


def test_equal_stems_are_refused(run, short, tmp_path):
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / "short.edf"
    other.write_bytes(short.read_bytes())
    refused(run("encode", "dct", short, other, "--out", tmp_path / "all", "--step", "5uV"), "short")


def test_tokens_of_another_model_are_refused(run, short, tmp_path):
    run("encode", "dct", short, "--out", tmp_path / "x.sp", "--step", "5uV")
    refused(run("decode", "lapped", tmp_path / "x.sp", "--out", tmp_path / "y.edf"), "recipe dct")
    refused(run("decode", "dct", tmp_path / "x.sp", "--out", tmp_path / "y.edf", "--channels", "Zz"), "Zz")
    refused(run("decode", "dct", tmp_path / "x.sp", "--out", tmp_path / "y.edf", "--start", "100"), "100")


def test_a_recipe_decodes_what_it_made_with_other_options(run, short, tmp_path):
    run("encode", "lapped", short, "--out", tmp_path / "x.sp", "--step", "5uV", "--set", "transform=dct")
    assert run("decode", "lapped", tmp_path / "x.sp", "--out", tmp_path / "y.edf")[0] == 0


def test_a_damaged_unit_is_named_and_the_rest_can_be_had(run, short, tmp_path):
    run("encode", "dct", short, "--out", tmp_path / "x.sp", "--step", "1uV")
    data = bytearray((tmp_path / "x.sp").read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / "x.sp").write_bytes(data)
    refused(run("decode", "dct", tmp_path / "x.sp", "--out", tmp_path / "y.edf"), "segment 0", "channel")
    assert run("decode", "dct", tmp_path / "x.sp", "--out", tmp_path / "y.edf", "--skip-damaged")[0] == 0
    back, whole = read(tmp_path / "y.edf"), read(short)
    lost = [c for c in range(4) if back.values[c].std() < 0.1 * whole.values[c].std()]
    assert len(lost) == 1


def test_what_needs_volts_asks_for_them(run, tmp_path):
    import csv

    rows = np.cumsum(np.random.default_rng(0).standard_normal((1000, 2)), 0)
    path = tmp_path / "odd.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "C3 [furlong]", "C4 [furlong]"])
        writer.writerows([[i / 100, *r] for i, r in enumerate(rows)])
    code, out, err = run("encode", "dct", path, "--out", tmp_path / "x.sp", "--step", "5uV")
    assert code == 2 and "--units" in err and "Traceback" not in err, (code, out, err)
    assert run("encode", "dct", path, "--out", tmp_path / "x.sp", "--step", "5uV", "--units", "*=uV")[0] == 0


def test_fit_estimates_and_the_model_works(run, short, tmp_path):
    model = tmp_path / "mine.safetensors"
    assert run("fit", "lapped", short, "--out", model, "--set", "tables=trained")[0] == 0
    code, out, _ = run("info", model, "--verify", "--json")
    assert code == 0 and json.loads(out)["recipe"] == "lapped" and "equal" in json.loads(out)["self_test"]
    assert run("encode", model, short, "--out", tmp_path / "x.sp", "--step", "5uV")[0] == 0
    assert run("decode", model, tmp_path / "x.sp", "--out", tmp_path / "y.edf")[0] == 0
    damaged = bytearray(model.read_bytes())
    damaged[-100] ^= 1
    model.write_bytes(damaged)
    refused(run("encode", model, short, "--out", tmp_path / "z.sp", "--step", "5uV"), "damaged")


def test_a_recipe_that_learns_nothing_says_so(run, short, tmp_path):
    refused(run("fit", "uniform", short, "--out", tmp_path / "m.safetensors"), "uniform")


def test_zero_length_and_nan(run, tmp_path):
    signal = Signal.of(np.full((2, 500), np.nan), rate=100)
    path = tmp_path / "nan.fif"
    empty = tmp_path / "empty.edf"
    empty.write_bytes(b"")
    refused(run("encode", "dct", empty, "--out", tmp_path / "x.sp"), "empty")
    assert not signal.valid.any() and not path.exists()
