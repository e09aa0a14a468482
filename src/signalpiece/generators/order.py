"""In which order the places of a grid are visited.

An order is a permutation: entry i is the raster position (row * width + column) of the place visited i-th. Where
several places are visited at once, every place has the number of its step, and `order_of` makes the order.

Papers: "Halton Scheduler for Masked Generative Image Transformer" (2025); diagonals from "Neighboring Autoregressive
Modeling for Efficient Visual Generation" (2025).
"""

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import check_range


def raster_order(height: int, width: int) -> Int[np.ndarray, "n"]:
    """Row by row, left to right.

    Raises:
        SignalPieceError: an empty grid.
    """
    _check_grid(height, width)
    return np.arange(height * width)


def halton_order(height: int, width: int) -> Int[np.ndarray, "n"]:
    """Places spread evenly from the first one on: the Halton sequence (rows base 2, columns base 3), no place twice.

    Raises:
        SignalPieceError: an empty grid.
    """
    _check_grid(height, width)
    count = max(10_000, 4 * height * width)
    while True:
        points = np.arange(1, count + 1)
        rows = np.floor(height * _radical_inverse(points, 2)).astype(np.int64)
        columns = np.floor(width * _radical_inverse(points, 3)).astype(np.int64)
        places = rows * width + columns
        found, first = np.unique(places, return_index=True)
        if len(found) == height * width:
            return places[np.sort(first)]
        count *= 2


def diagonal_steps(height: int, width: int) -> Int[np.ndarray, "n"]:
    """The step of every place when a whole diagonal is visited at once: its row plus its column.

    Raises:
        SignalPieceError: an empty grid.
    """
    _check_grid(height, width)
    return np.add.outer(np.arange(height), np.arange(width)).ravel()


def order_of(steps: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """The order that visits places step by step, those of one step by position."""
    return np.argsort(steps, kind="stable")


def _radical_inverse(points: Int[np.ndarray, "n"], base: int) -> Float[np.ndarray, "n"]:
    """The digits of whole numbers mirrored behind the point."""
    rest, weight, total = points.copy(), 1.0, np.zeros(len(points))
    while rest.any():
        rest, digit = np.divmod(rest, base)
        weight *= base
        total += digit / weight
    return total


def _check_grid(height: int, width: int) -> None:
    check_range("height", height, 1, 2**20)
    check_range("width", width, 1, 2**20)
