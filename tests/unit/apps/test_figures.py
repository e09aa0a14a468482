import struct
import xml.etree.ElementTree as ET
import zlib

import numpy as np
import pytest

from signalpiece.apps import plot_error, plot_scalp, plot_time, png, svg
from signalpiece.core.signal import Annotation, Signal
from signalpiece.metrics.bands import NAMES


def parse(text):
    """The picture as a tree: a figure that is not well-formed shows nothing."""
    start = text.index("<svg")
    return ET.fromstring(text[start : text.index("</svg>", start) + 6])


def test_scales_and_ticks_are_round_and_inside():
    assert svg.nice_ticks(-23.4, 1.2, 5) == [-20, -15, -10, -5, 0]
    x = svg.Scale(20, 800, 0, 100, log=True)
    assert float(x(20)) == 0 and float(x(800)) == pytest.approx(100) and float(x(5)) == 0
    assert all(20 <= t <= 800 for t in x.ticks())


def test_values_carry_si_prefixes():
    assert svg.with_prefix(2.34e-5, "V") == "23.4 \u00b5V"
    assert svg.with_prefix(0.0, "V") == "0 V" and svg.with_prefix(3e-13, "T") == "300 fT"


def test_thinning_keeps_every_peak():
    y = np.zeros(10_000)
    y[1234], y[8765] = 5, -7
    at, shown = svg.thin(y, 100)
    assert len(shown) <= 202 and shown.max() == 5 and shown.min() == -7 and 1234 in at


def test_text_from_files_cannot_break_the_page():
    text = svg.label(0, 0, "<script>&\"'")
    assert "<script>" not in text and ET.fromstring(text).text == "<script>&\"'"
    assert ET.fromstring(svg.tag("g", title="a<b", data_tip='"x"')).get("data-tip") == '"x"'


def test_pictures_are_valid_png():
    import base64

    cells = png.colour(np.array([[0.0, 1.0], [np.nan, 0.5]]))
    data = base64.b64decode(png.data_uri(cells).split(",")[1])
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", data[16:24]) == (2, 2)
    length = struct.unpack(">I", data[33:37])[0]
    rows = np.frombuffer(zlib.decompress(data[41 : 41 + length]), np.uint8).reshape(2, -1)[:, 1:]
    assert np.array_equal(rows.reshape(2, 2, 4), cells) and cells[1, 0, 3] == 0


def test_traces_show_gaps_events_and_a_scale_bar():
    x = np.random.default_rng(0).normal(size=(3, 1000)) * 2e-5
    valid = np.ones_like(x, bool)
    valid[1, 200:300] = False
    grid = Signal.of(x, rate=100.0, names=["C3", "Cz", "A very long name"]).grid
    tree = parse(plot_time.traces(x, x, grid, valid=valid, annotations=[Annotation(2.0, 0, "blink <1>")]))
    text = "".join(tree.itertext())
    assert "C3" in text and "\u00b5V" in text and "blink <1>" in text
    assert len([e for e in tree.iter() if e.get("class") == "gap"]) == 1
    assert len([e for e in tree.iter() if (e.get("class") or "").startswith("line")]) == 6


def test_figures_survive_nan_one_channel_and_one_point():
    db = {b: np.array([np.nan]) for b in NAMES}
    parse(plot_error.band_strips(db, {b: np.nan for b in NAMES}, ["C3"]))
    nothing = np.zeros(0)
    parse(plot_error.rate_curves({"a": (np.array([100.0]), np.array([-3.0])), "b": (nothing, nothing)}, own="a"))
    parse(plot_time.timeline(np.array([0.5]), np.array([np.nan]), nothing, total=1.0))
    parse(plot_error.column_bars([0.0], ["x"], y_label="bits"))


def test_the_scalp_map_puts_front_at_the_top_and_everything_inside():
    from signalpiece.signals.montage import place_of

    names = ["Fpz", "Cz", "Oz", "T7", "T8", "C3", "C4"]
    flat = plot_scalp.flatten(np.array([place_of(n) for n in names], float))
    assert (np.hypot(*flat.T) < 1).all()
    assert flat[0, 1] > 0.5 and flat[2, 1] < -0.5 and flat[3, 0] < -0.5 < 0.5 < flat[4, 0]
    assert np.hypot(*flat[1]) < 0.25
    tree = parse(plot_scalp.head_map(flat, np.linspace(-20, 0, 7), names, -20.0, 0.0))
    dots = [e for e in tree.iter() if e.get("data-tip")]
    heights = {e.get("data-tip").split()[0]: float(e.get("cy")) for e in dots}
    assert heights["Fpz"] < heights["Cz"] < heights["Oz"]
