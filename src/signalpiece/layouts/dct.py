"""Block cosine transform: orthonormal DCT-II of stretches side by side, lowest frequency first.

Paper: "Discrete Cosine Transform" (1974).
"""

from functools import cached_property

import numpy as np
from array_api_compat import is_numpy_array
from jaxtyping import Float, Real

from signalpiece.core.check import check_range
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.frames import add_frames, cut_signal, frames_for, join_slots, split_frames
from signalpiece.layouts.matrix import RowMatrix

LARGE = 512  # from this size on a fast transform beats the matrix product


class DCT:
    """One slot of `size` coefficients per `size` samples; exact inverse.

    Raises:
        SignalPieceError: a size below 1 or above 4096.
    """

    arrays = ("numpy", "torch")
    loss = ""
    lead = 0

    def __init__(self, *, size: int = 100) -> None:
        check_range("size", size, 1, 4096)
        self.dim = self.hop = self.window = size

    def frames(self, length: int) -> int:
        """How many frames `length` samples need."""
        return frames_for(length, self.hop, 0)

    def analyse(self, x: Real[Array, "*c t"]) -> Float[Array, "*c n d"]:
        """Samples to coefficients; the last frame holds the last value where samples are missing."""
        rows = split_frames(x, self)
        if self.dim >= LARGE and is_numpy_array(rows):
            from scipy.fft import dct

            return dct(rows, norm="ortho", axis=-1)  # type: ignore[return-value]
        return self._forward(rows)

    def synthesise(self, y: Float[Array, "*c n d"], length: int) -> Float[Array, "*c t"]:
        """Coefficients to the first `length` samples."""
        if self.dim >= LARGE and is_numpy_array(y):
            from scipy.fft import idct

            return add_frames(idct(y, norm="ortho", axis=-1), self, length)  # type: ignore[arg-type]
        return add_frames(self._inverse(y), self, length)

    def cut(self, signal: Signal) -> Slots:
        """Coefficients of a signal."""
        return cut_signal(self, signal)

    def join(self, slots: Slots) -> Signal:
        """The signal of coefficients."""
        return join_slots(self, slots)

    @cached_property
    def _forward(self) -> RowMatrix:
        return RowMatrix(dct_matrix(self.dim))

    @cached_property
    def _inverse(self) -> RowMatrix:
        return RowMatrix(dct_matrix(self.dim).T)


def dct_matrix(size: int) -> Float[np.ndarray, "t k"]:
    """Orthonormal DCT-II: samples @ matrix = coefficients."""
    phase = (2 * np.arange(size)[:, None] + 1) * np.arange(size) % (4 * size)
    basis = np.cos(np.pi / (2 * size) * phase) * np.sqrt(2 / size)
    basis[:, 0] = np.sqrt(1 / size)
    return basis
