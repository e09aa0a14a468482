"""wav files read by their chunks: integers of any width, floats, odd chunks, 64-bit sizes, streams without a length.

Own reading, because lossless coding needs the stored integers, and careless readers trip over a chunk of odd size.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Annotation
from signalpiece.signals.damage import single

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_UNKNOWN = (0, 0xFFFFFFFF)


@dataclass(frozen=True)
class Wav:
    """Where samples lie in a wav file and how to read them.

    `bits` may be less than the container of `width` bytes holds; such samples are left-aligned.
    """

    path: Path
    data: Any
    code: int
    channels: int
    rate: int
    width: int
    bits: int
    start: int
    count: int
    annotations: tuple[Annotation, ...]
    warnings: tuple[str, ...]

    @property
    def integers(self) -> bool:
        """Whether samples are integers (not floats, not logarithmic)."""
        return self.code == _PCM

    def values(self, start: int, stop: int) -> Shaped[np.ndarray, "c t"]:
        """Samples start to stop, full scale 1."""
        if self.code == _FLOAT:
            flat = np.frombuffer(self.data, f"<f{self.width}", *self._range(start, stop))
            return single(flat.reshape(-1, self.channels).T)
        if self.code in (_ALAW, _MULAW):
            flat = np.frombuffer(self.data, np.uint8, *self._range(start, stop))
            return _logarithmic(flat, self.code).reshape(-1, self.channels).T
        whole = self.stored(start, stop)
        return whole.values * whole.scale[:, None]

    def stored(self, start: int, stop: int) -> Stored:
        """The integers of the file; 8-bit ones without their offset of 128."""
        size, first = self._range(start, stop)
        if self.width == 1:
            flat = np.frombuffer(self.data, np.uint8, size, first).astype(np.int32) - 128
        elif self.width == 3:
            raw = np.frombuffer(self.data, np.uint8, 3 * size, first).reshape(-1, 3)
            wide = np.zeros((len(raw), 4), np.uint8)
            wide[:, 1:] = raw
            flat = wide.view("<i4")[:, 0] >> 8
        else:
            flat = np.frombuffer(self.data, f"<i{self.width}", size, first).astype(np.int32)
        unused = 8 * self.width - self.bits
        values = (flat >> unused if unused else flat).reshape(-1, self.channels).T
        scale = np.full(self.channels, 2.0 ** (1 - self.bits))
        return Stored(np.ascontiguousarray(values), scale, np.zeros(self.channels))

    def _range(self, start: int, stop: int) -> tuple[int, int]:
        frame = self.width * self.channels
        return (stop - start) * self.channels, self.start + start * frame


def read_wav(path: Path) -> Wav:
    """Finds format, samples and cue marks of a wav, RF64 or BW64 file.

    Raises:
        SignalPieceError: not wav, a compressed kind that is not read here, or damaged.
    """
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if len(data) < 12 or data[:4] not in (b"RIFF", b"RF64", b"BW64") or data[8:12] != b"WAVE":
        raise SignalPieceError(f"{path}: this is not a wav file")
    chunks, warnings = _chunks(data)
    if b"fmt " not in chunks or b"data" not in chunks:
        missing = "format" if b"fmt " not in chunks else "data"
        raise SignalPieceError(f"{path}: the {missing} chunk is missing; the file is cut or damaged")
    code, channels, rate, width, bits = _format(path, data, *chunks[b"fmt "])
    start, size = chunks[b"data"]
    count, rest = divmod(size, width * channels)
    if rest:
        warnings.append(f"the last {rest} bytes are less than one sample of all channels and were left out")
    notes = _cues(data, chunks, rate)
    return Wav(path, data, code, channels, rate, width, bits, start, count, notes, tuple(warnings))


def _chunks(data: Any) -> tuple[dict[bytes, tuple[int, int]], list[str]]:
    """Place and size of the first chunk of each name; sizes that cannot be are cut to the file and said."""
    out, warnings, at, long = dict[bytes, tuple[int, int]](), list[str](), 12, 0
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        start = at + 8
        if name == b"ds64" and start + 16 <= len(data):
            long = struct.unpack_from("<Q", data, start + 8)[0]
        if name == b"data" and size == 0xFFFFFFFF and long:
            size = long
        left = len(data) - start
        if name == b"data" and (size in _UNKNOWN or size > left) and not (size == 0 and _is_chunk(data, start)):
            if size not in _UNKNOWN:
                warnings.append(f"the header promises {size} bytes of samples and {left} are there; those were read")
            elif left:
                warnings.append("the header gives no length; everything to the end of the file was read")
            size = left
        if start + size > len(data):
            warnings.append(f"chunk {name.decode('latin-1')!r} is cut")
            size = left
        out.setdefault(name, (start, size))
        at = start + size + size % 2
    return out, warnings


def _is_chunk(data: Any, at: int) -> bool:
    """Whether a plausible chunk stands here: then a data chunk of size 0 really is empty."""
    if at + 8 > len(data):
        return at == len(data)
    name, size = struct.unpack_from("<4sI", data, at)
    return all(32 <= c < 127 for c in name) and at + 8 + size <= len(data)


def _format(path: Path, data: Any, at: int, size: int) -> tuple[int, int, int, int, int]:
    if size < 16:
        raise SignalPieceError(f"{path}: the format chunk is cut")
    code, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", data, at)
    valid = bits
    if code == _EXTENSIBLE and size >= 26:
        valid = struct.unpack_from("<H", data, at + 18)[0] or bits
        code = struct.unpack_from("<H", data, at + 24)[0]
    width = (bits + 7) // 8
    allowed = {_PCM: (1, 2, 3, 4), _FLOAT: (4, 8), _ALAW: (1,), _MULAW: (1,)}
    if code not in allowed:
        raise SignalPieceError(f"{path}: wav of kind {code} (compressed) is not read; convert it to PCM or FLAC")
    if width not in allowed[code] or not channels or not rate or not 0 < valid <= 8 * width:
        raise SignalPieceError(f"{path}: {bits} bits, {channels} channels and {rate} Hz cannot be; damaged header")
    if block not in (0, width * channels):
        raise SignalPieceError(f"{path}: {block} bytes per sample do not fit {channels} channels of {bits} bits")
    return code, channels, rate, width, valid if code == _PCM else 8 * width


def _cues(data: Any, chunks: dict[bytes, tuple[int, int]], rate: int) -> tuple[Annotation, ...]:
    """Cue points as annotations, with their labels where there are some."""
    at, size = chunks.get(b"cue ", (0, 0))
    if size < 4:
        return ()
    labels = _labels(data, *chunks.get(b"LIST", (0, 0)))
    notes = []
    for n in range(min(struct.unpack_from("<I", data, at)[0], (size - 4) // 24)):
        number, *_, sample = struct.unpack_from("<II4sIII", data, at + 4 + 24 * n)
        notes.append(Annotation(sample / rate, 0.0, labels.get(number, f"cue {number}")))
    return tuple(sorted(notes, key=lambda note: note.onset))


def _labels(data: Any, at: int, size: int) -> dict[int, str]:
    out, stop = dict[int, str](), at + size
    if size < 4 or data[at : at + 4] != b"adtl":
        return out
    at += 4
    while at + 12 <= stop:
        name, length, number = struct.unpack_from("<4sII", data, at)
        if name == b"labl":
            text = bytes(data[at + 12 : min(at + 8 + length, stop)])
            out[number] = text.split(b"\0")[0].decode("utf-8", "replace")
        at += 8 + length + length % 2
    return out


def _logarithmic(codes: Shaped[np.ndarray, "n"], code: int) -> Shaped[np.ndarray, "n"]:
    """A-law or mu-law bytes (ITU-T G.711) as values of full scale 1."""
    if code == _MULAW:
        flipped = ~codes
        exponent, mantissa = (flipped >> 4) & 7, (flipped & 15).astype(np.int32)
        size = (((mantissa << 3) + 132) << exponent) - 132
        sign = np.where(flipped & 128, -1, 1)
    else:
        flipped = codes ^ 0x55
        exponent, mantissa = ((flipped >> 4) & 7).astype(np.int32), (flipped & 15).astype(np.int32)
        size = np.where(exponent > 0, ((mantissa << 4) + 264) << np.maximum(exponent - 1, 0), (mantissa << 4) + 8)
        sign = np.where(flipped & 128, 1, -1)
    return (sign * size / 32768).astype(np.float32)
