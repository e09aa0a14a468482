"""Patches of pictures, volumes and anything else with axes, as they are, side by side or overlapping.

Paper: "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale" (2020).
"""

from collections.abc import Sequence

from jaxtyping import Float, Real

from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.blocks import Blocks, per_axis
from signalpiece.layouts.separable import Separable
from signalpiece.layouts.time_patches import TimePatches


class Patches:
    """One slot per `patch` samples along each axis every `hop` samples (default: side by side).

    A slot holds the axes in order, colour the fastest. At the border the last sample holds; join averages overlaps.

    Args:
        axes: what is cut: ("row", "column") also of every frame of a film, ("x", "y", "z") also of every volume.
        patch: samples along all axes, or along each.
        hop: as `patch`.
        colors: size of the colour axis, 0 without one; default: 3 for row and column, else 0.

    Raises:
        SignalPieceError: an empty patch, a hop that would leave samples out.
    """

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(
        self,
        *,
        axes: Sequence[str] = ("row", "column"),
        patch: int | Sequence[int] = 8,
        hop: int | Sequence[int] | None = None,
        colors: int | None = None,
    ) -> None:
        sizes = per_axis("patch", patch, axes)
        hops = sizes if hop is None else per_axis("hop", hop, axes)
        parts = [TimePatches(patch=p, hop=h) for p, h in zip(sizes, hops, strict=True)]
        self.transform = Separable(Blocks.of(axes, parts, colors))
        self.dim = self.transform.dim

    def analyse(self, x: Real[Array, "..."]) -> Float[Array, "*b n d"]:
        """Samples, whose last axes are `axes` and colour, to rows."""
        return self.transform.analyse(x)

    def synthesise(self, y: Float[Array, "*b n d"], sizes: Sequence[int]) -> Float[Array, "..."]:
        """Rows to samples of `sizes` along `axes`."""
        return self.transform.synthesise(y, sizes)

    def cut(self, signal: Signal) -> Slots:
        """Rows of a signal."""
        return self.transform.cut(signal)

    def join(self, slots: Slots) -> Signal:
        """The signal of rows."""
        return self.transform.join(slots)
