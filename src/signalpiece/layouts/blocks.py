"""Where blocks of several axes lie: signals into rows of blocks and back, whatever transform fills the rows.

A block is the product of one frame per cut axis, in the geometry of `frames`. Colour stays inside a row; time that is
not cut stays outside: rows go by time, then by place, the last axis fastest.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Bool, Float

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Array, Grid, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.frames import FramedLayout, add_frames, split_frames


@dataclass(frozen=True)
class Blocks:
    """The geometry: which axes are cut, the frames along each, and how many colours a sample has (0: no such axis)."""

    axes: tuple[str, ...]
    parts: tuple[FramedLayout, ...]
    colors: int = 0

    @classmethod
    def of(cls, axes: Sequence[str], parts: Sequence[FramedLayout], colors: int | None) -> "Blocks":
        """Blocks whose colours default to 3 for rows and columns and to none elsewhere.

        Raises:
            SignalPieceError: less than no colour.
        """
        colors = (3 if {"row", "column"} <= set(axes) else 0) if colors is None else colors
        check_range("colors", colors, 0, 2**16)
        return cls(tuple(axes), tuple(parts), colors)

    @property
    def dim(self) -> int:
        """Numbers per row."""
        return math.prod(p.dim for p in self.parts) * max(self.colors, 1)

    def counts(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Frames along each cut axis."""
        return tuple(p.frames(n) for p, n in zip(self.parts, sizes, strict=True))

    def cut(self, signal: Signal, analyse: Callable[[Array], Array]) -> Slots:
        """Rows of a signal; `analyse` maps "*outer cut-axes color" to "*outer n d".

        Raises:
            SignalPieceError: the signal has other axes or another number of colours.
        """
        grid = signal.grid
        order = self._order(grid)
        y = analyse(array_namespace(signal.values).permute_dims(signal.values, order))
        rows = array_namespace(y).reshape(y, (1, -1, self.dim))
        valid = None
        if signal.valid is not None:
            bad = ~np.broadcast_to(np.asarray(signal.valid), grid.shape).transpose(order)
            valid = ~self._any_bad(bad).reshape(1, -1)
        return Slots(rows, grid, self._coords(grid)[None], valid)

    def join(self, slots: Slots, synthesise: Callable[[Array, tuple[int, ...]], Array]) -> Signal:
        """The signal of rows; a sample is valid where all blocks that cover it are.

        Raises:
            SignalPieceError: the rows do not fit the grid.
        """
        grid, values = slots.grid, slots.values
        order, sizes = self._order(grid), tuple(grid.size(a) for a in self.axes)
        outer, counts = self._outer(grid), self.counts(sizes)
        wanted = (1, math.prod(outer) * math.prod(counts), self.dim)
        if tuple(values.shape) != wanted:
            raise SignalPieceError(f"slots of this grid have shape {wanted}, got {tuple(values.shape)}")
        xp, back = array_namespace(values), tuple(np.argsort(order).tolist())
        x = synthesise(xp.reshape(values, (*outer, math.prod(counts), self.dim)), sizes)
        valid = None
        if slots.valid is not None:
            bad = self._spread(~np.asarray(slots.valid).reshape(*outer, *counts), sizes)
            valid = ~(bad[..., None] if self.colors else bad).transpose(back)
            valid = np.broadcast_to(valid, grid.shape).copy()
        return Signal(grid, xp.permute_dims(x, back), valid)

    def _order(self, grid: Grid) -> tuple[int, ...]:
        """The grid's axes as: what stays outside, what is cut, colour."""
        inner = (*self.axes, *(("color",) if self.colors else ()))
        outer = tuple(a for a in grid.axes if a not in inner)
        if set(inner) - set(grid.axes) or outer not in ((), ("time",)):
            raise SignalPieceError(
                f"this layout cuts {' x '.join(inner)}, got a signal of axes {' x '.join(grid.axes)}"
            )
        if self.colors and grid.size("color") != self.colors:
            got = grid.size("color")
            raise SignalPieceError(f"colors must be what the signal has, got {self.colors} for {got}; set colors={got}")
        return tuple(grid.axes.index(a) for a in (*outer, *inner))

    def _outer(self, grid: Grid) -> tuple[int, ...]:
        return (grid.size("time"),) if "time" in grid.axes and "time" not in self.axes else ()

    def _any_bad(self, bad: Bool[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
        bad = np.asarray(bad.any(-1)) if self.colors else bad
        axis = bad.ndim - len(self.parts)
        for part in self.parts:  # each turn replaces the first axis that is left by its frames, at the end
            frames = split_frames(np.moveaxis(bad, axis, -1).astype(np.float32), part)
            bad = frames.any(-1)
        return bad

    def _spread(self, bad: Bool[np.ndarray, "..."], sizes: tuple[int, ...]) -> Bool[np.ndarray, "..."]:
        axis = bad.ndim - len(self.parts)
        for part, size in zip(self.parts, sizes, strict=True):
            rows = np.moveaxis(bad, axis, -1)[..., None].astype(np.float32)
            bad = add_frames(np.repeat(rows, part.window, axis=-1), part, size) > 0
        return bad

    def _coords(self, grid: Grid) -> Float[np.ndarray, "n a"]:
        """Centres of blocks: seconds for time, metres for x, y, z with an affine, else samples or by the rate."""
        outer = self._outer(grid)
        ticks = [np.arange(n, dtype=float) for n in outer]
        for axis, part in zip(self.axes, self.parts, strict=True):
            span = (
                part.window if axis == "time" else part.window - 1
            )  # places name the middle of a sample by its number
            ticks.append(np.arange(part.frames(grid.size(axis))) * part.hop - part.lead + span / 2)
        at = np.stack([g.ravel() for g in np.meshgrid(*ticks, indexing="ij")], 1)
        names = (*(("time",) if outer else ()), *self.axes)
        if grid.affine is not None and names[-3:] == ("x", "y", "z"):
            affine = np.array(grid.affine)
            at[:, -3:] = at[:, -3:] @ affine[:3, :3].T + affine[:3, 3]
            names = names[:-3]
        for column, axis in enumerate(names):
            rate = grid.rate[grid.axes.index(axis)]
            at[:, column] = at[:, column] / (rate or 1.0) + (grid.start if axis == "time" and rate else 0.0)
        return at


def per_axis(name: str, value: int | Sequence[int], axes: Sequence[str]) -> tuple[int, ...]:
    """One number per axis from one for all or one for each.

    Raises:
        SignalPieceError: another number of numbers.
    """
    values = (value,) * len(axes) if isinstance(value, int) else tuple(value)
    if len(values) != len(axes):
        raise SignalPieceError(
            f"{name} must be one number or {len(axes)}, one for each of {', '.join(axes)}; got {values}"
        )
    return values
