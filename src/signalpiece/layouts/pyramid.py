"""Wavelet transform of whole arrays along some axes, level by level, and its bands gathered into trees.

Papers: "A Theory for Multiresolution Signal Decomposition: The Wavelet Representation" (1989), whose picture of bands
is the array here: the lowest band in the first corner, each level's details around it; trees as in "Embedded Image
Coding Using Zerotrees of Wavelet Coefficients" (1993).
"""

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from array_api_compat import array_namespace, device
from jaxtyping import Float

from signalpiece.core.check import check_divides
from signalpiece.core.signal import Array
from signalpiece.layouts.filter_bank import FilterBank

Corner = tuple[Any, ...]  # an ellipsis and slices


def decompose(bank: FilterBank, x: Float[Array, "..."], levels: int, count: int) -> Float[Array, "..."]:
    """Coefficients along the last `count` axes, in the place of the samples.

    Raises:
        SignalPieceError: a length that is no multiple of 2 ** levels.
    """
    for size in x.shape[x.ndim - count :]:
        check_divides("2 ** levels", 2**levels, size, "an axis")
    corner = x
    for level in range(levels):
        for axis in range(-count, 0):
            corner = bank.split(corner, axis)
        if level == 0:
            x = corner
        else:
            x[_low(x, level, count)] = corner
        corner = x[_low(x, level + 1, count)]
    return x


def recompose(bank: FilterBank, y: Float[Array, "..."], levels: int, count: int) -> Float[Array, "..."]:
    """The samples of coefficients."""
    corner = y[_low(y, levels, count)]
    for level in reversed(range(levels)):
        part = y[_low(y, level, count)]
        whole = array_namespace(y).empty_like(part)
        whole[...] = part
        whole[_low(whole, 1, count)] = corner
        for axis in range(-count, 0):
            whole = bank.merge(whole, axis)
        corner = whole
    return corner


def bands(sizes: Sequence[int], levels: int) -> Iterator[tuple[int, Corner]]:
    """Level and place of every band, coarse to fine, the lowest first; the first axis is the slowest."""
    yield levels, (Ellipsis, *(slice(0, n >> levels) for n in sizes))
    for level in range(levels, 0, -1):
        for high in list(product((0, 1), repeat=len(sizes)))[1:]:
            halves = zip(high, (n >> level for n in sizes), strict=True)
            yield level, (Ellipsis, *(slice(h * n, (h + 1) * n) for h, n in halves))


def to_trees(y: Float[Array, "..."], levels: int, count: int) -> Float[Array, "*b n d"]:
    """For every coefficient of the lowest band itself and all that lie under it, coarse to fine."""
    xp, sizes, lead = array_namespace(y), y.shape[y.ndim - count :], y.ndim - count
    parts = []
    for level, place in bands(sizes, levels):
        cells, side = [n >> levels for n in sizes], 2 ** (levels - level)
        part = xp.reshape(y[place], (*y.shape[:lead], *(m for n in cells for m in (n, side))))
        order = (*range(lead), *range(lead, part.ndim, 2), *range(lead + 1, part.ndim, 2))
        parts.append(xp.reshape(xp.permute_dims(part, order), (*y.shape[:lead], math.prod(cells), side**count)))
    return xp.concat(parts, axis=-1)


def from_trees(rows: Float[Array, "*b n d"], sizes: Sequence[int], levels: int) -> Float[Array, "..."]:
    """The coefficients of trees, for an array of `sizes`."""
    xp, lead, count = array_namespace(rows), rows.ndim - 2, len(sizes)
    y = xp.zeros((*rows.shape[:lead], *sizes), dtype=rows.dtype, device=device(rows))
    cells, first = [n >> levels for n in sizes], 0
    for level, place in bands(sizes, levels):
        side = 2 ** (levels - level)
        part = xp.reshape(rows[..., first : first + side**count], (*rows.shape[:lead], *cells, *(side,) * count))
        order = (*range(lead), *(lead + i + half for i in range(count) for half in (0, count)))
        y[place] = xp.reshape(xp.permute_dims(part, order), (*rows.shape[:lead], *(n * side for n in cells)))
        first += side**count
    return y


def _low(x: Array, level: int, count: int) -> Corner:
    """Where the lowest band of a level stands."""
    return (Ellipsis, *(slice(0, n >> level) for n in x.shape[x.ndim - count :]))
