"""Any file as its bytes: axis ("byte",), values 0 to 255 as uint8, read lazily."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Grid, Signal
from signalpiece.signals.still import Still

_BLOCK = 1 << 20


@dataclass(frozen=True)
class ByteFile(Still):
    """A file of bytes, which can also be read by byte numbers."""

    has_stored = True

    def read_bytes(self, first: int, end: int) -> Signal:
        """Bytes first to end.

        Raises:
            SignalPieceError: outside the file.
        """
        if not 0 <= first <= end <= self.grid.shape[0]:
            raise SignalPieceError(f"{self.path.name}: bytes {first} to {end} are outside 0 to {self.grid.shape[0]}")
        return Signal(replace(self.grid, shape=(end - first,)), _bytes(self.path, first, end))

    def blocks(self, seconds: float) -> Iterator[Signal]:
        """The file in pieces of 1 MiB; bytes have no seconds."""
        for first in range(0, self.grid.shape[0], _BLOCK):
            yield self.read_bytes(first, min(first + _BLOCK, self.grid.shape[0]))

    def stored(self, start: int = 0, stop: int | None = None) -> Stored:
        """The bytes as one channel of integers."""
        values = self.read_bytes(start, self.grid.shape[0] if stop is None else stop).values
        return Stored(np.asarray(values, np.int32)[None], np.ones(1), np.zeros(1))


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Still, ...]:
    """Opens a file of any kind."""
    size = path.stat().st_size
    grid = Grid(("byte",), (None,), ("",), (size,))
    return (ByteFile(path, grid, lambda start, stop: _bytes(path, 0, size), format="bytes"),)


def _bytes(path: Path, first: int, end: int) -> UInt8[np.ndarray, "n"]:
    with path.open("rb") as file:
        file.seek(first)
        data = file.read(end - first)
    if len(data) < end - first:
        raise SignalPieceError(f"{path}: it became shorter while it was read")
    return np.frombuffer(data, np.uint8)
