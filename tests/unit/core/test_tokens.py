"""Tokens know where they came from, and survive the trip through an integer stream."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Sensor
from signalpiece.core.tokens import Column, Frames, Header, Tokens


def make(codes, sizes, channels=2, first=0, truncates=None, invalid=()):
    sensors = tuple(Sensor(f"c{i}", "eeg", (0.01 * i, 0.0, 0.1) if i else None) for i in range(channels))
    grid = Grid(("channel", "time"), (None, 100.0), ("V",), (channels, 1000), sensors)
    header = Header(
        grid, tuple(Column(f"q{i}", s) for i, s in enumerate(sizes)), Frames(100.0, 50, 100, 50), invalid=invalid
    )
    return Tokens((header,), np.asarray(codes, np.int32), first=first, truncates=truncates)


@given(st.data())
def test_ids_round_trip(data):
    sizes = data.draw(st.lists(st.sampled_from([0, 2, 17, 300]), min_size=1, max_size=4))
    rows = 2 * data.draw(st.integers(0, 5))
    big = st.one_of(st.integers(-40, 40), st.integers(-(2**31), 2**31 - 1))
    codes = [[data.draw(big if s == 0 else st.integers(0, s - 1)) for s in sizes] for _ in range(rows)]
    tokens = make(np.array(codes, np.int32).reshape(1, rows, len(sizes)), sizes)
    ids = tokens.to_ids()
    assert ids.min() >= 0 and ids.max() < tokens.vocabulary
    back = tokens.from_ids(np.concatenate([ids, [0, 0]]))
    assert np.array_equal(back.codes, tokens.codes)


def test_ids_are_checked():
    tokens = make(np.zeros((1, 2, 2)), (4, 4))
    with pytest.raises(SignalPieceError, match="must start with begin"):
        tokens.from_ids(np.array([7, 8]))
    with pytest.raises(SignalPieceError, match="does not belong to column q0"):
        tokens.from_ids(np.array([1, 13, 10, 2]))
    with pytest.raises(SignalPieceError, match="do not fill rows"):
        tokens.from_ids(np.array([1, 6, 2]))


def test_spans_count_from_the_first_frame():
    spans = make(np.zeros((1, 6, 1)), (0,), first=4).spans()
    assert spans[:, 0].tolist() == [0, 1] * 3
    assert spans[0, 1:].tolist() == [1.5, 2.5] and spans[-1, 1:].tolist() == [2.5, 3.5]


def test_coords_hold_positions():
    coords = make(np.zeros((1, 4, 1)), (0,)).coords()
    assert np.isnan(coords[0, 1:]).all() and coords[1].tolist() == [0.0, 0.01, 0.0, 0.1]


def test_pick_keeps_rows_sides_and_invalid_stretches_of_the_channel():
    codes = np.arange(12).reshape(1, 6, 2)
    tokens = make(codes, (0, 0), channels=3, invalid=((2, 5, 9), (0, 1, 2), (-1, 20, 30)))
    one = tokens.pick([2])
    assert one.codes[0].tolist() == [[4, 5], [10, 11]]
    assert one.header.grid.names == ("c2",) and one.header.invalid == ((0, 5, 9), (-1, 20, 30))


def test_truncate_needs_an_axis():
    codes = np.arange(12).reshape(1, 4, 3)
    assert make(codes, (8, 8, 16), truncates="levels").truncate(2).codes.shape == (1, 4, 2)
    with pytest.raises(SignalPieceError, match="cannot be truncated"):
        make(codes, (8, 8, 16)).truncate(2)
    with pytest.raises(SignalPieceError, match="between 1 and 3 levels, got 4"):
        make(codes, (8, 8, 16), truncates="levels").truncate(4)


def test_frames_covering_touch_the_range():
    frames = Frames(100.0, 50, 100, 50)
    first, end = frames.covering(1.0, 2.0)
    spans = [(i * 0.5 - 0.5, i * 0.5 + 0.5) for i in range(20)]
    touching = [i for i, (a, b) in enumerate(spans) if a < 2.0 and b > 1.0]
    assert (first, end) == (touching[0], touching[-1] + 1)


def test_frames_covering_forgives_the_rounding_of_seconds():
    assert Frames(100.0, 4, 4).covering(0.2, 0.28) == (5, 7)
    assert Frames(100.0, 4, 4).covering(0.28, 0.36) == (7, 9)


def test_one_recording_of_a_batch():
    a, b = make(np.zeros((1, 4, 1)), (0,)), make(np.ones((1, 2, 1)), (0,))
    codes = np.concatenate([a.codes, np.pad(b.codes, ((0, 0), (0, 2), (0, 0)))])
    both = Tokens(a.headers + b.headers, codes, valid=np.array([[True] * 4, [True, True, False, False]]))
    assert both[1].codes.tolist() == [[[1], [1]]] and both[-1].header is b.header
    with pytest.raises(SignalPieceError, match="hold 2 recordings"):
        _ = both.header
