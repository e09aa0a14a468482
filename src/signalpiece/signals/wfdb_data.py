"""Samples of WFDB: eleven ways to pack integers, decoded as arrays from the bytes needed.

Format: "WFDB Applications Guide", signal(5). A sample with the smallest number of its format is missing.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored
from signalpiece.signals.edf_data import decode24
from signalpiece.signals.wfdb_header import WfdbSignal

# format -> (samples, bytes) of the smallest piece that stands alone, number that means missing
PACKING = {
    8: (1, 1, None), 16: (1, 2, -(1 << 15)), 24: (1, 3, -(1 << 23)), 32: (1, 4, -(1 << 31)), 61: (1, 2, -(1 << 15)),
    80: (1, 1, -128), 160: (1, 2, -(1 << 15)), 212: (2, 3, -2048), 310: (3, 4, -512), 311: (3, 4, -512),
}  # fmt: skip


@dataclass(frozen=True)
class WfdbGroup:
    """The signals of one file, interleaved frame by frame."""

    path: Path
    format: int
    start: int  # bytes before the first sample
    width: int  # samples of all signals per frame

    def frames(self) -> int:
        """Whole frames in the file."""
        samples, size, _ = PACKING[self.format]
        body = max(self.path.stat().st_size - self.start, 0)
        whole = body // size * samples
        if self.format == 212 and body % size == 2:
            whole += 1
        return whole // self.width

    def integers(self, first: int, last: int) -> Int[np.ndarray, "f w"]:
        """Frames first to last, int32; of format 8 all frames from 0 on, because it holds differences."""
        samples, size, _ = PACKING[self.format]
        a, b = first * self.width, last * self.width
        if self.format == 8:
            a = 0
        piece, end = a // samples, -(-b // samples)
        with self.path.open("rb") as file:
            file.seek(self.start + piece * size)
            data = np.frombuffer(file.read((end - piece) * size), np.uint8)
        short = (end - piece) * size - len(data)
        if short > size:
            raise SignalPieceError(f"{self.path.name}: the file ends early; it has changed since it was opened")
        values = _decode(np.concatenate([data, np.zeros(short, np.uint8)]) if short else data, self.format)
        return values[a - piece * samples : b - piece * samples].reshape(-1, self.width)


@dataclass(frozen=True)
class WfdbSamples:
    """Signals with one number of samples per frame, possibly of several files."""

    groups: tuple[WfdbGroup, ...]
    signals: tuple[tuple[WfdbSignal, int, int], ...]  # signal, its group, its place within a frame
    frames: int
    scale: Float[np.ndarray, "c"]
    offset: Float[np.ndarray, "c"]

    def integers(self, start: int, stop: int) -> Int[np.ndarray, "c t"]:
        """Stored integers of samples start to stop."""
        per = self.signals[0][0].per
        first, last = start // per, -(-stop // per)
        blocks = {g: self.groups[g].integers(first, last) for g in {g for _, g, _ in self.signals}}
        out = np.empty((len(self.signals), stop - start), np.int32)
        for channel, (signal, group, place) in enumerate(self.signals):
            block = blocks[group][:, place : place + per].ravel()
            if signal.format == 8:  # differences, read from the start
                block = (signal.initial + np.cumsum(block, dtype=np.int32))[first * per :]
            out[channel] = block[start - first * per : stop - first * per]
        return out

    def values(self, start: int, stop: int) -> Float[np.ndarray, "c t"]:
        """Values in the grid's units, float32; NaN where a sample is missing."""
        skews = {signal.skew for signal, _, _ in self.signals}
        total = self.frames * self.signals[0][0].per
        out = np.full((len(self.signals), stop - start), np.nan, np.float32)
        for skew in skews:
            shift = skew * self.signals[0][0].per
            first, last = min(start + shift, total), min(stop + shift, total)
            whole = self.integers(first, last)
            for channel, (signal, _, _) in enumerate(self.signals):
                if signal.skew == skew:
                    row = whole[channel] * self.scale[channel] + self.offset[channel]
                    row[whole[channel] == PACKING[signal.format][2]] = np.nan
                    out[channel, : last - first] = row
        return out

    def stored(self, start: int, stop: int) -> Stored:
        """The file's own integers."""
        return Stored(self.integers(start, stop), self.scale, self.offset)


def _decode(data: UInt8[np.ndarray, "n"], form: int) -> Int[np.ndarray, "m"]:
    if form in (16, 32, 61):
        return data.view({16: "<i2", 32: "<i4", 61: ">i2"}[form]).astype(np.int32)
    if form == 8:
        return data.view(np.int8).astype(np.int32)
    if form == 24:
        return decode24(data)
    if form == 80:
        return data.astype(np.int32) - 128
    if form == 160:
        return data.view("<u2").astype(np.int32) - (1 << 15)
    if form == 212:
        a, b, c = data.reshape(-1, 3).astype(np.int32).T
        return _signed(np.stack([a | (b & 0x0F) << 8, c | (b & 0xF0) << 4], axis=1).ravel(), 12)
    word = data.view("<u4").astype(np.int64)
    if form == 311:
        parts = [word & 0x3FF, word >> 10 & 0x3FF, word >> 20 & 0x3FF]
    else:
        low, high = word & 0xFFFF, word >> 16
        parts = [low >> 1 & 0x3FF, high >> 1 & 0x3FF, low >> 11 | (high >> 11) << 5]
    return _signed(np.stack(parts, axis=1).ravel().astype(np.int32), 10)


def _signed(values: Int[np.ndarray, "n"], bits: int) -> Int[np.ndarray, "n"]:
    return np.where(values >= 1 << (bits - 1), values - (1 << bits), values).astype(np.int32)
