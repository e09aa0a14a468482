"""Lapped transform of several axes: overlapping cosine blocks without seams, critically sampled but for the rim.

Paper: "Lapped Transforms for Efficient Transform/Subband Coding" (1990); here the MDCT along each axis in turn.
"""

from collections.abc import Sequence

from signalpiece.layouts.blocks import Blocks, per_axis
from signalpiece.layouts.dct_blocks import frequency_order
from signalpiece.layouts.lapped import Lapped
from signalpiece.layouts.separable import OverAxes, Separable


class LappedBlocks(OverAxes):
    """One slot of coefficients per `hop` samples along each axis, from twice as many; lowest frequencies first.

    Args:
        axes: what is cut: ("row", "column") also of every frame of a film, ("x", "y", "z") also of every volume.
        hop: samples along all axes, or along each.
        colors: size of the colour axis, 0 without one; default: 3 for row and column, else 0.

    Raises:
        SignalPieceError: a hop below 1 or above 4096.
    """

    def __init__(
        self,
        *,
        axes: Sequence[str] = ("row", "column"),
        hop: int | Sequence[int] = 8,
        colors: int | None = None,
    ) -> None:
        hops = per_axis("hop", hop, axes)
        blocks = Blocks.of(axes, [Lapped(hop=h) for h in hops], colors)
        super().__init__(Separable(blocks, order=frequency_order(hops, max(blocks.colors, 1))))
