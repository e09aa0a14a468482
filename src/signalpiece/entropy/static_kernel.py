"""The loop of the static codec: one table a column, symbols of magnitudes, raw signs and rests; integers only."""

from typing import no_type_check

import numpy as np
from numba import njit

from signalpiece.entropy.range_coder import AT, SLACK, decode_raw, decode_slot, encode_raw, encode_span, take_span

ROOM = 16  # bytes that one code can take at most
SINGLE = 16


@njit(cache=True, error_model="numpy")
@no_type_check
def symbol_of(magnitude):
    """Its own number below 16, then two symbols per octave."""
    if magnitude < SINGLE:
        return magnitude
    octave = 0
    while magnitude >> (octave + 5):
        octave += 1
    return SINGLE + 2 * octave + ((magnitude >> (octave + 3)) & 1)


@njit(cache=True, error_model="numpy")
@no_type_check
def count_symbols(codes, counts):
    """How often each symbol stands in each column of one channel: codes "n q", counts "q s"."""
    for t in range(codes.shape[0]):
        for k in range(codes.shape[1]):
            counts[k, symbol_of(abs(np.int64(codes[t, k])))] += 1


@njit(cache=True, error_model="numpy")
@no_type_check
def best_level(counts, offsets, lengths):
    """Shape and level whose tables code the counted symbols "q s" in the fewest bits; `lengths` "shape class s"."""
    shapes, classes, symbols = lengths.shape
    most = np.zeros(len(counts), np.int64)
    for k in range(len(counts)):
        for symbol in range(symbols):
            if counts[k, symbol]:
                most[k] = symbol + 1
    best_shape, best, least = 0, 0, np.int64(-1)
    for shape in range(shapes):
        for level in range(classes):
            total = np.int64(0)
            for k in range(len(counts)):
                row = lengths[shape, min(max(level + offsets[k], 0), classes - 1)]
                for symbol in range(most[k]):
                    total += counts[k, symbol] * row[symbol]
            if least < 0 or total < least:
                best_shape, best, least = shape, level, total
    return best_shape, best


@njit(cache=True, error_model="numpy")
@no_type_check
def encode_frames(codes, first, classes, ends, state, out):
    """Codes the frames from `first` on; stops early, at the frame returned, when the bytes are nearly full."""
    frames, channels, columns = codes.shape
    for t in range(first, frames):
        if len(out) - state[AT] < (columns * channels + 4) * ROOM:
            return t
        for c in range(channels):
            for k in range(columns):
                value = np.int64(codes[t, c, k])
                magnitude = abs(value)
                symbol = symbol_of(magnitude)
                row = classes[c, k]
                encode_span(state, out, np.int64(ends[row, symbol]), np.int64(ends[row, symbol + 1]))
                if symbol >= SINGLE:
                    extra = ((symbol - SINGLE) >> 1) + 3
                    encode_raw(state, out, magnitude & ((1 << extra) - 1), extra)
                if symbol:
                    encode_raw(state, out, 1 if value < 0 else 0, 1)
    return frames


@njit(cache=True, error_model="numpy")
@no_type_check
def decode_frames(codes, classes, ends, hints, state, data):
    """Fills `codes`; returns the first frame not done, when the bytes ended too early."""
    frames, channels, columns = codes.shape
    for t in range(frames):
        if state[AT] > len(data) + SLACK:
            return t
        for c in range(channels):
            for k in range(columns):
                row = classes[c, k]
                slot = decode_slot(state)
                symbol = np.int64(hints[row, slot >> 8])
                while ends[row, symbol + 1] <= slot:
                    symbol += 1
                take_span(state, data, np.int64(ends[row, symbol]), np.int64(ends[row, symbol + 1]))
                if symbol == 0:
                    continue
                magnitude = symbol
                if symbol >= SINGLE:
                    extra = ((symbol - SINGLE) >> 1) + 3
                    magnitude = ((2 + ((symbol - SINGLE) & 1)) << extra) + decode_raw(state, data, extra)
                codes[t, c, k] = -magnitude if decode_raw(state, data, 1) else magnitude
    return frames
