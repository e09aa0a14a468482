"""When the regressions of a coder of samples learn, and from what: every so many samples, sooner at the beginning."""

from typing import no_type_check

import numpy as np
from numba import njit

from signalpiece.entropy.nested_regression import observe, refit
from signalpiece.entropy.sample_state import EDGE, LONGEST, ROOM

OWN, QUICK, SHARED = 0, 1, 2  # places in `since` and `due`
_NESTED_RIDGE, _NESTED_FLOOR = 1e-3, 30.0  # how reluctantly weights leave 0; floors are in squares of the error
_VECTOR_RIDGE, _VECTOR_FLOOR = 1e-7, 3.0
_OWN_RIDGE = 1e-7


@njit(cache=True, error_model="numpy")
@no_type_check
def learn_regressions(count, at, channels, s, state, work):
    """Lets those learn that are due after `count` samples; `at` is the row behind the last one."""
    since, due = work.since, work.due
    if count == due[OWN]:
        due[OWN] = count + min(count, s.block)
        _learn_own(
            state.own_moments, state.own_weights, state.own_factor, state.own, state.trust, state.error, s.taps,
            since[OWN], at, s.own_keep,
        )  # fmt: skip
        since[OWN] = at
    if s.quick_taps and count == due[QUICK]:
        due[QUICK] = count + min(count, s.quick_block)
        _learn_own(
            state.quick_moments, state.quick_weights, state.quick_factor, state.own, state.trust, state.error,
            s.quick_taps, since[QUICK], at, s.quick_keep,
        )  # fmt: skip
        since[QUICK] = at
    if count == due[SHARED]:
        due[SHARED] = count + min(count, s.shared)
        _learn_shared(since[SHARED], at, channels, s, state)
        since[SHARED] = at


@njit(cache=True, error_model="numpy")
@no_type_check
def _learn_own(moments, weights, factor, own, trust, error, taps, start, stop, keep):  # noqa: PLR0913
    """New weights of every channel's regression on its own past, with rows start to stop taken in."""
    count, kept = stop - start, 1.0
    for _ in range(count):
        kept *= keep
    for c in range(len(own)):
        observe(moments[c], own[c], start - taps, 1, count, trust[c, start:stop], kept)
        refit(moments[c], factor, weights[c], _OWN_RIDGE, 0.5 + 0.02 * error[c, 2])


@njit(cache=True, error_model="numpy")
@no_type_check
def _learn_shared(start, stop, channels, s, state):
    """New weights of the regressions over channels."""
    count, trust, mean = stop - start, state.shared_trust[start:stop], 0.0
    for c in range(channels):
        mean += state.error[c, 2]
    mean /= channels
    if s.nested:
        keep = 1.0 - (1.0 - s.nested_keep) * count
        first = (start - s.nested) * channels
        observe(state.nested_moments, state.innovations, first, channels, count, trust, keep)
        refit(state.nested_moments, state.nested_factor, state.nested_weights, _NESTED_RIDGE, _NESTED_FLOOR * mean)
    if s.lags:
        keep, first = 1.0 - (1.0 - s.vector_keep) * count, (start - s.lags) * channels
        observe(state.vector_moments, state.rows, first, channels, count, trust, keep)
        refit(state.vector_moments, state.vector_factor, state.vector_weights, _VECTOR_RIDGE, _VECTOR_FLOOR * mean)
    if s.few:
        older = (s.lags - s.few) * channels
        part = state.vector_moments[older:, older:]
        refit(part, state.few_factor, state.few_weights, _VECTOR_RIDGE, _VECTOR_FLOOR * mean)


@njit(cache=True, error_model="numpy")
@no_type_check
def move_rows(channels, state, work):
    """Brings the last rows to the front of their arrays; returns by how many rows."""
    kept = EDGE + LONGEST
    shift = ROOM + EDGE - kept
    for c in range(channels):
        for rows in (state.own[c], state.rest[c], state.trust[c]):
            rows[:kept] = rows[shift:].copy()
    state.shared_trust[:kept] = state.shared_trust[shift:].copy()
    for rows in (state.rows, state.innovations):
        rows[: kept * channels] = rows[shift * channels :].copy()
    work.since[:] = work.since - shift
    return np.int64(shift)
