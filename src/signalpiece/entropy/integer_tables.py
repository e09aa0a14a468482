"""Logarithms and logistic functions as integer tables, made by integer arithmetic so that all machines have the same.

Strengths (log odds) are in 1/256 nat, chances are out of 65536, logarithms in 1/256 octave.
"""

import numpy as np
from jaxtyping import Int

STRENGTH = 3071  # largest strength: a chance of about 1 - 6e-6


def _squash() -> Int[np.ndarray, "6143"]:
    """Chance for strengths -3071 to 3071."""
    one = 1 << 64
    step, decay, upper = 18374827034086858296, one, []  # e^(-1/256) in 64 bits behind the point
    for _ in range(STRENGTH + 1):
        upper.append(min(max((65536 * one + (one + decay) // 2) // (one + decay), 6), 65530))
        decay = decay * step >> 64
    lower = [65536 - p for p in upper[:0:-1]]
    return np.array(lower + upper, np.int32)


def _stretch() -> Int[np.ndarray, "4096"]:
    """Strength for the chances (i + 1/2) / 4096: the inverse of `_squash`."""
    upper = np.searchsorted(SQUASH, 16 * np.arange(2048, 4096) + 8) - STRENGTH
    return np.concatenate([-upper[::-1], upper]).astype(np.int32)


def _log2() -> Int[np.ndarray, "8192"]:
    """Logarithm to the base 2 of 0 (as 0) to 8191, in 1/256, rounded down: eight squarings."""
    value = np.maximum(np.arange(8192, dtype=np.int64), 1)
    out = np.zeros(8192, np.int64)
    for bit in range(12, -1, -1):
        out += 256 * (value >> bit == 1) * bit
    mantissa = (value << 30) >> (out >> 8)  # 30 bits behind the point, 1 to 2
    for bit in range(7, -1, -1):
        mantissa = (mantissa >> 1) * (mantissa >> 1) >> 28
        doubled = mantissa >= 2 << 30
        out += doubled.astype(np.int64) << bit
        mantissa >>= doubled
    return out.astype(np.int32)


SQUASH = _squash()
STRETCH = _stretch()
LOG2 = _log2()
