"""An opened file that is not channels over time: pictures, volumes, film, meshes, bytes.

Obeys the protocol of `core.contracts.Recording`. What has a time axis (film, fMRI) is read by seconds like any
recording; film whose frames are unevenly spaced keeps the time of each frame and has no rate.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Annotation, Grid, Signal

Load = Callable[[int, int], Shaped[np.ndarray, "..."]]


@dataclass(frozen=True)
class Still:
    """A file opened lazily.

    Attributes:
        grid: the whole thing.
        load: values of frames first..end of the time axis; all values where there is no time axis.
        extra: what else the format says: `times` of each frame in seconds from the first (the grid's rate is None
            where they are uneven), `triangles` of a mesh as rows of three vertex numbers, `repetition_seconds`...
    """

    path: Path
    grid: Grid
    load: Load
    annotations: tuple[Annotation, ...] = ()
    warnings: tuple[str, ...] = ()
    gaps: tuple[tuple[float, float], ...] = ()
    format: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    has_stored = False

    @property
    def times(self) -> tuple[float, ...]:
        """Seconds of each frame from the first, where the format tells them."""
        return self.extra.get("times", ())

    @property
    def triangles(self) -> Int[np.ndarray, "f 3"]:
        """Vertex numbers of each triangle; none where this is no mesh."""
        return self.extra.get("triangles", np.zeros((0, 3), np.int64))

    @property
    def samples(self) -> int:
        """Frames of the time axis; 1 where there is none."""
        return self.grid.size("time")

    def read(self, start: float = 0.0, stop: float | None = None) -> Signal:
        """Seconds start to stop of the time axis, or everything.

        Raises:
            SignalPieceError: a range is asked of something that has no time, or it lies outside.
        """
        if "time" not in self.grid.axes:
            if start != 0.0 or stop is not None:
                raise SignalPieceError(f"{self.path.name}: {self.format or 'this'} has no time axis; read it whole")
            return self._signal(self.grid, self.load(0, 1))
        first = self._frame(start)
        end = self.samples if stop is None else self._frame(stop)
        if start < 0 or not first <= end <= self.samples:
            asked = f"{start:g} to {'the end' if stop is None else f'{stop:g} s'}"
            raise SignalPieceError(f"{self.path.name}: {asked} is outside its {self.samples} frames")
        return self.read_samples(first, end)

    def read_samples(self, first: int, end: int) -> Signal:
        """Frames first to end of the time axis."""
        axis = self.grid.axes.index("time")
        shape = (*self.grid.shape[:axis], end - first, *self.grid.shape[axis + 1 :])
        grid = replace(self.grid, shape=shape, start=self.grid.start + self._time(first))
        return self._signal(grid, self.load(first, end))

    def blocks(self, seconds: float) -> Iterator[Signal]:
        """The recording in pieces of `seconds`; without a time axis, in one."""
        if "time" not in self.grid.axes:
            yield self.read()
            return
        first, number = 0, 0
        while first < self.samples:
            number = max(number, math.floor(self._time(first) / seconds + 1e-9)) + 1
            end = max(min(self._frame(number * seconds), self.samples), first + 1)
            yield self.read_samples(first, end)
            first = end

    def stored(self, start: int = 0, stop: int | None = None) -> Stored:
        """Not for these formats.

        Raises:
            SignalPieceError: always.
        """
        raise SignalPieceError(f"{self.path.name}: {self.format or 'this format'} keeps no integers per channel")

    def _frame(self, seconds: float) -> int:
        rate = self.grid.rate[self.grid.axes.index("time")]
        if rate is None and self.times:
            return int(np.searchsorted(self.times, seconds - 1e-9))
        return int(round(seconds * rate)) if rate else (0 if seconds == 0 else self.samples + 1)

    def _time(self, frame: int) -> float:
        rate = self.grid.rate[self.grid.axes.index("time")]
        if rate is None and self.times:
            return self.times[min(frame, len(self.times) - 1)]
        return frame / rate if rate else 0.0

    def _signal(self, grid: Grid, values: Shaped[np.ndarray, "..."]) -> Signal:
        if values.dtype == np.uint8:
            return Signal(grid, values, None, self.annotations)
        valid = np.isfinite(values)
        if valid.all():
            return Signal(grid, values, None, self.annotations)
        return Signal(grid, np.where(valid, values, 0).astype(np.float32), valid, self.annotations)
