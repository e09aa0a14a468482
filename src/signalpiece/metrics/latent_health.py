"""How bits, dimensions of Gaussians and weights of mixtures are used.

Papers: participation ratio after "Atomic Vibrations in Vitreous Silica" (1970); active units after "Importance Weighted
Autoencoders" (2015), section 5.2.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from signalpiece.core.check import SignalPieceError
from signalpiece.metrics.book_health import entropy

ACTIVE = 0.01  # variance of a dimension's mean over the data above which it says something
HEARD = 1e-3  # weight of a mixture above which a token takes part


@dataclass(frozen=True)
class BitUse:
    """How bits are used.

    Attributes:
        ones: share of 1 of each bit.
        entropy: of each bit by itself, at most 1.
        correlation: Pearson's r of each pair of bits; 0 where one of them is constant.
    """

    ones: Float[np.ndarray, "b"]
    entropy: Float[np.ndarray, "b"]
    correlation: Float[np.ndarray, "b b"]

    @property
    def stuck(self) -> int:
        """Bits that never change."""
        return int(((self.ones == 0) | (self.ones == 1)).sum())

    @property
    def effective(self) -> float:
        """Independent balanced bits with as much variance: trace(C)^2 / trace(C^2) of the covariance C."""
        sd = np.sqrt(self.ones * (1 - self.ones))
        square = float(np.square(self.correlation * sd[:, None] * sd).sum())
        return float(np.square(sd).sum() ** 2 / square) if square else 0.0

    @property
    def pairs(self) -> Float[np.ndarray, "p"]:
        """|r| of every pair of different bits."""
        return np.abs(self.correlation[np.triu_indices(len(self.ones), 1)])

    def part(self, start: int, stop: int) -> "BitUse":
        """Of bits start to stop alone."""
        cut = slice(start, stop)
        return BitUse(self.ones[cut], self.entropy[cut], self.correlation[cut, cut])


class BitCounts:
    """How often each bit is 1, and each pair of bits together; `add` blocks, then ask.

    Args:
        bits: how many.
    """

    def __init__(self, bits: int) -> None:
        self.total = 0
        self._both = np.zeros((bits, bits), np.int64)

    def add(self, bits: Bool[np.ndarray, "n b"]) -> None:
        """Counts a block of rows.

        Raises:
            SignalPieceError: another number of bits.
        """
        if bits.shape[1] != len(self._both):
            raise SignalPieceError(f"rows have {bits.shape[1]} bits, expected {len(self._both)}")
        self.total += len(bits)
        for start in range(0, len(bits), 1 << 20):  # whole numbers up to 2^24 are exact in float32
            part = bits[start : start + (1 << 20)].astype(np.float32)
            self._both += (part.T @ part).astype(np.int64)

    def use(self) -> BitUse:
        """Balance and correlation so far."""
        ones = np.diag(self._both) / max(self.total, 1)
        together = self._both / max(self.total, 1) - ones[:, None] * ones
        sd = np.sqrt(ones * (1 - ones))
        scale = sd[:, None] * sd
        r = np.divide(together, scale, out=np.zeros_like(together), where=scale > 0)
        both = np.stack([ones, 1 - ones])
        bits = -(both * np.log2(np.where(both > 0, both, 1.0))).sum(0) + 0.0
        return BitUse(ones, bits, np.clip(r, -1, 1))


def bit_use(bits: Bool[np.ndarray, "n b"]) -> BitUse:
    """Balance and correlation of one block of bits."""
    counts = BitCounts(bits.shape[1])
    counts.add(bits)
    return counts.use()


def code_bits_of(codes: Int[np.ndarray, "n q"], sizes: tuple[int, ...]) -> Bool[np.ndarray, "n b"]:
    """The bits of columns of codes of `sizes` bits each, the most significant first."""
    parts = [codes[:, q, None] >> np.arange(size - 1, -1, -1) & 1 for q, size in enumerate(sizes)]
    return np.concatenate(parts, 1).astype(bool)


@dataclass(frozen=True)
class DimensionUse:
    """What the dimensions of a Gaussian say.

    Attributes:
        divergence: of each dimension from the normal law, nats per vector.
        variance: of each dimension's mean over the data.
    """

    divergence: Float[np.ndarray, "d"]
    variance: Float[np.ndarray, "d"]

    @property
    def active(self) -> Bool[np.ndarray, "d"]:
        """Dimensions whose mean depends on the data: its variance is above 0.01."""
        return self.variance > ACTIVE


def dimension_use(mean: Float[np.ndarray, "n d"], log_variance: Float[np.ndarray, "n d"]) -> DimensionUse:
    """Use of the dimensions of `n` Gaussians.

    Raises:
        SignalPieceError: there is no vector.
    """
    if not len(mean):
        raise SignalPieceError("there is no vector whose dimensions could be examined")
    mean, log_variance = np.asarray(mean, float), np.asarray(log_variance, float)
    divergence = (np.square(mean) + np.exp(log_variance) - 1 - log_variance).mean(0) / 2
    return DimensionUse(divergence, mean.var(0))


@dataclass(frozen=True)
class MixtureUse:
    """How weights over shared tokens are spread.

    Attributes:
        size: tokens there are.
        live: tokens that took part at least once.
        active: tokens that take part in a mixture, on average.
        perplexity: equally used tokens that would share the weights of all mixtures as widely.
    """

    size: int
    live: int
    active: float
    perplexity: float


def mixture_use(weights: Float[np.ndarray, "n k"]) -> MixtureUse:
    """Use of `k` tokens by `n` mixtures, whose weights sum to 1 in each row.

    Raises:
        SignalPieceError: there is no mixture, or a negative weight.
    """
    if not len(weights) or weights.min() < 0:
        raise SignalPieceError("mixtures need at least one row, and weights that are not negative")
    part = weights > HEARD
    return MixtureUse(
        weights.shape[1], int(part.any(0).sum()), float(part.sum(1).mean()), float(2 ** entropy(weights.sum(0)))
    )
