"""A 56-bit range coder for probabilities of 30 bits, as numba functions: alphabets of 2^18 symbols without loss.

Paper: "Range encoding: an algorithm for removing redundancy from a digitised message" (1979).

The state is an int64 array: LOW (encoder) or CODE less low (decoder), RANGE, and AT (place in the bytes). The range is
kept at or above 2^48; a carry runs back into the bytes. Integers alone, so that the bytes are the same everywhere.
"""

from typing import no_type_check

import numpy as np
from numba import njit

LOW, RANGE, AT = 0, 1, 2
TOTAL_BITS = 30
SLACK = 7  # a decoder may look at this many bytes past the end; they read as 0
RAW_BITS = 12  # of one piece of raw bits
_WHOLE, _MASK, _LEAST = 1 << 56, (1 << 56) - 1, 1 << 48


@njit(cache=True, error_model="numpy")
@no_type_check
def start_encoder():
    """State of an encoder that has written nothing."""
    state = np.zeros(3, np.int64)
    state[RANGE] = _WHOLE
    return state


@njit(cache=True, error_model="numpy")
@no_type_check
def start_decoder(data, at):
    """State of a decoder of the bytes from `at` on."""
    state = np.zeros(3, np.int64)
    state[RANGE], state[AT] = _WHOLE, at
    for _ in range(7):
        state[LOW] = (state[LOW] << 8) | _byte(state, data)
    return state


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _byte(state, data):
    at = state[AT]
    state[AT] = at + 1
    return np.int64(data[at]) if at < len(data) else np.int64(0)


@njit(cache=True, error_model="numpy")
@no_type_check
def _carry(out, at):
    back = at - 1
    while out[back] == 255:
        out[back] = 0
        back -= 1
    out[back] += 1


@njit(cache=True, error_model="numpy")
@no_type_check
def _encode(state, out, first, count, bits):
    """Narrows the interval to `count` of 2^bits parts from part `first` on."""
    part = state[RANGE] >> bits
    low, span, at = state[LOW] + first * part, part * count, state[AT]
    if low >= _WHOLE:
        low &= _MASK
        _carry(out, at)
    while span < _LEAST:
        out[at] = low >> 48
        at += 1
        low = (low << 8) & _MASK
        span <<= 8
    state[LOW], state[RANGE], state[AT] = low, span, at


@njit(cache=True, error_model="numpy")
@no_type_check
def encode_span(state, out, first, count):
    """The symbol whose cumulative counts are [first, first + count) out of 2^30."""
    _encode(state, out, first, count, TOTAL_BITS)


@njit(cache=True, error_model="numpy")
@no_type_check
def decode_slot(state):
    """The cumulative count that the next symbol's span holds; `take_span` must follow with that span."""
    return min(state[LOW] // (state[RANGE] >> TOTAL_BITS), (1 << TOTAL_BITS) - 1)


@njit(cache=True, error_model="numpy")
@no_type_check
def _take(state, data, first, count, bits):
    part = state[RANGE] >> bits
    state[LOW] -= first * part
    state[RANGE] = part * count
    while state[RANGE] < _LEAST:
        state[LOW] = (state[LOW] << 8) | _byte(state, data)
        state[RANGE] <<= 8


@njit(cache=True, error_model="numpy")
@no_type_check
def take_span(state, data, first, count):
    """Goes on behind the symbol of that span."""
    _take(state, data, first, count, TOTAL_BITS)


@njit(cache=True, error_model="numpy")
@no_type_check
def encode_raw(state, out, value, pieces):
    """`pieces` times 12 equiprobable bits, highest first."""
    for piece in range(pieces - 1, -1, -1):
        _encode(state, out, (value >> (RAW_BITS * piece)) & ((1 << RAW_BITS) - 1), 1, RAW_BITS)


@njit(cache=True, error_model="numpy")
@no_type_check
def decode_raw(state, data, pieces):
    """The inverse of `encode_raw`."""
    value = np.int64(0)
    for _ in range(pieces):
        piece = min(state[LOW] // (state[RANGE] >> RAW_BITS), (1 << RAW_BITS) - 1)
        _take(state, data, piece, 1, RAW_BITS)
        value = (value << RAW_BITS) | piece
    return value


@njit(cache=True, error_model="numpy")
@no_type_check
def finish(state, out):
    """Writes the fewest bytes that pin the interval, without zeros at the end; returns the length of the bytes."""
    least, keep, value = state[AT], 7, state[LOW]
    for keep in range(1, 8):  # bytes of the final value
        bits = 56 - 8 * keep
        value = ((state[LOW] + (1 << bits) - 1) >> bits) << bits
        if value < state[LOW] + state[RANGE]:
            break
    if value >= _WHOLE:
        value &= _MASK
        _carry(out, least)
    end = least
    for i in range(keep):
        out[end] = (value >> (48 - 8 * i)) & 255
        end += 1
    while end > least and out[end - 1] == 0:
        end -= 1
    return end


@njit(cache=True, error_model="numpy")
@no_type_check
def ends_well(state, data):
    """Whether a finished decoder stands where the encoder of these bytes must have stopped."""
    return state[AT] - SLACK <= len(data) <= state[AT]
