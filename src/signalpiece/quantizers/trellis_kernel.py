"""The search of the trellis quantizer: integers only, one frame of one channel at a time.

Sizes are distances from zero in steps; `expected` and `level` carry 12 bits behind the point, costs are in 1/4096
squared step. Its specification is the pure-Python twin in the tests.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

STATES = 8
NEXT = np.array([[0, 1], [3, 2], [5, 4], [6, 7], [1, 0], [2, 3], [4, 5], [7, 6]])  # after an even, an odd magnitude
CELLS = 176  # of the expected size: eighths of an octave from 1/1024 step on
LEVELS = 25  # of magnitudes: 0 1 2 3 4-5 6-7 8-11 ... by half octaves
FEATURES = 19  # of the expected size, before the constant
FAR = 8  # magnitudes above are never set to zero
_EIGHTHS = np.array([65536, 71468, 77936, 84990, 92682, 101070, 110218, 120194])  # 2 ** (i / 8)
_RATES = np.array([26214, 9830, 3277, 983])  # of the running means, out of 65536
_NEVER = 1 << 62


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


@njit(cache=True, error_model="numpy")
@no_type_check
def cell_of(size):
    """Eighths of an octave of a size with 12 bits behind the point."""
    if size < 4:
        return np.int64(0)
    octave = 0
    while size >> (octave + 1):
        octave += 1
    top = (size << 16) >> octave
    eighth = 7
    while top < _EIGHTHS[eighth]:
        eighth -= 1
    return np.int64(min(8 * octave + eighth - 16, CELLS - 1))


@njit(cache=True, error_model="numpy")
@no_type_check
def level_of(magnitude):
    """Level of a magnitude, at most the last."""
    if magnitude < 4:
        return np.int64(magnitude)
    octave = 0
    while magnitude > 3:
        magnitude >>= 1
        octave += 1
    return np.int64(min(2 + 2 * octave + (magnitude & 1), LEVELS - 1))


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


@njit(cache=True, error_model="numpy")
@no_type_check
def _ratio(over, under, floor):
    return min(max(((over + floor) << 8) // (under + floor), 16), 4096)


@njit(cache=True, error_model="numpy")
@no_type_check
def _cell(base, level, near, gains, w):
    """Cell of a column, on one way through the frame: `near` its last eight sizes, `gains` its decayed sums."""
    total = w[13] * (near[0] << 12) + w[14] * (near[1] << 12) + w[16] * ((near[2] + near[3]) << 11)
    total += w[17] * ((near[4] + near[5] + near[6] + near[7]) << 10)
    total += w[15] * ((level * _ratio(gains[0], gains[1], 8192)) >> 8)
    total += w[18] * ((level * _ratio(gains[2], gains[3], 16384)) >> 8)
    return cell_of(base + (total >> 12))


@njit(cache=True, error_model="numpy")
@no_type_check
def _go_on(near, gains, size, level, near_out, gains_out):
    """The way behind one more size."""
    for i in range(7, 0, -1):
        near_out[i] = near[i - 1]
    near_out[0] = size
    gains_out[0] = (gains[0] * 7 >> 3) + (size << 12)
    gains_out[1] = (gains[1] * 7 >> 3) + level
    gains_out[2] = (gains[2] * 31 >> 5) + (size << 12)
    gains_out[3] = (gains[3] * 31 >> 5) + level


@njit(cache=True, error_model="numpy")
@no_type_check
def _column(x, base, level, w, rates, ways, cost, trail):
    """The cheapest way into each state behind one column; `ways` holds both old (0) and new (1) ones.

    `trail` says where each came from, and by which magnitude.
    """
    near, gains = ways
    came, took = trail
    after = np.full(STATES, _NEVER, np.int64)
    for s in range(STATES):
        if cost[s] == _NEVER:
            continue
        odd = s & 1
        rate = rates[odd, _cell(base, level, near[0, s], gains[0, s], w)]
        low = (x + 64 * odd) >> 7
        for m in (low, low + 1, 0):
            if m == 0 and low > FAR:
                continue
            size = 2 * m - (odd if m else 0)
            new = cost[s] + (x - 64 * size) * (x - 64 * size) + rate[level_of(m)]
            n = NEXT[s, m & 1]
            if new < after[n]:
                after[n], came[n], took[n] = new, s, m
    for n in range(STATES):
        if after[n] < _NEVER:
            s, m = came[n], took[n]
            size = 2 * m - ((s & 1) if m else 0)
            _go_on(near[0, s], gains[0, s], size, level, near[1, n], gains[1, n])
    near[0], gains[0] = near[1], gains[1]
    cost[:] = after


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
    """Codes of frames "t k", values in 1/64 step; each frame is decided at its end, the best state goes on."""
    columns = values.shape[1]
    trail = np.zeros((columns, 2, STATES), np.int64)
    expected, level, sizes = np.zeros(columns, np.int64), np.zeros(columns, np.int64), np.zeros(columns, np.int64)
    ways = np.zeros((2, STATES, 8), np.int64), np.zeros((2, STATES, 4), np.int64)
    for t in range(len(values)):
        _past(memory, groups, weights, expected, level)
        ways[0][:] = 0
        ways[1][:] = 0
        cost = np.full(STATES, _NEVER, np.int64)
        cost[memory.clock[1]] = 0
        for k in range(columns):
            w = weights[groups[k]]
            _column(abs(values[t, k]), expected[k], level[k], w, rates, ways, cost, trail[k])
        s = np.argmin(cost)
        memory.clock[1] = s
        for k in range(columns - 1, -1, -1):
            m, s = trail[k, 1, s], trail[k, 0, s]
            sizes[k] = 2 * m - ((s & 1) if m else 0)
            codes[t, k] = -m if values[t, k] < 0 else m
        _remember(memory, sizes)


@njit(cache=True, error_model="numpy")
@no_type_check
def place_frames(codes, state, places):
    """Where codes "t k" lie, in steps from zero, from a state of the trellis on; returns the state behind them."""
    for t in range(codes.shape[0]):
        for k in range(codes.shape[1]):
            m = abs(np.int64(codes[t, k]))
            size = 2 * m - ((state & 1) if m else 0)
            places[t, k] = -size if codes[t, k] < 0 else size
            state = NEXT[state, m & 1]
    return state
