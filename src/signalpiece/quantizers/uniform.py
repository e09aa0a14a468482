"""Uniform scalar quantizer: each value becomes a whole number of steps.

Values are first rounded to 1/64 step and decided in integers from there on, so that only a rounding tie can differ
between machines.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int, Real

from signalpiece.core.check import SignalPieceError
from signalpiece.core.types import Quantized

FINE = 64  # parts of a step that decisions look at
_LIMIT = 2**30  # in parts of a step; larger values would not fit


class Uniform:
    """Open signed codes, one column per value: the nearest whole number of steps, halves away from 0.

    Args:
        step: in the unit of the values; a number, or an array that broadcasts against them.

    Raises:
        SignalPieceError: a step that is not above 0.
    """

    codebook_sizes = (0,)

    def __init__(self, *, step: Any = 1.0) -> None:
        self.step = check_step(step)

    def __call__(self, z: Float[np.ndarray, "b n d"]) -> Quantized:
        """Embeddings (float32) and codes."""
        codes = self.encode(z)
        return Quantized(self.decode(codes), codes)

    def encode(self, z: Real[np.ndarray, "*b d"]) -> Int[np.ndarray, "*b d"]:
        """Codes alone.

        Raises:
            SignalPieceError: a value is not finite, or 2^24 steps or more from 0.
        """
        return decide(fine_parts(z, self.step), 0.5)

    def decode(self, codes: Int[np.ndarray, "*b d"]) -> Float[np.ndarray, "*b d"]:
        """Values of codes, float32."""
        return codes.astype(np.float32) * self.step.astype(np.float32)


def check_step(step: Any) -> Float[np.ndarray, "..."]:
    """The step as float64.

    Raises:
        SignalPieceError: it is not above 0 and finite.
    """
    array = np.asarray(step, dtype=np.float64)
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise SignalPieceError(f"step must be above 0 and finite, got {step}")
    return array


def fine_parts(z: Real[np.ndarray, "*b d"], step: Any) -> Int[np.ndarray, "*b d"]:
    """Values in whole 64ths of a step, int32.

    Raises:
        SignalPieceError: a value is not finite, or too many steps from 0.
    """
    z = np.asarray(z, dtype=None if np.asarray(z).dtype.kind == "f" else np.float32)
    parts = z * (FINE / np.asarray(step, dtype=np.float64)).astype(z.dtype)
    np.rint(parts, out=parts)
    if parts.size and not (parts.max() < _LIMIT and parts.min() > -_LIMIT):
        raise SignalPieceError(f"values must be finite and below {_LIMIT // FINE} steps; take a larger step")
    return parts.astype(np.int32)


def decide(parts: Int[np.ndarray, "*b d"], rounding: float) -> Int[np.ndarray, "*b d"]:
    """Codes of values given in 64ths of a step, by integer arithmetic alone; `parts` is overwritten."""
    sign = parts >> 31  # 0, or -1 where negative
    parts ^= sign
    parts -= sign
    parts += round(FINE * rounding)
    parts >>= FINE.bit_length() - 1
    parts ^= sign
    parts -= sign
    return parts
