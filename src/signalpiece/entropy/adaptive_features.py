"""What decoded neighbours say about the next code: its expected size, and the contexts that follow; integers only.

Kernels of the adaptive binary codec. Sizes are in half steps, 12 bits behind the point.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from signalpiece.entropy.adaptive_state import FIRST_CELL, FIRST_SET, INPUTS, NODES, PAD, SETS
from signalpiece.entropy.adaptive_weights import FEATURES
from signalpiece.entropy.integer_tables import LOG2

RATES = np.array([26214, 9830, 3277, 983])  # of the running means, out of 65536
MIXERS = len(SETS)


class Scratch(NamedTuple):
    """Arrays of one frame of one channel.

    Attributes:
        places: first nodes of the contexts, then of the mixers.
        inputs: strengths of the inputs, then what each mixer said.
        near: sizes of the last eight columns, no bits behind the point.
        gains: decayed sizes and levels of the columns before, quick and slow.
        sizes: of all columns, no bits behind the point.
        expected: what past frames say; `level` the level around each column.
    """

    places: np.ndarray
    inputs: np.ndarray
    near: np.ndarray
    gains: np.ndarray
    sizes: np.ndarray
    expected: np.ndarray
    level: np.ndarray


@njit(cache=True, error_model="numpy")
@no_type_check
def new_scratch(columns):
    """Room for one frame."""
    return Scratch(
        np.zeros(INPUTS + MIXERS, np.int64),
        np.zeros(INPUTS + 1 + MIXERS, np.int64),
        np.zeros(8, np.int64),
        np.zeros((2, 2), np.int64),
        np.zeros(columns, np.int64),
        np.zeros(columns, np.int64),
        np.zeros(columns, np.int64),
    )


@njit(cache=True, error_model="numpy")
@no_type_check
def _log(value):
    """256 times the logarithm to the base 2, rounded down; 0 for 0."""
    shift = 0
    while value >= 8192:
        value >>= 4
        shift += 1024
    return np.int64(LOG2[value]) + shift


@njit(cache=True, error_model="numpy")
@no_type_check
def _cell(size):
    """Eighths of an octave of a size, 176 of them, from 1/1024 half step on."""
    return min(max((_log(size) >> 5) - 16, 0), 175)


@njit(cache=True, error_model="numpy")
@no_type_check
def _ratio(over, under, floor):
    """over / under, 8 bits behind the point, 1/16 to 16; drawn to 1 by `floor`."""
    return min(max(((over + floor) << 8) // (under + floor), 16), 4096)


@njit(cache=True, error_model="numpy")
@no_type_check
def start_frame(state, c, scratch):
    """What past frames say of channel c's columns; forgets the last channel."""
    weights, means, last = state.weights[1 if c else 0], state.means[c], state.last[c]
    for k in range(len(scratch.expected)):
        w = weights[state.places[0, k]]
        i = k + PAD
        total = w[FEATURES] << 12
        for m in range(4):
            total += w[m] * means[m, i] + w[4 + m] * ((means[m, i - 1] + means[m, i + 1]) >> 1)
        total += w[8] * ((last[0, i - 1] + last[0, i + 1]) << 11)
        total += w[9] * (last[0, i] << 12) + w[10] * (last[1, i] << 12)
        for m in range(2):
            wide = means[2 * m, i - 3] + means[2 * m, i - 2] + means[2 * m, i + 2] + means[2 * m, i + 3]
            total += w[11 + m] * (wide >> 2)
        scratch.expected[k] = total >> 12
        scratch.level[k] = (means[1, i - 1] + 2 * means[1, i] + means[1, i + 1]) >> 2
    scratch.near[:] = 0
    scratch.gains[:] = 0


