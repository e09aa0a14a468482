"""The walk over bit-planes that writes and reads the seven tokens of `significance`, compiled on first use.

Writer and reader are one walk, so that both see the same state at every token: in a plane, coefficients go in a given
order; where a group begins and none of it is significant yet, one token may stand for all of it.
"""

from typing import no_type_check

import numpy as np
from numba import njit

GROUP4, GROUP2, INSIGNIFICANT, POSITIVE, NEGATIVE, ZERO, ONE = range(7)


@njit(cache=True, error_model="numpy")
@no_type_check
def write_tokens(magnitudes, negative, group4, group2, planes, tokens, places):
    """Fills tokens and, for each, its place and plane; returns how many.

    Magnitudes are whole numbers of the last threshold, in walking order; `group4` and `group2` say at the beginning of
    a group how many coefficients it has, else 0.
    """
    count, at = len(magnitudes), 0
    seen = np.zeros(count, np.bool_)
    for plane in range(planes - 1, -1, -1):
        i = 0
        while i < count:
            token, step = _choose(magnitudes, seen, group4[i], group2[i], i, plane)
            if token == POSITIVE:
                seen[i] = True
                token = NEGATIVE if negative[i] else POSITIVE
            tokens[at], places[at, 0], places[at, 1] = token, i, plane
            at, i = at + 1, i + step
    return at


@njit(cache=True, error_model="numpy")
@no_type_check
def _choose(magnitudes, seen, four, two, i, plane):
    """The token at coefficient i, and how many coefficients it stands for."""
    if seen[i]:
        return ONE if magnitudes[i] >> plane & 1 else ZERO, 1
    if four > 1 and _is_quiet(magnitudes, seen, i, four, plane):
        return GROUP4, four
    if two > 1 and _is_quiet(magnitudes, seen, i, two, plane):
        return GROUP2, two
    return POSITIVE if magnitudes[i] >> plane else INSIGNIFICANT, 1


@njit(cache=True, error_model="numpy")
@no_type_check
def _is_quiet(magnitudes, seen, first, size, plane):
    """Whether none of a group was or becomes significant."""
    for i in range(first, first + size):
        if seen[i] or magnitudes[i] >> plane:
            return False
    return True


@njit(cache=True, error_model="numpy")
@no_type_check
def _reach(token, signs, four, two, i):
    """How many coefficients a token stands for at coefficient i; 0 where it cannot stand."""
    if (token == ZERO or token == ONE) != (signs[i] != 0):
        return 0
    if token != GROUP4 and token != GROUP2:
        return 1
    size = four if token == GROUP4 else two
    for j in range(i, i + size):
        if signs[j] != 0:
            return 0
    return size if size > 1 else 0


@njit(cache=True, error_model="numpy")
@no_type_check
def read_tokens(tokens, group4, group2, planes, magnitudes, signs, known):
    """Fills magnitudes, signs (0: not significant yet) and the last plane that each is known to.

    Returns the place of the first token that cannot stand where it does, or -1.
    """
    count, at = len(magnitudes), 0
    for plane in range(planes - 1, -1, -1):
        i = 0
        while i < count:
            if at == len(tokens):
                return -1
            token = tokens[at]
            step = _reach(token, signs, group4[i], group2[i], i)
            if not step:
                return at
            if token == POSITIVE or token == NEGATIVE:
                signs[i] = 1 if token == POSITIVE else -1
                magnitudes[i] = 1 << plane
            elif token == ONE:
                magnitudes[i] |= 1 << plane
            known[i : i + step] = plane
            at, i = at + 1, i + step
    return at if at < len(tokens) else -1
