"""Stored tokens through the commands: a Parquet folder, ranges beside the whole, and what is refused."""

import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.apps.cli import main
from signalpiece.samples import sample
from signalpiece.signals.files import read, write

SECONDS = 6


def cut(path, seconds=SECONDS, channels=(8, 10, 12, 60)):
    write(path, read(sample("S001R01.edf")).pick(list(channels)).crop(0, int(160 * seconds)))
    return path


@pytest.fixture
def short(tmp_path):
    return cut(tmp_path / "short.edf")


def refused(result, *words):
    code, out, err = result
    assert code == 2 and out == "", (code, out, err)
    assert err.count("\n") == 1 and "Traceback" not in err and all(w in err for w in words), err


def test_info_on_a_parquet_folder(run, short, tmp_path):
    other = cut(tmp_path / "other.edf", 4, (8,))
    code, out, _ = run("encode", "eeg", short, other, "--out", tmp_path / "pq", "--format", "parquet", "--json")
    assert code == 0 and sorted(p.name for p in (tmp_path / "pq").iterdir())[0] == "headers.json"
    rates = [row["bits_per_second_channel"] for row in json.loads(out)["files"]]
    code, text, _ = run("info", tmp_path / "pq", "--verify")
    assert code == 0 and "every checksum fits" in text
    assert "4 channels at 160 Hz, 6.00 s" in text and "1 channels at 160 Hz, 4.00 s" in text
    found = json.loads(run("info", tmp_path / "pq", "--verify", "--json")[1])
    assert found["verified"] and [t["channels"] for t in found["tokens"]] == [4, 1]
    assert [t["bits_per_second_channel"] for t in found["tokens"]] == pytest.approx(rates, rel=1e-2)
    disk = sum(p.stat().st_size for p in (tmp_path / "pq").iterdir())
    assert sum(t["bits"]["total"] for t in found["tokens"]) == pytest.approx(8 * disk, rel=0.02)
    assert found["tokens"][0]["annotations"] == [list(a) for a in _events(short)]


def _events(path):
    return [(a.onset, a.duration, a.text) for a in read(path).annotations]


def test_a_damaged_parquet_folder_is_refused(run, short, tmp_path):
    run("encode", "eeg", short, "--out", tmp_path / "pq", "--format", "parquet")
    part = next((tmp_path / "pq").glob("*.parquet"))
    whole = part.read_bytes()
    part.write_bytes(whole[: len(whole) // 2])
    refused(run("info", tmp_path / "pq", "--verify"), "pq", "recording 0")
    refused(run("decode", "eeg", tmp_path / "pq", "--out", tmp_path / "y.edf"), "recording 0")
    part.unlink()
    refused(run("decode", "eeg", tmp_path / "pq", "--out", tmp_path / "y.edf"), part.name)
    (tmp_path / "pq" / "headers.json").write_text("{")
    refused(run("info", tmp_path / "pq"), "pq is no Parquet data set of tokens")
    (tmp_path / "pq" / "headers.json").unlink()
    refused(run("decode", "eeg", tmp_path / "pq", "--out", tmp_path / "y.edf"), "pq")
    assert not (tmp_path / "y.edf").exists()


@pytest.mark.parametrize("command", ["encode", "report"])
def test_a_step_and_a_budget_together_are_refused(run, short, tmp_path, command):
    out = tmp_path / ("x.sp" if command == "encode" else "r.html")
    refused(run(command, "eeg", short, "--out", out, "--bits", 100, "--step", "2uV"), "step", "budget", "not both")
    assert not out.exists()


@pytest.mark.parametrize("at", range(8))
def test_a_damaged_beginning_is_refused(run, short, tmp_path, at):
    tokens = tmp_path / "x.sp"
    run("encode", "eeg", short, "--out", tokens)
    data = bytearray(tokens.read_bytes())
    data[at] ^= 0x10
    tokens.write_bytes(data)
    refused(run("info", tokens), "x.sp")
    refused(run("decode", "eeg", tokens, "--out", tmp_path / "y.edf"), "x.sp")
    assert not (tmp_path / "y.edf").exists()


def quietly(arguments):
    with contextlib.redirect_stdout(io.StringIO()), pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    assert not stop.value.code


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Tokens of each coder, and the whole of each, decoded at both rates, as FIF files keep floats."""
    folder = tmp_path_factory.mktemp("stored")
    source = cut(folder / "in.edf", 20)
    for name in ("eeg", "dct", "klt"):
        quietly(["encode", name, source, "--out", folder / f"{name}.sp", "--step", "3uV", "--json"])
        for rate in ("model", "source"):
            whole = folder / f"{name}-{rate}.fif"
            quietly(["decode", name, folder / f"{name}.sp", "--out", whole, "--rate", rate, "--json"])
    return folder


@pytest.mark.parametrize("name", ["eeg", "dct", "klt"])
@settings(deadline=None, max_examples=12)
@given(
    span=st.tuples(st.integers(0, 1900), st.integers(20, 600)),
    picked=st.permutations(range(4)),
    count=st.integers(1, 4),
    rate=st.sampled_from(["model", "source"]),
)
def test_a_range_decodes_to_that_part_of_the_whole(stored, name, span, picked, count, rate):
    start, stop = span[0] / 100, min(sum(span), 2000) / 100
    whole, picked = read(stored / f"{name}-{rate}.fif"), picked[:count]
    names = ",".join(whole.grid.names[c] for c in picked)
    how = ("--start", start, "--stop", stop, "--channels", names, "--rate", rate)
    quietly(["decode", name, stored / f"{name}.sp", "--out", stored / "part.fif", *how, "--json"])
    part, hertz = read(stored / "part.fif"), whole.grid.time_rate
    assert part.grid.names == tuple(names.split(",")) and part.grid.time_rate == hertz
    expected = whole.values[picked, round(start * hertz) : round(stop * hertz)]
    assert np.array_equal(part.values, expected)
