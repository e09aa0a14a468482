"""Samples of EDF and BDF: seeks to the data records needed and decodes 16- and 24-bit integers as arrays.

Memory is bounded: records are read in blocks of a few megabytes, and a record that is larger than that is read channel
by channel.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float, Int, UInt8

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored

_BLOCK = 1 << 23  # bytes read at a time


@dataclass(frozen=True)
class EdfSamples:
    """Channels of one rate in an EDF or BDF file.

    Attributes:
        offsets: of each channel, in samples from the start of a data record.
        per: samples of each channel per data record.
        scale, offset: value in the grid's unit = integer * scale + offset, per channel.
    """

    path: Path
    header_bytes: int
    record_bytes: int
    width: int
    per: int
    offsets: tuple[int, ...]
    scale: Float[np.ndarray, "c"]
    offset: Float[np.ndarray, "c"]

    def integers(self, start: int, stop: int) -> Int[np.ndarray, "c t"]:
        """Stored integers of samples start to stop, int32."""
        out = np.empty((len(self.offsets), stop - start), np.int32)
        for first, last, block in self._blocks(start, stop):
            out[:, first - start : last - start] = block
        return out

    def values(self, start: int, stop: int) -> Float[np.ndarray, "c t"]:
        """Values of samples start to stop in the grid's units, float32."""
        out = np.empty((len(self.offsets), stop - start), np.float32)
        for first, last, block in self._blocks(start, stop):
            place = out[:, first - start : last - start]
            np.add(block * self.scale[:, None], self.offset[:, None], out=place, casting="same_kind")
        return out

    def stored(self, start: int, stop: int) -> Stored:
        """The file's own integers."""
        return Stored(self.integers(start, stop), self.scale, self.offset)

    def _blocks(self, start: int, stop: int):
        """Pieces (first, last, integers) that cover samples start to stop."""
        if stop <= start:
            return
        with self.path.open("rb") as file:
            whole = self.record_bytes <= _BLOCK
            step = max(_BLOCK // self.record_bytes, 1)
            record, end = start // self.per, -(-stop // self.per)
            while record < end:
                count = min(step, end - record)
                a, b = max(start, record * self.per), min(stop, (record + count) * self.per)
                inside = slice(a - record * self.per, b - record * self.per)
                block = self._records(file, record, count)[:, inside] if whole else self._parts(file, record, inside)
                yield a, b, block
                record += count

    def _records(self, file: BinaryIO, record: int, count: int) -> Int[np.ndarray, "c t"]:
        data = self._bytes(file, self.header_bytes + record * self.record_bytes, count * self.record_bytes)
        rows = data.reshape(count, self.record_bytes)
        out = np.empty((len(self.offsets), count, self.per), np.int32)
        for channel, offset in enumerate(self.offsets):
            out[channel] = self._decode(rows[:, offset * self.width : (offset + self.per) * self.width])
        return out.reshape(len(self.offsets), count * self.per)

    def _parts(self, file: BinaryIO, record: int, inside: slice) -> Int[np.ndarray, "c t"]:
        count, rows = inside.stop - inside.start, []
        for offset in self.offsets:
            at = self.header_bytes + record * self.record_bytes + (offset + inside.start) * self.width
            rows.append(self._decode(self._bytes(file, at, count * self.width)))
        return np.stack(rows)

    def _bytes(self, file: BinaryIO, at: int, size: int) -> UInt8[np.ndarray, "n"]:
        file.seek(at)
        data = file.read(size)
        if len(data) < size:
            raise SignalPieceError(f"{self.path.name}: the file ends early; it has changed since it was opened")
        return np.frombuffer(data, np.uint8)

    def _decode(self, data: UInt8[np.ndarray, "*n"]) -> Int[np.ndarray, "*m"]:
        if self.width == 2:
            return np.ascontiguousarray(data).view("<i2")
        return decode24(data)


def decode24(data: UInt8[np.ndarray, "*n"]) -> Int[np.ndarray, "*m"]:
    """Little-endian 24-bit two's complement along the last axis, as int32."""
    triples = data.reshape(*data.shape[:-1], -1, 3)
    quads = np.zeros((*triples.shape[:-1], 4), np.uint8)
    quads[..., 1:] = triples
    return quads.view("<i4")[..., 0] >> 8
