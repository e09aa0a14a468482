"""Coefficients in steps to integers: rounded to 1/64 of a step first, then decided in integers.

So two machines whose coefficients differ in the last bits agree on every code, except where a coefficient lies on a tie
of the fine rounding.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit

FINE = 64
LARGEST = np.float32(2**30)  # in 1/64 steps


@njit(cache=True, error_model="numpy")
@no_type_check
def _decide(y, add, out):
    channels, frames, width = y.shape
    for c in range(channels):
        for n in range(frames):
            for d in range(width):
                fine = np.rint(y[c, n, d] * np.float32(64))
                fine = min(max(fine, -LARGEST), LARGEST)
                value = np.int32(fine)
                size = (abs(value) + np.int32(add)) >> np.int32(6)
                out[n, c, d] = size if value >= 0 else -size


def decide(y: Float[np.ndarray, "c n d"], rounding: float) -> Int[np.ndarray, "n c d"]:
    """Codes of coefficients in units of the step, frames first.

    Args:
        y: coefficients divided by their step.
        rounding: what is added to a magnitude before it is cut to an integer: 0.5 rounds, less widens the zero bin.
            As `signalpiece.quantizers.DeadZone` decides, in one pass; beyond 2^24 steps codes are clipped.
    """
    out = np.empty((y.shape[1], y.shape[0], y.shape[2]), np.int32)
    _decide(np.ascontiguousarray(y, np.float32), round(FINE * rounding), out)
    return out


@njit(cache=True, error_model="numpy")
@no_type_check
def _spread_out(codes, unit, out):
    frames, channels, width = codes.shape
    for c in range(channels):
        for n in range(frames):
            for d in range(width):
                out[c, n, d] = np.float32(codes[n, c, d]) * unit


def as_steps(codes: Int[np.ndarray, "n c d"], unit: float = 1.0) -> Float[np.ndarray, "c n d"]:
    """Codes as coefficients in units of the step, channels first; `unit` is what a code of 1 stands for."""
    out = np.empty((codes.shape[1], codes.shape[0], codes.shape[2]), np.float32)
    _spread_out(codes, np.float32(unit), out)
    return out
