"""Random pieces of recordings as training batches; batch number k depends on the seed and k alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.contracts import Recording
from signalpiece.core.signal import Signal

TRIES = 8  # draws of one crop before samples that do not count are put up with


@dataclass(frozen=True)
class Batch:
    """Crops of one length at one rate, in SI units, and the names of each crop's channels."""

    values: Float[Any, "b c t"]
    rate: float
    names: tuple[tuple[str, ...], ...]


class Crops:
    """Batches of random crops. Recordings are read lazily, a little more than each crop; signals stay in memory.

    Every channel-second is equally likely. Crops that hold samples which do not count are drawn again.

    Args:
        recordings: opened recordings or signals; pick the channels to train on beforehand.
        seconds: length of a crop.
        batch: crops of one batch.
        channels: channels of one crop, a random choice in the recording's order; 0 = all (equally many everywhere).
        seed: of the draws.
        prepare: makes a crop fit the model (rate); the batch has the rate of what it returns.
        margin_seconds: read on both sides of a crop and cut away after `prepare`.

    Raises:
        SignalPieceError: a recording is shorter than a crop or has too few channels, or prepared rates differ.
    """

    def __init__(
        self,
        recordings: Sequence[Recording | Signal],
        *,
        seconds: float = 5.0,
        batch: int = 16,
        channels: int = 1,
        seed: int = 0,
        prepare: Callable[[Signal], Signal] | None = None,
        margin_seconds: float = 0.5,
    ) -> None:
        check_range("seconds of a crop", seconds, 0.01, 3600)
        check_range("batch", batch, 1, 1 << 20)
        self.recordings = [r for r in recordings if r.grid.seconds >= seconds and r.grid.size("channel") >= channels]
        if not self.recordings:
            raise SignalPieceError(
                f"no recording has {channels or 'any'} channels and {seconds:g} s; give longer ones or shorter crops"
            )
        self.seconds, self.batch, self.channels, self.seed = seconds, batch, channels, seed
        self.prepare, self.margin = prepare, margin_seconds
        weight = [(r.grid.seconds - seconds + 1e-3) * (r.grid.size("channel") or 1) for r in self.recordings]
        self._weight = np.array(weight) / np.sum(weight)

    def __call__(self, step: int) -> Batch:
        """Batch number `step`."""
        random = np.random.default_rng((self.seed, step))
        return _collate([self._draw(random) for _ in range(self.batch)])

    def fixed(self, count: int) -> list[Batch]:
        """The same `count` batches always, for validation: drawn by a seed of their own."""
        return [_collate([self._draw(np.random.default_rng((1 << 32, i, k))) for k in range(self.batch)])
                for i in range(count)]  # fmt: skip

    def _draw(self, random: np.random.Generator) -> Signal:
        crop = None
        for _ in range(TRIES):
            recording = self.recordings[random.choice(len(self.recordings), p=self._weight)]
            start = random.uniform(0, recording.grid.seconds - self.seconds)
            total = recording.grid.size("channel")
            pick = np.sort(random.choice(total, self.channels or total, replace=False))
            crop = self._cut(recording, start, pick.tolist())
            if crop.valid is None or bool(np.all(crop.valid)):
                break
        assert crop is not None
        return crop

    def _cut(self, recording: Recording | Signal, start: float, pick: list[int]) -> Signal:
        rate, total = recording.grid.time_rate, recording.grid.size("time")
        first = max(int((start - self.margin) * rate), 0)
        end = min(int(np.ceil((start + self.seconds + self.margin) * rate)) + 1, total)
        if isinstance(recording, Signal):
            piece = recording.crop(first, end).pick(pick)
        else:
            piece = recording.read(first / rate, end / rate).pick(pick)
        if self.prepare is not None:
            piece = self.prepare(piece)
        rate, length = piece.grid.time_rate, int(round(self.seconds * piece.grid.time_rate))
        at = min(
            max(int(round((start - first / recording.grid.time_rate) * rate)), 0), piece.grid.size("time") - length
        )
        return piece.crop(at, at + length)


def _collate(crops: list[Signal]) -> Batch:
    rates = {c.grid.time_rate for c in crops}
    if len(rates) > 1:
        listed = ", ".join(f"{r:g}" for r in sorted(rates))
        raise SignalPieceError(f"the recordings have rates of {listed} Hz; give `prepare` that brings them to one rate")
    shapes = {tuple(c.values.shape) for c in crops}
    if len(shapes) > 1:
        raise SignalPieceError(f"crops differ in shape ({shapes}); set channels to a number that all recordings have")
    names = tuple(c.grid.names for c in crops)
    return Batch(np.stack([c.values for c in crops]).astype(np.float32), rates.pop(), names)
