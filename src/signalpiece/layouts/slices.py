"""Slices of volumes along all three axes, as pictures for an encoder of photographs.

Paper: "Can Natural Image Autoencoders Compactly Tokenize fMRI Volumes for Long-Range Dynamics Modeling?" (2025):
volumes stand in the middle of a cube of zeros, 96 wide; latents of its slices become 27 tokens by `align_slices`.
"""

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float, Real

from signalpiece.core.check import SignalPieceError, check_divides, check_range
from signalpiece.core.signal import Array, Grid, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.frames import hold_edges

AXES = ("x", "y", "z")


class Slices:
    """3 * `size` slots of `size` * `size` voxels per volume: slices across x, then across y, then across z.

    join averages the three values of each voxel. Coordinates: seconds if there is time, axis, number of the slice in
    the volume. A voxel is valid where any of its slices is.

    Raises:
        SignalPieceError: a size below 1.
    """

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(self, *, size: int = 96) -> None:
        check_range("size", size, 1, 2**15)
        self.size, self.dim = size, size * size

    def analyse(self, x: Real[Array, "*b x y z"]) -> Float[Array, "*b n d"]:
        """Voxels to slices.

        Raises:
            SignalPieceError: a volume that is larger than the cube.
        """
        xp, x = array_namespace(x), hold_edges(x, 0, 0)
        cube = xp.zeros((*x.shape[:-3], *(self.size,) * 3), dtype=x.dtype, device=device(x))
        cube[self._place(x.shape[-3:])] = x
        slices = [xp.moveaxis(cube, axis, -3) for axis in (-3, -2, -1)]
        return xp.reshape(xp.stack(slices, axis=-4), (*x.shape[:-3], 3 * self.size, self.dim))

    def synthesise(self, y: Float[Array, "*b n d"], sizes: tuple[int, ...]) -> Float[Array, "*b x y z"]:
        """Slices to voxels of `sizes`."""
        xp = array_namespace(y)
        stacked = xp.reshape(y, (*y.shape[:-2], 3, *(self.size,) * 3))
        cubes = [xp.moveaxis(stacked[..., n, :, :, :], -3, axis) for n, axis in enumerate((-3, -2, -1))]
        return ((cubes[0] + cubes[1] + cubes[2]) / 3)[self._place(sizes)]

    def cut(self, signal: Signal) -> Slots:
        """Slices of a volume, or of every volume of a series."""
        grid = signal.grid
        order = _order(grid)
        y = self.analyse(array_namespace(signal.values).permute_dims(signal.values, order))
        valid = None
        if signal.valid is not None:
            bad = ~np.broadcast_to(np.asarray(signal.valid), grid.shape).transpose(order)
            valid = ~(self.analyse(bad.astype(np.float32)) > 0).any(-1).reshape(1, -1)
        rows = array_namespace(y).reshape(y, (1, -1, self.dim))
        return Slots(rows, grid, self._coords(grid)[None], valid)

    def join(self, slots: Slots) -> Signal:
        """The volume or series of slices."""
        grid, values = slots.grid, slots.values
        back, sizes, count = tuple(np.argsort(_order(grid)).tolist()), tuple(map(grid.size, AXES)), 3 * self.size
        outer = (grid.size("time"),) if "time" in grid.axes else ()
        wanted = (1, math.prod(outer) * count, self.dim)
        if tuple(values.shape) != wanted:
            raise SignalPieceError(f"slots of this grid have shape {wanted}, got {tuple(values.shape)}")
        xp, valid = array_namespace(values), None
        x = self.synthesise(xp.reshape(values, (*outer, count, self.dim)), sizes)
        if slots.valid is not None:
            good = np.asarray(slots.valid).reshape(*outer, count, 1).astype(np.float32)
            spread = np.broadcast_to(good, (*outer, count, self.dim))
            valid = (self.synthesise(spread, sizes) > 0).transpose(back)
        return Signal(grid, xp.permute_dims(x, back), valid)

    def _place(self, sizes: tuple[int, ...]) -> tuple[Any, ...]:
        """Where a volume stands in the cube: in the middle, one voxel further back where that is not possible."""
        if max(sizes) > self.size:
            got = " x ".join(map(str, sizes))
            raise SignalPieceError(f"size must be at least {max(sizes)} for a volume of {got}, got {self.size}")
        spans = zip(self._starts(sizes), sizes, strict=True)
        return (Ellipsis, *(slice(a, a + n) for a, n in spans))

    def _starts(self, sizes: tuple[int, ...]) -> list[int]:
        return [(self.size - n + 1) // 2 for n in sizes]

    def _coords(self, grid: Grid) -> Float[np.ndarray, "n a"]:
        starts = self._starts(tuple(map(grid.size, AXES)))
        at = [(axis, n - start) for axis, start in enumerate(starts) for n in range(self.size)]
        places = np.array(at, float)
        if "time" not in grid.axes:
            return places
        rate = grid.rate[grid.axes.index("time")]
        seconds = np.arange(grid.size("time")) / (rate or 1.0) + (grid.start if rate else 0.0)
        return np.concatenate([np.repeat(seconds, len(places))[:, None], np.tile(places, (len(seconds), 1))], 1)


def align_slices(latents: Float[Array, "*b 3 s c g g"]) -> Float[Array, "*b n d"]:
    """Latent pictures "c g g" of slices across x, y, z to g ** 3 tokens of 3 * (s / g) * c numbers.

    s / g neighbouring slices share a cell, and the cells of the three axes are brought to the same place.

    Raises:
        SignalPieceError: g does not divide s.
    """
    xp, (slices, channels, cells) = array_namespace(latents), latents.shape[-4:-1]
    check_divides("cells", cells, slices, "slices")
    lead = latents.shape[:-5]
    grouped = xp.reshape(latents, (*lead, 3, cells, slices // cells, channels, cells, cells))
    k = len(lead)
    parts = []
    for axis in range(3):  # cell, slice, channel, first, second -> x, y, z, slice, channel
        part = grouped[..., axis, :, :, :, :, :]
        places = [k + 3, k + 4]
        places.insert(axis, k)
        part = xp.permute_dims(part, (*range(k), *places, k + 1, k + 2))
        parts.append(xp.reshape(part, (*lead, cells**3, slices // cells * channels)))
    return xp.concat(parts, axis=-1)


def _order(grid: Grid) -> tuple[int, ...]:
    if grid.axes not in (AXES, (*AXES, "time")):
        raise SignalPieceError(f"this layout cuts x x y x z, got a signal of axes {' x '.join(grid.axes)}")
    return (*((3,) if "time" in grid.axes else ()), 0, 1, 2)
