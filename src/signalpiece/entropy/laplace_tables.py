"""Integer frequency tables of quantized Laplace variables, one per eighth of an octave, the same on every machine.

A code's magnitude is a symbol: 0 to 15 have their own, larger ones share one per half octave and send the rest raw.
The probabilities come from exact decimal arithmetic, never from a floating-point library.
"""

from decimal import Context, Decimal
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Int32, Shaped, UInt8

TOTAL = 1 << 16
SINGLE = 16  # magnitudes below this are symbols of their own
SYMBOLS = SINGLE + 56  # then two per octave up to 2**31
CLASSES = 160  # scales of 2**-4 to 2**16 steps
_LOWEST = -32  # eighths of an octave of class 0
_ROUNDING = Decimal("0.35")  # a magnitude of m covers m - 0.35 to m + 0.65: the dead zone that transform coders use
_EXACT = Context(prec=40)


class Tables(NamedTuple):
    """For every class: cumulative counts, and the first symbol to try for each of 256 slots."""

    ends: Int32[np.ndarray, "j s"]
    hints: UInt8[np.ndarray, "j 256"]


def symbol_start(symbol: int) -> int:
    """The smallest magnitude of a symbol."""
    if symbol <= SINGLE:
        return symbol
    octave, half = divmod(symbol - SINGLE, 2)
    return (2 + half) << (octave + 3)


@cache
def laplace_tables() -> Tables:
    """All tables; about 50 ms, once."""
    ends = np.zeros((CLASSES, SYMBOLS + 1), np.int32)
    for number in range(CLASSES):
        ends[number, 1:] = np.cumsum(_counts(number))
    slots = np.arange(256) << 8
    hints = np.stack([np.searchsorted(row, slots, side="right") - 1 for row in ends]).astype(np.uint8)
    return Tables(ends, hints)


@cache
def bit_lengths() -> Shaped[np.ndarray, "j s"]:
    """Bits of each symbol in each class, raw bits left out: what an encoder chooses levels by."""
    return -np.log2(np.diff(laplace_tables().ends, axis=1) / TOTAL)


def eighths(scales: Shaped[np.ndarray, "k"]) -> Int[np.ndarray, "k"]:
    """Scales as whole eighths of an octave, by comparisons alone (a logarithm could differ between machines)."""
    mantissa, exponent = np.frexp(np.asarray(scales, np.float64))
    steps = [float(_EXACT.power(2, Decimal(2 * i + 1) / 16 - 1)) for i in range(8)]
    return 8 * (exponent.astype(np.int64) - 1) + np.searchsorted(steps, mantissa, side="right")


def _counts(number: int) -> list[int]:
    scale = _EXACT.power(2, Decimal(number + _LOWEST) / 8)
    decay = _EXACT.exp(-1 / scale)  # P(magnitude >= m + 1) / P(magnitude >= m)
    first = _EXACT.exp(-(1 - _ROUNDING) / scale)
    tails = [Decimal(1)] + [_tail(first, decay, symbol_start(s)) for s in range(1, SYMBOLS)] + [Decimal(0)]
    spare = TOTAL - SYMBOLS
    counts = [1 + int((tails[s] - tails[s + 1]) * spare) for s in range(SYMBOLS)]
    counts[counts.index(max(counts))] += TOTAL - sum(counts)
    return counts


def _tail(first: Decimal, decay: Decimal, magnitude: int) -> Decimal:
    return _EXACT.multiply(first, _EXACT.power(decay, magnitude - 1))
