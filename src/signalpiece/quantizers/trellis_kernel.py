"""The search of the trellis quantizer, one frame of one channel at a time.

Sizes are distances from zero in half steps; `expected` and `level` carry 12 bits behind the point, costs are in 1/4096
squared half step. Only the encoder runs this; its doubles are whole numbers or quotients that no order of operations
changes. Its specification is the pure-Python twin in the tests.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

STATES = 8
NEXT = np.array([[0, 1], [3, 2], [5, 4], [6, 7], [1, 0], [2, 3], [4, 5], [7, 6]])  # after an even, an odd magnitude
CELLS = 176  # of the expected size: eighths of an octave from 1/1024 half step on
LEVELS = 25  # of magnitudes: 0 1 2 3 4-5 6-7 8-11 ... by half octaves
FEATURES = 19  # of the expected size, before the constant
FAR = 8  # magnitudes above are never set to zero
_EIGHTHS = np.array([65536, 71468, 77936, 84990, 92682, 101070, 110218, 120194])  # 2 ** (i / 8)
_RATES = np.array([26214, 9830, 3277, 983])  # of the running means, out of 65536
_NEVER = 1 << 62
_SMALL = 1 << 13


class Memory(NamedTuple):
    """What one channel carries from frame to frame.

    Attributes:
        means: running means of sizes at four rates, 12 bits behind the point.
        last: sizes of the last two frames.
        clock: frames seen, then the state of the trellis.
    """

    means: np.ndarray  # rate, column
    last: np.ndarray  # frame, column
    clock: np.ndarray  # 2


def _slow_cell(size: int) -> int:
    octave = max(size.bit_length() - 1, 0)
    top = (size << 16) >> octave
    return min(max(8 * octave + int((top >= _EIGHTHS).sum()) - 17, 0), CELLS - 1)


_CELL = np.array([_slow_cell(size) for size in range(_SMALL)], np.int64)
_STARTS = [i if i < 4 else (2 + i % 2) << (i // 2 - 1) for i in range(LEVELS)]
_LEVEL = np.searchsorted(_STARTS, np.arange(_SMALL), "right").astype(np.int64) - 1


@njit(cache=True, error_model="numpy")
@no_type_check
def cell_of(size):
    """Eighths of an octave of a size with 12 bits behind the point."""
    add = 0
    while size >= _SMALL:
        size >>= 1
        add += 8
    return np.int64(min(_CELL[max(size, 0)] + add, CELLS - 1))


@njit(cache=True, error_model="numpy")
@no_type_check
def level_of(magnitude):
    """Level of a magnitude, at most the last."""
    return _LEVEL[magnitude] if magnitude < _SMALL else np.int64(LEVELS - 1)


@njit(cache=True, error_model="numpy")
@no_type_check
def _past(memory, groups, weights, expected, level):
    """What the frames before say of each column."""
    means, last, end = memory.means, memory.last, len(groups) - 1
    for k in range(end + 1):
        w, a, b = weights[groups[k]], max(k - 1, 0), min(k + 1, end)
        total = w[FEATURES] << 12
        for m in range(4):
            total += w[m] * means[m, k] + w[4 + m] * ((means[m, a] + means[m, b]) >> 1)
        total += w[8] * ((last[0, a] + last[0, b]) << 11) + w[9] * (last[0, k] << 12) + w[10] * (last[1, k] << 12)
        for m in range(2):
            wide = means[2 * m, max(k - 3, 0)] + means[2 * m, max(k - 2, 0)]
            wide += means[2 * m, min(k + 2, end)] + means[2 * m, min(k + 3, end)]
            total += w[11 + m] * (wide >> 2)
        expected[k] = total >> 12
        level[k] = (means[1, a] + 2 * means[1, k] + means[1, b]) >> 2


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _ratio(over, under, floor):
    return min(max(np.int64((over + floor) * 256.0 / (under + floor)), 16), 4096)


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _column(k, x, base, level, g, tables, ways, best):
    """The cheapest way into each state behind column k; `ways` are the old and the new ones, by turns.

    A way is its last eight sizes, then decayed sums of sizes and levels, quick and slow. `best` says of each state what
    the way to it costs, what the way on will, where that comes from and what magnitude it took. Arrays are indexed down
    to their numbers throughout: views of them would be counted one by one.
    """
    weights, rates = tables
    cost, after, came, took = best
    old, new = k & 1, 1 - (k & 1)
    w0, w1, w2, w3 = weights[g, 13] << 12, weights[g, 14] << 12, weights[g, 16] << 11, weights[g, 17] << 10
    quick, slow = weights[g, 15], weights[g, 18]
    after[:] = _NEVER
    for s in range(STATES):
        if cost[s] == _NEVER:
            continue
        odd = s & 1
        total = w0 * ways[old, s, 0] + w1 * ways[old, s, 1] + w2 * (ways[old, s, 2] + ways[old, s, 3])
        total += w3 * (ways[old, s, 4] + ways[old, s, 5] + ways[old, s, 6] + ways[old, s, 7])
        total += quick * ((level * _ratio(ways[old, s, 8], ways[old, s, 9], 8192)) >> 8)
        total += slow * ((level * _ratio(ways[old, s, 10], ways[old, s, 11], 16384)) >> 8)
        cell = cell_of(base + (total >> 12))
        low = (x + 64 * odd) >> 7
        for i in range(3):
            m = low + i
            if i == 2:
                if low == 0 or low > FAR:
                    break
                m = 0
            apart = x - 64 * (2 * m - (odd if m else 0))
            price = cost[s] + apart * apart + rates[odd, cell, level_of(m)]
            n = NEXT[s, m & 1]
            if price < after[n]:
                after[n], came[k, n], took[k, n] = price, s, m
    for n in range(STATES):
        cost[n] = after[n]
        if after[n] < _NEVER:
            m, s = took[k, n], came[k, n]
            size = 2 * m - ((s & 1) if m else 0)
            for i in range(7):
                ways[new, n, i + 1] = ways[old, s, i]
            ways[new, n, 0] = size
            ways[new, n, 8] = (ways[old, s, 8] * 7 >> 3) + (size << 12)
            ways[new, n, 9] = (ways[old, s, 9] * 7 >> 3) + level
            ways[new, n, 10] = (ways[old, s, 10] * 31 >> 5) + (size << 12)
            ways[new, n, 11] = (ways[old, s, 11] * 31 >> 5) + level


@njit(cache=True, error_model="numpy")
@no_type_check
def _remember(memory, sizes):
    means, last = memory.means, memory.last
    memory.clock[0] += 1
    for m in range(4):
        rate = max(_RATES[m], 65536 // (memory.clock[0] + 2))
        for k in range(len(sizes)):
            means[m, k] += (((sizes[k] << 12) - means[m, k]) * rate) >> 16
    last[1] = last[0]
    last[0] = sizes


@njit(cache=True, error_model="numpy")
@no_type_check
def quantize_frames(values, memory, groups, weights, rates, codes):
    """Codes of frames "t k", values in 1/64 half step; each frame is decided at its end, the best state goes on."""
    columns = values.shape[1]
    came, took = np.zeros((columns, STATES), np.int64), np.zeros((columns, STATES), np.int64)
    expected, level, sizes = np.zeros(columns, np.int64), np.zeros(columns, np.int64), np.zeros(columns, np.int64)
    ways = np.zeros((2, STATES, 12), np.int64)
    cost, after = np.zeros(STATES, np.int64), np.zeros(STATES, np.int64)
    for t in range(len(values)):
        _past(memory, groups, weights, expected, level)
        ways[:] = 0
        cost[:] = _NEVER
        cost[memory.clock[1]] = 0
        for k in range(columns):
            best = (cost, after, came, took)
            _column(k, abs(values[t, k]), expected[k], level[k], groups[k], (weights, rates), ways, best)
        s = np.argmin(cost)
        memory.clock[1] = s
        for k in range(columns - 1, -1, -1):
            m, s = took[k, s], came[k, s]
            sizes[k] = 2 * m - ((s & 1) if m else 0)
            codes[t, k] = -sizes[k] if values[t, k] < 0 else sizes[k]
        _remember(memory, sizes)
