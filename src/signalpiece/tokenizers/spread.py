"""How widely each channel spreads at the tokenizer's rate, which default steps follow, and channels with each other."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Shaped

from signalpiece.core.signal import Grid, Signal
from signalpiece.tokenizers.intake import Intake, valid_samples
from signalpiece.tokenizers.resample import Resampler


def spread_of(grid: Grid, blocks: Iterable[Signal], rate: float, *, together: bool = False) -> "Spread":
    """Spread of each coded channel of a recording, resampled to `rate` Hz, over samples that count."""
    intake, resampler = Intake(grid), Resampler.between(grid.time_rate, rate)
    stream, spread, given = resampler.stream(), Spread(len(intake.keep), together=together), 0

    def count(z: Shaped[np.ndarray, "c s"]) -> int:
        valid = valid_samples(intake.invalid, len(z), given, given + z.shape[1], (resampler.up, resampler.down))
        spread.push(z, valid)
        return given + z.shape[1]

    for block in blocks:
        given = count(stream.push(intake.push(block)[0]))
    last = stream.close()
    if last.shape[0]:
        count(last)
    return spread


class Spread:
    """Standard deviation of each channel over the samples that count, of a signal that arrives in pieces.

    With `together` also the covariance, over the moments at which all channels count.
    """

    def __init__(self, channels: int, *, together: bool = False) -> None:
        self._moments, self._sums = np.zeros(1), np.zeros(channels)
        self._products = np.zeros((channels, channels)) if together else None
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
        if self._products is not None:
            apart = apart[:, counts.all(0)]
            self._moments += apart.shape[1]
            self._sums += apart.sum(1)
            self._products += apart @ apart.T

    @property
    def values(self) -> Float[np.ndarray, "c"]:
        """The standard deviations so far; 0 without samples."""
        count = np.maximum(self._count, 1)
        return np.sqrt(np.maximum(self._squares / count - (self._sum / count) ** 2, 0))

    @property
    def covariance(self) -> Float[np.ndarray, "c c"] | None:
        """Of the channels with each other; None if not asked for or never all there."""
        if self._products is None or not self._moments[0]:
            return None
        mean = self._sums / self._moments
        return self._products / self._moments - np.outer(mean, mean)
