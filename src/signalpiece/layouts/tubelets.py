"""Tubelets: patches of film that last some frames.

Paper: "ViViT: A Video Vision Transformer" (2021).
"""

from collections.abc import Sequence

from jaxtyping import Float, Real

from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.patches import Patches


class Tubelets:
    """One slot per `frames` x `patch` x `patch` pixels, every `frame_hop` frames and `hop` pixels.

    By default they lie side by side. A slot holds frame, row, column, colour, the last fastest. At the end the last
    frame holds; join averages overlaps.

    Raises:
        SignalPieceError: an empty tubelet, a hop that would leave pixels out.
    """

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(
        self,
        *,
        frames: int = 2,
        patch: int = 8,
        frame_hop: int | None = None,
        hop: int | None = None,
        colors: int = 3,
    ) -> None:
        sizes, hops = (frames, patch, patch), (frame_hop or frames, hop or patch, hop or patch)
        self.patches = Patches(axes=("time", "row", "column"), patch=sizes, hop=hops, colors=colors)
        self.dim = self.patches.dim

    def analyse(self, x: Real[Array, "*b time row column color"]) -> Float[Array, "*b n d"]:
        """Pixels to tubelets."""
        return self.patches.analyse(x)

    def synthesise(self, y: Float[Array, "*b n d"], sizes: Sequence[int]) -> Float[Array, "*b time row column color"]:
        """Tubelets to pixels of `sizes` frames, rows and columns."""
        return self.patches.synthesise(y, sizes)

    def cut(self, signal: Signal) -> Slots:
        """Tubelets of a film."""
        return self.patches.cut(signal)

    def join(self, slots: Slots) -> Signal:
        """The film of tubelets."""
        return self.patches.join(slots)
