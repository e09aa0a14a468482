"""A transform of several axes as one framed transform along each axis in turn, and back."""

import math
from collections.abc import Sequence

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float, Int, Real

from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.blocks import Blocks


class Separable:
    """Blocks filled by the transforms of their parts.

    Args:
        blocks: the geometry, with one framed layout per axis.
        order: which number of a row stands where, as places in the plain order (first axis slowest, colour fastest).
    """

    def __init__(self, blocks: Blocks, *, order: Int[np.ndarray, "d"] | None = None) -> None:
        self.blocks, self.order, self.dim = blocks, order, blocks.dim

    def analyse(self, x: Real[Array, "..."]) -> Float[Array, "*b n d"]:
        """Samples, whose last axes are the cut ones and colour, to rows."""
        parts, lead = self.blocks.parts, x.ndim - len(self.blocks.parts)
        if self.blocks.colors:
            x = array_namespace(x).moveaxis(x, -1, lead - 1)
        for part in reversed(parts):  # frames and their numbers go before the axes that are still whole
            x = _last_to(part.analyse(x), lead, 2)
        return self._rows(x, lead)

    def synthesise(self, y: Float[Array, "*b n d"], sizes: Sequence[int]) -> Float[Array, "..."]:
        """Rows to samples of `sizes` along the cut axes."""
        parts, colors, xp = self.blocks.parts, self.blocks.colors, array_namespace(y)
        if self.order is not None:
            y = xp.take(y, xp.asarray(np.argsort(self.order), device=device(y)), axis=-1)
        outer, counts = y.shape[:-2], self.blocks.counts(tuple(sizes))
        y = xp.reshape(y, (*outer, *counts, *(p.dim for p in parts), *((colors,) if colors else ())))
        lead, k = len(outer), len(parts)
        pairs = [lead + i + k * half for i in range(k) for half in (0, 1)]
        y = xp.permute_dims(y, (*range(lead), *((lead + 2 * k,) if colors else ()), *pairs))
        lead += bool(colors)
        for part, size in zip(reversed(parts), reversed(sizes), strict=True):
            y = _last_to(part.synthesise(y, size), lead, 1)
        return xp.moveaxis(y, lead - 1, -1) if colors else y

    def cut(self, signal: Signal) -> Slots:
        """Rows of a signal."""
        return self.blocks.cut(signal, self.analyse)

    def join(self, slots: Slots) -> Signal:
        """The signal of rows."""
        return self.blocks.join(slots, self.synthesise)

    def _rows(self, x: Float[Array, "..."], lead: int) -> Float[Array, "*b n d"]:
        """[colour], n1, d1, n2, d2, ... to rows."""
        xp, k, colored = array_namespace(x), len(self.blocks.parts), bool(self.blocks.colors)
        frames, numbers = range(lead, lead + 2 * k, 2), range(lead + 1, lead + 2 * k, 2)
        outer = range(lead - colored)
        x = xp.permute_dims(x, (*outer, *frames, *numbers, *((lead - 1,) if colored else ())))
        count = math.prod(x.shape[len(outer) : len(outer) + k])
        x = xp.reshape(x, (*x.shape[: len(outer)], count, self.blocks.dim))
        if self.order is None:
            return x
        return xp.take(x, xp.asarray(self.order, device=device(x)), axis=-1)


class OverAxes:
    """What layouts share that are a `Separable`, their `transform`, and nothing else."""

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(self, transform: Separable) -> None:
        self.transform, self.dim = transform, transform.dim

    def analyse(self, x: Real[Array, "..."]) -> Float[Array, "*b n d"]:
        """Samples, whose last axes are those of the blocks and colour, to coefficients."""
        return self.transform.analyse(x)

    def synthesise(self, y: Float[Array, "*b n d"], sizes: Sequence[int]) -> Float[Array, "..."]:
        """Coefficients to samples of `sizes` along the axes."""
        return self.transform.synthesise(y, sizes)

    def cut(self, signal: Signal) -> Slots:
        """Coefficients of a signal."""
        return self.transform.cut(signal)

    def join(self, slots: Slots) -> Signal:
        """The signal of coefficients."""
        return self.transform.join(slots)


def _last_to(x: Array, place: int, count: int) -> Array:
    """The last `count` axes moved to `place`."""
    rest = x.ndim - count
    order = (*range(place), *range(rest, x.ndim), *range(place, rest))
    return array_namespace(x).permute_dims(x, order)
