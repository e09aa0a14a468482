"""Cosine transform of blocks of several axes, as JPEG has it: lowest frequencies first, exact inverse.

Paper: "The JPEG Still Picture Compression Standard" (1991); frequencies go by the sum of their numbers, ties by the
first axis, instead of the zigzag that turns at every diagonal.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from signalpiece.layouts.blocks import Blocks, per_axis
from signalpiece.layouts.dct import DCT
from signalpiece.layouts.separable import OverAxes, Separable


class DCTBlocks(OverAxes):
    """One slot of coefficients per block of `size` samples along each axis, all colours of a frequency together.

    Args:
        axes: what is cut: ("row", "column") also of every frame of a film, ("x", "y", "z") also of every volume.
        size: samples along all axes, or along each.
        colors: size of the colour axis, 0 without one; default: 3 for row and column, else 0.

    Raises:
        SignalPieceError: a size below 1 or above 4096.
    """

    def __init__(
        self,
        *,
        axes: Sequence[str] = ("row", "column"),
        size: int | Sequence[int] = 8,
        colors: int | None = None,
    ) -> None:
        sizes = per_axis("size", size, axes)
        blocks = Blocks.of(axes, [DCT(size=s) for s in sizes], colors)
        super().__init__(Separable(blocks, order=frequency_order(sizes, max(blocks.colors, 1))))


def frequency_order(sizes: Sequence[int], colors: int) -> Int[np.ndarray, "d"]:
    """Places of coefficients by the sum of their frequency numbers; all colours of a frequency stay together."""
    total = np.indices(tuple(sizes)).sum(0).ravel()
    first = np.argsort(total, kind="stable")
    return (first[:, None] * colors + np.arange(colors)).ravel()
