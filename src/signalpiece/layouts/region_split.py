"""A picture as rectangles of equal complexity: the most complex one is halved until there are enough.

Complexity is the entropy of the histogram of Sobel magnitudes of the region, shrunk to 64 x 64, to the power 2.5, times
its area.

Paper: "GPSToken: Gaussian Parameterized Spatially-adaptive Tokenization for Image Representation and Generation"
(2025). Differs: a picture that has no regions left to halve gives fewer; rows go by place, not by time of the split.
"""

import math
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from signalpiece.core.check import check_range

VIEW, BINS, REACH = 64, 512, 5.5  # the published resolution, and a histogram from -5.5 to 5.5


def entropy_regions(
    gray: Float[np.ndarray, "h w"], num: int = 128, smallest: int = 8, power: float = 2.5
) -> Int[np.ndarray, "n 4"]:
    """At most `num` rectangles (top, left, bottom, right) that cover the picture, by top, then left.

    Args:
        gray: values 0..1.
        num: rectangles wanted.
        smallest: a rectangle is left alone when neither side is more than this and one pixel.
        power: of the entropy.

    Raises:
        SignalPieceError: no rectangle wanted, a smallest side below 1.
    """
    check_range("num", num, 1, 2**20)
    check_range("smallest", smallest, 1, 2**16)
    boxes = _halve(np.ascontiguousarray(gray, dtype=np.float64), num, smallest, power)
    return boxes[np.lexsort((boxes[:, 1], boxes[:, 0]))]


def uniform_regions(gray: Float[np.ndarray, "h w"], num: int = 128) -> Int[np.ndarray, "n 4"]:
    """At most `num` rectangles of about the same size, as square as they can be, by top, then left.

    Raises:
        SignalPieceError: no rectangle wanted.
    """
    check_range("num", num, 1, 2**20)
    height, width = gray.shape
    down = np.arange(1, min(height, num) + 1)
    across = np.minimum(num // down, width)
    waste = np.abs(np.log(height * across / (width * down))) - 4 * np.log(down * across / num)
    best = int(waste.argmin())
    rows = np.linspace(0, height, down[best] + 1).round().astype(np.int64)
    columns = np.linspace(0, width, across[best] + 1).round().astype(np.int64)
    top, left = (x.ravel() for x in np.meshgrid(rows[:-1], columns[:-1], indexing="ij"))
    bottom, right = (x.ravel() for x in np.meshgrid(rows[1:], columns[1:], indexing="ij"))
    return np.stack([top, left, bottom, right], 1)


@njit(cache=True, error_model="numpy")
@no_type_check
def _halve(gray, num, smallest, power):
    boxes = np.zeros((num, 4), np.int64)
    scores = np.zeros(num)
    boxes[0, 2:] = gray.shape
    scores[0] = _complexity(gray, boxes[0], power)
    count, kids = 1, np.zeros((4, 4), np.int64)
    while count < num:
        best = -1
        for i in range(count):
            top, left, bottom, right = boxes[i]
            if max(bottom - top, right - left) > smallest + 1 and (best < 0 or scores[i] > scores[best]):
                best = i
        if best < 0:
            break
        top, left, bottom, right = boxes[best]
        height, width = bottom - top, right - left
        kids[:] = boxes[best]
        kids[0, 3] = kids[1, 1] = left + width // 2
        kids[2, 2] = kids[3, 0] = top + height // 2
        found = np.array([_complexity(gray, kids[i], power) if _wanted(i, height, width) else 1e6 for i in range(4)])
        first = 2 * int(width < height or (width == height and found[:2].min() >= found[2:].min()))
        boxes[best], boxes[count] = kids[first], kids[first + 1]
        scores[best], scores[count] = found[first], found[first + 1]
        count += 1
    return boxes[:count]


@njit(cache=True, error_model="numpy")
@no_type_check
def _wanted(kid, height, width):
    return width >= height if kid < 2 else height >= width


@njit(cache=True, error_model="numpy")
@no_type_check
def _complexity(gray, box, power):
    top, left, bottom, right = box
    view = _shrink(gray, top, left, bottom - top, right - left)
    counts = np.zeros(BINS)
    for i in range(VIEW):
        up, down = max(i - 1, 0), min(i + 1, VIEW - 1)
        for j in range(VIEW):
            west, east = max(j - 1, 0), min(j + 1, VIEW - 1)
            across = (
                view[up, east]
                - view[up, west]
                + 2 * (view[i, east] - view[i, west])
                + view[down, east]
                - view[down, west]
            )
            along = (
                view[down, west]
                - view[up, west]
                + 2 * (view[down, j] - view[up, j])
                + view[down, east]
                - view[up, east]
            )
            at = int((math.sqrt(across * across + along * along) + REACH) * (BINS / (2 * REACH)))
            if at < BINS:
                counts[at] += 1
    counts /= counts.sum() + 1e-5
    entropy = -np.sum(counts * np.log2(counts + 1e-10))
    return max(entropy, 0.0) ** power * (bottom - top) * (right - left)


@njit(cache=True, error_model="numpy")
@no_type_check
def _shrink(gray, top, left, height, width):
    """The region at 64 x 64 points, linearly between pixels."""
    view = np.empty((VIEW, VIEW))
    for i in range(VIEW):
        y = min(max((i + 0.5) * height / VIEW - 0.5, 0.0), height - 1.0)
        a = min(int(y), max(height - 2, 0))
        b, s = min(a + 1, height - 1), y - a
        for j in range(VIEW):
            x = min(max((j + 0.5) * width / VIEW - 0.5, 0.0), width - 1.0)
            c = min(int(x), max(width - 2, 0))
            d, t = min(c + 1, width - 1), x - c
            upper = gray[top + a, left + c] * (1 - t) + gray[top + a, left + d] * t
            lower = gray[top + b, left + c] * (1 - t) + gray[top + b, left + d] * t
            view[i, j] = upper * (1 - s) + lower * s
    return view
