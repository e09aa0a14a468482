"""What a person reads is whole, however narrow the screen."""

import pytest

from signalpiece.apps import screen


@pytest.mark.parametrize("width", [20, 50, 120])
def test_no_figure_of_a_table_is_cut(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    names = ["column", "codes", "live", "dead", "double", "perplexity", "bits"]
    screen.table("", names, [["patch", 512, 55, 457, 20, 40.8, 5.35], ["b", 1234567, 5, 4, 3, 2.0, 1.25]])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        names,
        ["patch", "512", "55", "457", "20", "40.8", "5.35"],
        ["b", "1234567", "5", "4", "3", "2", "1.25"],
    ]


def test_long_words_fold_on_a_narrow_screen(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "30")
    screen.table("", ["", ""], [["model", "/a/long/path/to/a/file/that/does/not/fit.safetensors"]])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 30 and "".join("".join(lines).split()).endswith("fit.safetensors")
