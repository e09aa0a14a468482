"""Gain and offset of every second, as codes: what a learned coder leaves to two integers per channel.

A coder with a fixed codebook works on signals of unit size around zero. Published ones divide by a number taken from
the whole input and lose it, or keep it apart from the tokens. Here both numbers are codes: the gain is the root mean
square in half octaves, the offset the mean in steps of that gain, each as the difference to the block before, from a
fixed start in every segment. Encoder and decoder follow the decoded values, so nothing drifts.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

PER_OCTAVE = 2  # gain codes
FIRST = -34  # gain code before a segment: 7.6 microvolts
LOWEST, HIGHEST = -128, 127  # 5e-20 to 1e19
FLAT = 2.0**-20  # least gain beside the change of the mean, so that an offset fits an integer


@dataclass(frozen=True)
class Level:
    """Where each channel stands after a block: gain code and offset; `fresh` before a segment's first block."""

    code: Int[np.ndarray, "c"]
    offset: Float[np.ndarray, "c"]
    fresh: bool = True

    @classmethod
    def begin(cls, channels: int) -> "Level":
        """Before a segment."""
        return cls(np.full(channels, FIRST, np.int64), np.zeros(channels))


@dataclass(frozen=True)
class Envelope:
    """Gain and offset at every sample of a block."""

    gain: Float[np.ndarray, "c t"]
    offset: Float[np.ndarray, "c t"]

    def remove(self, x: Float[np.ndarray, "c t"]) -> Float[np.ndarray, "c t"]:
        """Signal to unit size around zero."""
        return ((x - self.offset) / self.gain).astype(np.float32)

    def restore(self, y: Float[np.ndarray, "c t"]) -> Float[np.ndarray, "c t"]:
        """The inverse of `remove`."""
        return (y * self.gain + self.offset).astype(np.float32)


def measure(x: Float[np.ndarray, "c t"], level: Level) -> Int[np.ndarray, "c 2"]:
    """Codes of a block: change of the gain in half octaves, change of the mean in gains."""
    x = x.astype(np.float64)
    mean = x.mean(1)
    change = np.abs(mean - level.offset)
    size = np.maximum(np.sqrt(np.square(x - mean[:, None]).mean(1)), np.maximum(change * FLAT, 2.0**-64))
    code = np.clip(np.rint(PER_OCTAVE * np.log2(size)), LOWEST, HIGHEST).astype(np.int64)
    steps = np.rint((mean - level.offset) / _gain(code))
    return np.stack([code - level.code, steps], 1).astype(np.int32)


def follow(codes: Int[np.ndarray, "c 2"], level: Level, samples: int, ramp: int) -> tuple[Envelope, Level]:
    """The envelope of a block of `samples`, and where it ends.

    Args:
        codes: of `measure`.
        level: after the block before.
        samples: of the block.
        ramp: samples over which gain (in octaves) and offset move to the new values; 0 = at once.
    """
    code = np.clip(level.code + codes[:, 0], LOWEST, HIGHEST)
    new = Level(code, level.offset + codes[:, 1] * _gain(code), fresh=False)
    old = new if level.fresh else level
    if not ramp:
        old = new
    share = np.minimum(np.arange(1, samples + 1) / max(ramp, 1), 1)
    octaves = (old.code[:, None] + (new.code - old.code)[:, None] * share) / PER_OCTAVE
    offset = old.offset[:, None] + (new.offset - old.offset)[:, None] * share
    return Envelope(np.exp2(octaves), offset), new


def _gain(code: Int[np.ndarray, "c"]) -> Float[np.ndarray, "c"]:
    return np.exp2(code / PER_OCTAVE)
