"""What enters a tokenizer: which channels it codes, samples that do not count held, and where they were."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal

LEFT_OUT = ("stim",)  # kinds whose values are bits, not a quantity: events travel as annotations


def coded_channels(grid: Grid, what: str = "this tokenizer") -> list[int]:
    """Channels that are coded: all but trigger channels.

    Raises:
        SignalPieceError: the signal is not channels x time, or nothing is left.
    """
    if grid.axes != ("channel", "time"):
        raise SignalPieceError(f"{what} codes channels x time, got a signal of axes {' x '.join(grid.axes)}")
    keep = [c for c in range(grid.size("channel")) if not grid.sensors or grid.sensors[c].kind not in LEFT_OUT]
    if not keep:
        raise SignalPieceError(f"{what} found no channel to code: trigger channels alone are left")
    return keep


def left_out(grid: Grid) -> list[str]:
    """Names of the channels that are not coded."""
    return [s.name for s in grid.sensors if s.kind in LEFT_OUT]


def notes_on(tokenizer: Any, recordings: Sequence[Any]) -> list[str]:
    """What a reader of the tokens should know, each sentence once: channels left out, and rates changed."""
    said: dict[str, list[str]] = {}
    for recording in recordings:
        for sentence in _notes(tokenizer, recording.grid):
            said.setdefault(sentence, []).append(Path(recording.path).name)
    return [f"{n[0]}{f' and {len(n) - 1} more' if n[1:] else ''}: {sentence}" for sentence, n in said.items()]


def _notes(tokenizer: Any, grid: Grid) -> list[str]:
    gone, rate, own = left_out(grid), grid.time_rate, tokenizer.rate or grid.time_rate
    notes = []
    if gone:
        notes.append(f"trigger channels are not coded, events travel as annotations: {', '.join(gone)}")
    if rate < 0.9 * own:
        notes.append(
            f"{', '.join(grid.names[:4])} at {rate:g} Hz are interpolated to {own:g} Hz, which costs bits and gives "
            f"nothing; at their own rate: dct --set rate={rate:g} --set tables=adaptive"
        )
    elif rate > 1.001 * own:
        notes.append(f"{rate:g} Hz is brought to {own:g} Hz; nothing above {0.45 * own:g} Hz is kept")
    return notes


class Intake:
    """Signals in, their coded channels out: float32, samples that do not count hold the last one that does."""

    def __init__(self, grid: Grid, what: str = "this tokenizer", *, everything: bool = False) -> None:
        self.grid = grid
        self.keep = list(range(grid.size("channel"))) if everything else coded_channels(grid, what)
        self.samples = 0
        self._last = np.zeros((len(self.keep), 1), np.float32)
        self._runs: list[list[list[int]]] = [[] for _ in self.keep]  # [start, stop] per channel

    def push(self, signal: Signal) -> tuple[Float[np.ndarray, "c t"], Bool[np.ndarray, "c t"] | None]:
        """The values of the next piece, and which of them count (None = all).

        Raises:
            SignalPieceError: other channels or another rate than the stream was begun with.
        """
        grid = signal.grid
        if grid.shape[:1] != self.grid.shape[:1] or grid.rate != self.grid.rate:
            raise SignalPieceError(
                f"the stream takes {self.grid.shape[0]} channels at {self.grid.time_rate:g} Hz, "
                f"got {grid.shape[0]} at {grid.rate[-1] or 0:g} Hz"
            )
        everything = len(self.keep) == grid.shape[0]
        x = np.asarray(signal.values if everything else signal.values[self.keep], np.float32)
        valid = _valid(signal, self.keep, x)
        if valid is not None:
            self._note(valid)
            x = self._hold(x, valid)
        self.samples += x.shape[1]
        if x.shape[1]:
            self._last = x[:, -1:].copy()
        return x, valid

    @property
    def invalid(self) -> tuple[tuple[int, int, int], ...]:
        """Stretches that do not count: (channel or -1 for all, start, stop) in samples, in order."""
        if not any(self._runs):
            return ()
        per_channel = [set(map(tuple, runs)) for runs in self._runs]
        common = set.intersection(*per_channel)
        own = {(c, a, b) for c, runs in enumerate(per_channel) for a, b in runs if (a, b) not in common}
        return tuple(sorted(own | {(-1, a, b) for a, b in common}, key=lambda r: (r[1], r[2], r[0])))

    def coded_grid(self, length: int | None = None) -> Grid:
        """The grid of the coded channels, `length` samples long (default: as at the beginning)."""
        grid = self.grid.pick(self.keep)
        return grid if length is None else replace(grid, shape=(len(self.keep), length))

    def _note(self, valid: Bool[np.ndarray, "c t"]) -> None:
        edges = np.diff(np.pad(~valid, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        for c, row in enumerate(edges):
            starts, stops = np.flatnonzero(row == 1), np.flatnonzero(row == -1)
            runs = self._runs[c]
            for a, b in zip((starts + self.samples).tolist(), (stops + self.samples).tolist(), strict=True):
                if runs and runs[-1][1] == a:
                    runs[-1][1] = b
                else:
                    runs.append([a, b])

    def _hold(self, x: Float[np.ndarray, "c t"], valid: Bool[np.ndarray, "c t"]) -> Float[np.ndarray, "c t"]:
        at = np.where(valid, np.arange(1, x.shape[1] + 1), 0)
        np.maximum.accumulate(at, axis=1, out=at)
        return np.take_along_axis(np.concatenate([self._last, x], axis=1), at, axis=1)


def _valid(signal: Signal, keep: list[int], x: Shaped[np.ndarray, "c t"]) -> Bool[np.ndarray, "c t"] | None:
    valid = None
    if signal.valid is not None:
        given = np.broadcast_to(np.asarray(signal.valid, bool), signal.grid.shape)[keep]
        valid = None if given.all() else given
    finite = np.isfinite(x)
    if not finite.all():
        valid = finite if valid is None else valid & finite
    return valid


def valid_samples(
    invalid: tuple[tuple[int, int, int], ...], channels: int, start: int, stop: int, ratio: tuple[int, int] = (1, 1)
) -> Bool[np.ndarray, "c t"] | None:
    """Which samples start to stop count, at up / down times the rate of the stretches; None = all."""
    up, down = ratio
    if not invalid:
        return None
    valid = np.ones((channels, stop - start), bool)
    for c, a, b in invalid:
        rows = slice(None) if c < 0 else c
        valid[rows, max(a * up // down - start, 0) : max(-(-b * up // down) - start, 0)] = False
    return None if valid.all() else valid
