"""Change of sampling rate by an exact ratio: a short linear-phase filter in polyphase form, its delay taken out.

Kaiser-windowed sinc, flat to 90 % of the lower of the two Nyquist frequencies and 70 dB down from 110 % on (45 and
55 Hz when going to 100 Hz), after "Nonrecursive Digital Filter Design Using the I0-sinh Window Function" (1974).
No high-pass: drift passes. Outputs come in blocks of a fixed size, so that any chunking gives the same samples.
High rates are first divided by a whole number, to no less than four times the new rate.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError
from signalpiece.tokenizers.blocks import BlockMap, BlockStream

STOP_DB = 70.0
BLOCKS = (25, 50)  # output samples of a block, where the ratio allows: they divide the usual hops
FIRST_BLOCK = 16  # of a first stage
ABOVE = 4  # times the new rate that a first stage leaves
TOLERANCE = 1e-3  # of the rate, where the exact ratio has a numerator above 128


def ratio_between(source: float, rate: float) -> tuple[int, int]:
    """(up, down): rate = source * up / down, exactly where `up` is at most 128, else within 0.1 %.

    Raises:
        SignalPieceError: a rate is not above 0 Hz, or the two are more than a factor of 10,000 apart.
    """
    if not (0 < source < np.inf and 0 < rate < np.inf):
        raise SignalPieceError(f"a sampling rate must be above 0 Hz, got {source:g} and {rate:g}")
    if not 1e-4 <= rate / source <= 1e4:
        raise SignalPieceError(f"{source:g} Hz is too far from {rate:g} Hz to resample; the limit is a factor of 10000")
    exact = Fraction(rate / source).limit_denominator(1_000_000)
    if exact.numerator <= 128 and abs(exact * Fraction(source) / Fraction(rate) - 1) < 1e-9:
        return exact.numerator, exact.denominator
    for up in range(1, 10_000):
        down = max(round(up * source / rate), 1)
        if abs(source * up / (down * rate) - 1) < TOLERANCE:
            return up, down
    raise AssertionError("a numerator of 10,000 always suffices")


@dataclass(frozen=True)
class Resampler:
    """`up / down` times the samples; 1 / 1 is the identity. `first` is what a first stage divides the rate by."""

    up: int
    down: int
    first: int = 1

    @classmethod
    def between(cls, source: float, rate: float) -> "Resampler":
        """The resampler from `source` Hz to `rate` Hz."""
        up, down = ratio_between(source, rate)
        fits = [d for d in range(2, down // (up * ABOVE) + 1) if down % d == 0]
        return cls(up, down, max(fits, default=1))

    @property
    def is_identity(self) -> bool:
        """Whether samples pass as they are."""
        return self.up == self.down

    def rate(self, source: float, wanted: float) -> float:
        """The rate that comes out, Hz: `wanted` itself where the ratio is exact."""
        out = source * self.up / self.down
        return wanted if abs(out / wanted - 1) < 1e-9 else out

    def length(self, samples: int) -> int:
        """Output samples of an input of `samples`."""
        return -(-samples * self.up // self.down)

    def latency_seconds(self, source: float) -> float:
        """How long after an output sample's time it is known, at worst."""
        if self.is_identity:
            return 0.0
        early = 0 if self.first == 1 else self.first_map.taps - self.first_map.before
        return (early + (self.map.taps - self.map.before) * self.first) / source

    def inverse(self) -> "Resampler":
        """The way back, in one stage."""
        return Resampler(self.down, self.up)

    @property
    def first_map(self) -> BlockMap:
        """The block map of the first stage."""
        return _design(1, self.first, Fraction(self.up, self.down))

    @property
    def map(self) -> BlockMap:
        """The block map of one polyphase block, behind the first stage."""
        return _design(self.up, self.down // self.first, Fraction(self.up * self.first, self.down))

    def stream(self) -> "ResampleStream":
        """A resampler for a signal that arrives in pieces."""
        return ResampleStream(self)

    def __call__(self, x: Float[np.ndarray, "c t"]) -> Float[np.ndarray, "c s"]:
        """The whole signal at the new rate."""
        if self.first == 1:
            return x if self.is_identity else self.between_samples(x, 0, 0, self.length(x.shape[1]))
        stream = self.stream()
        return np.concatenate([stream.push(x), stream.close()], axis=1) if x.shape[1] else x

    def between_samples(self, x: Float[np.ndarray, "c t"], at: int, start: int, stop: int) -> Float[np.ndarray, "c s"]:
        """Output samples start to stop of a signal of which `x` holds samples `at` onwards; one stage only.

        `x` must hold what `needs` says; what is missing there lies before the start or after the end of the signal.
        """
        if self.is_identity:
            return x[:, start - at : stop - at]
        assert self.first == 1, "ranges are for the way back"
        if not x.shape[1] or stop <= start:
            return x[:, :0]
        size = self.map.outputs
        first, end = start // size, -(-stop // size)
        out = self.map.between(x, at, first, end).reshape(len(x), -1)
        return out[:, start - first * size : stop - first * size]

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Input samples (start, stop) that output samples start to stop depend on; they may lie outside the signal."""
        if self.is_identity:
            return start, stop
        return self.map.needs(start // self.map.outputs, -(-stop // self.map.outputs))

    def within(self, start: int, stop: int, total: int) -> tuple[int, int]:
        """Output samples that input samples start to stop determine, of `total` input samples."""
        if self.is_identity:
            return start, stop
        size, hop, before = self.map.outputs, self.map.hop, self.map.before
        first = 0 if start <= 0 else -(-(start + before) // hop)
        end = (stop + before - self.map.taps) // hop + 1
        last = self.length(total) if stop >= total else end * size
        return first * size, max(last, first * size)


class ResampleStream:
    """Pieces in, pieces out; joined they equal the resampled whole bit for bit."""

    def __init__(self, resampler: Resampler) -> None:
        self.resampler = resampler
        self._early = None if resampler.first == 1 else BlockStream(resampler.first_map)
        self._blocks = None if resampler.is_identity else BlockStream(resampler.map)
        self._taken = self._given = 0

    def push(self, x: Float[np.ndarray, "c t"]) -> Float[np.ndarray, "c s"]:
        """The output samples that are known now."""
        self._taken += x.shape[1]
        if self._early is not None:
            x = self._early.push(x).reshape(len(x), -1)
        y = x if self._blocks is None else self._blocks.push(x).reshape(len(x), -1)
        self._given += y.shape[1]
        return y

    def close(self) -> Float[np.ndarray, "c s"]:
        """The rest."""
        total = self.resampler.length(self._taken)
        if self._blocks is None or not self._taken:
            return np.empty((0, 0), np.float32)
        pieces = []
        if self._early is not None:
            samples = -(-self._taken // self.resampler.first)
            last = self._early.close(-(-samples // self.resampler.first_map.outputs))
            pieces.append(self._blocks.push(last.reshape(len(last), -1)))
        pieces.append(self._blocks.close(-(-total // self.resampler.map.outputs)))
        rest = np.concatenate(pieces, axis=1)
        return rest.reshape(len(rest), -1)[:, : total - self._given]


@cache
def _design(up: int, down: int, final: Fraction) -> BlockMap:
    """Keeps what a rate of `final` times the input's can hold, and lets nothing else fold into that."""
    size = next((b for b in BLOCKS if b % up == 0), up * -(-BLOCKS[0] // up))
    if final != Fraction(up, down):
        size = FIRST_BLOCK
    nyquist = min(1.0, float(final)) / 2  # cycles per input sample
    keep, stop = 0.9 * nyquist, max(min(1.0, up / down) - 1.1 * nyquist, 1.1 * nyquist)
    cutoff = (keep + stop) / 2
    half = int(np.ceil((STOP_DB - 7.95) / (2.285 * 2 * np.pi * (stop - keep)) / 2))
    beta = 0.1102 * (STOP_DB - 8.7)
    at = np.arange(size) * down / up
    taps = int(at[-1]) + 2 * half + 1
    distance = at[None, :] - (np.arange(taps)[:, None] - half)
    inside = np.clip(1 - (distance / half) ** 2, 0, None)
    kernel = np.sinc(2 * cutoff * distance) * np.i0(beta * np.sqrt(inside)) * (abs(distance) <= half)
    kernel /= kernel.sum(0)
    return BlockMap(kernel.astype(np.float32), size * down // up, half)
