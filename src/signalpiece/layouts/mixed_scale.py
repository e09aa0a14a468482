"""Patches of two scales: a rule or a learned gate decides for every region whether it is one patch or four.

Paper: "MSViT: Dynamic Mixed-Scale Tokenization for Vision Transformers" (2023). A coarse patch is its region at half
the resolution, so that both scales share one embedding.
"""

from collections.abc import Callable

from array_api_compat import array_namespace
from jaxtyping import Bool, Float

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.leaves import Leaves
from signalpiece.layouts.pictures import PICTURE, check_axes
from signalpiece.layouts.quadtree import as_numpy

Choice = Callable[[Float[Array, "m h w c"]], Array]


def has_detail(regions: Float[Array, "m h w c"], threshold: float = 1e-3) -> Bool[Array, "m"]:
    """Regions that would lose more than `threshold` per pixel and colour, mean squared, as a coarse patch."""
    xp, (m, h, w, c) = array_namespace(regions), regions.shape
    pairs = xp.reshape(regions, (m, h // 2, 2, w // 2, 2, c))
    return xp.mean((pairs - xp.mean(pairs, axis=(2, 4), keepdims=True)) ** 2, axis=(1, 2, 3, 4, 5)) > threshold


class MixedScale:
    """One slot per patch: a coarse one of 2 * patch pixels a side at half resolution, or four fine ones.

    Args:
        patch: pixels along a fine patch.
        colors: size of the colour axis.
        choose: regions (2 * patch pixels a side) to true or 1 where fine patches are wanted: `has_detail`, or a
            trained `ScaleGate` in eval.

    Raises:
        SignalPieceError: an empty patch.
    """

    arrays = ("numpy", "torch")
    loss = "coarse patches hold means of 2 x 2 pixels; exact where all patches are fine"

    def __init__(self, *, patch: int = 16, colors: int = 3, choose: Choice = has_detail) -> None:
        self.leaves, self.choose = Leaves(patch, 1, colors), choose
        self.dim = self.leaves.dim

    def cut(self, signal: Signal) -> Slots:
        """Patches of a picture; what is not used is not there.

        Raises:
            SignalPieceError: the signal is no picture of so many colours, or the choice is not one per region.
        """
        check_axes(signal.grid, PICTURE, self.leaves.colors)
        height, width, _ = signal.grid.shape
        fine = as_numpy(self.choose(self.regions(signal.values))) > 0.5
        size = self.leaves.nodes(height, width, 1)
        if fine.shape != (size[0] * size[1],):
            raise SignalPieceError(f"choose must give one number for each of {size[0] * size[1]}, got {fine.shape}")
        return self.leaves.cut(signal, self.leaves.boxes(height, width, [fine.reshape(size)]))

    def join(self, slots: Slots) -> Signal:
        """The picture of patches."""
        return self.leaves.join(slots)

    def regions(self, pixels: Float[Array, "h w c"]) -> Float[Array, "m y x c"]:
        """Regions of 2 * patch pixels a side, row by row; beyond the edge the last pixel holds."""
        xp, side = array_namespace(pixels), 2 * self.leaves.crop
        padded = self.leaves.means(pixels)[0]
        h, w, c = padded.shape
        cells = xp.reshape(padded, (h // side, side, w // side, side, c))
        return xp.reshape(xp.permute_dims(cells, (0, 2, 1, 3, 4)), (-1, side, side, c))

    def both_scales(self, regions: Float[Array, "m y x c"], fine: Array) -> tuple[Array, Array]:
        """For training: per region its coarse patch, then its four fine ones, and which of the five are used.

        Attention multiplies by the second, through which the gradient reaches the gate.

        Args:
            regions: as `regions` gives them, of one picture or of many in a row.
            fine: 1 for fine, 0 for coarse, "m".

        Returns:
            rows "m 5 d" and use "m 5".
        """
        xp, (m, _, _, c), p = array_namespace(regions), regions.shape, self.leaves.crop
        coarse = xp.mean(xp.reshape(regions, (m, p, 2, p, 2, c)), axis=(2, 4))
        quarters = xp.permute_dims(xp.reshape(regions, (m, 2, p, 2, p, c)), (0, 1, 3, 2, 4, 5))
        rows = xp.concat([xp.reshape(coarse, (m, 1, self.dim)), xp.reshape(quarters, (m, 4, self.dim))], axis=1)
        fine = xp.reshape(fine, (m, 1))
        return rows, xp.concat([1 - fine, xp.broadcast_to(fine, (m, 4))], axis=1)
