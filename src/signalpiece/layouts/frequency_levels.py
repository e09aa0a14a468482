"""A picture or a map of latents as a row of low-pass versions, from its mean to itself.

Paper: "Frequency Autoregressive Image Generation with Continuous Tokens" (2025): level i is the map averaged over areas
to i x i and brought back by bicubic interpolation; a model predicts the next level from the one before.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float, Real

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.frames import hold_edges
from signalpiece.layouts.matrix import RowMatrix

SHARP = -0.75  # the parameter of the cubic that torch has


class FrequencyLevels:
    """`levels` times as many slots as there are pixels: every level whole, the lowest first; join takes the last one.

    Level l of L keeps ceil(side * l / L) averages along each side. Coordinates: level from 1, row, column.

    Raises:
        SignalPieceError: no level, no colour.
    """

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(self, *, levels: int = 10, colors: int = 3) -> None:
        check_range("levels", levels, 1, 2**16)
        check_range("colors", colors, 1, 2**16)
        self.levels, self.dim = levels, colors

    def analyse(self, x: Real[Array, "*b row column color"]) -> Float[Array, "*b n color"]:
        """Pixels to all levels."""
        xp, x = array_namespace(x), hold_edges(x, 0, 0)
        rows, columns = x.shape[-3:-1]
        kept = [(_kept(rows, level, self.levels), _kept(columns, level, self.levels)) for level in self._numbers()]
        wholes = [low_pass(x, sides) for sides in kept]
        return xp.reshape(xp.stack(wholes, axis=-4), (*x.shape[:-3], self.levels * rows * columns, x.shape[-1]))

    def synthesise(self, y: Float[Array, "*b n color"], sizes: Sequence[int]) -> Float[Array, "*b row column color"]:
        """The last level, of `sizes` rows and columns."""
        last = y[..., (self.levels - 1) * math.prod(sizes) :, :]
        return array_namespace(y).reshape(last, (*y.shape[:-2], *sizes, y.shape[-1]))

    def cut(self, signal: Signal) -> Slots:
        """Levels of a picture; a slot is valid where its own pixel is."""
        grid = signal.grid
        if grid.axes != ("row", "column", "color"):
            got = " x ".join(grid.axes)
            raise SignalPieceError(f"this layout cuts row x column x color, got a signal of axes {got}")
        if grid.size("color") != self.dim:
            got = grid.size("color")
            raise SignalPieceError(f"colors must be what the signal has, got {self.dim} for {got}; set colors={got}")
        at = np.meshgrid(list(self._numbers()), *(np.arange(n) for n in grid.shape[:2]), indexing="ij")
        coords = np.stack([a.ravel() for a in at], 1).astype(float)
        valid = None
        if signal.valid is not None:
            good = np.broadcast_to(np.asarray(signal.valid), grid.shape).all(-1)
            valid = np.tile(good.ravel(), self.levels)[None]
        return Slots(self.analyse(signal.values)[None], grid, coords[None], valid)

    def join(self, slots: Slots) -> Signal:
        """The picture of levels."""
        grid, values = slots.grid, slots.values
        pixels = grid.size("row") * grid.size("column")
        wanted = (1, self.levels * pixels, self.dim)
        if tuple(values.shape) != wanted:
            raise SignalPieceError(f"slots of this grid have shape {wanted}, got {tuple(values.shape)}")
        valid = None
        if slots.valid is not None:
            good = np.asarray(slots.valid)[0, -pixels:].reshape(*grid.shape[:2], 1) if pixels else np.ones(1, bool)
            valid = np.broadcast_to(good, grid.shape).copy()
        return Signal(grid, self.synthesise(values[0], grid.shape[:2]), valid)

    def _numbers(self) -> range:
        return range(1, self.levels + 1)


def _kept(side: int, level: int, levels: int) -> int:
    return -(-side * level // levels)


def low_pass(x: Float[Array, "*b row column color"], kept: tuple[int, int]) -> Float[Array, "*b row column color"]:
    """`kept` averages along rows and columns, brought back to the size of x."""
    xp = array_namespace(x)
    for axis, count in zip((-3, -2), kept, strict=True):
        size = x.shape[axis]
        if 0 < count < size:
            down, up = _matrices(size, count)
            x = xp.moveaxis(up(down(xp.moveaxis(x, axis, -1))), -1, axis)
    return x


@lru_cache(256)
def _matrices(size: int, count: int) -> tuple[RowMatrix, RowMatrix]:
    """Averages over areas, which share a sample where they meet inside it; the way back."""
    down, up = np.zeros((size, count)), np.zeros((count, size))
    for j in range(count):
        first, last = j * size // count, -(-(j + 1) * size // count)
        down[first:last, j] = 1 / (last - first)
    at = (np.arange(size) + 0.5) * count / size - 0.5
    base = np.floor(at).astype(int)
    for k in range(-1, 3):
        np.add.at(up, (np.clip(base + k, 0, count - 1), np.arange(size)), _cubic(at - base - k))
    return RowMatrix(down), RowMatrix(up)


def _cubic(distance: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Keys' interpolation kernel."""
    t = np.abs(distance)
    near = ((SHARP + 2) * t - (SHARP + 3)) * t * t + 1
    far = ((SHARP * t - 5 * SHARP) * t + 8 * SHARP) * t - 4 * SHARP
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))
