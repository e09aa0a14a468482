"""Mu-law: a logarithmic scale of few levels, fine near zero and coarse at the peak.

Paper: "Instantaneous Companding of Quantized Signals" (1957).
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int, Real

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.types import Quantized

FINE = 64  # parts of a level that decisions look at, as in the uniform quantizer


class MuLaw:
    """Codes 0 .. levels - 1, one column per value; values beyond the peak are clipped to it.

    Args:
        levels: number of codes.
        mu: strength of the companding.
        peak: largest magnitude, in the unit of the values; a number, or an array that broadcasts against them.

    Raises:
        SignalPieceError: fewer than 2 levels, or a mu or peak that is not above 0.
    """

    def __init__(self, *, levels: int = 256, mu: float = 255.0, peak: Any = 1.0) -> None:
        check_range("levels", levels, 2, 2**16)
        self.peak = np.asarray(peak, dtype=np.float64)
        if not (mu > 0 and np.isfinite(self.peak).all() and (self.peak > 0).all()):
            raise SignalPieceError(f"mu and peak must be above 0 and finite, got {mu} and {peak}")
        self.levels, self.mu = levels, mu
        self.codebook_sizes = (levels,)
        scale = np.linspace(-1, 1, levels)
        self._table = (np.sign(scale) * np.expm1(np.abs(scale) * np.log1p(mu)) / mu).astype(np.float32)

    def __call__(self, z: Float[np.ndarray, "b n d"]) -> Quantized:
        """Embeddings (float32) and codes."""
        codes = self.encode(z)
        return Quantized(self.decode(codes), codes)

    def encode(self, z: Real[np.ndarray, "*b d"]) -> Int[np.ndarray, "*b d"]:
        """Codes alone.

        Raises:
            SignalPieceError: a value is not finite.
        """
        share = np.clip(z / self.peak.astype(np.float64 if z.dtype == np.float64 else np.float32), -1, 1)
        if not np.isfinite(share).all():
            raise SignalPieceError("values must be finite; mark them invalid and fill them first")
        curve = np.sign(share) * (np.log1p(self.mu * np.abs(share)) / np.log1p(self.mu))
        parts = np.rint((curve + 1) * (FINE * (self.levels - 1) / 2)).astype(np.int32)
        return (parts + FINE // 2) // FINE

    def decode(self, codes: Int[np.ndarray, "*b d"]) -> Float[np.ndarray, "*b d"]:
        """Values of codes, float32."""
        return self._table[codes] * self.peak.astype(np.float32)
