import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Grid, Sensor, Signal
from signalpiece.signals.files import open, read, write


def signal(total=1000, rate=250.0, channels=3, unit="V", size=5e-5, **more):
    values = (np.random.default_rng(0).standard_normal((channels, total)) * size).astype(np.float32)
    return Signal.of(values, rate=rate, units=unit, **more)


@pytest.mark.parametrize("ending, steps", [("edf", 65535), ("bdf", 16777215)])
@pytest.mark.parametrize(
    "total, rate", [(1000, 250.0), (7900, 1000.0), (997, 250.0), (19, 256.0), (1, 100.0), (4001, 2048.0)]
)
def test_round_trip(tmp_path, ending, steps, total, rate):
    written = signal(total, rate)
    write(tmp_path / f"x.{ending}", written)
    back = open(tmp_path / f"x.{ending}")
    assert back.grid.time_rate == rate and back.samples == total and back.gaps == () and back.annotations == ()
    assert back.grid.names == ("ch0", "ch1", "ch2") and set(back.grid.units) == {"V"}
    values = back.read().values
    span = np.ptp(written.values, axis=1) + 1e-9
    assert (
        np.abs(values - written.values).max(axis=1) <= 0.55 * span / steps + 1e-7 * np.abs(written.values).max()
    ).all()


def test_gaps_annotations_and_start(tmp_path):
    plain = signal(1000)
    valid = np.ones((3, 1000), bool)
    valid[:, 250:600] = False
    valid[1, 700:] = False  # one channel alone is no gap
    marks = (Annotation(-1.5, 0.25, "before"), Annotation(0.5, 0.0, "M\u00fcller"), Annotation(3.9, 2.0, "late"))
    write(
        tmp_path / "x.edf",
        Signal(plain.grid, plain.values, valid, marks),
        start_datetime=datetime.datetime(2001, 2, 3, 4, 5, 6),
    )
    back = open(tmp_path / "x.edf")
    assert back.gaps == ((1.0, 2.4),) and back.samples == 650 and back.annotations == marks
    assert back.identity["start"] == "2001-02-03T04:05:06"
    got = back.read()
    assert got.valid is not None and (got.valid == valid[0]).all()
    assert np.abs(got.values - plain.values)[:, valid[0]].max() < 1e-8


def test_crop_counts_events_from_its_first_sample(tmp_path):
    whole = signal(1000)
    cut = Signal(whole.grid, whole.values, None, (Annotation(2.5, 0.0, "x"),)).crop(500, 1000)
    write(tmp_path / "x.edf", cut)
    assert open(tmp_path / "x.edf").annotations == (Annotation(0.5, 0.0, "x"),)


def test_triggers_are_exact(tmp_path):
    codes = np.zeros((1, 512), np.float32)
    codes[0, 100:110] = 65000
    grid = Grid(("channel", "time"), (None, 256.0), ("",), codes.shape, (Sensor("Status", "stim"),))
    write(tmp_path / "x.bdf", Signal(grid, codes))
    back = open(tmp_path / "x.bdf")
    assert back.grid.kinds == ("stim",) and back.triggers() == ((100 / 256, 65000),)
    assert (back.read().values == codes).all()
    with pytest.raises(SignalPieceError, match="Status: .* write a .bdf file"):
        write(tmp_path / "x.edf", Signal(grid, codes))
    assert [p.name for p in tmp_path.iterdir()] == ["x.bdf"]


@pytest.mark.parametrize(
    "unit, size", [("T", 1e-13), ("T/m", 1e-11), ("S", 1e-6), ("degC", 30.0), ("V", 300.0), ("V", 0.0)]
)
def test_units_and_sizes(tmp_path, unit, size):
    written = signal(500, 100.0, unit=unit, size=size)
    write(tmp_path / "x.edf", written)
    back = read(tmp_path / "x.edf")
    assert back.grid.unit(0) == unit
    assert np.abs(back.values - written.values).max() <= 1e-4 * max(size, 1e-30)


def test_refusals(tmp_path):
    with pytest.raises(SignalPieceError, match="0 samples"):
        write(tmp_path / "x.edf", signal(1000).crop(5, 5))
    with pytest.raises(SignalPieceError, match="8 characters"):
        write(tmp_path / "x.edf", signal(size=1e12))
    assert list(tmp_path.iterdir()) == []


def test_other_readers_agree(tmp_path):
    edfio = pytest.importorskip("edfio")
    written = Signal(signal(1000).grid, signal(1000).values, None, (Annotation(1.25, 0.5, "go"),))
    write(tmp_path / "x.edf", written)
    other = edfio.read_edf(tmp_path / "x.edf")
    assert [s.label for s in other.signals] == ["ch0", "ch1", "ch2"]
    assert np.abs(other.signals[1].data * 1e-6 - written.values[1]).max() < 3e-9
    assert [(a.onset, a.duration, a.text) for a in other.annotations] == [(1.25, 0.5, "go")]


@settings(max_examples=30, deadline=None)
@given(
    total=st.integers(1, 700),
    rate=st.sampled_from([1.0, 50.0, 128.0, 173.61, 256.0, 512.0, 1000.0, 0.5, 99.7]),
    gaps=st.lists(st.tuples(st.integers(0, 700), st.integers(1, 90)), max_size=3),
    texts=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\x14\x15"), min_size=1), max_size=4
    ),
)
def test_any_lengths_gaps_and_texts(tmp_path_factory, total, rate, gaps, texts):
    path = tmp_path_factory.mktemp("edf") / "x.edf"
    plain = signal(total, rate, channels=1)
    valid = np.ones((1, total), bool)
    for start, length in gaps:
        valid[:, max(start, 1) : min(start + length, total - 1)] = False
    marks = tuple(Annotation(float(n), 0.5, text) for n, text in enumerate(texts))
    write(path, Signal(plain.grid, plain.values, valid, marks))
    back = open(path)
    got = back.read()
    assert back.grid.time_rate == pytest.approx(rate, rel=1e-6) and got.grid.shape == (1, total)
    kept = np.ones((1, total), bool) if got.valid is None else got.valid
    assert kept[valid].all()
    for start, stop in back.gaps:  # a gap may lose a record's length to what stands before it
        assert not valid[0, round(start * rate) : round(stop * rate)].any()
    assert (kept & ~valid).sum() <= (0.1 * rate + 64) * len(gaps)
    assert back.annotations == marks
    assert np.abs(got.values - plain.values)[valid].max() < 1e-8
