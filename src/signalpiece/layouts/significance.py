"""Wavelet coefficients as seven tokens, the most significant bits first: any beginning of the row is a picture.

Paper: "Wavelets Are All You Need for Autoregressive Image Generation" (2024). Bit-planes go from the largest threshold
down, in each plane coefficients from coarse to fine, in 4 x 4 groups of 2 x 2 groups of a band. Differs: a zero block
may also stand for a group at the rim of a band that is not whole; thresholds are set, not found from the picture.
"""

import math
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Array, Grid, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.filter_bank import FilterBank
from signalpiece.layouts.frames import hold_edges
from signalpiece.layouts.pyramid import bands, decompose, recompose


class WaveletBits:
    """One slot per token, a number 0 to 6: Group4x4, Group2x2, Insignificant, NowSignificantPos, NowSignificantNeg,
    NextAccuracy0, NextAccuracy1.

    Pictures are taken around 0.5. join takes any number of slots from the first one on; after all of them every
    coefficient errs by at most half of the threshold 2 ** last, or by less than it where it is not significant.
    Coordinates of a slot: bit-plane (exponent of its threshold), level, band, colour, row, column in the band.
    Validity is not carried: one sample is in many coefficients.

    Args:
        name: a wavelet of PyWavelets; `bior4.4` needs no PyWavelets.
        levels: depth of the transform.
        colors: size of the colour axis.
        first: exponent of the first threshold, for coefficients below 2 ** (first + 1); default: levels - 1.
        last: exponent of the last threshold.
        edges: as of `WaveletTrees`.

    Raises:
        SignalPieceError: an unknown wavelet, thresholds that are not in order, a row that no picture can have.
    """

    arrays = ("numpy",)
    dim = 1

    def __init__(
        self,
        *,
        name: str = "bior4.4",
        levels: int = 3,
        colors: int = 3,
        first: int | None = None,
        last: int = -7,
        edges: str | None = None,
    ) -> None:
        check_range("levels", levels, 0, 12)
        check_range("colors", colors, 1, 2**16)
        check_range("last", last, -40, 40)
        self.first = levels - 1 if first is None else first
        check_range("first", self.first, last, last + 50)
        self.bank, self.levels, self.colors, self.last = FilterBank(name=name, edges=edges), levels, colors, last
        self.loss = f"coefficients err by less than {2.0**last:g}, and what follows the last slot is not there"

    def cut(self, signal: Signal) -> Slots:
        """The tokens of a picture.

        Raises:
            SignalPieceError: no picture of these colours, or a coefficient above the first threshold.
        """
        from signalpiece.layouts.significance_kernel import write_tokens

        walk, planes = self._walk(signal.grid), self.first - self.last + 1
        x = np.moveaxis(hold_edges(np.asarray(signal.values), 0, 0) - np.float32(0.5), -1, 0)
        missing = [(0, -n % 2**self.levels) for n in x.shape[1:]]
        y = decompose(self.bank, np.pad(x, ((0, 0), *missing), mode="edge"), self.levels, 2)
        ordered = y.reshape(-1)[walk.order]
        magnitudes = np.floor(np.abs(ordered, dtype=np.float64) / 2.0**self.last).astype(np.int64)
        if magnitudes.max(initial=0) >> planes:
            need = math.frexp(float(np.abs(ordered).max()))[1] - 1
            raise SignalPieceError(f"first must be at least {need} for this picture, got {self.first}")
        tokens = np.empty(len(ordered) * planes, np.int8)
        places = np.empty((len(tokens), 2), np.int64)
        count = write_tokens(magnitudes, ordered < 0, walk.group4, walk.group2, planes, tokens, places)
        coords = np.concatenate([places[:count, 1:] + self.last, walk.coords[places[:count, 0]]], 1).astype(float)
        return Slots(tokens[None, :count, None].astype(x.dtype), signal.grid, coords[None])

    def join(self, slots: Slots) -> Signal:
        """The picture of tokens, or of their beginning.

        Raises:
            SignalPieceError: a token where it cannot stand, or more than a picture has.
        """
        y = self.coefficients(slots.values, slots.grid)
        rows, columns, _ = slots.grid.shape
        x = recompose(self.bank, y, self.levels, 2)[:, :rows, :columns] + np.float32(0.5)
        return Signal(slots.grid, np.moveaxis(x, 0, -1))

    def coefficients(self, tokens: Float[Array, "1 n 1"], grid: Grid) -> Float[np.ndarray, "color h w"]:
        """The wavelet coefficients of tokens, or of their beginning, in Mallat's picture."""
        from signalpiece.layouts.significance_kernel import read_tokens

        walk, planes = self._walk(grid), self.first - self.last + 1
        values = np.asarray(tokens)
        ids, count = np.rint(values).reshape(-1).astype(np.int64), len(walk.order)
        magnitudes, signs = np.zeros(count, np.int64), np.zeros(count, np.int8)
        known = np.full(count, planes)
        if ids.size and not 0 <= ids.min() <= ids.max() <= 6:
            raise SignalPieceError(f"tokens must be between 0 and 6, got {ids.min()} to {ids.max()}")
        wrong = read_tokens(ids, walk.group4, walk.group2, planes, magnitudes, signs, known)
        if wrong >= 0:
            raise SignalPieceError(f"token {wrong} is {ids[wrong]}, which cannot stand there in a picture of this size")
        middle = signs * (magnitudes + np.where(signs, 0.5 * 2.0**known, 0.0)) * 2.0**self.last
        y = np.zeros(walk.shape, values.dtype)
        y.reshape(-1)[walk.order] = middle
        return y

    def _walk(self, grid: Grid) -> "_Walk":
        if grid.axes != ("row", "column", "color"):
            got = " x ".join(grid.axes)
            raise SignalPieceError(f"this layout cuts row x column x color, got a signal of axes {got}")
        if grid.size("color") != self.colors:
            got = grid.size("color")
            raise SignalPieceError(f"colors must be what the signal has, got {self.colors} for {got}; set colors={got}")
        rows, columns = (n + -n % 2**self.levels for n in grid.shape[:2])
        return _walk(rows, columns, self.colors, self.levels)


