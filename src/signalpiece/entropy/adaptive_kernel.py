"""The loop of the adaptive binary codec: contexts from decoded neighbours, counters, range coder; integers only.

One function codes and decodes, so that both sides compute the same integers. Its specification is the pure-Python twin
in the tests.
"""

import numpy as np
from numba import njit

from signalpiece.entropy.range_coder import (
    AT,
    SLACK,
    decode_bit,
    decode_raw,
    encode_bit,
    encode_raw,
)

UNARY = 14  # magnitudes below this are unary decisions, larger ones an Exp-Golomb escape
NODES = 16 + 32  # decisions of a context: UNARY unary ones, then the escape's length
CELLS = 40  # classes of the expected magnitude, a quarter octave each
GROUPS = 10  # classes of columns, about half octaves
ROOM = 64  # bytes that one code can take at most


@njit(cache=True)
def _decide(coding, bit, tables, places, node, state, data):
    """One decision under the mean of all counters of its contexts, which then learn it."""
    chance = np.int64(0)
    for place in places:
        chance += np.int64(tables[0, place, node]) + np.int64(tables[1, place, node])
    chance = (chance // (2 * len(places)) * 65472 >> 16) + 32
    if coding:
        encode_bit(state, data, bit, chance)
    else:
        bit = decode_bit(state, data, chance)
    target = 65535 if bit else 0
    for place in places:
        for speed in range(2):
            old = np.int64(tables[speed, place, node])
            tables[speed, place, node] = old + ((target - old) >> (4 + 3 * speed))
    return bit


@njit(cache=True)
def _magnitude(coding, size, tables, places, state, data):
    at = 0
    while at < UNARY:
        if not _decide(coding, 1 if size > at else 0, tables, places, at, state, data):
            return at
        at += 1
    extra = size - UNARY + 1
    length = 0
    while length < 31:
        if not _decide(coding, 1 if extra >> (length + 1) else 0, tables, places, 16 + length, state, data):
            break
        length += 1
    if coding:
        encode_raw(state, data, extra & ((1 << length) - 1), length)
        return size
    return (1 << length) + decode_raw(state, data, length) + UNARY - 1


@njit(cache=True)
def _cell(value):
    """A quarter octave of a Q8 magnitude."""
    value += 16
    octave = 0
    while value >= 32:
        value >>= 1
        octave += 1
    cell = octave * 4 + ((value - 16) >> 2)
    return min(cell, CELLS - 1)


@njit(cache=True)
def _group(column):
    if column < 4:
        return column
    octave = 2
    while column >> (octave + 1):
        octave += 1
    return min(2 * octave + ((column >> (octave - 1)) & 1), GROUPS - 1)


@njit(cache=True)
def code_frames(coding, codes, first, tables, means, last, state, data):
    """Codes (or decodes into `codes`) the frames from `first` on; returns the first frame not done.

    It stops early when a coder's bytes are nearly full, or when a decoder has run past the end.
    """
    frames, channels, columns = codes.shape
    places = np.zeros(2, np.int64)
    for t in range(first, frames):
        if coding and len(data) - state[AT] < columns * channels * ROOM + ROOM:
            return t
        if not coding and state[AT] > len(data) + SLACK:
            return t
        for c in range(channels):
            near, far = np.int64(0), np.int64(0)
            for k in range(columns):
                low, high = max(k - 1, 0), min(k + 1, columns - 1)
                older = 2 * last[0, c, k] + last[0, c, low] + last[0, c, high] + last[1, c, k]
                size = (6 * means[c, k] + 2 * means[c, high] + (older << 8) + 256 * (2 * near + far)) >> 4
                cell = _cell(size)
                places[0] = _group(k) * CELLS + cell
                places[1] = (GROUPS + min(near, 7)) * CELLS + _cell((means[c, k] + (last[0, c, k] << 8)) >> 1)
                value = np.int64(codes[t, c, k])
                magnitude = _magnitude(coding, abs(value), tables, places, state, data)
                if magnitude:
                    if coding:
                        encode_raw(state, data, 1 if value < 0 else 0, 1)
                    elif decode_raw(state, data, 1):
                        codes[t, c, k] = -magnitude
                    else:
                        codes[t, c, k] = magnitude
                far, near = near, min(magnitude, 1 << 20)
            for k in range(columns):
                magnitude = min(abs(np.int64(codes[t, c, k])), 1 << 20)
                means[c, k] += ((magnitude << 8) - means[c, k]) >> 3
                last[1, c, k] = last[0, c, k]
                last[0, c, k] = magnitude
    return frames
