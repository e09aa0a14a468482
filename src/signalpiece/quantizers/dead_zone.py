"""Dead-zone scalar quantizer: uniform steps with a wider interval around zero, for values that are mostly small.

Paper: "Efficient Scalar Quantization of Exponential and Laplacian Random Variables" (1996).
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int, Real

from signalpiece.core.check import check_range
from signalpiece.core.types import Quantized
from signalpiece.quantizers.uniform import check_step, decide, fine_parts


class DeadZone:
    """Open signed codes, one column per value: floor(|z| / step + rounding), with the sign of z.

    Args:
        step: in the unit of the values; a number, or an array that broadcasts against them.
        rounding: 1/2 rounds to the nearest code; less widens the interval of code 0 (taken to 1/64).
        shift: decoded magnitudes other than 0 are moved by this fraction of a step.

    Raises:
        SignalPieceError: a step that is not above 0, a rounding outside [0, 1/2], a shift outside [-1/2, 1/2].
    """

    codebook_sizes = (0,)

    def __init__(self, *, step: Any = 1.0, rounding: float = 0.35, shift: float = 0.0) -> None:
        check_range("rounding", rounding, 0, 0.5)
        check_range("shift", shift, -0.5, 0.5)
        self.step, self.rounding, self.shift = check_step(step), rounding, shift

    def __call__(self, z: Float[np.ndarray, "b n d"]) -> Quantized:
        """Embeddings (float32) and codes."""
        codes = self.encode(z)
        return Quantized(self.decode(codes), codes)

    def encode(self, z: Real[np.ndarray, "*b d"]) -> Int[np.ndarray, "*b d"]:
        """Codes alone.

        Raises:
            SignalPieceError: a value is not finite, or 2^24 steps or more from 0.
        """
        return decide(fine_parts(z, self.step), self.rounding)

    def decode(self, codes: Int[np.ndarray, "*b d"]) -> Float[np.ndarray, "*b d"]:
        """Values of codes, float32."""
        values = codes.astype(np.float32)
        if self.shift:
            values += np.sign(values) * np.float32(self.shift)
        return values * self.step.astype(np.float32)
