"""What people use to store recordings without loss, each at its best over the layouts that could suit it.

xz, bzip2 and zstd get values and differences, by channel and by time, as numbers and as planes of bytes; FLAC and
WavPack get files of one, two or eight channels. Sizes are those of the files, their headers with them. A tool that is
not on this machine is left out and named.
"""

import bz2
import lzma
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

TOOLS = ("gzip", "xz", "bzip2", "zstd", "blosc", "flac", "wavpack")


def missing() -> dict[str, str]:
    """Tools that cannot run here, and why."""
    out = {t: f"no program {t}" for t in ("zstd", "flac", "wavpack") if shutil.which(t) is None}
    return out | ({} if find_spec("blosc2") else {"blosc": "no Python package blosc2"})


def sizes(x: np.ndarray, rate: float, tools: tuple[str, ...] = TOOLS) -> dict[str, int]:
    """Bytes that each tool needs for "t c" whole numbers."""
    gone = missing()
    return {tool: RUN[tool](x, rate) for tool in tools if tool not in gone}


def _layouts(x: np.ndarray) -> Iterator[bytes]:
    """The numbers as bytes: every layout that suits some recording."""
    for values in (x.astype(np.int64), np.diff(x.astype(np.int64), axis=0, prepend=0)):
        width = _width(values)
        for rows in (values, np.ascontiguousarray(values.T)):
            plain = rows.astype(f"<i{width}")
            yield plain.tobytes()
            yield plain.view(np.uint8).reshape(*plain.shape, width).transpose(2, 0, 1).tobytes()


def _width(x: np.ndarray) -> int:
    most = max(int(x.max(initial=0)), -int(x.min(initial=0)) - 1)
    return next(w for w in (1, 2, 4, 8) if most < 1 << (8 * w - 1))


def _smallest(squeeze: Callable[[bytes], bytes], x: np.ndarray, rate: float) -> int:
    return min(len(squeeze(data)) for data in _layouts(x))


def _gzip(x: np.ndarray, rate: float) -> int:
    import zlib

    return len(zlib.compress(x.astype(f"<i{max(_width(x), 2)}").tobytes(), 9)) + 12  # as the file is stored


def _xz(data: bytes) -> bytes:
    return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)


def _zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-19", "-c", "-q"], input=data, capture_output=True, check=True).stdout


def _blosc(x: np.ndarray, rate: float) -> int:
    import blosc2

    width = max(_width(x), 2)
    arrays = [a for v in (x, np.diff(x, axis=0, prepend=0)) for a in (v, np.ascontiguousarray(v.T))]
    how = {"codec": blosc2.Codec.ZSTD, "clevel": 9, "filter": blosc2.Filter.BITSHUFFLE, "typesize": width}
    return min(len(blosc2.compress(a.astype(f"<i{width}").tobytes(), **how)) for a in arrays)


def _sound(command: Callable[[Path, Path, int, int, int], list[str]], x: np.ndarray, rate: float) -> int:
    bits = 16 if _width(x) <= 2 else 24 if np.abs(x.astype(np.int64)).max() < 1 << 23 else 32
    return min(_files(command, x, rate, bits, group) for group in (1, 2, 8) if group == 1 or x.shape[1] > 1)


def _files(
    command: Callable[[Path, Path, int, int, int], list[str]], x: np.ndarray, rate: float, bits: int, group: int
) -> int:
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        for first in range(0, x.shape[1], group):
            part = x[:, first : first + group]
            source, out = Path(folder) / "in.raw", Path(folder) / "out.wv"
            source.write_bytes(_packed(part, bits))
            out.unlink(missing_ok=True)
            subprocess.run(command(source, out, bits, part.shape[1], max(round(rate), 1)), check=True)
            total += out.stat().st_size
    return total


def _packed(x: np.ndarray, bits: int) -> bytes:
    if bits == 24:
        return np.ascontiguousarray(x, "<i4").view(np.uint8).reshape(*x.shape, 4)[..., :3].tobytes()
    return x.astype(f"<i{bits // 8}").tobytes()


def _flac(source: Path, out: Path, bits: int, channels: int, rate: int) -> list[str]:
    how = f"-8 -e -p -l 32 --lax --no-padding --no-seektable -s -f --sign=signed --endian=little --bps={bits}"
    return ["flac", *how.split(), f"--channels={channels}", f"--sample-rate={rate}", "-o", str(out), str(source)]


def _wavpack(source: Path, out: Path, bits: int, channels: int, rate: int) -> list[str]:
    return ["wavpack", "-hhx6", "-q", "-y", f"--raw-pcm={rate},{bits}s,{channels},le", str(source), "-o", str(out)]


RUN: dict[str, Callable[[np.ndarray, float], int]] = {
    "gzip": _gzip,
    "xz": partial(_smallest, _xz),
    "bzip2": partial(_smallest, partial(bz2.compress, compresslevel=9)),
    "zstd": partial(_smallest, _zstd),
    "blosc": _blosc,
    "flac": partial(_sound, _flac),
    "wavpack": partial(_sound, _wavpack),
}
