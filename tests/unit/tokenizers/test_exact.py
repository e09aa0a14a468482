"""Lossless and bounded tokens: the file's own numbers, gaps and trigger channels with them, floats bit for bit."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Annotation, Grid, Sensor, Signal
from signalpiece.recipes import recipe
from signalpiece.samples import sample
from signalpiece.signals.files import open
from signalpiece.signals.recording import Recording, Run
from signalpiece.tokenizers.exact import Exact, parse_error
from signalpiece.tokenizers.rate import Held
from signalpiece.tokenizers.whole_numbers import bits_of, floats_of, whole_numbers

SCALE, OFFSET = np.array([1e-7, 2.5e-7, 1.0]), np.array([1e-3, 0.0, 0.0])


def recorded(numbers, runs=(), rate=100.0, scale=SCALE, offset=OFFSET):
    """A recording of two EEG channels and a trigger channel with these integers "c t"."""
    sensors = (Sensor("C3", "eeg"), Sensor("C4", "eeg"), Sensor("STI", "stim"))[: len(numbers)]
    length = runs[-1].at + runs[-1].count if runs else numbers.shape[1]
    grid = Grid(("channel", "time"), (None, rate), ("V", "V", "")[: len(numbers)], (len(numbers), length), sensors)

    def values(a, b):
        return (numbers[:, a:b] * scale[:, None] + offset[:, None]).astype(np.float32)

    def stored(a, b):
        return Stored(numbers[:, a:b], scale, offset)

    return Recording(Path("x.edf"), grid, values, (Annotation(0.5, 0.0, "a"),), (), tuple(runs), stored, "EDF")


def numbers_of(length, seed=0):
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.integers(-40, 41, (3, length)), axis=1)
    x[2] = np.repeat(rng.integers(0, 9, length // 10 + 1), 10)[:length]
    return x.astype(np.int32)


def test_tokens_are_the_stored_integers():
    numbers = numbers_of(700)
    recording, tok = recorded(numbers), Exact(segment_seconds=2.0)
    tokens = tok.encode(recording)
    assert (tokens.cube()[:, :, 0] == numbers.T).all() and tokens.header.grid.names == ("C3", "C4", "STI")
    stored = tok.decode(tokens, stored=True)
    assert (stored.values == numbers).all() and (stored.scale == SCALE).all() and (stored.offset == OFFSET).all()
    signal = tok.decode(tokens)
    assert (signal.values == recording.read().values).all() and signal.valid is None
    assert signal.annotations == recording.annotations


def test_the_level_changes_no_token():
    recording = recorded(numbers_of(500))
    tokens = [Exact(level=level).encode(recording) for level in ("fast", "default", "best")]
    assert all((t.codes == tokens[0].codes).all() and t.header == tokens[0].header for t in tokens)


def test_gaps_take_their_time_and_are_known():
    numbers, runs = numbers_of(60), (Run(0, 0, 20), Run(50, 20, 10), Run(60, 30, 30))
    recording, tok = recorded(numbers, runs), Exact(segment_seconds=0.25)
    tokens = tok.encode(recording)
    got, wanted = tok.decode(tokens), recording.read()
    assert tokens.header.preprocessing["gaps"] == [[20, 50]] and tokens.header.invalid == ((-1, 20, 50),)
    assert (got.valid == wanted.valid).all() and (got.values == wanted.values).all()
    assert (tokens.cube()[:20, :, 0] == numbers.T[:20]).all() and (tokens.cube()[50:, :, 0] == numbers.T[20:]).all()
    assert (tokens.cube()[20:50, :, 0] == numbers[:, 19]).all()


@pytest.mark.parametrize("kind, values", [("bits", [0.1, -0.0, 1e-30, -3.5e7]), ("steps", [0.5, -1.5, 0.0, 700.5])])
def test_floats_come_back_bit_for_bit(kind, values):
    x = np.random.default_rng(0).choice(np.array(values, np.float32), (2, 300)) * np.float32(2**-20)
    signal = Signal.of(x, rate=100.0)
    assert whole_numbers(Held(signal)).kind == kind
    tok = Exact()
    back = tok.decode(tok.encode(signal)).values
    assert (back.view(np.int32) == signal.values.view(np.int32)).all()


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_bits_keep_the_order(values):
    x = np.array(values, np.float32)[:, None]
    bits = bits_of(x)
    assert (floats_of(bits).view(np.int32) == x.view(np.int32)).all()
    assert (
        np.diff(bits[np.argsort(x[:, 0], kind="stable"), 0].astype(np.int64))[np.diff(np.sort(x[:, 0])) > 0] > 0
    ).all()


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-8, 1e-4), st.integers(0, 99), st.booleans())
def test_every_sample_keeps_the_bound(limit, seed, floats):
    numbers = numbers_of(120, seed)[:2]
    recording = recorded(numbers, scale=SCALE[:2], offset=OFFSET[:2])
    if floats:
        recording = dataclasses.replace(recording, fetch_stored=None)
    tok = Exact(max_error=f"{limit!r}V")
    stored = tok.decode(tok.encode(recording), stored=True)
    got = stored.values * stored.scale[:, None] + stored.offset[:, None]
    wanted = recording.read().values if floats else numbers * SCALE[:2, None] + OFFSET[:2, None]
    assert np.abs(got - wanted).max() <= limit * (1 + 1e-6)


def test_a_bound_leaves_trigger_channels_alone():
    numbers, tok = numbers_of(300), Exact(max_error="2LSB")
    stored = tok.decode(tok.encode(recorded(numbers)), stored=True)
    off = np.abs(stored.values - numbers).max(1)
    assert off.tolist() == [2, 2, 0]
    assert len(np.unique(tok.encode(recorded(numbers)).cube()[:, 0])) < len(np.unique(numbers[0])) / 1.9


def test_a_slice_decodes_alone():
    recording, tok = recorded(numbers_of(900)), Exact(segment_seconds=3.0)
    pieces = list(tok.segments(recording))
    assert [p.first for p in pieces] == [0, 300, 600] and tok.frames_of(310, 420) == (310, 420)
    middle = tok.decode(pieces[1])
    assert middle.grid.start == 3.0 and (middle.values == recording.read(3.0, 6.0).values).all()


def test_what_cannot_be_is_one_sentence():
    recording = recorded(numbers_of(50))
    with pytest.raises(SignalPieceError, match="no channel is in T, so that 1fT bounds nothing"):
        Exact(max_error="1fT").encode(recording)
    for text, said in (("5", "a number with a unit"), ("1parsec", "'parsec' of max_error is not known")):
        with pytest.raises(SignalPieceError, match=said):
            Exact(max_error=text)
    with pytest.raises(SignalPieceError, match="LSB means nothing"):
        Exact(max_error="1LSB").encode(Signal.of(np.random.default_rng(0).normal(size=(2, 50)), rate=100.0))
    with pytest.raises(SignalPieceError, match="level must be one of"):
        Exact(level="tiny")
    with pytest.raises(SignalPieceError, match="more than 32 bits"):
        Exact().encode(recorded(np.full((3, 9), 2**31, np.int64)))
    with pytest.raises(SignalPieceError, match="not of lossless"):
        Exact().decode(recipe("dct").build().encode(Signal.of(np.zeros((1, 200)), rate=100.0)))
    assert parse_error("0.5uV") == (pytest.approx(5e-7), "V") and parse_error("2 lsb") == (2.0, "LSB")


def test_real_eeg_is_small():
    recording, tok = open(sample("S001R01.edf")), Exact()
    piece = next(iter(tok.segments(recording)))
    size = len(tok.codec.encode(piece.cube(), piece.header))
    assert 8 * size / piece.codes.size < 4.2
