"""An opened file: everything but the values, and how to read these piece by piece.

Every reader builds one `Recording` per sampling rate out of a few facts and one function that fetches stored samples.
Gaps live here, once for all formats: runs say where stored samples stand on the timeline, so that a gap takes its time
and never shifts what follows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Annotation, Grid, Signal

Fetch = Callable[[int, int], Shaped[np.ndarray, "c t"]]  # stored samples start..stop, in grid units (SI)
FetchStored = Callable[[int, int], Stored]
_LONGEST_GAP = 1 << 26  # values that may be filled in at once
_PIECE = 1 << 20  # samples looked at together


@dataclass(frozen=True)
class Run:
    """`count` stored samples from number `stored` on, standing at timeline sample `at`."""

    at: int
    stored: int
    count: int


@dataclass(frozen=True)
class Recording:
    """One evenly sampled recording of a file, read lazily.

    Attributes:
        grid: the whole timeline, gaps included ("channel", "time").
        fetch: stored samples (gaps not counted) as float, in the grid's units; NaN where a sample is missing.
        runs: where stored samples stand on the timeline, in order; one run without gaps.
        fetch_stored: the file's own integers, or None where the format has none.
        extra: what no grid holds, as arrays: `times` of uneven frames in s, `triangles` "n 3" of a mesh.
        invalid_channels: channels whose values mean nothing (no gain in the file); always `valid` False.
        data_files: files beside `path` that hold its samples.
    """

    path: Path
    grid: Grid
    fetch: Fetch
    annotations: tuple[Annotation, ...] = ()
    warnings: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()
    fetch_stored: FetchStored | None = None
    format: str = ""
    invalid_channels: tuple[int, ...] = ()
    identity: dict[str, str] = field(default_factory=dict)  # names, dates: never leaves this object unless asked for
    extra: Mapping[str, Any] = field(default_factory=dict)
    data_files: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if not self.runs:
            object.__setattr__(self, "runs", (Run(0, 0, self.grid.size("time")),))

    def __repr__(self) -> str:
        return (
            f"Recording({self.path.name!r}, {self.grid.words()}, {len(self.annotations)} annotations, "
            f"{len(self.gaps)} gaps, {len(self.warnings)} warnings)"
        )

    @property
    def samples(self) -> int:
        """Stored samples, gaps not counted."""
        return sum(r.count for r in self.runs)

    @property
    def has_stored(self) -> bool:
        """Whether the file's own integers can be had."""
        return self.fetch_stored is not None

    @property
    def disk_bytes(self) -> int:
        """What its files take on disk, all their recordings together; 0 where they are gone."""
        return sum(p.stat().st_size for p in {self.path, *self.data_files} if p.is_file())

    @property
    def gaps(self) -> tuple[tuple[float, float], ...]:
        """Gaps in seconds from the first sample."""
        rate = self.grid.time_rate
        pairs = zip(self.runs[:-1], self.runs[1:], strict=True)
        return tuple(((a.at + a.count) / rate, b.at / rate) for a, b in pairs if b.at > a.at + a.count)

    def read(self, start: float = 0.0, stop: float | None = None) -> Signal:
        """Seconds start to stop; missing samples are `valid` False and hold the last valid value (else 0).

        Raises:
            SignalPieceError: the range is outside the recording.
        """
        rate, total = self.grid.time_rate, self.grid.size("time")
        first = int(round(start * rate))
        end = total if stop is None else int(round(stop * rate))
        if not 0 <= first <= end <= total:
            raise SignalPieceError(
                f"{self.path.name}: {start:g} to {'the end' if stop is None else f'{stop:g}'} s is outside the "
                f"recording of {total / rate:g} s"
            )
        return self.read_samples(first, end)

    def read_samples(self, first: int, end: int) -> Signal:
        """Timeline samples first to end.

        Raises:
            SignalPieceError: the file cannot be read there, or the range is almost all gap and too long to hold.
        """
        channels = self.grid.size("channel")
        if (end - first - self.samples) * channels > max(_LONGEST_GAP, 64 * self.samples * channels):
            raise SignalPieceError(
                f"{self.path.name}: {(end - first) / self.grid.time_rate:g} s hold {self.samples} samples, the rest is "
                "gap; read it in parts with start and stop"
            )
        whole = next((r for r in self.runs if r.at <= first and end <= r.at + r.count), None)
        if whole is not None:
            at = whole.stored - whole.at
            values = np.array(self._fetch(first + at, end + at), np.float32, copy=None)
        else:
            values = self._pieces(first, end)
        valid = np.isfinite(values)
        valid[list(self.invalid_channels)] = False
        grid = self.grid.span(first, end)
        if valid.all():
            return Signal(grid, values, None, self.annotations)
        return Signal(grid, hold(values, valid), valid, self.annotations)

    def _pieces(self, first: int, end: int) -> Float[np.ndarray, "c t"]:
        """Timeline samples first to end, NaN in gaps."""
        values = np.full((self.grid.size("channel"), end - first), np.nan, np.float32)
        for run in self.runs:
            a, b = max(first, run.at), min(end, run.at + run.count)
            if a < b:
                values[:, a - first : b - first] = self._fetch(run.stored + a - run.at, run.stored + b - run.at)
        return values

    def _fetch(self, start: int, stop: int) -> Shaped[np.ndarray, "c t"]:
        try:
            return self.fetch(start, stop)
        except SignalPieceError:
            raise
        except MemoryError as error:
            raise SignalPieceError(f"{self.path.name}: {stop - start} samples do not fit into memory") from error
        except Exception as error:  # whatever a format library raises on a damaged file
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise SignalPieceError(f"{self.path.name}: samples {start} to {stop} cannot be read: {reason}") from error

    def triggers(self) -> tuple[tuple[float, int], ...]:
        """Onsets in seconds and codes of all stim channels: where the 16 trigger bits change to another code than 0.

        The channel is read as a whole, in pieces; nothing is kept.
        """
        channels = [n for n, kind in enumerate(self.grid.kinds) if kind == "stim"]
        found = list[tuple[float, int]]()
        if channels:
            stim, last = self.pick(channels), np.zeros((len(channels), 1), np.int64)
            for run in self.runs:
                for start in range(run.stored, run.stored + run.count, _PIECE):
                    values = np.nan_to_num(stim._fetch(start, min(start + _PIECE, run.stored + run.count)))
                    codes = np.concatenate([last, values.astype(np.int64) & 0xFFFF], axis=1)
                    at = np.nonzero((codes[:, 1:] != codes[:, :-1]) & (codes[:, 1:] != 0))
                    seconds = (at[1] + start - run.stored + run.at) / self.grid.time_rate + self.grid.start
                    found += zip(seconds.tolist(), codes[:, 1:][at].tolist(), strict=True)
                    last = codes[:, -1:]
        return tuple(sorted(found))

    def blocks(self, seconds: float) -> Iterator[Signal]:
        """The recording in pieces of `seconds` (the last may be shorter)."""
        size = max(int(round(seconds * self.grid.time_rate)), 1)
        for first in range(0, self.grid.size("time"), size):
            yield self.read_samples(first, min(first + size, self.grid.size("time")))

    def stored(self, start: int = 0, stop: int | None = None) -> Stored:
        """The file's own integers, stored samples start to stop (gaps not counted).

        Raises:
            SignalPieceError: the format keeps none, or the range is outside the file.
        """
        if self.fetch_stored is None:
            raise SignalPieceError(f"{self.path.name}: {self.format or 'this format'} keeps no integers to give out")
        stop = self.samples if stop is None else stop
        if not 0 <= start <= stop <= self.samples:
            raise SignalPieceError(f"{self.path.name}: samples {start} to {stop} are outside 0 to {self.samples}")
        begin = self.runs[0].stored
        return self.fetch_stored(begin + start, begin + stop)

    def crop(self, first: int, end: int) -> "Recording":
        """Timeline samples first to end, as lazily; annotations are kept as they are (seconds of the recording)."""
        cuts = [(r, max(first, r.at), min(end, r.at + r.count)) for r in self.runs]
        runs = tuple(Run(a - first, r.stored + a - r.at, b - a) for r, a, b in cuts if a < b)
        return replace(self, grid=self.grid.span(first, end), runs=runs or (Run(0, 0, 0),))

    def pick(self, channels: list[int]) -> "Recording":
        """The same recording with some of its channels."""
        fetch, stored = self.fetch, self.fetch_stored

        def take(start: int, stop: int) -> Stored:
            assert stored is not None
            whole = stored(start, stop)
            return Stored(whole.values[channels], whole.scale[channels], whole.offset[channels])

        return replace(
            self,
            grid=self.grid.pick(channels),
            fetch=lambda a, b: fetch(a, b)[channels],
            fetch_stored=take if stored is not None else None,
            invalid_channels=tuple(i for i, c in enumerate(channels) if c in self.invalid_channels),
        )


