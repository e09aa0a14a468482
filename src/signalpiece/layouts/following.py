"""Superpixels that follow what moves in a film: one number for what goes on.

Every superpixel looks for its neighbourhood in the next frame, moves there, and is clustered again from where it
is. One that no pixel belongs to any more is gone for good; places that none reaches get new ones.

Papers: "SLIC Superpixels Compared to State-of-the-Art Superpixel Methods" (2012); the tracks stand in for those of a
segmenter in "One Trajectory, One Token: Grounded Video Tokenization via Panoptic Sub-object Trajectory" (2025).
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from signalpiece.layouts.slic import check_clusters, cluster, grid_cells, means_of

GONE = -1e9  # the row of a superpixel that is no more
FARTHEST, WIDEST = 8, 6  # pixels to look in every direction, and from the middle of a neighbourhood to its edge
LAZY = 1e-3  # mean squared difference that a superpixel moves for


def follow_superpixels(
    film: Float[np.ndarray, "t h w c"], num: int = 256, compactness: float = 0.1, steps: int = 10
) -> Int[np.ndarray, "t h w"]:
    """Superpixels of every frame, with the same number for what goes on; -1 where none reaches.

    Moves of more than 8 pixels a frame are lost, and tracks wear out: of photographs that move by 1 to 3 pixels a
    frame, 90 to 98 % of the pixels keep their number from one frame to the next.

    Args:
        film: values 0..1.
        num: superpixels of the first frame, about.
        compactness: distance in colour that counts like the distance to the next superpixel.
        steps: rounds of assigning and averaging for the first frame; the others take one.

    Raises:
        SignalPieceError: no superpixel, step or compactness, or more superpixels than pixels.
    """
    _, height, width, _ = film.shape
    side = check_clusters(height, width, num, compactness, steps)
    cells = grid_cells(height, width, side)
    labels, centres = np.empty(film.shape[:3], np.int64), np.zeros((0, 2 + film.shape[3]))
    film = np.ascontiguousarray(film, dtype=np.float64)
    for t, (frame, out) in enumerate(zip(film, labels, strict=True)):
        if t:
            _move_along(film[t - 1], frame, centres)
        cluster(frame, centres, side, compactness, 1 if t else steps, out)
        born = means_of(frame, np.where(out < 0, cells, -1), max(1.0, side * side / 4) if t else 1.0)
        if len(born):
            centres = np.concatenate([centres, born])
            cluster(frame, centres, side, compactness, 1 if t else steps, out)
        alive = np.bincount(out.ravel() + 1, minlength=len(centres) + 1)[1:] > 0
        centres[~alive, 0] = GONE
    used, compact = np.unique(labels, return_inverse=True)
    return compact.reshape(labels.shape) - int(used[0] < 0)


@njit(cache=True, error_model="numpy")
@no_type_check
def _move_along(before, after, centres):
    """Moves centres to where the square around them went."""
    for k in range(len(centres)):
        if centres[k, 0] < 0:
            continue
        y, x = int(round(centres[k, 0])), int(round(centres[k, 1]))
        least, down, across = _difference(before, after, y, x, 0, 0) - LAZY, 0, 0
        for i in range(-FARTHEST, FARTHEST + 1):
            for j in range(-FARTHEST, FARTHEST + 1):
                found = _difference(before, after, y, x, i, j)
                if found < least:
                    least, down, across = found, i, j
        centres[k, 0] += down
        centres[k, 1] += across


@njit(cache=True, error_model="numpy")
@no_type_check
def _difference(before, after, y, x, down, across):
    """Mean squared difference of a square and the one so far away; infinite where less than half of it is in both."""
    height, width, colors = before.shape
    total, count = 0.0, 0
    for i in range(max(0, y - WIDEST), min(height, y + WIDEST + 1)):
        p = i + down
        if p < 0 or p >= height:
            continue
        for j in range(max(0, x - WIDEST), min(width, x + WIDEST + 1)):
            q = j + across
            if q < 0 or q >= width:
                continue
            count += 1
            for c in range(colors):
                total += (after[p, q, c] - before[i, j, c]) ** 2
    return total / (count * colors) if 2 * count > (2 * WIDEST + 1) ** 2 else np.inf
