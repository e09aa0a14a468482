"""How widely each channel spreads at the tokenizer's rate: what default steps are proportional to."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Shaped

from signalpiece.core.signal import Grid, Signal
from signalpiece.tokenizers.intake import Intake, valid_samples
from signalpiece.tokenizers.resample import Resampler


def spread_of(grid: Grid, blocks: Iterable[Signal], rate: float) -> Float[np.ndarray, "c"]:
    """Standard deviation of each coded channel of a recording, resampled to `rate` Hz, over samples that count."""
    intake, resampler = Intake(grid), Resampler.between(grid.time_rate, rate)
    stream, spread, given = resampler.stream(), Spread(len(intake.keep)), 0

    def count(z: Shaped[np.ndarray, "c s"]) -> int:
        valid = valid_samples(intake.invalid, len(z), given, given + z.shape[1], (resampler.up, resampler.down))
        spread.push(z, valid)
        return given + z.shape[1]

    for block in blocks:
        given = count(stream.push(intake.push(block)[0]))
    last = stream.close()
    if last.shape[0]:
        count(last)
    return spread.values


class Spread:
    """Standard deviation of each channel over the samples that count, of a signal that arrives in pieces."""

    def __init__(self, channels: int) -> None:
        self._count = np.zeros(channels)
        self._sum = np.zeros(channels)
        self._squares = np.zeros(channels)
        self._shift = np.full(channels, np.nan)

    def push(self, x: Shaped[np.ndarray, "c t"], valid: Shaped[np.ndarray, "..."] | None = None) -> None:
        """More samples."""
        if not x.shape[1]:
            return
        counts = np.ones(x.shape, bool) if valid is None else np.broadcast_to(valid, x.shape)
        new = np.isnan(self._shift) & counts.any(1)
        self._shift[new] = x[new, counts[new].argmax(1)]
        apart = np.where(counts, x - np.nan_to_num(self._shift)[:, None], 0.0)
        self._count += counts.sum(1)
        self._sum += apart.sum(1)
        self._squares += np.einsum("ct,ct->c", apart, apart)

    @property
    def values(self) -> Float[np.ndarray, "c"]:
        """The standard deviations so far; 0 without samples."""
        count = np.maximum(self._count, 1)
        return np.sqrt(np.maximum(self._squares / count - (self._sum / count) ** 2, 0))
