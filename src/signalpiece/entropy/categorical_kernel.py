"""The loop of the categorical codec: codes as paths in binary trees whose nodes learn; integers only."""

from typing import NamedTuple

import numpy as np
from numba import njit

from signalpiece.entropy.range_coder import AT, SLACK, decode_bit, decode_raw, encode_bit, encode_raw

ROOM = 96  # bytes that one code can take at most
TRUST = 4  # how many sightings of a context weigh as much as the context-free estimate
LIMIT = 250  # sightings after which a node learns at a constant rate
ESCAPE = 64  # nodes of an open column: unary length of its zigzag value


class Trees(NamedTuple):
    """Arrays that the kernel changes.

    Attributes:
        layout: for each column its bits (0: nothing to code, -1: open), the place of its tree and of its trees by
            previous code, and a shift of the previous code to choose among the latter.
        chances: of a 1 at each node, out of 65536; `counts` how often it was seen.
        before: the previous code of each channel and column.
    """

    layout: np.ndarray
    chances: np.ndarray
    counts: np.ndarray
    before: np.ndarray


@njit(cache=True)
def _decide(coding, bit, trees, plain, after, state, data):
    """One node: its estimate after the previous code, leaning on the one without context; both learn."""
    chances, counts = trees.chances, trees.counts
    seen = np.int64(counts[after])
    chance = (np.int64(chances[plain]) * TRUST + np.int64(chances[after]) * seen) // (TRUST + seen)
    chance = (chance * 65520 >> 16) + 8
    if coding:
        encode_bit(state, data, bit, chance)
    else:
        bit = decode_bit(state, data, chance)
    target = 65535 if bit else 0
    for place in (plain, after):
        count = np.int64(counts[place])
        old = np.int64(chances[place])
        chances[place] = old + (target - old) * 2 // (2 * count + 3)
        counts[place] = min(count + 1, LIMIT)
    return bit


@njit(cache=True)
def _closed(coding, value, bits, trees, plain, after, state, data):
    node = np.int64(1)
    for level in range(bits - 1, -1, -1):
        bit = (value >> level) & 1
        bit = _decide(coding, bit, trees, plain + node, after + node, state, data)
        node = 2 * node + bit
    return node - (np.int64(1) << bits)


@njit(cache=True)
def _open(coding, value, trees, plain, state, data):
    """Zigzag plus 1: the length in unary, adaptive; the bits behind the leading one, raw."""
    extra = (value << 1 if value >= 0 else (-value << 1) - 1) + 1
    length = 0
    while length < 32:
        more = 1 if extra >> (length + 1) else 0
        place = plain + length
        if not _decide(coding, more, trees, place, place + ESCAPE // 2 + 1, state, data):
            break
        length += 1
    if coding:
        encode_raw(state, data, extra & ((1 << length) - 1), length)
        return value
    extra = (np.int64(1) << length) + decode_raw(state, data, length) - 1
    return extra >> 1 if extra & 1 == 0 else -((extra + 1) >> 1)


@njit(cache=True)
def code_frames(coding, codes, first, trees, state, data):
    """Codes (or decodes into `codes`) the frames from `first` on; returns the first frame not done."""
    layout, before = trees.layout, trees.before
    frames, channels, columns = codes.shape
    for t in range(first, frames):
        if coding and len(data) - state[AT] < columns * channels * ROOM + ROOM:
            return t
        if not coding and state[AT] > len(data) + SLACK:
            return t
        for c in range(channels):
            for k in range(columns):
                bits, plain, after, shift = layout[k, 0], layout[k, 1], layout[k, 2], layout[k, 3]
                value = np.int64(codes[t, c, k])
                if bits < 0:
                    value = _open(coding, value, trees, plain, state, data)
                elif bits > 0:
                    after += (before[c, k] >> shift) << bits
                    value = _closed(coding, value, bits, trees, plain, after, state, data)
                    before[c, k] = value
                codes[t, c, k] = value
    return frames