@njit(cache=True, error_model="numpy")
@no_type_check
def look_around(state, c, k, guess, odd, scratch):
    """Sets the contexts and mixers of column k of the even or odd grid; `guess` is its prediction in sixteenths."""
    near, gains, level = scratch.near, scratch.gains, scratch.level[k]
    w = state.weights[1 if c else 0, state.places[0, k]]
    quick, slow = _ratio(gains[0, 0], gains[0, 1], 8192), _ratio(gains[1, 0], gains[1, 1], 16384)
    here = w[13] * (near[0] << 12) + w[14] * (near[1] << 12) + w[15] * ((level * quick) >> 8)
    here += w[16] * ((near[2] + near[3]) << 11) + w[17] * ((near[4] + near[5] + near[6] + near[7]) << 10)
    here += w[18] * ((level * slow) >> 8)
    others = np.int64(256)
    if c:
        sums, i = state.beside, k + PAD
        over = sums[0, i - 1] + 2 * sums[0, i] + sums[0, i + 1]
        others = _ratio(over, sums[1, i - 1] + 2 * sums[1, i] + sums[1, i + 1], 4096)
        here += w[19] * ((level * others) >> 8)
    cell = _cell(scratch.expected[k] + (here >> 12))
    first, stride = odd * NODES, state.grids[0] * NODES
    _set_places(state, c, k, cell, first, stride, scratch)
    places, far = scratch.places, abs(guess)
    places[2] = min(max((_log(quick) >> 5) - 32, 0) // 5, 13) * 44 + (cell >> 2)
    places[6] = (min(max((_log(others) >> 5) - 44, 0) >> 1, 13) if c else 9) * 88 + (cell >> 1)
    places[7] = abs(far - ((far + 8) >> 4 << 4)) * 88 + (cell >> 1)
    places[8] = min(_log(far) >> 7, 19) * 44 + (cell >> 2)
    for j in range(INPUTS):
        places[j] = (places[j] + FIRST_CELL[j]) * stride + first
    return cell


@njit(cache=True, error_model="numpy")
@no_type_check
def _set_places(state, c, k, cell, first, stride, scratch):
    places, near, i = scratch.places, scratch.near, k + PAD
    means, last = state.means[c], state.last[c]
    group = state.places[0, k]
    beside = _cell((near[0] << 12) + (near[1] << 11) + ((near[2] + near[3]) << 10))
    slow = _cell((means[3, i - 1] + 2 * means[3, i] + means[3, i + 1]) >> 2)
    places[0] = cell
    places[1] = min(beside >> 2, 39) * 10 + group
    places[3] = min(slow >> 2, 39) * 40 + min(_cell(scratch.level[k]) >> 2, 39)
    places[4] = (min(near[0] >> 1, 6) * 7 + min(near[1] >> 1, 6)) * 7 + min(last[0, i] >> 1, 6)
    places[5] = state.places[1, k] * 22 + (cell >> 3)
    places[INPUTS] = (FIRST_SET[0] + group) * stride + first
    places[INPUTS + 1] = (FIRST_SET[1] + (cell >> 3)) * stride + first


@njit(cache=True, error_model="numpy")
@no_type_check
def take_in(k, size, scratch):
    """Remembers the size of column k for the columns behind it."""
    near, gains, level = scratch.near, scratch.gains, scratch.level[k]
    scratch.sizes[k] = size
    for i in range(7, 0, -1):
        near[i] = near[i - 1]
    near[0] = size
    gains[0, 0] = (gains[0, 0] * 7 >> 3) + (size << 12)
    gains[0, 1] = (gains[0, 1] * 7 >> 3) + level
    gains[1, 0] = (gains[1, 0] * 31 >> 5) + (size << 12)
    gains[1, 1] = (gains[1, 1] * 31 >> 5) + level


@njit(cache=True, error_model="numpy")
@no_type_check
def end_frame(state, c, scratch):
    """Moves running means, last frames and what other channels see on by one frame."""
    means, last, beside, sizes = state.means[c], state.last[c], state.beside, scratch.sizes
    for m in range(4):
        rate = max(RATES[m], 65536 // (state.clock[0] + 2))
        for k in range(len(sizes)):
            means[m, k + PAD] += (((sizes[k] << 12) - means[m, k + PAD]) * rate) >> 16
        _pad(means[m])
    for k in range(len(sizes)):
        last[1, k + PAD] = last[0, k + PAD]
        last[0, k + PAD] = sizes[k]
        beside[0, k + PAD] = (beside[0, k + PAD] * 7 >> 3) + (sizes[k] << 12)
        beside[1, k + PAD] = (beside[1, k + PAD] * 7 >> 3) + scratch.level[k]
    for m in range(2):
        _pad(last[m])
        _pad(beside[m])


@njit(cache=True, error_model="numpy")
@no_type_check
def _pad(row):
    for i in range(PAD):
        row[i] = row[PAD]
        row[len(row) - 1 - i] = row[len(row) - 1 - PAD]
