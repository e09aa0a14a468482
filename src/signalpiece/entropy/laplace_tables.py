"""Integer frequency tables of quantized Laplace variables, one per eighth of an octave, the same on every machine.

A code's magnitude is a symbol: 0 to 15 have their own, larger ones share one per half octave and send the rest raw.
The probabilities come from exact decimal arithmetic, never from a floating-point library.
"""

from decimal import Context, Decimal
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Int32, Shaped, UInt8

from signalpiece.entropy.integer_tables import LOG2

TOTAL = 1 << 16
SINGLE = 16  # magnitudes below this are symbols of their own
SYMBOLS = SINGLE + 56  # then two per octave up to 2**31
CLASSES = 160  # scales of 2**-4 to 2**16 steps
_LOWEST = -32  # eighths of an octave of class 0
_ROUNDING = Decimal("0.35")  # a magnitude of m covers m - 0.35 to m + 0.65: the dead zone that transform coders use
_EXACT = Context(prec=40)
_BITS = 40
SHAPES = 3  # Laplace; and two whose scale itself spreads, by 0.6 or 1.25 octaves: what changes in loudness looks like
_APART = (0, 5, 10)  # eighths of an octave between the scales that are averaged
_STEPS, _WEIGHTS = (-2, -1, 0, 1, 2), (135, 607, 1000, 607, 135)


class Tables(NamedTuple):
    """For every shape and class: cumulative counts, and the first symbol to try for each of 256 slots."""

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
    """All tables, shape by shape; about 60 ms, once."""
    tails = np.stack([_tails(number) for number in range(CLASSES)])
    rows = np.arange(CLASSES)
    ends = np.zeros((SHAPES * CLASSES, SYMBOLS + 1), np.int32)
    for shape, apart in enumerate(_APART):
        spread = [
            tails[np.clip(rows + apart * step, 0, CLASSES - 1)] * w for step, w in zip(_STEPS, _WEIGHTS, strict=True)
        ]
        mean = sum(spread[1:], spread[0]) // sum(_WEIGHTS)
        counts = 1 + ((mean[:, :-1] - mean[:, 1:]) * (TOTAL - SYMBOLS) >> _BITS)
        counts[rows, counts.argmax(1)] += TOTAL - counts.sum(1)
        ends[shape * CLASSES + rows, 1:] = counts.cumsum(1)
    slots = np.arange(256) << 8
    hints = np.stack([np.searchsorted(row, slots, side="right") - 1 for row in ends]).astype(np.uint8)
    return Tables(ends, hints)


@cache
def bit_lengths() -> Int[np.ndarray, "j s"]:
    """Bits of each symbol in each class in 1/256, raw bits left out: what an encoder chooses levels by."""
    counts = np.diff(laplace_tables().ends, axis=1).astype(np.int64)
    return np.where(counts < 8192, 16 * 256 - LOG2[np.minimum(counts, 8191)], 12 * 256 - LOG2[counts >> 4]).astype(
        np.int64
    )


def eighths(scales: Shaped[np.ndarray, "k"]) -> Int[np.ndarray, "k"]:
    """Scales as whole eighths of an octave, by comparisons alone (a logarithm could differ between machines)."""
    mantissa, exponent = np.frexp(np.asarray(scales, np.float64))
    steps = [float(_EXACT.power(2, Decimal(2 * i + 1) / 16 - 1)) for i in range(8)]
    return 8 * (exponent.astype(np.int64) - 1) + np.searchsorted(steps, mantissa, side="right")


def _tails(number: int) -> Int[np.ndarray, "s"]:
    """For each symbol of a Laplace variable how often its magnitude is at least that, `_BITS` bits behind the point."""
    scale = _EXACT.power(2, Decimal(number + _LOWEST) / 8)
    decay = _EXACT.exp(-1 / scale)  # P(magnitude >= m + 1) / P(magnitude >= m)
    first = _EXACT.exp(-(1 - _ROUNDING) / scale)
    tails = [Decimal(1)] + [first * _EXACT.power(decay, symbol_start(s) - 1) for s in range(1, SYMBOLS)] + [Decimal(0)]
    return np.array([int(t * (1 << _BITS)) for t in tails], np.int64)
