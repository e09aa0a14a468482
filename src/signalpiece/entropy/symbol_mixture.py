"""A whole number coded under a mixture of distributions: cumulative counts out of 2^30 at the edges of its cell.

Distributions are tables of whole numbers, read with straight lines between them; sums go in one fixed order, so that
counts never fall and all machines find the same ones.
"""

import math
from typing import no_type_check

import numpy as np
from numba import njit

from signalpiece.entropy.mixture_tables import PER_UNIT, REACH
from signalpiece.entropy.wide_range_coder import (
    TOTAL_BITS,
    decode_raw,
    decode_slot,
    encode_raw,
    encode_span,
    take_span,
)

HALF = 1 << 17  # symbols on each side of the prediction; what lies further out is written as it is
_ESCAPE = 2 * HALF  # counts of that
_TOTAL = 1 << TOTAL_BITS
_SCALE = float(_TOTAL - 2 * _ESCAPE)
_LAST = float(2 * REACH * PER_UNIT)
_RAW_PIECES = 3
_RAW_ZERO = 1 << 35
LEAST = 1e-9  # of a probability


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _below(tables, kind, deviations):
    """Probability of a value below so many deviations."""
    v = (deviations + REACH) * PER_UNIT
    if v <= 0.0:
        return 0.0
    if v >= _LAST:
        return 1.0
    i = int(v)
    low = tables[kind, i]
    return low + (v - i) * (tables[kind, i + 1] - low)


@njit(cache=True, error_model="numpy")
@no_type_check
def _count(tables, centres, scales, kinds, weights, edge, symbol):
    """Cumulative count at the lower edge of a symbol."""
    total = 0.0
    for i in range(len(weights)):
        total += weights[i] * _below(tables, kinds[i], (edge - centres[i]) * scales[i])
    return int(total * _SCALE) + (symbol + HALF)


@njit(cache=True, error_model="numpy")
@no_type_check
def _find(slot, tables, centres, scales, kinds, weights, base):
    """The symbol whose span holds `slot`: guesses, gallops, then cuts the rest by straight lines and halves in turn.

    The guess may differ between mathematics libraries; where the search ends does not depend on where it begins.
    """
    low, high = -HALF, HALF
    low_count, high_count = 0, _TOTAL - _ESCAPE
    share = (slot + 0.5) / _TOTAL
    guess = math.log(share / (1.0 - share)) * (0.55 / scales[0]) + (centres[0] - base) + 0.5
    at = np.int64(min(max(math.floor(guess), -1.0e5), 1.0e5))
    jump, step, line = np.int64(1), np.int64(min(0.1 / scales[0], 1e4)) + 1, True
    while high - low > 1:
        count = _count(tables, centres, scales, kinds, weights, base + at - 0.5, at)
        if count <= slot:
            low, low_count = at, count
        else:
            high, high_count = at, count
        if high == HALF:
            at = min(low + jump, HALF - 1)
            jump = jump * 2 + step
        elif low == -HALF:
            at = max(high - jump, 1 - HALF)
            jump = jump * 2 + step
        elif line:
            at = low + (slot - low_count) * (high - low) // (high_count - low_count)
            line = False
        else:
            at = (low + high) >> 1
            line = True
        at = min(max(at, low + 1), high - 1)
    return low


@njit(cache=True, error_model="numpy")
@no_type_check
def code_symbol(decoding, value, base, tables, centres, scales, kinds, weights, chances, coder, data):  # noqa: PLR0913
    """Codes `value`, predicted near `base`; returns it, with the chance that each part gave it in `chances`.

    A value far off costs 48 bits and leaves chances of 0.
    """
    symbol, escaped, slot = np.int64(0), False, np.int64(0)
    if decoding:
        slot = decode_slot(coder)
        escaped = slot >= _TOTAL - _ESCAPE
        if not escaped:
            symbol = _find(slot, tables, centres, scales, kinds, weights, base)
    else:
        symbol = np.int64(value - base)
        escaped = symbol <= 1 - HALF or symbol >= HALF - 1
    if escaped:
        for i in range(len(weights)):
            chances[i] = 0.0
        if decoding:
            take_span(coder, data, _TOTAL - _ESCAPE, _ESCAPE)
            return float(decode_raw(coder, data, _RAW_PIECES) - _RAW_ZERO)
        encode_span(coder, data, _TOTAL - _ESCAPE, _ESCAPE)
        encode_raw(coder, data, np.int64(value) + _RAW_ZERO, _RAW_PIECES)
        return value
    below, above = 0.0, 0.0
    edge = base + symbol - 0.5
    for i in range(len(weights)):
        a = _below(tables, kinds[i], (edge - centres[i]) * scales[i])
        b = _below(tables, kinds[i], (edge + 1.0 - centres[i]) * scales[i])
        below += weights[i] * a
        above += weights[i] * b
        chances[i] = (b - a) + LEAST
    first = int(below * _SCALE) + (symbol + HALF)
    count = int(above * _SCALE) + (symbol + 1 + HALF) - first
    if decoding:
        take_span(coder, data, first, count)
    else:
        encode_span(coder, data, first, count)
    return base + symbol


@njit(cache=True, error_model="numpy")
@no_type_check
def learn_weights(weights, chances, share):
    """Weights in proportion to what each part has foreseen; `share` of them is dealt out evenly."""
    total = 0.0
    for i in range(len(weights)):
        weights[i] *= chances[i]
        total += weights[i]
    if total > 0.0:
        scale = (1.0 - share) / total
        for i in range(len(weights)):
            weights[i] = weights[i] * scale + share / len(weights)
    else:
        for i in range(len(weights)):
            weights[i] = 1.0 / len(weights)
