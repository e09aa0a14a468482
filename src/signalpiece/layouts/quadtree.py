"""Squares of a picture, small where it has detail: whatever loses most is split into four, until there are enough.

Paper: "Quad Trees: A Data Structure for Retrieval on Composite Keys" (1974) for the tree; as tokens "Vision
Transformers with Mixed-Resolution Tokenization" (2023). A square never loses less than its parts together with the
others of them, so splitting greedily is taking the squares that lose most: one sort, no queue.
"""

import numpy as np
from array_api_compat import is_numpy_array
from jaxtyping import Bool, Float

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.leaves import Leaves
from signalpiece.layouts.pictures import PICTURE, check_axes


class Quadtree:
    """One slot per leaf: crop x crop x color means of its pixels; leaves of crop pixels a side keep them.

    Args:
        num: leaves, at most; fewer where nothing is lost any more.
        crop: means along each side of a leaf, and pixels along the smallest one.
        levels: the largest leaf has crop * 2 ** levels pixels a side.
        colors: size of the colour axis.

    Raises:
        SignalPieceError: no leaves, an empty crop.
    """

    arrays = ("numpy", "torch")
    loss = "leaves larger than crop hold means of their pixels; exact where num allows the smallest leaves everywhere"

    def __init__(self, *, num: int = 256, crop: int = 4, levels: int = 3, colors: int = 3) -> None:
        check_range("num", num, 1, 2**30)
        self.num, self.leaves = num, Leaves(crop, levels, colors)
        self.dim = self.leaves.dim

    def cut(self, signal: Signal) -> Slots:
        """Leaves of a picture.

        Raises:
            SignalPieceError: the signal is no picture of so many colours, or needs more leaves of the largest size.
        """
        check_axes(signal.grid, PICTURE, self.leaves.colors)
        height, width, _ = signal.grid.shape
        return self.leaves.cut(signal, self.leaves.boxes(height, width, self._split(as_numpy(signal.values))))

    def join(self, slots: Slots) -> Signal:
        """The picture of leaves."""
        return self.leaves.join(slots)

    def _split(self, x: Float[np.ndarray, "h w c"]) -> list[Bool[np.ndarray, "_ _"]]:
        """The squares of each level that are split."""
        (height, width, _), leaves = x.shape, self.leaves
        down, across = leaves.nodes(height, width, leaves.levels)
        if self.num < down * across:
            raise SignalPieceError(
                f"num must be at least {down * across} for {height} x {width} pixels, got {self.num}; or raise levels"
            )
        losses = leaves.losses(x)
        if not losses:
            return []
        levels = range(leaves.levels, 0, -1)  # coarse ones first, so that a square comes before its equal parts
        flat = np.concatenate([losses[k - 1].ravel() for k in levels])
        more = np.concatenate([self._parts(height, width, k).ravel() - 1 for k in levels])
        order = np.argsort(-flat, kind="stable")
        taken = order[(more[order].cumsum() <= self.num - down * across) & (flat[order] > 0)]
        chosen = np.zeros(len(flat), bool)
        chosen[taken] = True
        ends = np.cumsum([losses[k - 1].size for k in levels])[:-1]
        parts = np.split(chosen, ends)[::-1]
        return [part.reshape(lost.shape) for part, lost in zip(parts, losses, strict=True)]

    def _parts(self, height: int, width: int, level: int) -> Float[np.ndarray, "i j"]:
        """How many quarters of each square touch the picture."""
        counts = []
        for whole, small in zip(
            self.leaves.nodes(height, width, level), self.leaves.nodes(height, width, level - 1), strict=True
        ):
            counts.append(np.minimum(2, small - 2 * np.arange(whole)))
        return np.multiply.outer(*counts).astype(float)


def as_numpy(x: Array) -> Float[np.ndarray, "..."]:
    """Values to decide by, without their gradient; integers become float32."""
    x = x if is_numpy_array(x) else x.detach().cpu().numpy()
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float32)
