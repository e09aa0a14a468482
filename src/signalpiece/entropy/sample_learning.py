"""What is learnt after every sample: running errors, the weights of rival predictions, and a filter for the rest.

Papers: "Adaptive Switching Circuits" (1960), normalised steps; "A New Approach to Linear Filtering and Prediction
Problems" (1960), the recursive regression.
"""

from typing import no_type_check

from numba import njit

_QUICK, _MIDDLE, _SLOW, _RIVAL = 0.09, 0.02, 0.003, 0.03  # rates of running squares
_KEEP = 0.998  # of the moments that mixing is learnt from
_STEP = 0.005  # of the filter
_WIDEST = 1e3  # of the inverse moments


@njit(cache=True, error_model="numpy")
@no_type_check
def learn_errors(t, missed, apart, away, rivals, error, miss):
    """Running squares of what the final prediction missed, its own regression (`apart`) and the rivals, `away` from it.

    Returns the last square of the first, which counts up to a limit.
    """
    square = missed * missed
    most = 400.0 * error[1] + 25.0
    if t > 64 and square > most:
        square = most
    if t < 16:
        error[0] = error[1] = error[2] = (error[2] * (t + 1) + square) / (t + 2)
    else:
        error[0] += (square - error[0]) * _QUICK
        error[1] += (square - error[1]) * _MIDDLE
        error[2] += (square - error[2]) * (_SLOW if t > 300 else 1.0 / t)
    miss[0] += (apart * apart - miss[0]) * _RIVAL
    rate = _RIVAL if t > 30 else 1.0 / (t + 2)
    for i in range(rivals):
        d = apart - away[i]
        miss[1 + i] += (d * d - miss[1 + i]) * rate
    return square


@njit(cache=True, error_model="numpy")
@no_type_check
def learn_mixing(rivals, wild, missed, gain, weights, spread):
    """One step of recursive least squares; all in deviations."""
    missed = min(max(missed, -5.0), 5.0)
    total = _KEEP
    for i in range(rivals):
        g = 0.0
        for j in range(rivals):
            g += spread[i, j] * wild[j]
        gain[i] = g
        total += wild[i] * g
    if not total >= 0.5:  # rounding has spoilt it
        spread[:] = 0.0
        for i in range(rivals):
            spread[i, i] = 0.1
        return
    scale, largest = missed / total, 0.0
    for i in range(rivals):
        weights[i] += gain[i] * scale
        for j in range(rivals):
            spread[i, j] = (spread[i, j] - gain[i] * gain[j] / total) / _KEEP
        largest = max(largest, spread[i, i])
    if largest > _WIDEST:
        spread *= 0.1


@njit(cache=True, error_model="numpy")
@no_type_check
def learn_tail(weights, rest, at, missed, energy, error):
    """One normalised step of the filter; returns the energy of what it now looks at."""
    taps = len(weights)
    step = _STEP / (energy + taps * 0.1 * error + 1.0) * missed
    window = rest[at - taps : at]
    for i in range(taps):
        weights[i] += step * window[i]
    return energy + (rest[at] * rest[at] - window[0] * window[0])
