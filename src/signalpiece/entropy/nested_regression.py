"""Weighted least squares over a sliding window, for one target or for many that may also look at each other.

Paper: "Factorization Methods for Discrete Sequential Estimation" (1977).

A window is `past` values that are known, then `targets` values that come one after the other. One Cholesky factor of
their covariance holds the best prediction of every target from the past and the targets before it. Everything is
+ - * / and square roots of doubles in one fixed order, row operations throughout, so that compilers may widen loops
but not reorder a sum: all machines compute the same bits.
"""

import math
from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

LEAST = 1e-12  # of a pivot


class Regression(NamedTuple):
    """Arrays of one regression; `n` is past + targets.

    Attributes:
        moments: covariance "n n", upper half.
        factor: its Cholesky factor "n n", upper half.
        weights: of every value for every target, "n targets".
    """

    moments: np.ndarray
    factor: np.ndarray
    weights: np.ndarray


def new_regression(past: int, targets: int) -> Regression:
    """A regression that has seen nothing and predicts 0."""
    n = past + targets
    return Regression(np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, targets)))


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _add_four(row, f, g, h, k, a, b, c, d):  # noqa: PLR0913 (an inner loop)
    """row + f a + g b + h c + k d, in that order. Loops from 0 over slices: only these become vector instructions."""
    for j in range(len(row)):
        row[j] = (((row[j] + f * a[j]) + g * b[j]) + h * c[j]) + k * d[j]


@njit(cache=True, error_model="numpy")
@no_type_check
def observe(moments, history, start, stride, count, trust, keep):
    """Takes in `count` windows of the flat `history`: the first at `start`, the others `stride` apart.

    Older moments are multiplied by `keep`, window b by trust[b].
    """
    n = len(moments)
    for i in range(n):
        row = moments[i, i:]
        for j in range(len(row)):
            row[j] *= keep
        b, p = 0, start
        while b + 4 <= count:
            q, r, s = p + stride, p + 2 * stride, p + 3 * stride
            _add_four(
                row, history[p + i] * trust[b], history[q + i] * trust[b + 1], history[r + i] * trust[b + 2],
                history[s + i] * trust[b + 3], history[p + i : p + n], history[q + i : q + n], history[r + i : r + n],
                history[s + i : s + n],
            )  # fmt: skip
            b, p = b + 4, s + stride
        while b < count:
            f, a = history[p + i] * trust[b], history[p + i : p + n]
            for j in range(len(row)):
                row[j] += f * a[j]
            b, p = b + 1, p + stride


@njit(cache=True, error_model="numpy")
@no_type_check
def _factorise(moments, u, ridge, floor):
    """Upper Cholesky factor of the moments with the diagonal times (1 + ridge) plus floor, row by row."""
    n = len(moments)
    for i in range(n):
        row, given = u[i, i:], moments[i, i:]
        for j in range(len(row)):
            row[j] = given[j]
        row[0] = row[0] * (1.0 + ridge) + floor
        k = 0
        while k + 4 <= i:
            _add_four(
                row, -u[k, i], -u[k + 1, i], -u[k + 2, i], -u[k + 3, i], u[k, i:], u[k + 1, i:], u[k + 2, i:],
                u[k + 3, i:],
            )  # fmt: skip
            k += 4
        while k < i:
            f, a = u[k, i], u[k, i:]
            for j in range(len(row)):
                row[j] -= f * a[j]
            k += 1
        scale = 1.0 / math.sqrt(max(row[0], LEAST))
        for j in range(len(row)):
            row[j] *= scale


@njit(cache=True, error_model="numpy")
@no_type_check
def refit(moments, u, weights, ridge, floor):
    """New weights from the moments."""
    n, targets = weights.shape
    past = n - targets
    _factorise(moments, u, ridge, floor)
    for i in range(n - 2, -1, -1):
        first = max(i - past + 1, 0)  # targets that may look at value i
        row, given = weights[i, first:], u[i, past + first :]
        for c in range(len(row)):
            row[c] = given[c]
        j = n - 2
        while j > i and (j >= past or (j - i) % 4):
            skip = max(j - past + 1, 0)
            f, part, other = u[i, j], weights[i, max(skip, first) :], weights[j, max(skip, first) :]
            for c in range(len(part)):
                part[c] -= f * other[c]
            j -= 1
        while j > i:
            _add_four(
                row, -u[i, j], -u[i, j - 1], -u[i, j - 2], -u[i, j - 3], weights[j], weights[j - 1], weights[j - 2],
                weights[j - 3],
            )  # fmt: skip
            j -= 4
        inverse = 1.0 / max(u[i, i], LEAST)
        for c in range(len(row)):
            row[c] *= inverse


@njit(cache=True, error_model="numpy")
@no_type_check
def predict(weights, past, history, start, out):
    """What the known values predict of every target."""
    for c in range(len(out)):
        out[c] = 0.0
    k, p = 0, start
    while k + 4 <= past:
        _add_four(
            out, history[p], history[p + 1], history[p + 2], history[p + 3], weights[k], weights[k + 1], weights[k + 2],
            weights[k + 3],
        )  # fmt: skip
        k, p = k + 4, p + 4
    while k < past:
        f, row = history[p], weights[k]
        for c in range(len(out)):
            out[c] += f * row[c]
        k, p = k + 1, p + 1


@njit(cache=True, error_model="numpy")
@no_type_check
def predict_one(weights, past, history, start):
    """As `predict`, for a single target: four running sums, then their sum."""
    window = history[start : start + past]
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for k in range(past // 4):
        a += weights[4 * k] * window[4 * k]
        b += weights[4 * k + 1] * window[4 * k + 1]
        c += weights[4 * k + 2] * window[4 * k + 2]
        d += weights[4 * k + 3] * window[4 * k + 3]
    for k in range(past - past % 4, past):
        a += weights[k] * window[k]
    return (a + b) + (c + d)


@njit(cache=True, error_model="numpy")
@no_type_check
def tell(weights, past, target, value, out):
    """Adds to the targets after `target` what its value says of them."""
    row, later = weights[past + target, target + 1 :], out[target + 1 :]
    for c in range(len(later)):
        later[c] += row[c] * value
