"""The numba kernels write the bytes that the plain-Python twins write."""

import numpy as np
import pytest
import twins
from makers import header_of

from signalpiece.entropy.adaptive_binary import AdaptiveBinary
from signalpiece.entropy.adaptive_state import new_state
from signalpiece.entropy.categorical import Categorical
from signalpiece.entropy.laplace_tables import CLASSES, eighths, laplace_tables
from signalpiece.entropy.raw import Raw
from signalpiece.entropy.static_tables import StaticTables
from signalpiece.entropy.train_start import train_start

LARGE = 2**31 - 1


def cube(shape, seed=0, spread=2.0, extreme=False):
    """Codes with heavy tails and channels that follow each other."""
    rng = np.random.default_rng(seed)
    common = rng.laplace(size=(shape[0], 1, shape[2])) * spread * np.exp(-np.arange(shape[2]) / 5)
    x = common + rng.standard_t(2, shape) * 0.4
    codes = np.round(x * np.exp(rng.normal(size=(shape[0], 1, 1)))).astype(np.int32)
    if extreme:
        codes.ravel()[:: max(codes.size // 5, 1)] = [LARGE, -LARGE - 1, 4095, -4097, 65536, 70][
            : len(codes.ravel()[:: max(codes.size // 5, 1)])
        ]
    return codes


@pytest.mark.parametrize("shape", [(40, 1, 7), (25, 4, 50), (12, 3, 1), (1, 1, 1), (0, 2, 3), (30, 130, 2)])
@pytest.mark.parametrize("extreme", [False, True])
def test_adaptive(shape, extreme):
    codes = cube(shape, extreme=extreme and shape[0] > 5)
    state = new_state(shape[1], shape[2])
    twin = twins.Adaptive(shape[1], shape[2], state.counters.tolist(), state.mixers.tolist(), state.signs.tolist())
    header = header_of(shape[1], (0,) * shape[2])
    assert AdaptiveBinary(channels=0).encode(codes, header) == twin.encode(codes.tolist(), header.segment)


def test_adaptive_from_a_start():
    codes = cube((20, 3, 10), 1)
    start = train_start([cube((60, 3, 10), 2)], channels=0)
    state = new_state(3, 10, start)
    twin = twins.Adaptive(3, 10, state.counters.tolist(), state.mixers.tolist(), state.signs.tolist())
    header = header_of(3, (0,) * 10)
    assert AdaptiveBinary(channels=0, start=start).encode(codes, header) == twin.encode(codes.tolist(), header.segment)


@pytest.mark.parametrize("extreme", [False, True])
def test_static(extreme):
    codes, scales = cube((30, 2, 9), 3, extreme=extreme), np.exp(-np.arange(9) / 4)
    header = header_of(2, (0,) * 9)
    data = StaticTables(scales=scales, channels=0).encode(codes, header)
    head = len(twins.count(30, header.segment))
    levels = data[head : head + 4]
    offsets = eighths(scales) - eighths(scales).max()
    rows = [
        [int(np.clip(level + o, 0, CLASSES - 1)) + CLASSES * shape for o in offsets]
        for shape, level in (levels[:2], levels[2:])
    ]
    assert data == twins.static(codes.tolist(), rows, levels, laplace_tables().ends.tolist(), header.segment)


SIZES = (2, 1, 7, 0, 300, 8192, 1 << 24)


@pytest.mark.parametrize(
    ("codec", "twin"), [(Raw, twins.raw), (Categorical, lambda *a: twins.Categorical().encode(*a))]
)
def test_codebooks(codec, twin):
    rng, header = np.random.default_rng(4), header_of(2, SIZES)
    codes = np.stack([rng.integers(-5000 if s == 0 else 0, s or 5000, (60, 2)) for s in SIZES], -1).astype(np.int32)
    codes[::2, :, 4] = 17
    codes[3, 0, 3], codes[4, 1, 3] = LARGE, -LARGE - 1
    assert codec(channels=0).encode(codes, header) == twin(codes.tolist(), SIZES, header.segment)
