"""What codes cost and how well a codebook is used: order-0 entropy, perplexity, live and dead codes.

Counts are collected block by block, so that a recording of any length is one pass; every figure comes from the counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError

_REACH = 2048  # open codes in -_REACH .. _REACH - 1 are counted in an array, the few others in a dict
_LARGEST = 1 << 22  # so are the codes beyond this of a larger book


@dataclass(frozen=True)
class CodebookUse:
    """How one column of codes uses its codebook.

    Attributes:
        size: codes in the book; 0 for open signed integers.
        live: codes that occurred.
        low: smallest code that occurred.
        high: largest code that occurred.
        perplexity: 2 ** order-0 entropy, the number of equally likely codes that would cost as much.
        zeros: share of the code 0.
        large: share of codes beyond +-15, which most coders escape.
    """

    size: int
    live: int
    low: int
    high: int
    perplexity: float
    zeros: float
    large: float

    @property
    def usage(self) -> float:
        """Live codes over codes; NaN for open integers."""
        return self.live / self.size if self.size else float("nan")


class CodeCounts:
    """Counts of every code of every column; `add` blocks of codes, then ask.

    Args:
        sizes: codebook size of each column, 0 = open signed integers.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = tuple(int(s) for s in sizes)
        self.total = 0
        self._widths = [min(s, _LARGEST) or 2 * _REACH for s in self.sizes]
        self._starts = np.concatenate([[0], np.cumsum(self._widths)]).astype(np.int64)
        self._table = np.zeros(int(self._starts[-1]), np.int64)
        self._far: list[dict[int, int]] = [{} for _ in self.sizes]

    def add(self, codes: Int[np.ndarray, "n q"]) -> None:
        """Counts a block of rows.

        Raises:
            SignalPieceError: the block has another number of columns, or a code lies outside its codebook.
        """
        if codes.shape[1] != len(self.sizes):
            raise SignalPieceError(f"codes have {codes.shape[1]} columns, expected {len(self.sizes)}")
        self.total += len(codes)
        shift = np.array([0 if s else _REACH for s in self.sizes])
        place = codes.astype(np.int64) + shift
        outside = (place < 0) | (place >= np.array(self._widths))
        if outside.any():
            for q in np.flatnonzero(outside.any(0)):
                far = codes[outside[:, q], q]
                if self.sizes[q] and not 0 <= far.min() <= far.max() < self.sizes[q]:
                    wrong = far[(far < 0) | (far >= self.sizes[q])][0]
                    raise SignalPieceError(f"code {wrong} is outside a codebook of {self.sizes[q]}")
                for value, count in zip(*np.unique(far, return_counts=True), strict=True):
                    self._far[q][int(value)] = self._far[q].get(int(value), 0) + int(count)
        flat = (place + self._starts[:-1])[~outside]
        self._table += np.bincount(flat, minlength=len(self._table))

    def column(self, q: int) -> tuple[Int[np.ndarray, "k"], Int[np.ndarray, "k"]]:
        """Codes that occurred in column `q`, ascending, and how often."""
        row = self._table[self._starts[q] : self._starts[q + 1]]
        near = np.flatnonzero(row)
        values = near - (0 if self.sizes[q] else _REACH)
        pairs = sorted([*zip(values.tolist(), row[near].tolist(), strict=True), *self._far[q].items()])
        return np.array([p[0] for p in pairs], np.int64), np.array([p[1] for p in pairs], np.int64)

    def entropy(self) -> Float[np.ndarray, "q"]:
        """Order-0 entropy of each column, bits per code."""
        return np.array([_entropy(self.column(q)[1]) for q in range(len(self.sizes))], float)

    def cost(self, codes: Int[np.ndarray, "n q"]) -> Float[np.ndarray, "n"]:
        """Bits of each row under the counts so far; a code that was never counted costs as much as the rarest."""
        shift = np.array([0 if s else _REACH for s in self.sizes])
        place = np.clip(codes.astype(np.int64) + shift, 0, np.array(self._widths) - 1) + self._starts[:-1]
        bits = np.log2(max(self.total, 1)) - np.log2(np.maximum(self._table, 1))
        return bits[place].sum(1)

    @property
    def bits(self) -> float:
        """Order-0 entropy of all rows together, bits: what an ideal coder that knows the counts would write."""
        return float(self.entropy().sum() * self.total)

    @property
    def bits_nominal(self) -> float:
        """Fixed-length codes, bits: log2 of the codebook size, or of the range used where the book is open."""
        uses = self.use()
        widths = [np.log2(u.size) if u.size else np.ceil(np.log2(max(u.high - u.low + 1, 1))) for u in uses]
        return float(sum(widths) * self.total)

    def use(self) -> tuple[CodebookUse, ...]:
        """How each column uses its codebook."""
        return tuple(self._use(q) for q in range(len(self.sizes)))

    def _use(self, q: int) -> CodebookUse:
        values, counts = self.column(q)
        if not len(values):
            return CodebookUse(self.sizes[q], 0, 0, 0, 1.0, 0.0, 0.0)
        share = counts / counts.sum()
        return CodebookUse(
            size=self.sizes[q],
            live=len(values),
            low=int(values[0]),
            high=int(values[-1]),
            perplexity=float(2 ** _entropy(counts)),
            zeros=float(share[values == 0].sum()),
            large=float(share[np.abs(values) > 15].sum()),
        )


def order0_bits(codes: Int[np.ndarray, "n q"], sizes: Sequence[int] | None = None) -> float:
    """Order-0 entropy of the codes in bits, each column with its own distribution.

    >>> order0_bits(np.array([[0], [1], [0], [1]]))
    4.0
    """
    return codebook_counts(codes, sizes).bits


def perplexity(codes: Int[np.ndarray, "n q"], sizes: Sequence[int] | None = None) -> Float[np.ndarray, "q"]:
    """2 ** entropy of each column: between 1 and the codebook size.

    >>> perplexity(np.array([[0], [1], [2], [3]])).tolist()
    [4.0]
    """
    return 2 ** codebook_counts(codes, sizes).entropy()


def codebook_use(codes: Int[np.ndarray, "n q"], sizes: Sequence[int] | None = None) -> tuple[CodebookUse, ...]:
    """Live codes, range and perplexity of each column; `sizes` default: all open."""
    return codebook_counts(codes, sizes).use()


def codebook_counts(codes: Int[np.ndarray, "n q"], sizes: Sequence[int] | None = None) -> CodeCounts:
    """Counts of one block of codes; `sizes` default: all open."""
    counts = CodeCounts([0] * codes.shape[1] if sizes is None else sizes)
    counts.add(codes)
    return counts


def _entropy(counts: Int[np.ndarray, "k"]) -> float:
    share = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(share * np.log2(share)).sum()) + 0.0
