"""The codec of trellis codes: fewer bytes for codes on the trellis, any others too, and a start of one size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid
from signalpiece.core.tokens import Column, Header
from signalpiece.entropy import AdaptiveBinary, TrellisBinary
from signalpiece.entropy.adaptive_binary import untrained_start
from signalpiece.entropy.adaptive_kernel import on_path
from signalpiece.entropy.adaptive_state import START_BYTES
from signalpiece.entropy.level_bits import level_bits
from signalpiece.entropy.train_start import train_start
from signalpiece.quantizers.trellis import Trellis, laplace_rates

NEXT = [(0, 1), (3, 2), (5, 4), (6, 7), (1, 0), (2, 3), (4, 5), (7, 6)]


def header_of(channels, columns, segment):
    grid = Grid(("channel", "time"), (None, 100.0), ("V",), (channels, 1000))
    return Header(grid, tuple(Column(f"bin{k}", 0) for k in range(columns)), None, segment=segment)


def trellis_codes(frames, channels, columns, seed=0, scale=6.0):
    rng = np.random.default_rng(seed)
    x = rng.laplace(size=(frames, channels, columns)) * scale * np.exp(-np.arange(columns) / 12)
    x[:, 1:] = 0.3 * x[:, 1:] + x[:, :1]
    quantizer = Trellis()
    return np.stack([quantizer(x[:, c]) for c in range(channels)], 1)


def follows(codes):
    """Plain Python: whether every code lies on its grid."""
    for c in range(codes.shape[1]):
        state = 0
        for place in codes[:, c].ravel().tolist():
            if place and (place + state) % 2:
                return False
            state = NEXT[state][(abs(place) + (state & 1) * (place != 0)) // 2 % 2]
    return True


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 8), st.integers(1, 4), st.integers(1, 9), st.integers(0, 10**6), st.booleans())
def test_any_codes_come_back(frames, channels, columns, seed, changed):
    codes = trellis_codes(frames, channels, columns, seed).astype(np.int32)
    if changed and codes.size:
        codes.ravel()[seed % codes.size] += 1 + seed % 5 * 1000
    assert on_path(codes) == follows(codes) and (changed or follows(codes))
    codec, header = TrellisBinary(channels=0), header_of(channels, columns, 8)
    assert (codec.decode(codec.encode(codes, header), header) == codes).all()


def test_knowing_the_grid_saves_a_bit_of_most_codes():
    codes, header = trellis_codes(200, 1, 50), header_of(1, 50, 200)
    know, plain = (len(make(channels=1).encode(codes, header)) for make in (TrellisBinary, AdaptiveBinary))
    live = np.count_nonzero(np.abs(codes) > 1)
    assert 8 * (plain - know) > 0.5 * live


def test_a_start_has_one_size_and_helps():
    codes, header = trellis_codes(120, 2, 50), header_of(2, 50, 120)
    start = train_start([codes], channels=0, grids=2)
    assert start.shape == untrained_start(2).shape == (START_BYTES,)
    cold, warm = TrellisBinary(channels=0), TrellisBinary(channels=0, start=start)
    fresh = trellis_codes(120, 2, 50, seed=1)
    data = warm.encode(fresh, header)
    assert (warm.decode(data, header) == fresh).all()
    assert len(data) < len(cold.encode(fresh, header))


def test_a_damaged_start_is_refused():
    start = untrained_start(2).copy()
    start[:40] = 255
    with pytest.raises(SignalPieceError, match="a start of the adaptive codec has"):
        TrellisBinary(start=start).encode(trellis_codes(3, 1, 5), header_of(1, 5, 3))


def test_rates_are_those_of_a_geometric_law_at_first():
    rates = level_bits(untrained_start(2))
    assert rates.shape == laplace_rates().shape
    middle = rates[:, 60:140, :8]
    assert np.abs(middle[0] - middle[1]).max() < 0.2  # both grids know the same
    first = np.array([0, 1, 2, 3] + [(2 + i % 2) << (i // 2 - 1) for i in range(4, 26)])
    chances = 2.0 ** -(rates - (np.arange(25) > 0))  # of one magnitude, without its sign
    assert np.allclose((chances * np.diff(first)).sum(2), 1, atol=1e-6)
