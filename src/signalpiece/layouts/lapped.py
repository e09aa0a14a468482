"""Lapped transform (MDCT): overlapping cosine frames, critically sampled, whose aliases cancel between neighbours.

Paper: "Analysis/Synthesis Filter Bank Design Based on Time Domain Aliasing Cancellation" (1986); the sine window
makes it orthonormal.
"""

from functools import cached_property

import numpy as np
from array_api_compat import array_namespace, is_numpy_array
from jaxtyping import Float, Real

from signalpiece.core.check import check_range
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.frames import check_frames, cut_signal, frames_for, hold_edges, join_slots
from signalpiece.layouts.matrix import RowMatrix

LARGE = 256  # from this hop on, if even, NumPy folds the frame and takes a fast DCT-IV


class Lapped:
    """One slot of `hop` coefficients per `hop` samples, each from 2 * hop samples; frame 0 starts at -hop.

    Raises:
        SignalPieceError: a hop below 1 or above 4096.
    """

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(self, *, hop: int = 50) -> None:
        check_range("hop", hop, 1, 4096)
        self.dim = self.hop = self.lead = hop
        self.window = 2 * hop

    def frames(self, length: int) -> int:
        """How many frames `length` samples need: one more than blocks of `hop`."""
        return frames_for(length, self.hop, self.lead)

    def analyse(self, x: Real[Array, "*c t"]) -> Float[Array, "*c n d"]:
        """Samples to coefficients; before the first and after the last sample their value holds."""
        xp, length, hop = array_namespace(x), x.shape[-1], self.hop
        count = self.frames(length)
        if not count:
            return hold_edges(xp.zeros((*x.shape[:-1], 0, hop), dtype=x.dtype), 0, 0)
        x = hold_edges(x, hop, count * hop - length)
        blocks = xp.reshape(x, (*x.shape[:-1], count + 1, hop))
        if self._is_fast(blocks):
            return self._fold(blocks)
        shares = self._forward(blocks)
        return shares[..., :-1, :hop] + shares[..., 1:, hop:]

    def synthesise(self, y: Float[Array, "*c n d"], length: int) -> Float[Array, "*c t"]:
        """Coefficients to the first `length` samples."""
        xp, (count, hop) = array_namespace(y), y.shape[-2:]
        check_frames(self, count, length)
        if not count:
            return xp.reshape(y, (*y.shape[:-2], 0))
        frames = self._unfold(y) if self._is_fast(y) else self._inverse(y)
        blocks = frames[..., :-1, hop:] + frames[..., 1:, :hop]
        return xp.reshape(blocks, (*y.shape[:-2], (count - 1) * hop))[..., :length]

    def cut(self, signal: Signal) -> Slots:
        """Coefficients of a signal."""
        return cut_signal(self, signal)

    def join(self, slots: Slots) -> Signal:
        """The signal of coefficients."""
        return join_slots(self, slots)

    @cached_property
    def _forward(self) -> RowMatrix:
        """One block to its shares of two frames: as their first half, as their second half."""
        basis = lapped_matrix(self.hop)
        return RowMatrix(np.concatenate([basis[: self.hop], basis[self.hop :]], 1))

    @cached_property
    def _inverse(self) -> RowMatrix:
        return RowMatrix(lapped_matrix(self.hop).T)

    def _is_fast(self, x: Array) -> bool:
        return self.hop >= LARGE and self.hop % 2 == 0 and is_numpy_array(x)

    def _fold(self, blocks: Float[np.ndarray, "*c m d"]) -> Float[np.ndarray, "*c n d"]:
        from scipy.fft import dct

        half, window = self.hop // 2, _sine(self.hop).astype(blocks.dtype)
        early, late = blocks[..., :-1, :] * window[: self.hop], blocks[..., 1:, :] * window[self.hop :]
        first = -late[..., half - 1 :: -1] - late[..., half:]
        second = early[..., :half] - early[..., : half - 1 : -1]
        return dct(np.concatenate([first, second], -1), type=4, norm="ortho", axis=-1)  # type: ignore[return-value]

    def _unfold(self, y: Float[np.ndarray, "*c n d"]) -> Float[np.ndarray, "*c n w"]:
        from scipy.fft import dct

        half, window = self.hop // 2, _sine(self.hop).astype(y.dtype)
        flat = np.asarray(dct(y, type=4, norm="ortho", axis=-1))
        first, second = flat[..., :half], flat[..., half:]
        return np.concatenate([second, -second[..., ::-1], -first[..., ::-1], -first], -1) * window


def _sine(hop: int) -> Float[np.ndarray, "w"]:
    return np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop))


def lapped_matrix(hop: int) -> Float[np.ndarray, "w k"]:
    """Windowed cosines: 2 * hop samples @ matrix = hop coefficients."""
    phase = np.outer(2 * np.arange(2 * hop) + 1 + hop, 2 * np.arange(hop) + 1) % (8 * hop)
    return _sine(hop)[:, None] * np.cos(np.pi / (4 * hop) * phase) * np.sqrt(2 / hop)
