"""Laws of the room: every codec gives the codes back, bytes depend on nothing else, bad bytes end in one error."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece import entropy
from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Codec
from signalpiece.core.signal import Grid
from signalpiece.core.tokens import Column, Header

CODECS = [name for name in entropy.__all__ if isinstance(getattr(entropy, name), type)]
OPEN = st.sampled_from([0, 0, 0, 1, -1, 2, -7, 300, -5000, 2**31 - 1, -(2**31)])


def header_of(channels, sizes, segment):
    grid = Grid(("channel", "time"), (None, 100.0), ("V",), (channels, 100))
    return Header(grid, tuple(Column(f"c{i}", size) for i, size in enumerate(sizes)), segment=segment)


UNITS = st.tuples(
    st.integers(0, 12),
    st.integers(1, 4),
    st.lists(st.sampled_from([0, 1, 2, 5, 256, 1000]), min_size=1, max_size=6),
    st.sampled_from([0, 12, 480]),
    st.lists(OPEN, min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
)


def unit_of(frames, channels, sizes, segment, few, seed):
    """A header and codes that fit it; open columns take the values `few`."""
    rng, shape = np.random.default_rng(seed), (frames, channels)
    columns = [rng.integers(0, s, shape) if s else rng.choice(few, shape) for s in sizes]
    return header_of(channels, sizes, segment), np.stack(columns, -1).astype(np.int32)


@pytest.mark.parametrize("name", CODECS)
def test_codecs_obey_the_contract(name):
    codec = getattr(entropy, name)()
    assert isinstance(codec, Codec)
    assert codec.name.endswith(f"-{codec.version}") and codec.channels == 1


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=60, deadline=None)
@given(UNITS)
def test_decode_inverts_encode(name, unit):
    header, codes = unit_of(*unit)
    for codec, part in ((getattr(entropy, name)(channels=0), codes), (getattr(entropy, name)(), codes[:, :1])):
        data = codec.encode(part, header)
        back = codec.decode(data, header)
        assert back.dtype == np.int32 and back.shape == part.shape and (back == part).all()
        assert codec.encode(part, header) == data


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=60, deadline=None)
@given(UNITS, st.integers(0), st.integers(1, 255), st.binary(max_size=40))
def test_damage_is_an_error_or_other_codes(name, unit, at, bit, noise):
    header, codes = unit_of(*unit)
    codec = getattr(entropy, name)(channels=0)
    good = codec.encode(codes, header)
    flipped, at = bytearray(good), at % len(good)
    flipped[at] ^= bit
    for bad in (bytes(flipped), good[:at], good + b"\1", noise):
        try:
            back = codec.decode(bad, header)
        except SignalPieceError:
            continue
        assert back.shape[1:] == codes.shape[1:]
        for k, column in enumerate(header.columns):
            assert not column.size or ((back[..., k] >= 0) & (back[..., k] < column.size)).all()


@pytest.mark.parametrize("name", CODECS)
def test_truncation_is_nearly_always_seen(name):
    rng, header = np.random.default_rng(0), header_of(2, (0, 0, 0), 50)
    codes = np.round(rng.laplace(size=(50, 2, 3)) * 4).astype(np.int32)
    codec = getattr(entropy, name)(channels=0)
    good = codec.encode(codes, header)
    seen = 0
    for keep in range(len(good) - 4):
        try:
            codec.decode(good[:keep], header)
        except SignalPieceError as error:
            assert "damaged" in str(error) or "cut short" in str(error)
            seen += 1
    assert seen > 0.9 * (len(good) - 4)


@pytest.mark.parametrize("name", CODECS)
def test_silence_is_short_and_comes_back(name):
    codec, header = getattr(entropy, name)(), header_of(1, (0,) * 50, 480)
    codes = np.zeros((480, 1, 50), np.int32)
    data = codec.encode(codes, header)
    assert (codec.decode(data, header) == codes).all()
    assert name == "Raw" or len(data) < 240


@pytest.mark.parametrize("name", CODECS)
def test_bytes_behind_the_end_are_seen(name):
    codec, header = getattr(entropy, name)(), header_of(1, (0, 0), 30)
    good = codec.encode(np.arange(60, dtype=np.int32).reshape(30, 1, 2) % 7, header)
    with pytest.raises(SignalPieceError, match="damaged"):
        codec.decode(good + b"\1" * 6, header)


@pytest.mark.parametrize("name", CODECS)
def test_absurd_lengths_allocate_nothing(name):
    codec, header = getattr(entropy, name)(), header_of(1, (0, 0), 0)
    with pytest.raises(SignalPieceError, match="cannot be"):
        codec.decode(b"\xfe" + b"\xff" * 7 + b"\x01" + b"\0" * 20, header)
    with pytest.raises(SignalPieceError):
        codec.decode(b"", header)


@pytest.mark.parametrize("name", CODECS)
def test_codes_must_fit_the_header(name):
    codec, header = getattr(entropy, name)(), header_of(3, (4, 4), 10)
    with pytest.raises(SignalPieceError, match="1 channels of 2 columns"):
        codec.encode(np.zeros((5, 3, 2), np.int32), header)
    with pytest.raises(SignalPieceError, match="0..size-1"):
        codec.encode(np.full((5, 1, 2), 4, np.int32), header)
    with pytest.raises(SignalPieceError, match="0..size-1"):
        codec.encode(np.full((5, 1, 2), -1, np.int32), header)


FROZEN = {
    "AdaptiveBinary": 1306094624,
    "Categorical": 3067087132,
    "CellTables": 3335339063,
    "Lossless": 1516870031,
    "Raw": 4009025586,
    "StaticTables": 1245728679,
    "TrellisBinary": 2995478793,
}


@pytest.mark.parametrize("name", CODECS)
def test_bytes_stay_what_they_are(name):
    """Any change here is another codec and needs another name."""
    k = np.arange(40)[:, None, None] * 31 + np.arange(3)[None, :, None] * 7 + np.arange(8)[None, None] * 3
    codes = ((k * k * 2654435761 >> 7) % 1009 % 7 * (k % 3 > 0) - 3 * (k % 5 == 0)).astype(np.int32)
    data = getattr(entropy, name)(channels=0).encode(codes, header_of(3, (0,) * 8, 40))
    assert zlib.crc32(data) == FROZEN[name]