def hold(values: Float[np.ndarray, "c t"], valid: Bool[np.ndarray, "c t"]) -> Float[np.ndarray, "c t"]:
    """Values with every invalid sample replaced by the last valid one before it, 0 before the first."""
    at = np.where(valid, np.arange(values.shape[1]), -1)
    np.maximum.accumulate(at, axis=1, out=at)
    held = np.take_along_axis(values, np.maximum(at, 0), axis=1)
    return np.where(at >= 0, held, 0).astype(np.float32)


def runs_of(starts: Float[np.ndarray, "n"], counts: Shaped[np.ndarray, "n"], rate: float) -> tuple[Run, ...]:
    """Runs from pieces that begin at `starts` seconds; pieces that touch (within half a sample) become one."""
    runs: list[Run] = []
    stored, origin = 0, float(starts[0]) if len(starts) else 0.0
    for begin, count in zip(np.asarray(starts, float).tolist(), np.asarray(counts, int).tolist(), strict=True):
        at = int(round((begin - origin) * rate))
        if runs and abs(at - (runs[-1].at + runs[-1].count)) <= 1 and _touches(runs[-1], begin - origin, rate):
            runs[-1] = replace(runs[-1], count=runs[-1].count + count)
        else:
            if runs:
                at = max(at, runs[-1].at + runs[-1].count)
            runs.append(Run(at, stored, count))
        stored += count
    return tuple(runs)


def _touches(run: Run, begin: float, rate: float) -> bool:
    return abs(begin * rate - (run.at + run.count)) <= 0.75
