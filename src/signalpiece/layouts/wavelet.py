"""Discrete wavelet transform of blocks of fixed length, so that it streams; exact inverse.

Papers: "A Theory for Multiresolution Signal Decomposition: The Wavelet Representation" (1989); default filters from
"Image Coding Using Wavelet Transform" (1992), the CDF 9/7 pair of JPEG 2000.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float, Real

from signalpiece.core.check import check_divides, check_range
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.filters import find_edges, find_filters
from signalpiece.layouts.frames import add_frames, cut_signal, frames_for, join_slots, split_frames
from signalpiece.layouts.matrix import RowMatrix


class Wavelet:
    """One slot of `block` coefficients per `block` samples: coarsest approximation, then details, coarse to fine.

    The whole transform of a block is one matrix, so blocks are at most 4096 samples.

    Args:
        name: a wavelet of PyWavelets; `bior4.4` needs no PyWavelets.
        levels: depth.
        block: samples per block, a multiple of 2 ** levels.
        edges: `periodic` goes on at the other end of the block (any wavelet; PyWavelets calls it periodization),
            `mirror` goes back (symmetric filters of odd length); default: mirror where the filters allow it.

    Raises:
        SignalPieceError: an unknown wavelet, a block that does not fit, edges that the filters do not allow.
    """

    arrays = ("numpy", "torch")
    loss = ""
    lead = 0

    def __init__(self, *, name: str = "bior4.4", levels: int = 5, block: int = 256, edges: str | None = None) -> None:
        check_range("levels", levels, 0, 12)
        check_range("block", block, 1, 4096)
        check_divides("2 ** levels", 2**levels, block, "a block")
        self.filters = find_filters(name)
        self.edges = find_edges(name, edges)
        self.dim = self.hop = self.window = block
        self.levels = levels

    def frames(self, length: int) -> int:
        """How many blocks `length` samples need."""
        return frames_for(length, self.hop, 0)

    def analyse(self, x: Real[Array, "*c t"]) -> Float[Array, "*c n d"]:
        """Samples to coefficients; the last block holds the last value where samples are missing."""
        return self._forward(split_frames(x, self))

    def synthesise(self, y: Float[Array, "*c n d"], length: int) -> Float[Array, "*c t"]:
        """Coefficients to the first `length` samples."""
        return add_frames(self._inverse(y), self, length)

    def cut(self, signal: Signal) -> Slots:
        """Coefficients of a signal."""
        return cut_signal(self, signal)

    def join(self, slots: Slots) -> Signal:
        """The signal of coefficients."""
        return join_slots(self, slots)

    @cached_property
    def _forward(self) -> RowMatrix:
        rows, details = np.eye(self.dim), []
        for _ in range(self.levels):
            low, high = (_filtered(rows, taps, self.edges == "mirror") for taps in self.filters)
            rows, details = low, [high, *details]
        return RowMatrix(np.concatenate([rows, *details], 1))

    @cached_property
    def _inverse(self) -> RowMatrix:
        return RowMatrix(np.linalg.inv(self._forward.float64))


def _filtered(x: Float[np.ndarray, "b t"], taps: Sequence[float], mirror: bool) -> Float[np.ndarray, "b h"]:
    """Every second sample of the filtered rows."""
    length = x.shape[1]
    at = np.arange(0, length, 2)[:, None] + len(taps) // 2 - np.arange(len(taps))
    if mirror and length > 1:
        at = at % (2 * length - 2)
        at = np.minimum(at, 2 * length - 2 - at)
    return x[:, at % length] @ np.asarray(taps)
