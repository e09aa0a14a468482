"""The loop of the adaptive binary codec: decisions by logistic mixing of counters, through the range coder.

One function codes and decodes, so that both sides compute the same integers. Its specification is the pure-Python twin
in the tests.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from signalpiece.entropy.adaptive_features import MIXERS, end_frame, look_around, new_scratch, start_frame, take_in
from signalpiece.entropy.adaptive_state import INPUTS, NODES
from signalpiece.entropy.channel_prediction import FINE, guess_of, learn, observe, predict
from signalpiece.entropy.integer_tables import SQUASH, STRENGTH, STRETCH
from signalpiece.entropy.range_coder import AT, SLACK, decode_bit, decode_raw, encode_bit, encode_raw

LEARN = 655360 // (10 * np.arange(1024) + 16)  # of a counter by sightings, out of 65536
SEEN = 255  # sightings after which a counter learns no slower; signs: 1000
PACE = 400  # of the mixers
NEXT = np.array([[0, 1], [3, 2], [5, 4], [6, 7], [1, 0], [2, 3], [4, 5], [7, 6]])  # states of the trellis
ROOM = 64  # bytes that one code can take at most


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _learnt(counter, bit, most):
    """A counter (22 bits of chance, 10 of sightings) after one more bit."""
    counter = np.int64(counter)
    seen, chance = counter & 1023, counter >> 10
    chance += (((bit << 22) - bit - chance) * LEARN[seen]) >> 16
    return (min(max(chance, 64), 4194239) << 10) | (seen + 1 if seen < most else seen)


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _decide(coding, bit, node, fixed, counters, mixers, places, inputs, coder, data):  # noqa: PLR0913 (see below)
    """One decision: counters, mixers, coder, and what they learn from it.

    Arrays come by themselves: taken out of their tuple here, each would be counted at every decision.
    """
    if fixed:
        chance = min(max(np.int64(counters[places[0] + node]) >> 16, 16), 65520)
        if coding:
            encode_bit(coder, data, bit, chance)
            return bit
        return decode_bit(coder, data, chance)
    for i in range(INPUTS):
        inputs[i] = STRETCH[counters[places[i] + node] >> 20]
    inputs[INPUTS] = 256
    total = np.int64(0)
    for m in range(MIXERS):
        row = places[INPUTS + m] + node
        dot = np.int64(0)
        for i in range(INPUTS + 1):
            dot += np.int64(mixers[row, i]) * inputs[i]
        dot = min(max(dot >> 16, -STRENGTH), STRENGTH)
        inputs[INPUTS + 1 + m] = dot
        total += dot
    chance = min(max(np.int64(SQUASH[total // MIXERS + STRENGTH]), 16), 65520)
    if coding:
        encode_bit(coder, data, bit, chance)
    else:
        bit = decode_bit(coder, data, chance)
    for m in range(MIXERS):
        row = places[INPUTS + m] + node
        error = ((bit << 16) - SQUASH[inputs[INPUTS + 1 + m] + STRENGTH]) * PACE
        for i in range(INPUTS + 1):
            mixers[row, i] += (error * inputs[i] + 8388608) >> 24
    for i in range(INPUTS):
        counters[places[i] + node] = _learnt(counters[places[i] + node], bit, SEEN)
    return bit


@njit(cache=True, error_model="numpy")
@no_type_check
def _start_of(level):
    """The smallest magnitude of a level: 0 1 2 3 4 6 8 12 16 ..."""
    return level if level < 4 else (2 + (level & 1)) << ((level >> 1) - 1)


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _magnitude(coding, magnitude, state, scratch, coder, data):
    counters, mixers, places, inputs = state.counters, state.mixers, scratch.places, scratch.inputs
    fixed = state.fixed[0]
    level = 0
    while level < NODES:
        more = 1 if coding and magnitude >= _start_of(level + 1) else 0
        if not _decide(coding, more, level, fixed, counters, mixers, places, inputs, coder, data):
            break
        level += 1
    start = _start_of(level)
    if level == NODES:
        return start + _escape(coding, magnitude - start, coder, data)
    bits = (level >> 1) - 1 if level > 3 else 0
    rest = magnitude - start
    for at in range(bits - 1, -1, -1):  # the first of the rest is less often 1
        chance = 31500 if at == bits - 1 else 32768
        if coding:
            encode_bit(coder, data, (rest >> at) & 1, chance)
        else:
            start += decode_bit(coder, data, chance) << at
    return magnitude if coding else start


@njit(cache=True, error_model="numpy")
@no_type_check
def _escape(coding, value, coder, data):
    """Exp-Golomb on equiprobable bits."""
    if not coding:
        length = decode_raw(coder, data, 5)
        return (1 << length) + decode_raw(coder, data, length) - 1
    length = 0
    while (value + 1) >> (length + 1):
        length += 1
    encode_raw(coder, data, length, 5)
    encode_raw(coder, data, value + 1 - (1 << length), length)
    return value


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _sign(coding, negative, place, state, coder, data):
    """Whether a code lies on the side of its prediction's centre where the prediction is not."""
    chance = 32768 if state.fixed[0] else min(max(state.signs[place] >> 16, 512), 65024)
    if coding:
        encode_bit(coder, data, negative, chance)
    else:
        negative = decode_bit(coder, data, chance)
    state.signs[place] = _learnt(state.signs[place], negative, 1000)
    return negative


