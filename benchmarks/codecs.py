"""Speed and size of the codecs on codes like those of a transform coder, beside constriction where it is installed.

    python -m benchmarks.codecs [--json]

Symbols per CPU second on one thread, best of 5; coefficient codes count 100 per second of a channel.
"""

from benchmarks.timing import cpu_seconds, show  # noqa: I001 (first: it sets the number of threads)

from collections.abc import Iterator
from typing import Any

import numpy as np

from signalpiece.core.signal import Grid
from signalpiece.core.tokens import Column, Frames, Header
from signalpiece.entropy.adaptive_binary import AdaptiveBinary
from signalpiece.entropy.categorical import Categorical
from signalpiece.entropy.laplace_tables import laplace_tables
from signalpiece.entropy.raw import Raw
from signalpiece.entropy.static_tables import StaticTables

FRAMES, CHANNELS, COLUMNS = 480, 8, 50  # 240 s at a hop of half a second


def header_of(channels: int, sizes: tuple[int, ...]) -> Header:
    grid = Grid(("channel", "time"), (None, 100.0), ("V",), (channels, 24000))
    columns = tuple(Column(f"bin{k}", size) for k, size in enumerate(sizes))
    return Header(grid, columns, Frames(100.0, 50, 100, 50), segment=FRAMES)


def coefficients(step: float) -> np.ndarray:
    """Laplace with a falling spectrum, a loudness that wanders, and channels that share half their variance."""
    rng = np.random.default_rng(0)
    common, own = rng.laplace(size=(FRAMES, 1, COLUMNS)), rng.laplace(size=(FRAMES, CHANNELS, COLUMNS))
    loud = np.exp(0.5 * np.sin(np.arange(FRAMES) / 20))[:, None, None]
    x = (common + own) * loud * np.exp(-np.arange(COLUMNS) / 12) / step
    return (np.sign(x) * np.floor(np.abs(x) + 0.35)).astype(np.int32)


def cases() -> Iterator[tuple[str, Any, np.ndarray, Header]]:
    scales = np.exp(-np.arange(COLUMNS) / 12)
    for what, step in (("fine", 0.25), ("coarse", 1.5)):
        codes = coefficients(step)
        one, all_channels = header_of(1, (0,) * COLUMNS), header_of(CHANNELS, (0,) * COLUMNS)
        yield f"raw-1, {what}", Raw(), codes[:, :1], one
        yield f"static-1, {what}", StaticTables(scales=scales), codes[:, :1], one
        yield f"adaptive-1, {what}, a channel", AdaptiveBinary(), codes[:, :1], one
        yield f"adaptive-1, {what}, {CHANNELS} channels", AdaptiveBinary(channels=0), codes, all_channels
    for size in (64, 1024):
        indices = (np.random.default_rng(0).random((FRAMES, 1, 8)) ** 2 * size).astype(np.int32)
        yield f"categorical-1, codebooks of {size}", Categorical(), indices, header_of(1, (size,) * 8)


def row(name: str, codec: Any, codes: np.ndarray, header: Header) -> dict[str, Any]:
    data = codec.encode(codes, header)
    assert (codec.decode(data, header) == codes).all()
    encode = cpu_seconds(lambda: codec.encode(codes, header))
    decode = cpu_seconds(lambda: codec.decode(data, header))
    return {
        "codec": name,
        "bits/symbol": round(8 * len(data) / codes.size, 3),
        "encode M/s": round(codes.size / encode / 1e6, 2),
        "decode M/s": round(codes.size / decode / 1e6, 2),
        "encode ch-s/s": round(codes.size / 100 / encode),
        "decode ch-s/s": round(codes.size / 100 / decode),
    }


def rival() -> Iterator[dict[str, Any]]:
    """constriction with the same tables on the same magnitudes: one call per table, chances as floats."""
    try:
        from constriction.stream import model, queue
    except ImportError:
        return
    codes = np.minimum(np.abs(coefficients(0.25)[:, 0]), 15)
    ends, offsets = laplace_tables().ends, np.round(-np.arange(COLUMNS) / 12 * 8 / np.log(2)).astype(int)
    tables = {k: model.Categorical(np.diff(ends[max(48 + k, 0)]) / 65536, perfect=False) for k in np.unique(offsets)}

    def encode() -> Any:
        coder = queue.RangeEncoder()
        for k, table in tables.items():
            coder.encode(np.ascontiguousarray(codes[:, offsets == k]).ravel(), table)
        return coder.get_compressed()

    def decode() -> np.ndarray:
        coder, out = queue.RangeDecoder(data), np.empty_like(codes)
        for k, table in tables.items():
            out[:, offsets == k] = coder.decode(table, out[:, offsets == k].size).reshape(len(out), -1)
        return out

    data = encode()
    assert (decode() == codes).all()
    yield {
        "codec": "constriction, magnitudes without signs",
        "encode M/s": round(codes.size / cpu_seconds(encode) / 1e6, 2),
        "decode M/s": round(codes.size / cpu_seconds(decode) / 1e6, 2),
    }


if __name__ == "__main__":
    show([row(*case) for case in cases()] + list(rival()))
