"""Makes the fixtures of format 1 that are missing; those there stay as they are and must decode for ever.

    python tests/formats/make.py

Codes come from a linear congruential generator, so that they need no library's random numbers.
"""

from pathlib import Path

import numpy as np

from signalpiece.core.signal import Annotation, Grid, Sensor
from signalpiece.core.tokens import Column, Frames, Header, Tokens
from signalpiece.entropy.adaptive_binary import AdaptiveBinary, CellTables, TrellisBinary
from signalpiece.entropy.categorical import Categorical
from signalpiece.entropy.lossless import Lossless, code
from signalpiece.entropy.raw import Raw
from signalpiece.entropy.sample_settings import SETTINGS
from signalpiece.entropy.static_tables import StaticTables
from signalpiece.entropy.train_start import train_start
from signalpiece.quantizers.trellis import Trellis
from signalpiece.stores.coded_writer import CodedWriter
from signalpiece.stores.parquet_writer import ParquetWriter

HERE = Path(__file__).parent / "format-1"
FRAMES, CHANNELS, SEGMENT = 150, 6, 60


def uniform(count, seed):
    """Numbers in [0, 1) from x -> 6364136223846793005 x + 1442695040888963407 modulo 2**64."""
    out, x = np.empty(count), seed
    for i in range(count):
        x = (6364136223846793005 * x + 1442695040888963407) % (1 << 64)
        out[i] = (x >> 40) / (1 << 24)
    return out


def coefficients(columns, seed):
    """Like transform coefficients: Laplace, falling, channels alike, louder in the middle, a few far out."""
    u = uniform(FRAMES * (CHANNELS + 1) * columns, seed).reshape(FRAMES, CHANNELS + 1, columns) - 0.5
    x = -np.sign(u) * np.log1p(-2 * np.abs(u) + 1e-9)
    x = (2 * x[:, :1] + x[:, 1:]) * 3 / (1 + np.arange(columns) / 4)
    x[50:90] *= 8
    codes = np.round(x).astype(np.int32)
    codes[7, 1, 0], codes[8, 2, -1], codes[100, 0, 0] = 2**31 - 1, -(2**31), -5000
    return codes


def indices(sizes, seed):
    u = uniform(FRAMES * CHANNELS * len(sizes), seed).reshape(FRAMES, CHANNELS, len(sizes))
    codes = np.floor(u**3 * np.array(sizes)).astype(np.int32)
    codes[1::2] = codes[::2]
    return codes


def header_of(sizes, codec, options):
    names = ("Fp1", "Fp2", "C3", "C4", "O1", "\u00e4")
    sensors = tuple(Sensor(n, "eeg", (0.01 * i, -0.02, 0.0375)) for i, n in enumerate(names))
    grid = Grid(("channel", "time"), (None, 250.0), ("V",), (CHANNELS, FRAMES * 125), sensors)
    model = {"recipe": "fixture", "options": options, "hash": codec}
    columns = tuple(Column(f"bin{k}", s) for k, s in enumerate(sizes))
    return Header(grid, columns, Frames(100.0, 50, 100, 50), model, {"rate": 100.0}, ((2, 10, 20),), SEGMENT)


def on_trellis(codes):
    """Codes that the search may give."""
    return np.stack([Trellis()(codes[:, c] * 0.7) for c in range(CHANNELS)], 1)


START = train_start([coefficients(12, 99)], channels=0)
START2 = train_start([on_trellis(coefficients(12, 99))], channels=0, grids=2)
SCALES = 1 / (1 + np.arange(12) / 4)
CASES = {
    "raw": (Raw(), (0,) * 3 + (1, 2, 1000)),
    "raw-all": (Raw(channels=0), (0,) * 3 + (1, 2, 1000)),
    "static": (StaticTables(), (0,) * 12),
    "static-scales-all": (StaticTables(scales=SCALES, channels=0), (0,) * 12),
    "adaptive": (AdaptiveBinary(), (0,) * 12),
    "adaptive-all": (AdaptiveBinary(channels=0), (0,) * 12),
    "adaptive-all-start": (AdaptiveBinary(channels=0, start=START), (0,) * 12),
    "categorical": (Categorical(), (0, 2, 7, 256, 8192)),
    "categorical-all": (Categorical(channels=0), (0, 2, 7, 256, 8192)),
    "trellis": (TrellisBinary(), (0,) * 12),  # names of new cases come behind all others: seeds go by their order
    "trellis-all-start": (TrellisBinary(channels=0, start=START2), (0,) * 12),
    "trellis-changed": (TrellisBinary(channels=0), (0,) * 12),
    "trellis-fixed-start": (CellTables(start=START2), (0,) * 12),
    "whole": (Lossless(), (0, 0)),
    "whole-all": (Lossless(channels=0), (0, 0)),
    "whole-all-best": (Lossless(channels=0, level="best"), (0, 0)),
}


