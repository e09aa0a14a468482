"""How codes use what they may choose from: a table of vectors, the values of every dimension of a grid.

From counts alone, so that a recording of any length is one pass; which vectors are nearly equal, from the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from signalpiece.core.check import SignalPieceError

NEAR = 0.01  # of the table's spread: two vectors as near as this say the same
_ROWS = 1024  # vectors compared with the whole table at a time


@dataclass(frozen=True)
class BookUse:
    """How one table of codes is used.

    Attributes:
        size: codes in the table.
        live: codes that occurred.
        perplexity: equally likely codes that would cost as much.
        double: codes whose vector is nearly that of an earlier one; None without vectors.
    """

    size: int
    live: int
    perplexity: float
    double: int | None = None

    @property
    def dead(self) -> int:
        """Codes that never occurred."""
        return self.size - self.live

    @property
    def usage(self) -> float:
        """Share of the codes that occurred."""
        return self.live / self.size


def book_use(counts: Int[np.ndarray, "k"], vectors: Float[np.ndarray, "m d"] | None = None) -> BookUse:
    """Use of a table of which code `i` occurred `counts[i]` times.

    >>> book_use(np.array([2, 2, 0, 0])).perplexity
    2.0

    Raises:
        SignalPieceError: not one vector per code.
    """
    if vectors is not None and len(vectors) != len(counts):
        raise SignalPieceError(f"{len(counts)} codes need as many vectors, got {len(vectors)}")
    double = None if vectors is None else int(near_doubles(vectors).sum())
    return BookUse(len(counts), int((counts > 0).sum()), float(2 ** entropy(counts)), double)


def near_doubles(vectors: Float[np.ndarray, "k d"], *, within: float = NEAR) -> Bool[np.ndarray, "k"]:
    """Vectors no further than `within` times the table's spread from an earlier one that is none itself.

    The spread is the root mean square distance of the vectors to their mean; equal vectors are always doubles.
    """
    x = np.asarray(vectors, float)
    if not len(x):
        return np.zeros(0, bool)
    x = x - x.mean(0)
    square = np.square(x).sum(1)
    limit = max(within**2, 1e-12) * square.mean() + 1e-15 * square.max(initial=0.0)  # what rounding may add
    double = np.zeros(len(x), bool)
    for start in range(0, len(x), _ROWS):
        part = slice(start, start + _ROWS)
        near = square[part, None] + square - 2 * x[part] @ x.T <= limit
        for i in np.flatnonzero(near.sum(1) > 1) + start:  # few: a vector is always near itself
            double[i] = bool((near[i - start, :i] & ~double[:i]).any())
    return double


@dataclass(frozen=True)
class LevelUse:
    """How the values of every dimension of a grid are used.

    Attributes:
        shares: for each dimension, how often each of its values occurred, of all.
    """

    shares: tuple[Float[np.ndarray, "_"], ...]

    @property
    def unused(self) -> tuple[tuple[int, ...], ...]:
        """For each dimension the values that never occurred."""
        return tuple(tuple(np.flatnonzero(s == 0).tolist()) for s in self.shares)

    @property
    def entropy(self) -> Float[np.ndarray, "k"]:
        """Of each dimension, bits."""
        return np.array([entropy(s) for s in self.shares])

    @property
    def capacity(self) -> Float[np.ndarray, "k"]:
        """The most each dimension could say, bits."""
        return np.log2([len(s) for s in self.shares])


def level_use(values: Int[np.ndarray, "n"], counts: Int[np.ndarray, "n"], levels: Sequence[int]) -> LevelUse:
    """Use of a grid whose code `values[i]` occurred `counts[i]` times, the first dimension counting fastest.

    Raises:
        SignalPieceError: a code outside the grid.
    """
    sizes = np.array(levels, np.int64)
    if len(values) and not 0 <= values.min() <= values.max() < sizes.prod():
        raise SignalPieceError(f"codes of a grid of {tuple(levels)} must be between 0 and {sizes.prod() - 1}")
    place = np.concatenate([[1], sizes[:-1]]).cumprod()
    total = max(int(counts.sum()), 1)
    digits = values[:, None] // place % sizes
    return LevelUse(tuple(np.bincount(digits[:, i], counts, minlength=n) / total for i, n in enumerate(sizes.tolist())))


def entropy(counts: Float[np.ndarray, "k"] | Int[np.ndarray, "k"]) -> float:
    """Order-0 entropy in bits of what occurred `counts` times, or in these shares."""
    used = counts[counts > 0]
    share = used / max(float(used.sum()), 1e-300)
    return float(-(share * np.log2(share)).sum()) + 0.0
