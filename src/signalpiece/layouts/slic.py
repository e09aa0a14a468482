"""Superpixels: pixels clustered by colour and place, each cluster looking no further than its own neighbourhood.

Paper: "SLIC Superpixels Compared to State-of-the-Art Superpixel Methods" (2012). Differs: colours as they are, not
CIELAB, and clusters may fall apart into pieces.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from signalpiece.core.check import check_range


def slic(
    pixels: Float[np.ndarray, "h w c"], num: int = 256, compactness: float = 0.1, steps: int = 10
) -> Int[np.ndarray, "h w"]:
    """The number of its superpixel for every pixel, from 0, without a gap; about `num` of them.

    Args:
        num: superpixels wanted, at most as many as pixels.
        compactness: distance in colour that counts like the distance to the next superpixel.
        steps: rounds of assigning and averaging.

    Raises:
        SignalPieceError: no superpixel, step or compactness, or more superpixels than pixels.
    """
    height, width, _ = pixels.shape
    side = check_clusters(height, width, num, compactness, steps)
    frame, labels = np.asarray(pixels, dtype=np.float64), np.empty((height, width), np.int64)
    cluster(frame, means_of(frame, grid_cells(height, width, side), 1.0), side, compactness, steps, labels)
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape)


def check_clusters(height: int, width: int, num: int, compactness: float, steps: int) -> float:
    """Pixels along a cell for each of `num` clusters.

    Raises:
        SignalPieceError: no cluster, step or compactness, or more clusters than pixels.
    """
    check_range("num", num, 1, height * width)
    check_range("compactness", compactness, 1e-6, float("inf"))
    check_range("steps", steps, 1, 1000)
    return (height * width / num) ** 0.5


def grid_cells(height: int, width: int, side: float) -> Int[np.ndarray, "h w"]:
    """The cell of a regular grid, of about `side` pixels a side, that each pixel lies in."""
    down, across = max(1, round(height / side)), max(1, round(width / side))
    rows, columns = np.arange(height) * down // height, np.arange(width) * across // width
    return np.add.outer(rows * across, columns)


def means_of(
    frame: Float[np.ndarray, "h w c"], labels: Int[np.ndarray, "h w"], least: float
) -> Float[np.ndarray, "k d"]:
    """Row, column and colour of the means of all labels that so many pixels have."""
    height, width, colors = frame.shape
    place = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), 2)
    rows = np.concatenate([place, frame], 2).reshape(-1, 2 + colors)
    flat = labels.ravel() + 1
    count = np.bincount(flat)[1:]
    total = np.stack([np.bincount(flat, row)[1:] for row in rows.T], 1)
    return total[count >= least] / count[count >= least, None]


@njit(cache=True, error_model="numpy")
@no_type_check
def cluster(frame, centres, side, compactness, steps, labels):
    """Moves the centres and labels the pixels; a centre that nothing belongs to stays where it is."""
    height, width, colors = frame.shape
    best = np.empty((height, width))
    reach = int(np.ceil(side))
    by_color, by_place = 1 / compactness**2, 1 / side**2
    for _ in range(steps):
        best[:], labels[:] = np.inf, -1
        for k in range(len(centres)):
            y, x = centres[k, 0], centres[k, 1]
            for i in range(max(0, int(y) - reach), min(height, int(y) + reach + 2)):
                for j in range(max(0, int(x) - reach), min(width, int(x) + reach + 2)):
                    apart = ((i - y) ** 2 + (j - x) ** 2) * by_place
                    for c in range(colors):
                        apart += (frame[i, j, c] - centres[k, 2 + c]) ** 2 * by_color
                    if apart < best[i, j]:
                        best[i, j], labels[i, j] = apart, k
        _move(frame, labels, centres)


@njit(cache=True, error_model="numpy")
@no_type_check
def _move(frame, labels, centres):
    height, width, colors = frame.shape
    total, count = np.zeros_like(centres), np.zeros(len(centres))
    for i in range(height):
        for j in range(width):
            k = labels[i, j]
            if k >= 0:
                count[k] += 1
                total[k, 0] += i
                total[k, 1] += j
                for c in range(colors):
                    total[k, 2 + c] += frame[i, j, c]
    for k in range(len(centres)):
        if count[k]:
            centres[k] = total[k] / count[k]
