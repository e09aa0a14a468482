"""Wavelet transform of whole pictures and volumes, one slot per coarsest coefficient with all that lie under it.

Papers: "Image Coding Using Wavelet Transform" (1992); trees as in "Embedded Image Coding Using Zerotrees of Wavelet
Coefficients" (1993). Other than blocks, the transform knows no seams.
"""

from collections.abc import Sequence

from array_api_compat import array_namespace
from jaxtyping import Float, Real

from signalpiece.core.check import check_range
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.blocks import Blocks
from signalpiece.layouts.filter_bank import FilterBank
from signalpiece.layouts.frames import hold_edges
from signalpiece.layouts.pyramid import decompose, from_trees, recompose, to_trees
from signalpiece.layouts.time_patches import TimePatches


class WaveletTrees:
    """One slot per 2 ** levels samples along each axis: lowest band, then details, coarse to fine, colour the fastest.

    An axis whose size is no multiple goes on with its last sample.

    Args:
        axes: what is transformed: ("row", "column") also of every frame of a film, ("x", "y", "z") of every volume.
        name: a wavelet of PyWavelets; `bior4.4` needs no PyWavelets.
        levels: depth.
        colors: size of the colour axis, 0 without one; default: 3 for row and column, else 0.
        edges: `periodic` (any wavelet) or `mirror` (symmetric filters of odd length); default: mirror where possible.

    Raises:
        SignalPieceError: an unknown wavelet, edges that the filters do not allow.
    """

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(
        self,
        *,
        axes: Sequence[str] = ("row", "column"),
        name: str = "bior4.4",
        levels: int = 3,
        colors: int | None = None,
        edges: str | None = None,
    ) -> None:
        check_range("levels", levels, 0, 12)
        self.bank, self.levels = FilterBank(name=name, edges=edges), levels
        self.blocks = Blocks.of(axes, [TimePatches(patch=2**levels)] * len(axes), colors)
        self.dim = self.blocks.dim

    def analyse(self, x: Real[Array, "..."]) -> Float[Array, "*b n d"]:
        """Samples, whose last axes are `axes` and colour, to trees of coefficients."""
        xp, count, colors = array_namespace(x), len(self.blocks.axes), self.blocks.colors
        if colors:
            x = xp.moveaxis(x, -1, -count - 1)
        for axis in range(-count, 0):
            missing = -x.shape[axis] % 2**self.levels if x.shape[axis] else 0
            x = xp.moveaxis(hold_edges(xp.moveaxis(x, axis, -1), 0, missing), -1, axis)
        y = to_trees(decompose(self.bank, x, self.levels, count), self.levels, count)
        return xp.reshape(xp.moveaxis(y, -3, -1), (*y.shape[:-3], y.shape[-2], self.dim)) if colors else y

    def synthesise(self, y: Float[Array, "*b n d"], sizes: Sequence[int]) -> Float[Array, "..."]:
        """Trees of coefficients to samples of `sizes` along `axes`."""
        xp, colors = array_namespace(y), self.blocks.colors
        if colors:
            y = xp.moveaxis(xp.reshape(y, (*y.shape[:-1], self.dim // colors, colors)), -1, -3)
        whole = [n + -n % 2**self.levels for n in sizes]
        x = recompose(self.bank, from_trees(y, whole, self.levels), self.levels, len(sizes))
        x = x[(Ellipsis, *(slice(0, n) for n in sizes))]
        return xp.moveaxis(x, -len(sizes) - 1, -1) if colors else x

    def cut(self, signal: Signal) -> Slots:
        """Trees of a signal; a slot is valid where the samples are that it stands above."""
        return self.blocks.cut(signal, self.analyse)

    def join(self, slots: Slots) -> Signal:
        """The signal of trees."""
        return self.blocks.join(slots, self.synthesise)
