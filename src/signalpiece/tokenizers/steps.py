"""Quantization steps: one per channel, in the channel's own unit, a few bits each in the side information.

A step is `base * 2 ** (k / 8)`: the base stands once in the header, the small integer k in the side. So the usual cases
(one step for all, or steps that follow each channel's spread to an eighth of an octave) cost a byte a channel, and any
other list of steps is kept exactly, as float32 bit patterns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError

PER_OCTAVE = 8


@dataclass(frozen=True)
class Steps:
    """Steps of all channels. `base` 0 says that `codes` are bit patterns.

    `covariance` of the channels, in their units, where a first pass has seen it: for a transform over channels.
    """

    base: float
    codes: Int[np.ndarray, "c"]
    covariance: Float[np.ndarray, "c c"] | None = None

    @property
    def values(self) -> Float[np.ndarray, "c"]:
        """The steps, float64, each in its channel's unit."""
        if self.base == 0:
            return self.codes.astype(np.int32).view(np.float32).astype(np.float64)
        return self.base * 2.0 ** (self.codes / PER_OCTAVE)

    def times(self, factor: float) -> "Steps":
        """All steps times a factor."""
        if self.base == 0:
            return replace(given(self.values * factor, len(self.codes)), covariance=self.covariance)
        return replace(self, base=_short(self.base * factor))

    def pick(self, channels: Sequence[int]) -> "Steps":
        """The steps of some channels."""
        return replace(self, codes=self.codes[list(channels)], covariance=None)


def given(step: Any, channels: int) -> Steps:
    """Steps that a caller has chosen: one for all channels, or one each.

    Raises:
        SignalPieceError: there are not as many as channels, or one is not above 0.
    """
    values = np.atleast_1d(np.asarray(step, float))
    if values.shape not in ((1,), (channels,)):
        raise SignalPieceError(f"step must be one number or one per channel ({channels}), got shape {values.shape}")
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise SignalPieceError(f"step must be above 0 in the channel's unit, got {values.min():g}")
    if (values == values[0]).all():
        return Steps(float(values[0]), np.zeros(channels, np.int32))
    return Steps(0.0, values.astype(np.float32).view(np.int32))


def proportional(spread: Float[np.ndarray, "c"], ratio: float) -> Steps:
    """Steps of `ratio` times each channel's spread, rounded to an eighth of an octave; flat channels take the median.

    Raises:
        SignalPieceError: the ratio is not above 0.
    """
    if not 0 < ratio < np.inf:
        raise SignalPieceError(f"step_ratio must be above 0, got {ratio:g}")
    lively = spread > 0
    if not lively.any():
        return Steps(float(ratio), np.zeros(len(spread), np.int32))
    exponents = np.zeros(len(spread))
    exponents[lively] = np.round(PER_OCTAVE * np.log2(spread[lively]))
    middle = np.sort(exponents[lively])[int(lively.sum()) // 2]
    codes = np.where(lively, exponents - middle, 0).astype(np.int32)
    return Steps(_short(ratio * 2.0 ** (middle / PER_OCTAVE)), codes)


def _short(base: float) -> float:
    """A number that takes few characters in the header."""
    return float(f"{base:.4g}")
