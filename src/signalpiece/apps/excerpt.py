"""What a comparison codes of a recording: the benchmark's band at 100 Hz, whole or in ten evenly spaced pieces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid, Signal
from signalpiece.metrics.bands import channel_sd
from signalpiece.metrics.protocol import MARGIN_SECONDS, protocol_rate, ratio_of, to_protocol

NOT_COMPARED = ("stim", "misc", "status", "trigger", "exci", "ias", "syst", "chpi")
MAX_SECONDS, MAX_CHANNELS, PIECES = 600.0, 16, 10


@dataclass(frozen=True)
class Excerpt:
    """A signal that every coder gets: filtered, at the benchmark's rate, with the file it came from.

    Attributes:
        file: name of the recording.
        set: which data set of a suite it belongs to, or "".
        signal: what is coded, at most 100 Hz.
        seconds: length of the whole recording.
        pieces: seconds at which each piece starts; one entry if the recording is whole.
        channels: channels of the whole recording that could be compared.
    """

    file: str
    signal: Signal
    seconds: float
    pieces: tuple[float, ...] = (0.0,)
    channels: int = 0
    set: str = ""

    @property
    def sd(self) -> Float[np.ndarray, "c"]:
        """Standard deviation of each channel over its valid samples, in the channel's unit."""
        return channel_sd(np.asarray(self.signal.values, float), full_mask(self.signal))


def comparable(grid: Grid) -> list[int]:
    """Channels that carry a signal: no triggers, no unnamed extras unless there is nothing else."""
    kinds = grid.kinds or ("misc",) * grid.size("channel")
    chosen = [c for c, k in enumerate(kinds) if k not in NOT_COMPARED]
    return chosen or list(range(grid.size("channel")))


def spread(items: Sequence[int], most: int) -> list[int]:
    """At most `most` of the items, evenly spaced, the first included."""
    if len(items) <= most:
        return list(items)
    return [items[int(k * len(items) / most)] for k in range(most)]


def excerpt_of(recording: Any, *, full: bool = False, name: str = "") -> Excerpt:
    """A recording as the benchmark gives it to coders: at most 600 s x 16 channels in 10 pieces unless `full`.

    Raises:
        SignalPieceError: the recording has no channels, or less than two seconds.
    """
    grid, name = recording.grid, name or recording.path.name
    seconds = grid.seconds if grid.size("channel") else 0.0
    if not grid.size("channel") or seconds < 2:
        raise SignalPieceError(f"{name}: a comparison needs at least one channel and 2 seconds, got {seconds:g} s")
    usable = comparable(grid)
    channels = usable if full else spread(usable, MAX_CHANNELS)
    if full or seconds <= MAX_SECONDS:
        starts, length = (0.0,), seconds
    else:
        length = MAX_SECONDS / PIECES
        starts = tuple(float(s) for s in np.floor(np.linspace(0, seconds - length, PIECES)))
    parts = [protocol_piece(recording, s, min(s + length, seconds), channels) for s in starts]
    signal = _join(parts)
    return Excerpt(name, _without_flat(signal, name), seconds, starts, len(usable))


def protocol_piece(recording: Any, start: float, stop: float, channels: Sequence[int]) -> Signal:
    """Seconds start to stop, filtered as if the whole recording had been, at the benchmark's rate.

    Pieces begin at source samples that fall on samples of the result: recordings on one timeline stay aligned.
    """
    rate, total = recording.grid.time_rate, recording.grid.size("time")
    to = protocol_rate(rate)
    ratio = ratio_of(rate, to)
    first, end = int(round(start * to)), min(int(round(stop * to)), int(total * ratio))
    margin = int(np.ceil(MARGIN_SECONDS * rate))
    a = max(int(first / ratio) - margin, 0) // ratio.denominator * ratio.denominator
    b = min(int(end / ratio) + margin, total)
    wide = read_samples(recording, a, b).pick(channels)
    begin = int(a * ratio)
    return filtered(wide, first - begin, end - begin)


def filtered(signal: Signal, first: int = 0, end: int | None = None) -> Signal:
    """The signal in the benchmark's band and at its rate, samples `first` to `end` of the result."""
    rate = signal.grid.time_rate
    to = protocol_rate(rate)
    end = int(signal.grid.size("time") * ratio_of(rate, to)) if end is None else end
    values = to_protocol(np.asarray(signal.values), rate)[:, first:end].astype(np.float32)
    grid = replace(signal.grid, rate=(None, to), shape=values.shape, start=signal.grid.start + first / to, affine=None)
    valid = None
    if signal.valid is not None:
        mask = np.broadcast_to(np.asarray(signal.valid), signal.grid.shape)
        at = np.minimum(np.round((first + np.arange(values.shape[1])) * rate / to).astype(int), mask.shape[1] - 1)
        valid = mask[:, at]
        valid = None if valid.all() else valid
    return Signal(grid, values, valid, signal.annotations)


def read_samples(recording: Any, first: int, end: int) -> Signal:
    """Timeline samples first to end of an opened recording."""
    if hasattr(recording, "read_samples"):
        return recording.read_samples(first, end)
    rate = recording.grid.time_rate
    return recording.read(first / rate, end / rate)


def pieces_of(recording: Any, seconds: float, channels: Sequence[int]) -> Iterator[Signal]:
    """The whole recording in filtered pieces of `seconds`, one in memory at a time."""
    total = recording.grid.seconds
    edges = [*np.arange(0, total - 1e-9, seconds).tolist(), total]
    if len(edges) > 2 and edges[-1] - edges[-2] < 2:
        del edges[-2]  # no piece too short to measure
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        yield protocol_piece(recording, start, stop, channels)


def full_mask(signal: Signal) -> Bool[np.ndarray, "c t"] | None:
    """The valid mask as wide as the values, or None."""
    if signal.valid is None:
        return None
    return np.broadcast_to(np.asarray(signal.valid), signal.grid.shape)


def _join(parts: Sequence[Signal]) -> Signal:
    if len(parts) == 1:
        return parts[0]
    values = np.concatenate([p.values for p in parts], 1)
    valid = None
    if any(p.valid is not None for p in parts):
        masks = [np.ones(p.grid.shape, bool) if p.valid is None else full_mask(p) for p in parts]
        valid = np.concatenate([m for m in masks if m is not None], 1)
    return Signal(replace(parts[0].grid, shape=values.shape, start=0.0), values, valid)


def _without_flat(signal: Signal, name: str) -> Signal:
    alive = np.flatnonzero(channel_sd(np.asarray(signal.values, float), full_mask(signal)) > 0)
    if not len(alive):
        raise SignalPieceError(f"{name}: every channel is flat; there is nothing to compare")
    return signal if len(alive) == signal.grid.size("channel") else signal.pick(alive.tolist())