def codes_of(name):
    _, sizes = CASES[name]
    seed = sorted(CASES).index(name) + 1
    if not any(sizes):
        codes = coefficients(len(sizes), seed)
        return on_trellis(codes) if name.startswith("trellis") and name != "trellis-changed" else codes
    return np.concatenate([coefficients(sizes.count(0), seed), indices([s for s in sizes if s], seed)], -1)


def samples(length, channels, seed):
    """Like recorded samples, in whole numbers alone: a slow walk that channels share, noise of their own, a jump."""
    u = (65536 * uniform(length * (channels + 1), seed)).astype(np.int64).reshape(length, channels + 1) - 32768
    shared = np.zeros(length, np.int64)
    for t in range(2, length):
        shared[t] = (1900 * shared[t - 1] - 950 * shared[t - 2]) // 1000 + u[t, 0] // 1024
    x = shared[:, None] * np.arange(1, channels + 1) // 3 + u[:, 1:] // 4096
    x[length // 2 :] += 5000
    x[length // 4, 0], x[length // 3 : length // 3 + 50] = 2**31 - 1, -7
    return x.astype(np.int32)


def make_samples():
    """Bytes of samples under every setting, longer than what the coder remembers at once."""
    path = HERE / "samples.npz"
    there = dict(np.load(path)) if path.exists() else {"samples": samples(2300, 4, 7)}
    for number in range(len(SETTINGS)):
        for channels in (1, 4):
            name = f"{number}-{channels}"
            if name not in there:
                there[name] = np.frombuffer(code(there["samples"][:, :channels], number), np.uint8)
    np.savez_compressed(path, **there)


def main():
    make_samples()
    with np.load(HERE / "expected.npz") as there:
        expected = {"start2": START2, **there}
    for name, (codec, sizes) in CASES.items():
        if name in expected:
            continue
        codes, framed = codes_of(name), name in ("raw", "categorical-all")
        header = header_of(sizes, codec.name, {"case": name, "channels": codec.channels})
        side_grid, columns = header.grid, (Column("step", 0), Column("gain", 64))
        side_codes = indices((1000, 64), 5)[: FRAMES // 3 if framed else 1]
        model = {"options": {"channels": codec.channels}} if framed else {}
        side_header = Header(
            side_grid, columns, Frames(100.0, 150, 150) if framed else None, model, segment=20 if framed else 0
        )
        side_codec = Raw(channels=codec.channels if framed else 0)
        for writer_of, path in ((CodedWriter, HERE / f"{name}.sp"), (ParquetWriter, HERE / "parquet")):
            if writer_of is ParquetWriter and name != "raw":
                continue
            with writer_of(path) as writer:
                writer.begin(header, codec, side_codec, key=name)
                for at in range(0, FRAMES, SEGMENT):
                    rows = side_codes[at // 3 : (at + SEGMENT) // 3].reshape(1, -1, 2)
                    side = Tokens((side_header,), rows) if framed else None
                    piece = codes[at : at + SEGMENT].reshape(1, -1, len(sizes))
                    writer.segment(Tokens((header,), piece, side=side, first=at))
                side = Tokens((side_header,), side_codes.reshape(1, -1, 2))
                writer.end(header, side, (Annotation(1.0, 0.5, "T1"), Annotation(2.0, 0.0, "\u00fc")))
        expected |= {name: codes, f"{name}.side": side_codes}
    np.savez_compressed(HERE / "expected.npz", **expected)


if __name__ == "__main__":
    main()
