"""Lapped transform of several axes: overlapping cosine blocks without seams, critically sampled but for the rim.

Paper: "Lapped Transforms for Efficient Transform/Subband Coding" (1990); here the MDCT along each axis in turn.
"""

from collections.abc import Sequence

from jaxtyping import Float, Real

from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.blocks import Blocks, per_axis
from signalpiece.layouts.dct_blocks import frequency_order
from signalpiece.layouts.lapped import Lapped
from signalpiece.layouts.separable import Separable


class LappedBlocks:
    """One slot of coefficients per `hop` samples along each axis, from twice as many; lowest frequencies first.

    Args:
        axes: what is cut: ("row", "column") also of every frame of a film, ("x", "y", "z") also of every volume.
        hop: samples along all axes, or along each.
        colors: size of the colour axis, 0 without one; default: 3 for row and column, else 0.

    Raises:
        SignalPieceError: a hop below 1 or above 4096.
    """

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(
        self,
        *,
        axes: Sequence[str] = ("row", "column"),
        hop: int | Sequence[int] = 8,
        colors: int | None = None,
    ) -> None:
        hops = per_axis("hop", hop, axes)
        blocks = Blocks.of(axes, [Lapped(hop=h) for h in hops], colors)
        self.transform = Separable(blocks, order=frequency_order(hops, max(blocks.colors, 1)))
        self.dim = self.transform.dim

    def analyse(self, x: Real[Array, "..."]) -> Float[Array, "*b n d"]:
        """Samples, whose last axes are `axes` and colour, to coefficients."""
        return self.transform.analyse(x)

    def synthesise(self, y: Float[Array, "*b n d"], sizes: Sequence[int]) -> Float[Array, "..."]:
        """Coefficients to samples of `sizes` along `axes`."""
        return self.transform.synthesise(y, sizes)

    def cut(self, signal: Signal) -> Slots:
        """Coefficients of a signal."""
        return self.transform.cut(signal)

    def join(self, slots: Slots) -> Signal:
        """The signal of coefficients."""
        return self.transform.join(slots)
