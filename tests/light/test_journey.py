"""Read, encode, decode, compare and report without torch, with the classical coders and the shipped default."""

import json

import numpy as np
import pytest

from signalpiece.samples import sample
from signalpiece.signals.files import read

MODELS = ("dct", "eeg")


@pytest.mark.parametrize("model", MODELS)
def test_microvolts_come_back(cli, tmp_path, model):
    tokens, back = tmp_path / "x.sp", tmp_path / "back.edf"
    cost = json.loads(cli("encode", model, sample("S001R01.edf"), "--out", tokens, "--bits", 150, "--json"))
    assert 0 < cost["files"][0]["bits_per_second_channel"] <= 150 * 1.05
    assert tokens.stat().st_size == cost["files"][0]["bytes"]
    cli("decode", model, tokens, "--out", back)
    signal = read(back)
    assert signal.grid.size("channel") == 64 and 40 < 1e6 * np.std(signal.values) < 80
    assert [a.text for a in signal.annotations] == [a.text for a in read(sample("S001R01.edf")).annotations]


def test_a_range_of_some_channels(cli, tmp_path):
    tokens = tmp_path / "x.sp"
    cli("encode", "eeg", sample("S001R01.edf"), "--out", tokens, "--step", "10uV")
    out = tmp_path / "part.edf"
    cli("decode", "eeg", tokens, "--out", out, "--start", 20, "--stop", 24, "--channels", "Cz,C3,C4")
    part = read(out)
    assert part.grid.names == ("Cz..", "C3..", "C4..") and abs(part.grid.seconds - 4) < 0.02


def test_a_file_comes_back_byte_for_byte(cli, tmp_path):
    tokens, back = tmp_path / "x.sp", tmp_path / "back.edf"
    cli("encode", "eeg", sample("S001R01.edf"), "--lossless", "--keep-identity", "--level", "fast", "--out", tokens)
    cli("decode", tokens, "--original", "--out", back)
    assert back.read_bytes() == sample("S001R01.edf").read_bytes()


def test_compare_and_report(cli, tmp_path):
    page = tmp_path / "compare.html"
    table = json.loads(cli("compare", "dct", "eeg", "--data", sample("S001R01.edf"), "--out", page, "--json"))
    assert {i["coder"] for i in table["items"]} >= {"dct", "eeg"} and page.stat().st_size < 5e6
    report = tmp_path / "report.html"
    cli("report", "eeg", sample("S001R01.edf"), "--out", report)
    assert report.stat().st_size < 5e6 and "http://" not in report.read_text().replace("http://www.w3.org", "")


def test_what_needs_torch_says_so(cli, tmp_path):
    said = cli("fit", "biocodec", sample("S001R02.edf"), "--out", tmp_path / "m.safetensors", expect=2)
    assert "signalpiece[torch]" in said and said.count("\n") == 1
