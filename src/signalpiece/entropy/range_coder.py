"""A 32-bit range coder with carry propagation, as numba functions: bits and symbols to bytes on integers alone.

Paper: "Range encoding: an algorithm for removing redundancy from a digitised message" (1979).

The coder's state is an int64 array: LOW (a carry may stand in bit 32), RANGE, CODE (decoder: code minus low) and AT
(place in the bytes). Probabilities are integers out of 65536, so that the bytes are the same on every machine.
"""

from typing import no_type_check

import numpy as np
from numba import njit

LOW, RANGE, CODE, AT = 0, 1, 2, 3
TOTAL_BITS = 16
LEAST = 1 << 24  # the range is kept at or above this
SLACK = 4  # a decoder may look at this many bytes past the end; they read as 0


@njit(cache=True, error_model="numpy")
@no_type_check
def start_encoder():
    """State of an encoder that has written nothing."""
    state = np.zeros(4, np.int64)
    state[RANGE] = 0xFFFFFFFF
    return state


@njit(cache=True, error_model="numpy")
@no_type_check
def start_decoder(data, at):
    """State of a decoder of the bytes from `at` on."""
    state = np.zeros(4, np.int64)
    state[RANGE] = 0xFFFFFFFF
    state[AT] = at
    for _ in range(4):
        state[CODE] = (state[CODE] << 8) | _byte(state, data)
    return state


@njit(cache=True, error_model="numpy")
@no_type_check
def _byte(state, data):
    at = state[AT]
    state[AT] = at + 1
    if at < len(data):
        return np.int64(data[at])
    return np.int64(0)


@njit(cache=True, error_model="numpy")
@no_type_check
def _shift_out(state, out):
    """Moves the top byte of LOW into the bytes; a carry runs back over bytes of 255."""
    at = state[AT]
    if state[LOW] >> 32:
        back = at - 1
        while out[back] == 255:
            out[back] = 0
            back -= 1
        out[back] += 1
    out[at] = (state[LOW] >> 24) & 255
    state[AT] = at + 1
    state[LOW] = (state[LOW] & 0xFFFFFF) << 8
    state[RANGE] <<= 8


@njit(cache=True, error_model="numpy")
@no_type_check
def encode_bit(state, out, bit, chance):
    """One binary decision; `chance` of a 1 is out of 65536 and neither 0 nor 65536."""
    bound = (state[RANGE] * chance) >> TOTAL_BITS
    if bit:
        state[RANGE] = bound
    else:
        state[LOW] += bound
        state[RANGE] -= bound
    while state[RANGE] < LEAST:
        _shift_out(state, out)


@njit(cache=True, error_model="numpy")
@no_type_check
def decode_bit(state, data, chance):
    """The inverse of `encode_bit`."""
    bound = (state[RANGE] * chance) >> TOTAL_BITS
    bit = 0
    if state[CODE] < bound:
        state[RANGE] = bound
        bit = 1
    else:
        state[CODE] -= bound
        state[RANGE] -= bound
    while state[RANGE] < LEAST:
        state[RANGE] <<= 8
        state[CODE] = (state[CODE] << 8) | _byte(state, data)
    return bit


@njit(cache=True, error_model="numpy")
@no_type_check
def encode_raw(state, out, value, bits):
    """`bits` equiprobable bits, at most 32, in pieces of at most 12."""
    while bits > 0:
        take = min(bits, 12)
        bits -= take
        state[RANGE] >>= take
        state[LOW] += ((value >> bits) & ((1 << take) - 1)) * state[RANGE]
        while state[RANGE] < LEAST:
            _shift_out(state, out)


@njit(cache=True, error_model="numpy")
@no_type_check
def decode_raw(state, data, bits):
    """The inverse of `encode_raw`."""
    value = 0
    while bits > 0:
        take = min(bits, 12)
        bits -= take
        state[RANGE] >>= take
        piece = min(state[CODE] // state[RANGE], (1 << take) - 1)
        state[CODE] -= piece * state[RANGE]
        value = (value << take) | piece
        while state[RANGE] < LEAST:
            state[RANGE] <<= 8
            state[CODE] = (state[CODE] << 8) | _byte(state, data)
    return value


@njit(cache=True, error_model="numpy")
@no_type_check
def encode_span(state, out, first, end):
    """The symbol whose cumulative counts are [first, end) out of 65536."""
    low = (state[RANGE] * first) >> TOTAL_BITS
    state[RANGE] = ((state[RANGE] * end) >> TOTAL_BITS) - low
    state[LOW] += low
    while state[RANGE] < LEAST:
        _shift_out(state, out)


@njit(cache=True, error_model="numpy")
@no_type_check
def decode_slot(state):
    """The cumulative count that the next symbol's span holds; `take_span` must follow with that span."""
    slot = (((state[CODE] + 1) << TOTAL_BITS) - 1) // state[RANGE]
    return min(slot, (1 << TOTAL_BITS) - 1)


@njit(cache=True, error_model="numpy")
@no_type_check
def take_span(state, data, first, end):
    """Goes on behind the symbol of that span."""
    low = (state[RANGE] * first) >> TOTAL_BITS
    state[RANGE] = ((state[RANGE] * end) >> TOTAL_BITS) - low
    state[CODE] -= low
    while state[RANGE] < LEAST:
        state[RANGE] <<= 8
        state[CODE] = (state[CODE] << 8) | _byte(state, data)


@njit(cache=True, error_model="numpy")
@no_type_check
def finish(state, out):
    """Writes the fewest bytes that pin the interval; zeros that a decoder would read anyway are left out.

    Returns the length of the bytes. At most `SLACK` bytes that the decoder has looked at are missing.
    """
    least = state[AT]
    for keep in range(1, 5):  # bytes of the final value
        low, bits = state[LOW], 32 - 8 * keep
        value = ((low + (1 << bits) - 1) >> bits) << bits
        if value < low + state[RANGE] or keep == 4:
            state[LOW] = value
            break
    for _ in range(keep):
        _shift_out(state, out)
    end = state[AT]
    while end > least and out[end - 1] == 0:
        end -= 1
    return end


@njit(cache=True, error_model="numpy")
@no_type_check
def ends_well(state, data):
    """Whether a finished decoder stands where the encoder of these bytes must have stopped."""
    return state[AT] - SLACK <= len(data) <= state[AT]