@njit(cache=True, error_model="numpy")
@no_type_check
def _place(index, odd):
    """Where an index of a grid lies, in half steps."""
    return 2 * index - (odd if index > 0 else -odd if index < 0 else 0)


@njit(cache=True, error_model="numpy")
@no_type_check
def _index(place, odd, one):
    """Index that a place has in a grid, `one` being a half step; rounded down where it has none."""
    size = abs(place)
    index = size if odd and size < one else (size + odd * one) >> 1
    return -index if place < 0 else index


@njit(cache=True, error_model="numpy")
@no_type_check
def _frame(coding, codes, c, state, prediction, scratch, coder, data):
    """One frame of one channel: each index as its difference from a predicted one."""
    start_frame(state, c, scratch)
    predict(prediction, c)
    path, index, shift = state.path[c], np.int64(0), np.int64(0)
    for k in range(len(codes)):
        guess, odd = guess_of(prediction, k) if c else np.int64(0), np.int64(0)
        if path >= 0:
            odd = path & 1
            guess = _index(guess, odd, FINE)
        cell = look_around(state, c, k, guess, odd, scratch)
        centre = (guess + FINE // 2) // FINE
        tilt = guess - centre * FINE  # on which side of the centre the prediction lies
        side = -1 if tilt < 0 else 1
        if coding:
            index = np.int64(codes[k]) if path < 0 else _index(np.int64(codes[k]), odd, 1)
        rest = (index - centre) * side
        magnitude = _magnitude(coding, abs(rest), state, scratch, coder, data)
        if magnitude:
            place = (abs(tilt) * 3 + min(magnitude, 3) - 1) * 22 + (cell >> 3)
            negative = _sign(coding, 1 if rest < 0 else 0, place, state, coder, data)
            rest = -magnitude if negative else magnitude
        else:
            rest = np.int64(0)
        index = rest * side + centre
        shift = 2 * magnitude
        if path < 0:
            codes[k] = index
        else:
            codes[k] = _place(index, odd)
            shift = abs(_place(index, odd) - _place(centre, odd))
            path = NEXT[path, index & 1]
        take_in(k, min(shift, 1 << 25), scratch)
    state.path[c] = path
    observe(prediction, c, codes)
    end_frame(state, c, scratch)


@njit(cache=True, error_model="numpy")
@no_type_check
def code_frames(coding, codes, first, state, prediction, coder, data):
    """Codes (or decodes into `codes`) the frames from `first` on; returns the first frame not done.

    It stops early when a coder's bytes are nearly full, or when a decoder has run past the end.
    """
    frames, channels, columns = codes.shape
    scratch = new_scratch(columns)
    for t in range(first, frames):
        if coding and len(data) - coder[AT] < (columns * channels + 1) * ROOM:
            return t
        if not coding and coder[AT] > len(data) + SLACK:
            return t
        state.clock[0] += 1
        state.beside[:] = 0
        for c in range(channels):
            _frame(coding, codes[t, c], c, state, prediction, scratch, coder, data)
        if channels > 1:
            learn(prediction, codes[t])
    return frames


@njit(cache=True, error_model="numpy")
@no_type_check
def on_path(codes):
    """Whether every code "n c q" lies on the grid that the trellis is in."""
    frames, channels, columns = codes.shape
    for c in range(channels):
        path = 0
        for t in range(frames):
            for k in range(columns):
                odd, place = path & 1, np.int64(codes[t, c, k])
                if place and (place + odd) & 1:
                    return False
                path = NEXT[path, _index(place, odd, 1) & 1]
    return True
