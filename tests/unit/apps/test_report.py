"""The page of a report: whole, self-contained, small, and its figures true."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from signalpiece.apps.page import LIMIT
from signalpiece.apps.report import report, write_report
from signalpiece.apps.report_data import _Sums
from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Grid, Sensor, Signal
from signalpiece.metrics.bands import BANDS, nmse_bands
from signalpiece.metrics.protocol import protocol_rate, to_protocol
from signalpiece.recipes import recipe
from signalpiece.signals.recording import Recording, Run


def recording(channels=2, seconds=30.0, rate=128.0, gap=0.0, kind="eeg"):
    """Noise with a falling spectrum, read out of a short table again and again, so that a night costs no memory."""
    samples = int(seconds * rate)
    table = np.random.default_rng(0).normal(size=(channels, 7919)).cumsum(1)
    table = ((table - np.linspace(table[:, 0], table[:, -1], 7919, axis=1)) * 1e-6).astype(np.float32)

    def fetch(a, b):
        return table[:, np.arange(a, b) % 7919]

    runs = ()
    if gap:
        half = samples // 2
        runs = (Run(0, 0, half), Run(half + int(gap * rate), half, samples - half))
        samples += int(gap * rate)
    sensors = tuple(Sensor(f"ch{c}", kind) for c in range(channels))
    unit = "T" if kind == "mag" else "V"
    grid = Grid(("channel", "time"), (None, rate), (unit,), (channels, samples), sensors)
    events = (Annotation(2.0, 0.5, "<blink & co>"), Annotation(5.0, 0.0, "T1"))
    return Recording(Path("x.edf"), grid, fetch, events, ("a <warning>",), runs)


@pytest.fixture(scope="module")
def dct():
    return recipe("dct").build()


class Links(HTMLParser):
    """Everything a page would fetch, and whether its tags close."""

    def __init__(self):
        super().__init__()
        self.found, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.found += [v for k, v in attrs if k in ("src", "href", "xlink:href", "srcset", "action") and v]
        if tag not in ("meta", "link", "img", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_page(text):
    links = Links()
    links.feed(text)
    assert not links.open
    assert all(v.startswith(("#", "data:")) for v in links.found)
    anchors = {v[1:] for v in links.found if v.startswith("#")}
    assert all(f'id="{a}"' in text for a in anchors)
    assert not re.search(r"(https?:)?//[a-z]", re.sub(r"data:[^\"']*", "", text))
    assert not re.search(r"url\(|@import", text)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "max-width: 640px" in text and "prefers-color-scheme: dark" in text
    assert len(text.encode()) < LIMIT
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_a_page_of_one_channel(dct, tmp_path):
    got = report("dct", dct, [recording(1)], others={})
    check_page(got.html)
    assert "<blink" not in got.html and "a <warning>" not in got.html
    size = write_report(tmp_path / "r.html", got)
    assert size == (tmp_path / "r.html").stat().st_size
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_a_page_of_306_channels(dct):
    got = report("dct", dct, [recording(306, seconds=6.0, kind="mag")], others={})
    check_page(got.html)
    assert "306 channels of MEG" in got.html


def test_a_day_is_streamed_and_stays_small(dct):
    got = report("dct", dct, [recording(1, seconds=24 * 3600.0, rate=64.0)], others={})
    check_page(got.html)
    assert "24 h" in got.html and len(got.html) < 1_500_000


@pytest.mark.parametrize("rate", [128.0, 300.307])
def test_figures_are_those_of_the_whole_file(dct, rate):
    """The streamed error equals the error of the whole recording, decoded at once, at odd rates too."""
    source = recording(3, seconds=700.0, rate=rate)
    whole = source.read()
    fixed = replace(source, fetch=lambda a, b: whole.values[:, a:b])
    row = report("dct", dct, [fixed], others={}).files[0]
    reference = to_protocol(whole.values, rate)
    back = to_protocol(dct.decode(dct.encode(whole), rate="source").values, rate)
    expected = nmse_bands(reference, back, protocol_rate(rate)).db
    for band in BANDS:
        assert row["nmse_db"][band] == pytest.approx(expected[band], abs=0.1)
    assert expected["delta"] < -10
    assert row["bits_entropy"] < row["bits_nominal"]
    parts = sum(v for k, v in row["bits"].items() if k not in ("total", "annotations"))
    assert row["bits_file"] == pytest.approx(parts / (3 * 700.0), rel=1e-3)


def test_gaps_are_shown_and_do_not_count(dct):
    with_gap, without = (report("dct", dct, [recording(2, 60.0, gap=g)], others={}) for g in (20.0, 0.0))
    assert "1 gap of 20.0 s" in with_gap.html and 'class="gap"' in with_gap.html
    one, two = with_gap.files[0]["nmse_db"]["all"], without.files[0]["nmse_db"]["all"]
    assert one == pytest.approx(two, abs=1.5)


def test_what_is_missing_in_the_file_counts_on_neither_side():
    x = np.random.default_rng(0).normal(size=(2, 3000)).astype(np.float32)
    valid = np.ones_like(x, bool)
    valid[:, 500:900] = False
    grid = recording(2, 30.0, rate=100.0).grid
    good, bad = Signal(grid, x, valid), Signal(grid, np.where(valid, 0.9 * x, 99).astype(np.float32))
    sums = _Sums(30.0)
    sums.add(good, bad, 0.0)
    assert sums.errors().db["all"] == pytest.approx(-20, abs=0.1)
    assert sums.correlation() == pytest.approx([1, 1], abs=1e-3)
    assert np.nanmax(sums.error_db()) == pytest.approx(-20, abs=0.1)


def test_several_recordings_are_listed_and_two_shown(dct):
    got = report("dct", dct, [recording(1, 12.0) for _ in range(3)], others={})
    check_page(got.html)
    assert len(got.files) == 3 and len(got.comparisons) == 2 and "3 recordings" in got.html


def test_rivals_stand_beside_the_model(dct):
    got = report("dct", dct, [recording(2, 20.0)], others={"finer": recipe("dct").build(rounding=0.5)})
    check_page(got.html)
    assert got.comparisons[0].coders == ("dct", "finer") and "finer" in got.html


def test_a_page_without_loss_says_so():
    got = report("lossless", recipe("lossless").build(), [recording(5)], others={})
    check_page(got.html)
    assert got.files[0]["nmse_db"]["all"] < -200 and got.files[0]["kept"]["coherence"]["alpha"][1] < 1e-6
    assert "Nothing between .5 and 45 Hz is lost" in got.html and "suffers most" not in got.html
    within = report("lossless", recipe("lossless").build(max_error="0.2uV"), [recording(5)], others={})
    assert -60 < within.files[0]["nmse_db"]["all"] < -20 and "suffers most" in within.html
    assert within.files[0]["bits_file"] < 0.7 * got.files[0]["bits_file"]


def test_what_analyses_keep_stands_on_the_page(dct):
    got = report("dct", dct, [recording(5)], others={})
    kept = got.files[0]["kept"]
    assert set(kept["band_power_db"]) == set(BANDS) == set(kept["coherence"])
    assert 'id="kept"' in got.html


def test_nothing_to_report_is_one_sentence(dct):
    with pytest.raises(SignalPieceError, match="at least one recording"):
        report("dct", dct, [])
    with pytest.raises(SignalPieceError):
        report("dct", dct, [recording(1, seconds=1.0)], others={})
