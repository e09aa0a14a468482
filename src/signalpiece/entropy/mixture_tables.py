"""Distribution functions of three shapes as integers of 40 bits, made by integer arithmetic alone.

Gauss and logistic of unit variance, Student's t of three degrees of freedom and unit scale, at every 64th from 0 to 24
deviations; the lower half follows by symmetry. A mathematics library may round differently on another machine, whole
numbers cannot; what a decoder reads from these tables belongs to the format.
"""

from functools import cache

import numpy as np
from jaxtyping import Float

PER_UNIT, REACH = 64, 24  # values per deviation, and how far the tables go
BITS = 40
GAUSS, LOGISTIC, STUDENT = 0, 1, 2
_FINE = 96  # bits behind the point of the arithmetic
_ONE = 1 << _FINE
_PI = 248902613312231085230521944622  # of _FINE bits
_PARTS = 8  # pieces that each interval is integrated in


@cache
def mixture_tables() -> Float[np.ndarray, "3 n"]:
    """The functions at -24, -24 + 1/64, ... 24, and once more the last value: doubles that hold the integers / 2^40."""
    upper = np.array([_gauss(), _logistic(), _student()], np.int64)
    whole = np.concatenate([(1 << BITS) - upper[:, :0:-1], upper, upper[:, -1:]], axis=1)
    return whole / float(1 << BITS)


def _exp(numerator: int, denominator: int) -> int:
    """exp(-numerator / denominator) of a small fraction, by its series."""
    total = term = _ONE
    for n in range(1, 40):
        term = -(term * numerator // (denominator * n))
        total += term
    return total


def _root(value: int) -> int:
    """Square root of a whole number."""
    guess = value << _FINE
    target = value << (2 * _FINE)
    while True:
        better = (guess + target // guess) // 2
        if better >= guess:
            return guess
        guess = better


def _integral(heights: list[int]) -> list[int]:
    """Running integrals over every unit of PER_UNIT, by Simpson's rule on its parts."""
    step, out = PER_UNIT * _PARTS, [0]
    for at in range(0, len(heights) - 1, _PARTS):
        odd, even = sum(heights[at + 1 : at + _PARTS : 2]), sum(heights[at + 2 : at + _PARTS : 2])
        out.append(out[-1] + (heights[at] + 4 * odd + 2 * even + heights[at + _PARTS]) // (3 * step))
    return out


def _gauss() -> list[int]:
    step = PER_UNIT * _PARTS
    height, ratio, slower = _ONE, _exp(1, 2 * step * step), _exp(1, step * step)
    heights = []
    for _ in range(REACH * step + 1):  # exp(-(x + h)^2 / 2) from exp(-x^2 / 2)
        heights.append(height)
        height, ratio = height * ratio >> _FINE, ratio * slower >> _FINE
    areas = _integral(heights)
    return [_rounded(_ONE // 2 + area * _ONE // (2 * areas[-1])) for area in areas]


def _logistic() -> list[int]:
    slope = _PI * _ONE // _root(3)  # of a unit variance
    decay, factor, out = _ONE, _exp(slope // PER_UNIT, _ONE), []
    for _ in range(REACH * PER_UNIT + 1):
        out.append(_rounded(_ONE * _ONE // (_ONE + decay)))
        decay = decay * factor >> _FINE
    return out


def _student() -> list[int]:
    step = PER_UNIT * _PARTS
    heights = [3 * step * step * _ONE // (3 * step * step + i * i) for i in range(REACH * step + 1)]
    arcs = [area * _ONE // _root(3) for area in _integral(heights)]  # arc tangent of x / root 3
    out = []
    for i, arc in enumerate(arcs):
        rest = _root(3) * i * PER_UNIT // (3 * PER_UNIT * PER_UNIT + i * i)
        out.append(_rounded(_ONE // 2 + (arc + rest) * _ONE // _PI))
    return out


def _rounded(value: int) -> int:
    return (value + (1 << (_FINE - BITS - 1))) >> (_FINE - BITS)