class _Walk:
    """Coefficients of a picture in the order of visits: their places, where groups begin, and what they are."""

    def __init__(self, shape: tuple[int, int, int], levels: int) -> None:
        colors, rows, columns = self.shape = shape
        places = np.arange(math.prod(shape)).reshape(shape)
        parts: list[np.ndarray] = []
        for number, (level, place) in enumerate(bands((rows, columns), levels)):
            for color in range(colors):
                band = places[color][place]
                order = _grouped(*band.shape)
                facts = [np.full(len(order), fact) for fact in (level, number and (number - 1) % 3 + 1, color)]
                row, column = np.divmod(order, max(band.shape[1], 1))
                groups = [_group_sizes(row // side, column // side, len(order)) for side in (4, 2)]
                parts.append(np.stack([band.reshape(-1)[order], *groups, *facts, row, column], 1))
        whole = np.concatenate(parts)
        self.order, self.group4, self.group2 = (np.ascontiguousarray(whole[:, k]) for k in range(3))
        self.coords = whole[:, 3:]


@lru_cache(16)
def _walk(rows: int, columns: int, colors: int, levels: int) -> _Walk:
    return _Walk((colors, rows, columns), levels)


def _grouped(rows: int, columns: int) -> Int[np.ndarray, "n"]:
    """Places of a band by 4 x 4 group, by 2 x 2 group, by row."""
    row, column = (a.ravel() for a in np.indices((rows, columns)))
    return np.lexsort((column, row, column // 2, row // 2, column // 4, row // 4))


def _group_sizes(row: Int[np.ndarray, "n"], column: Int[np.ndarray, "n"], count: int) -> Int[np.ndarray, "n"]:
    """At the first of every run of equal groups its length, else 0."""
    starts = np.flatnonzero(np.r_[True, (np.diff(row) != 0) | (np.diff(column) != 0)][:count])
    sizes = np.zeros(count, np.int64)
    sizes[starts] = np.diff(np.r_[starts, count])
    return sizes
