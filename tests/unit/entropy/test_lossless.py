"""Lossless coding: every array comes back, on every machine, and never takes more than the tools that people have."""

import bz2
import lzma
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid
from signalpiece.core.tokens import Column, Header
from signalpiece.entropy.lossless import LEVELS, Lossless, code, uncode
from signalpiece.entropy.sample_settings import SETTINGS
from signalpiece.entropy.squeeze import squeeze, unsqueeze

BITS = (1, 2, 8, 12, 16, 24, 32)


def header_of(x):
    grid = Grid(("channel", "time"), (None, 100.0), ("V",), (x.shape[1], len(x)))
    return Header(grid, (Column("sample", 0),), segment=max(len(x), 1))


def waves(length, channels, seed=0):
    """Channels alike, a slow rhythm, a jump and a stretch that stands still."""
    rng, t = np.random.default_rng(seed), np.arange(length)[:, None]
    x = (
        300 * np.sin(t / 9 + np.arange(channels))
        + 40 * rng.normal(size=(length, 1))
        + 5 * rng.normal(size=(1, channels))
    )
    x = x + 8 * rng.normal(size=(length, channels))
    x[length // 2 :] += 4000
    x[length // 4 : length // 3] = x[length // 4]
    return np.rint(x).astype(np.int32)


@st.composite
def arrays(draw):
    """Arrays of few or many samples: constants, full-scale noise, steps, ramps, few values, all in some bits."""
    length, channels = draw(st.sampled_from([0, 1, 2, 3, 5, 17, 70, 300])), draw(st.integers(1, 6))
    rng, bits = np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(st.sampled_from(BITS))
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    columns = []
    for _ in range(channels):
        kind = draw(st.sampled_from(["constant", "noise", "ends", "step", "ramp", "few", "walk"]))
        noise = rng.integers(low, high + 1, length)
        columns.append(
            {
                "constant": np.full(length, low),
                "noise": noise,
                "ends": rng.choice([low, high], length),
                "step": np.where(np.arange(length) < length // 2, low, high),
                "ramp": np.clip(low + np.arange(length), low, high),
                "few": rng.choice(noise[:3] if length else [0], length),
                "walk": np.clip(np.cumsum(rng.integers(-9, 10, length)), low, high),
            }[kind]
        )
    return np.stack(columns, 1).astype(np.int32)


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=60, deadline=None)
@given(arrays())
def test_every_array_comes_back(level, x):
    codec = Lossless(channels=0, level=level)
    data = codec.encode(x[:, :, None], header_of(x))
    assert (codec.decode(data, header_of(x))[:, :, 0] == x).all()
    assert len(data) <= 64 + 4 * x.size


@pytest.mark.parametrize("number", range(len(SETTINGS)))
@pytest.mark.parametrize("channels", [1, 2, 9])
def test_all_settings_come_back(number, channels):
    x = waves(2400, channels)  # longer than what is remembered at once
    assert (uncode(code(x, number), number, *x.shape) == x).all()


def test_other_channels_pay():
    x = waves(3000, 8)
    together = len(Lossless(channels=0).encode(x[:, :, None], header_of(x)))
    alone = sum(len(Lossless().encode(x[:, c : c + 1, None], header_of(x))) for c in range(8))
    assert together < 0.85 * alone


@pytest.mark.parametrize("kind", ["periodic", "noise", "bytes", "sparse", "triggers", "waves"])
def test_never_more_than_simple_tools(kind):
    rng = np.random.default_rng(3)
    x = {
        "periodic": np.tile(rng.integers(-3000, 3000, (50, 4)), (40, 1)),
        "noise": rng.integers(-(2**31), 2**31, (2000, 4)),
        "bytes": rng.choice([3, 70000, -900], (2000, 4)),
        "sparse": 64 * waves(2000, 4),
        "triggers": np.repeat(rng.integers(0, 255, (20, 4)), 100, axis=0),
        "waves": waves(2000, 4),
    }[kind].astype(np.int32)
    size = len(Lossless(channels=0, level="best").encode(x[:, :, None], header_of(x)))
    plain = [
        a.astype(f"<i{w}").tobytes() for a in (x, x.T, np.diff(x, axis=0, prepend=0).T) for w in (2, 4) if fits(a, w)
    ]
    others = [f(p) for p in plain for f in (bz2.compress, lambda b: lzma.compress(b, preset=9 | lzma.PRESET_EXTREME))]
    assert size <= 64 + 1.001 * min(map(len, others))


def fits(x, width):
    return (x.astype(np.int64) >= -(1 << (8 * width - 1))).all() and (x.astype(np.int64) < 1 << (8 * width - 1)).all()


def test_a_table_of_values_saves_bits():
    x = waves(2000, 3)
    assert len(Lossless(channels=0).encode((64 * x)[:, :, None], header_of(x))) < 1.03 * len(
        Lossless(channels=0).encode(x[:, :, None], header_of(x))
    )


@settings(max_examples=200, deadline=None)
@given(st.integers(0), st.integers(1, 255))
def test_a_flipped_byte_is_seen(at, bits):
    x = waves(200, 3)
    data = bytearray(Lossless(channels=0).encode(x[:, :, None], header_of(x)))
    data[at % len(data)] ^= bits
    with pytest.raises(SignalPieceError, match="damaged"):
        back = Lossless(channels=0).decode(bytes(data), header_of(x))
        assert (back[:, :, 0] == x).all()  # a byte may say nothing: then nothing is lost
        raise SignalPieceError("damaged, without any harm")


@settings(max_examples=60, deadline=None)
@given(arrays(), st.booleans())
def test_squeezing_comes_back(x, thorough):
    assert (unsqueeze(squeeze(x, thorough=thorough), *x.shape) == x).all()


PROGRAM = """
import sys, zlib
sys.path.insert(0, sys.argv[1])
from test_lossless import waves
from signalpiece.entropy.lossless import code, uncode
rows, numbers = int(sys.argv[2]), map(int, sys.argv[3:])
for number in numbers:
    x = waves(rows, 5)
    data = code(x, number)
    assert (uncode(data, number, *x.shape) == x).all()
    print(zlib.crc32(data))
"""


@pytest.mark.parametrize(
    "said, rows, numbers",
    [({"NUMBA_DISABLE_JIT": "1"}, 150, (0, 2)), ({"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}, 1500, (1,))],
    ids=["interpreted", "generic"],
)
def test_other_code_generation_gives_the_same_bytes(said, rows, numbers, tmp_path):
    import zlib

    here = str(Path(__file__).parent)
    environment = {**os.environ, **said, "NUMBA_CACHE_DIR": str(tmp_path)}
    run = [sys.executable, "-c", PROGRAM, here, str(rows), *map(str, numbers)]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(zlib.crc32(code(waves(rows, 5), n))) for n in numbers]
