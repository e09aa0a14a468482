"""What a recording is: the grid that values live on, the values, and what else is known of them.

`Grid` is everything but the values; `Signal` adds them. SI units: V, T, T/m, m, s; pictures and sound are 0..1 or
-1..1; scanner units of MRI stay what they are and say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Shaped

from signalpiece.core.check import SignalPieceError

Array = Any  # a NumPy array, or a torch tensor inside modules


@dataclass(frozen=True)
class Sensor:
    """One channel: its name, what it measures, and where it sits (metres, head coordinates) if known."""

    name: str
    kind: str = "misc"  # eeg, eog, ecg, emg, mag, grad, seeg, ecog, stim, fnirs, sound, misc, ...
    position: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Annotation:
    """An event: onset and duration in seconds from the first sample, and its text."""

    onset: float
    duration: float
    text: str


@dataclass(frozen=True)
class Grid:
    """The frame that a signal lives on.

    Attributes:
        axes: one name per axis of the values, e.g. ("channel", "time"), ("row", "column", "color"),
            ("time", "row", "column", "color"), ("x", "y", "z"), ("x", "y", "z", "time"), ("vertex", "xyz"), ("byte",).
        rate: samples per second (time) or per metre (space) of each axis; None where it has none.
        units: one unit for all values, or one per channel.
        shape: size of each axis.
        sensors: one per channel, or empty.
        start: seconds from the recording's first sample to this grid's first sample.
        affine: voxel indices to metres, 4 x 4 row by row, or None.
    """

    axes: tuple[str, ...]
    rate: tuple[float | None, ...]
    units: tuple[str, ...]
    shape: tuple[int, ...]
    sensors: tuple[Sensor, ...] = ()
    start: float = 0.0
    affine: tuple[tuple[float, ...], ...] | None = None

    def __post_init__(self) -> None:
        if not len(self.axes) == len(self.rate) == len(self.shape):
            raise SignalPieceError(
                f"axes, rate and shape must have one entry per axis, got {self.axes}, {self.rate}, {self.shape}"
            )
        if self.sensors and len(self.sensors) != self.size("channel"):
            raise SignalPieceError(f"{len(self.sensors)} sensors for {self.size('channel')} channels")
        if len(self.units) not in (1, self.size("channel")):
            raise SignalPieceError(f"{len(self.units)} units for {self.size('channel')} channels; give one or one each")

    def size(self, axis: str) -> int:
        """Length of an axis; 1 if the grid does not have it."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    @property
    def time_rate(self) -> float:
        """Samples per second of the time axis, Hz."""
        rate = self.rate[self.axes.index("time")] if "time" in self.axes else None
        if rate is None:
            raise SignalPieceError("this signal has no evenly sampled time axis")
        return rate

    @property
    def seconds(self) -> float:
        """Length of the time axis in seconds."""
        return self.size("time") / self.time_rate

    @property
    def names(self) -> tuple[str, ...]:
        """Channel names."""
        return tuple(s.name for s in self.sensors)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Channel kinds."""
        return tuple(s.kind for s in self.sensors)

    def unit(self, channel: int) -> str:
        """Unit of one channel."""
        return self.units[channel % len(self.units)]

    def __repr__(self) -> str:
        return f"Grid({self.words()})"

    def words(self) -> str:
        """Shape, rate, length, units and names in one line."""
        parts = [" x ".join(f"{n} {a}" for n, a in zip(self.shape, self.axes, strict=True))]
        if "time" in self.axes and self.rate[self.axes.index("time")]:
            parts.append(f"{self.time_rate:g} Hz, {self.seconds:g} s")
        parts.append("/".join(dict.fromkeys(u or "no unit" for u in self.units)))
        if self.names:
            parts.append(" ".join(self.names[:4]) + (" ..." if len(self.names) > 4 else ""))
        return ", ".join(parts)

    def pick(self, channels: Sequence[int]) -> "Grid":
        """The grid of some channels, in the order given."""
        shape = tuple(len(channels) if a == "channel" else n for a, n in zip(self.axes, self.shape, strict=True))
        units = tuple(self.units[c] for c in channels) if len(self.units) > 1 else self.units
        return replace(self, shape=shape, units=units, sensors=tuple(self.sensors[c] for c in channels if self.sensors))

    def span(self, start: int, stop: int) -> "Grid":
        """The grid of samples start to stop of the time axis."""
        shape = tuple(stop - start if a == "time" else n for a, n in zip(self.axes, self.shape, strict=True))
        return replace(self, shape=shape, start=self.start + start / self.time_rate)


@dataclass(frozen=True)
class Signal:
    """One recording in memory: values on a grid, which of them count, and its events. No batch axis.

    `valid` is None when every sample counts, else a mask that broadcasts to the values: gaps, NaN, flat and saturated
    stretches are False, and their values are finite fillers that mean nothing.
    """

    grid: Grid
    values: Shaped[Array, "..."]
    valid: Bool[Array, "..."] | None = None
    annotations: tuple[Annotation, ...] = field(default=())

    def __repr__(self) -> str:
        valid = "" if self.valid is None else f", {float(np.mean(np.asarray(self.valid))):.1%} valid"
        events = f", {len(self.annotations)} annotations" if self.annotations else ""
        return f"Signal({self.grid.words()}, {self.values.dtype}{valid}{events})"

    def __post_init__(self) -> None:
        if tuple(self.values.shape) != self.grid.shape:
            raise SignalPieceError(f"values of shape {tuple(self.values.shape)} do not fit a grid of {self.grid.shape}")

    @classmethod
    def of(
        cls, values: Any, *, rate: float, units: str = "V", names: Sequence[str] = (), kind: str = "eeg"
    ) -> "Signal":
        """A signal from a bare array "c t" (or "t"), sampled at `rate` Hz, in `units`."""
        values = np.atleast_2d(np.asarray(values, dtype=np.float32))
        if values.ndim != 2:
            raise SignalPieceError(f"an array of {values.ndim} axes is not channels x time")
        if not rate > 0:
            raise SignalPieceError(f"rate must be above 0 Hz, got {rate:g}")
        names = names or [f"ch{c}" for c in range(len(values))]
        sensors = tuple(Sensor(n, kind) for n in names)
        finite = np.isfinite(values)
        grid = Grid(("channel", "time"), (None, float(rate)), (units,), values.shape, sensors)
        if finite.all():
            return cls(grid, values)
        return cls(grid, np.where(finite, values, 0).astype(np.float32), finite)

    def crop(self, start: int, stop: int) -> "Signal":
        """Samples start to stop of the time axis; annotations are kept as they are (seconds of the recording)."""
        axis = self.grid.axes.index("time")
        cut = (slice(None),) * axis + (slice(start, stop),)
        valid = self.valid if self.valid is None or self.valid.shape[axis] == 1 else self.valid[cut]
        return replace(self, grid=self.grid.span(start, stop), values=self.values[cut], valid=valid)

    def pick(self, channels: Sequence[int]) -> "Signal":
        """Some channels, in the order given."""
        keep = list(channels)
        valid = self.valid if self.valid is None or self.valid.shape[0] == 1 else self.valid[keep]
        return replace(self, grid=self.grid.pick(keep), values=self.values[keep], valid=valid)


def as_signals(given: Any, *, rate: float | None = None, units: str = "V") -> "Signal | list[Signal]":
    """What a public function was given, as one signal or a list of them.

    Args:
        given: a signal, an opened recording, an array "t", "c t" or "b c t", or a sequence of these.
        rate: samples per second of arrays, Hz.
        units: of arrays.

    Raises:
        SignalPieceError: an array without a rate, or something else.
    """
    if isinstance(given, Signal):
        return given
    if isinstance(given, str | bytes) or not hasattr(given, "__len__") and not hasattr(given, "read"):
        raise SignalPieceError(
            f"a signal is a Signal, an opened recording or an array with rate=; got {type(given).__name__}"
            + (", read it first with signalpiece.read" if isinstance(given, str | bytes) else "")
        )
    if hasattr(given, "read"):
        return given.read()
    if hasattr(given, "shape"):
        if rate is None:
            raise SignalPieceError(f"an array of shape {tuple(given.shape)} needs rate=, its samples per second")
        array = np.asarray(given)
        if array.ndim == 3:
            return [Signal.of(x, rate=rate, units=units) for x in array]
        return Signal.of(array, rate=rate, units=units)
    found = [as_signals(x, rate=rate, units=units) for x in given]
    return [s for x in found for s in (x if isinstance(x, list) else [x])]
