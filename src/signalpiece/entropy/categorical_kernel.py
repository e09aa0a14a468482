"""The loop of the categorical codec: codes as paths in binary trees whose nodes learn; integers only."""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from signalpiece.entropy.integer_tables import SQUASH, STRENGTH, STRETCH
from signalpiece.entropy.range_coder import AT, SLACK, decode_bit, decode_raw, encode_bit, encode_raw

ROOM = 96  # bytes that one code can take at most
LIMIT = 250  # sightings after which a node learns no slower
OPEN = 33  # nodes of an open column: unary length of its zigzag value
CLASSES = 8  # magnitudes of the previous code that an open column tells apart
SETS = 12  # mixers by sightings of the node with context
PACE = 1500  # of the mixers


class Trees(NamedTuple):
    """Arrays that the kernel changes.

    Attributes:
        layout: for each column its bits (0: nothing to code, -1: open), the place of its tree and of its trees by
            previous code, a shift of the previous code to choose among the latter, and the first of its mixers.
        chances: of a 1 at each node, out of 65536; `counts` how often it was seen.
        mixers: weights of the two, 16 bits behind the point.
        before: the previous code of each channel and column.
    """

    layout: np.ndarray
    chances: np.ndarray
    counts: np.ndarray
    mixers: np.ndarray
    before: np.ndarray


@njit(cache=True, error_model="numpy")
@no_type_check
def _decide(coding, bit, trees, places, coder, data):
    """One node: its chance without context and after the previous code, mixed; all of them learn.

    `places` are the node in the tree without context, in the one with it, and the first row of its mixers.
    """
    chances, counts, mixers = trees.chances, trees.counts, trees.mixers
    plain, after = places[0], places[1]
    row = places[2] + min(np.int64(counts[after]), SETS - 1)
    first, second = np.int64(STRETCH[chances[plain] >> 4]), np.int64(STRETCH[chances[after] >> 4])
    dot = (mixers[row, 0] * first + mixers[row, 1] * second) >> 16
    mixed = np.int64(SQUASH[min(max(dot, -STRENGTH), STRENGTH) + STRENGTH])
    chance = min(max(mixed, 16), 65520)
    if coding:
        encode_bit(coder, data, bit, chance)
    else:
        bit = decode_bit(coder, data, chance)
    error = ((bit << 16) - mixed) * PACE
    mixers[row, 0] += (error * first + 8388608) >> 24
    mixers[row, 1] += (error * second + 8388608) >> 24
    target = 65535 if bit else 0
    for i in range(2):
        count, old = np.int64(counts[places[i]]), np.int64(chances[places[i]])
        chances[places[i]] = old + (target - old) // (count + 3)
        counts[places[i]] = min(count + 1, LIMIT)
    return bit


@njit(cache=True, error_model="numpy")
@no_type_check
def _closed(coding, value, bits, trees, first, coder, data):
    """A path down a tree, from the highest bit of the code on; `first` are the places of its root."""
    node, places = np.int64(1), np.zeros(3, np.int64)
    for level in range(bits - 1, -1, -1):
        places[0], places[1], places[2] = first[0] + node, first[1] + node, first[2] + level * SETS
        bit = _decide(coding, (value >> level) & 1, trees, places, coder, data)
        node = 2 * node + bit
    return node - (np.int64(1) << bits)


@njit(cache=True, error_model="numpy")
@no_type_check
def _open(coding, value, trees, first, coder, data):
    """Zigzag plus 1: the length in unary, adaptive; the bits behind the leading one, raw."""
    extra = (value << 1 if value >= 0 else (-value << 1) - 1) + 1
    length, places = 0, np.zeros(3, np.int64)
    while length < 32:
        places[0], places[1], places[2] = first[0] + length, first[1] + length, first[2]
        if not _decide(coding, 1 if extra >> (length + 1) else 0, trees, places, coder, data):
            break
        length += 1
    if coding:
        encode_raw(coder, data, extra & ((1 << length) - 1), length)
        return value
    extra = (np.int64(1) << length) + decode_raw(coder, data, length) - 1
    return extra >> 1 if extra & 1 == 0 else -((extra + 1) >> 1)


@njit(cache=True, error_model="numpy")
@no_type_check
def code_frames(coding, codes, start, trees, coder, data):
    """Codes (or decodes into `codes`) the frames from `start` on; returns the first frame not done."""
    layout, before = trees.layout, trees.before
    frames, channels, columns = codes.shape
    first = np.zeros(3, np.int64)
    for t in range(start, frames):
        if coding and len(data) - coder[AT] < columns * channels * ROOM + ROOM:
            return t
        if not coding and coder[AT] > len(data) + SLACK:
            return t
        for c in range(channels):
            for k in range(columns):
                bits, first[0], first[1], first[2] = layout[k, 0], layout[k, 1], layout[k, 2], layout[k, 4]
                value = np.int64(codes[t, c, k])
                if bits < 0:
                    first[1] += before[c, k] * OPEN
                    value = _open(coding, value, trees, first, coder, data)
                    before[c, k] = min(abs(value), CLASSES - 1)
                elif bits > 0:
                    first[1] += (before[c, k] >> layout[k, 3]) << bits
                    value = _closed(coding, value, bits, trees, first, coder, data)
                    before[c, k] = value
                codes[t, c, k] = value
    return frames
