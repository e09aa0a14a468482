"""Predicts a channel's codes from those of the channels before it, by factored covariances of the decoded past.

The covariance of the channels is S = L D L', L unit lower triangular; then L holds the weights by which a channel
follows from what was new in the channels before it. One S per group of columns, in blocks of at most 128 channels.

Doubles, but the same on every machine: only + - * / in a fixed order, products added to whole rows, no fused
multiply-add, no linear algebra library.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

BLOCK = 128  # channels that are predicted from each other
SETTINGS = (0.998, 0.99, 0.03)  # decay of the covariances per frame, share of their off-diagonal, squared codes added
FIRST = 4  # frames before the first factors
FINE = 16  # a prediction is a whole number of sixteenths


class Prediction(NamedTuple):
    """Arrays that the functions below change.

    Attributes:
        covariance: sums of products; `factor` the rows of L; `weight` how much each group has summed up.
        fresh: what was new in each channel of the current frame.
        bounds: first column of each group.
        guess: the prediction of the current channel.
        count: frames seen.
        settings: decay, share of the off-diagonal kept, floor.
    """

    covariance: np.ndarray  # group, channel, channel
    factor: np.ndarray  # group, channel, channel
    weight: np.ndarray  # group
    fresh: np.ndarray  # channel, column
    bounds: np.ndarray  # group + 1
    guess: np.ndarray  # column
    count: np.ndarray  # 1
    settings: np.ndarray  # 3


def new_prediction(channels: int, groups: np.ndarray, settings: tuple[float, float, float] = SETTINGS) -> Prediction:
    """Nothing seen yet; `groups` of columns, rising."""
    num = int(groups.max(initial=-1)) + 1
    size = (num, channels, min(channels, BLOCK))
    bounds = np.searchsorted(groups, np.arange(num + 1))
    fresh, guess, count = np.zeros((channels, len(groups))), np.zeros(len(groups)), np.zeros(1, np.int64)
    return Prediction(np.zeros(size), np.zeros(size), np.zeros(num), fresh, bounds, guess, count, np.array(settings))


@njit(cache=True, error_model="numpy")
@no_type_check
def predict(state, c):
    """Fills `guess` for channel c."""
    guess, fresh, bounds = state.guess, state.fresh, state.bounds
    guess[:] = 0.0
    first = c - c % BLOCK
    for i in range(first, c):
        for g in range(len(bounds) - 1):
            weight = state.factor[g, c, i - first]
            if weight != 0.0:
                for k in range(bounds[g], bounds[g + 1]):
                    guess[k] += weight * fresh[i, k]


@njit(cache=True, error_model="numpy")
@no_type_check
def guess_of(state, k):
    """The prediction of column k in sixteenths, at most 2**20 steps from 0."""
    return np.int64(np.floor(min(max(state.guess[k], -1048576.0), 1048576.0) * FINE + 0.5))


@njit(cache=True, error_model="numpy")
@no_type_check
def observe(state, c, codes):
    """What was new in channel c, for the channels behind it."""
    for k in range(len(codes)):
        state.fresh[c, k] = codes[k] - state.guess[k]


@njit(cache=True, error_model="numpy")
@no_type_check
def learn(state, codes):
    """Takes in a frame, codes "c q"; now and then factors anew."""
    channels, _ = codes.shape
    covariance, bounds, weight = state.covariance, state.bounds, state.weight
    decay, shrink, floor = state.settings
    for g in range(len(bounds) - 1):
        weight[g] = weight[g] * decay + (bounds[g + 1] - bounds[g])
        for c in range(channels):
            first = c - c % BLOCK
            for i in range(c - first + 1):
                covariance[g, c, i] *= decay
            for k in range(bounds[g], bounds[g + 1]):
                value = float(codes[c, k])
                if value != 0.0:
                    for i in range(c - first + 1):
                        covariance[g, c, i] += value * codes[first + i, k]
    state.count[0] += 1
    count, every = state.count[0], 8 + min(channels, BLOCK) // 8
    if count == FIRST or (count > FIRST and count % every == 0):
        for g in range(len(bounds) - 1):
            for first in range(0, channels, BLOCK):
                end = min(first + BLOCK, channels)
                _factor(covariance[g, first:end], state.factor[g, first:end], weight[g], shrink, floor)


@njit(cache=True, error_model="numpy")
@no_type_check
def _factor(covariance, factor, weight, shrink, floor):
    """L of a shrunk covariance: row by row, each is taken off the rows below it."""
    size = len(covariance)
    upper = np.zeros((size, size))
    for c in range(size):
        for i in range(c):
            upper[i, c] = covariance[c, i] / weight * shrink
        upper[c, c] = covariance[c, c] / weight + floor
    for j in range(size):
        for c in range(j + 1, size):
            scale = upper[j, c] / upper[j, j]
            factor[c, j] = scale
            if scale != 0.0:
                for i in range(c, size):
                    upper[c, i] -= scale * upper[j, i]
