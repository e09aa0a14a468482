"""Haar wavelet packets of small blocks: a fixed, invertible first step that folds space and time into channels.

Paper: "Cosmos World Foundation Model Platform for Physical AI" (2025), whose tokenizers start with it. Every level
takes means and half differences of neighbours along each axis, and the next level does so for all bands.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int, Real

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Array
from signalpiece.layouts.blocks import Blocks
from signalpiece.layouts.frames import add_frames, frames_for, split_frames
from signalpiece.layouts.matrix import RowMatrix
from signalpiece.layouts.separable import OverAxes, Separable


class HaarPatches(OverAxes):
    """One slot per `patch` x `patch` pixels: bands from LL on, the letter of the columns first, colour the fastest.

    Raises:
        SignalPieceError: a patch that is no power of 2.
    """

    def __init__(self, *, patch: int = 4, colors: int = 3) -> None:
        check_range("colors", colors, 1, 2**16)
        blocks = Blocks(("row", "column"), (HaarFrames(size=patch), HaarFrames(size=patch)), colors)
        super().__init__(Separable(blocks, order=band_order(patch, (1, 0), colors)))


class HaarTubelets(OverAxes):
    """One slot per `patch` frames, rows and columns: bands from LLL on, the letters for time, rows, columns.

    The first frame stands alone: the slots that begin with it see it `patch` times, so pictures are films of one frame.

    Raises:
        SignalPieceError: a patch that is no power of 2.
    """

    def __init__(self, *, patch: int = 4, colors: int = 3) -> None:
        check_range("colors", colors, 1, 2**16)
        parts = (HaarFrames(size=patch, lead=patch - 1), HaarFrames(size=patch), HaarFrames(size=patch))
        blocks = Blocks(("time", "row", "column"), parts, colors)
        super().__init__(Separable(blocks, order=band_order(patch, (0, 1, 2), colors)))


class HaarFrames:
    """Packets of `size` samples along one axis; bit j of a band's number says whether level j + 1 took differences.

    Raises:
        SignalPieceError: a size that is no power of 2.
    """

    def __init__(self, *, size: int = 4, lead: int = 0) -> None:
        check_range("patch", size, 1, 1024)
        if size & (size - 1):
            raise SignalPieceError(f"patch must be a power of 2, got {size}")
        self.dim = self.hop = self.window = size
        self.lead = lead

    def frames(self, length: int) -> int:
        """How many frames `length` samples need."""
        return frames_for(length, self.hop, self.lead)

    def analyse(self, x: Real[Array, "*c t"]) -> Float[Array, "*c n d"]:
        """Samples to bands; at the ends the first and the last sample hold."""
        return self._forward(split_frames(x, self))

    def synthesise(self, y: Float[Array, "*c n d"], length: int) -> Float[Array, "*c t"]:
        """Bands to the first `length` samples."""
        return add_frames(self._inverse(y), self, length)

    @cached_property
    def _forward(self) -> RowMatrix:
        return RowMatrix(self._signs() / self.dim)

    @cached_property
    def _inverse(self) -> RowMatrix:
        return RowMatrix(self._signs())

    def _signs(self) -> Float[np.ndarray, "t d"]:
        signs = np.ones((1, 1))
        while len(signs) < self.dim:
            signs = np.kron(np.array([[1.0, 1.0], [1.0, -1.0]]), signs)
        return signs


def band_order(patch: int, letters: Sequence[int], colors: int) -> Int[np.ndarray, "d"]:
    """Places of bands when the last level is the slowest and its letters go by axes, `letters` from slow to fast."""
    levels, count = patch.bit_length() - 1, len(letters)
    number = np.arange(patch**count)
    bands = np.zeros((count, patch**count), int)
    for level in range(levels):
        digit = number >> level * count & (1 << count) - 1
        for place, axis in enumerate(letters):
            bands[axis] += (digit >> count - 1 - place & 1) << level
    plain = np.ravel_multi_index(tuple(bands), (patch,) * count)
    return (plain[:, None] * colors + np.arange(colors)).ravel()
