"""Samples to bytes and back: one loop that predicts, codes and learns, for both directions.

Papers: "Efficient Sequential Compression of Multi-Channel Biomedical Signals" (2016), "Universal Prediction" (1998).
Each channel is predicted from its own past; rivals look at what the channels before it turned out to be at this sample,
and at the past of all channels. A recursive regression mixes them, a filter takes out what is left, and the number is
coded under a mixture of distributions around all of them.

Helpers take arrays and not the whole state: a state that is passed on is counted in and out for every sample. The
decoder repeats the arithmetic of the encoder bit for bit: + - * / and square roots of doubles in one fixed order.
"""

import math
from typing import no_type_check

from numba import njit

from signalpiece.entropy.nested_regression import predict, predict_one, tell
from signalpiece.entropy.sample_learning import learn_errors, learn_mixing, learn_tail
from signalpiece.entropy.sample_regressions import learn_regressions, move_rows
from signalpiece.entropy.sample_state import EDGE, ROOM
from signalpiece.entropy.symbol_mixture import code_symbol, learn_weights

_FARTHEST = 1e10  # of a prediction
_WILD = 30.0  # deviations that a rival may differ by
_SMALLEST = 0.05  # of a deviation


@njit(cache=True, error_model="numpy")
@no_type_check
def code_samples(decoding, x, s, state, work, tables, coder, data):  # noqa: C901, PLR0915 (see above)
    """Codes all rows of `x` ("t c", int32), or fills them."""
    length, channels = x.shape
    rivals = (s.quick_taps > 0) + (s.nested > 0) + (s.lags > 0) + (s.few > 0)
    past_nested, past_vector, past_few = s.nested * channels, s.lags * channels, s.few * channels
    centres, scales, kinds, chances = work.centres, work.scales, work.kinds, work.chances
    away, wild, gain, origin = work.away, work.wild, work.gain, work.origin
    by_nested, by_vector, by_few = work.nested, work.vector, work.few
    at = EDGE
    for t in range(length):
        loud, number = 0.0, 0.0  # of what was missed at this sample in the channels before
        if s.nested:
            predict(state.nested_weights, past_nested, state.innovations, at * channels - past_nested, by_nested)
        if s.lags:
            predict(state.vector_weights, past_vector, state.rows, at * channels - past_vector, by_vector)
        if s.few:
            predict(state.few_weights, past_few, state.rows, at * channels - past_few, by_few)
        for c in range(channels):
            error, miss, rows, rest = state.error[c], state.miss[c], state.own[c], state.rest[c]
            own = rows[at - 1]
            if t > 3:
                own = _sane(predict_one(state.own_weights[c, :, 0], s.taps, rows, at - s.taps), own)
            k = 0
            if s.quick_taps:
                away[k] = predict_one(state.quick_weights[c, :, 0], s.quick_taps, rows, at - s.quick_taps) - own
                k += 1
            if s.nested:
                away[k] = by_nested[c]
                k += 1
            if s.lags:
                away[k] = by_vector[c] - own if t > 15 else by_nested[c]
                k += 1
            if s.few:
                away[k] = by_few[c] - own if t > 15 else by_nested[c]
            deviation = math.sqrt(error[1] + _SMALLEST)
            mixed = own + _mix(rivals, away, wild, state.mixing[c], deviation)
            final = mixed
            if s.tail:
                final = _sane(mixed + predict_one(state.tail[c], s.tail, rest, at - s.tail), own)
            louder = math.sqrt((loud + 2.0) / (number + 2.0))
            _lay_out(s.shapes, own, mixed, final, louder, error, miss, away, centres, scales)
            value = 0.0 if decoding else float(x[t, c]) - origin[c]
            value = code_symbol(
                decoding, value, math.floor(final + 0.5), tables, centres, scales, kinds, state.parts[c],
                chances, coder, data,
            )  # fmt: skip
            if decoding:
                x[t, c] = int(value + origin[c])
            if chances[0] > 0.0:
                learn_weights(state.parts[c], chances, s.share)
            if t == 0:
                origin[c] = value
                continue
            innovation, usual = value - own, 9.0 * (miss[0] + 0.5)
            odd = t > 64 and innovation * innovation > usual
            state.trust[c, at] = usual / (innovation * innovation) if odd else 1.0
            rows[at] = value
            square = learn_errors(t, value - final, innovation, away, rivals, error, miss)
            loud, number = 0.9 * loud + square / (error[1] + 1e-9), 0.9 * number + 1.0
            if rivals:
                learn_mixing(rivals, wild, (value - mixed) / deviation, gain, state.mixing[c], state.spread[c])
            if s.tail:
                rest[at] = value - mixed
                state.energy[c] = learn_tail(state.tail[c], rest, at, value - final, state.energy[c], error[2])
            if s.nested:
                state.innovations[at * channels + c] = innovation
                tell(state.nested_weights, past_nested, c, innovation, by_nested)
            if s.lags:
                state.rows[at * channels + c] = value
                tell(state.vector_weights, past_vector, c, value, by_vector)
            if s.few:
                tell(state.few_weights, past_few, c, value, by_few)
        if t > 0:
            state.shared_trust[at] = 3.0 * number / loud if loud > 3.0 * number else 1.0
            at += 1
            learn_regressions(t + 1, at, channels, s, state, work)
            if at == ROOM + EDGE:
                at -= move_rows(channels, state, work)


@njit(cache=True, error_model="numpy", inline="always")
@no_type_check
def _sane(value, otherwise):
    """The value, unless it is not a number or absurd."""
    return value if -_FARTHEST < value < _FARTHEST else otherwise


@njit(cache=True, error_model="numpy")
@no_type_check
def _mix(rivals, away, wild, weights, deviation):
    """What the rivals together say beyond a channel's own prediction."""
    mixed = 0.0
    for i in range(rivals):
        away[i] = _sane(away[i], 0.0)
        wild[i] = min(max(away[i] / deviation, -_WILD), _WILD)
        mixed += weights[i] * wild[i]
    return mixed * deviation


@njit(cache=True, error_model="numpy")
@no_type_check
def _lay_out(shapes, own, mixed, final, louder, error, miss, away, centres, scales):  # noqa: PLR0913 (see above)
    """Places and inverse widths of the distributions: some around the final prediction, one around each predictor."""
    middle = math.sqrt(error[1])
    for i in range(shapes):
        centres[i] = final
    scales[0] = middle if shapes > 3 else middle * louder
    if shapes > 1:
        scales[1] = math.sqrt(error[0])
    if shapes > 4:
        scales[2], scales[3], scales[4] = math.sqrt(error[2]), middle * louder, middle * 0.8
        centres[4] = mixed
    centres[shapes], scales[shapes] = own, math.sqrt(miss[0])
    for i in range(len(scales) - shapes - 1):
        centres[shapes + 1 + i], scales[shapes + 1 + i] = own + away[i], math.sqrt(miss[1 + i])
    for i in range(len(scales)):
        scales[i] = 1.0 / (scales[i] + _SMALLEST)
