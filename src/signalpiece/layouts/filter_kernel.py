"""The loops of a filter bank on NumPy arrays, compiled on first use; the array version in `filter_bank` is their twin.

`where` says at which place of the axis the number j of the endless signal stands, for j from -reach; both outputs are
written either as halves or interleaved.
"""

from typing import no_type_check

import numpy as np
from numba import njit

COLUMNS = 1024  # numbers of a row that stay in the first cache


@njit(cache=True, error_model="numpy")
@no_type_check
def filter_rows(x, where, offsets, taps, sizes, halves, out):
    """Filters the middle axis of "m t s"; phase p of the output has sizes[p] taps."""
    outer, length, width = x.shape
    half = length // 2
    for m in range(outer):
        for first in range(0, width, COLUMNS):
            last = min(first + COLUMNS, width)
            for i in range(half):
                for p in range(2):
                    row = out[m, p * half + i if halves else 2 * i + p, first:last]
                    source, tap = x[m, where[2 * i + offsets[p, 0]], first:last], taps[p, 0]
                    for c in range(len(row)):
                        row[c] = tap * source[c]
                    for k in range(1, sizes[p]):
                        source, tap = x[m, where[2 * i + offsets[p, k]], first:last], taps[p, k]
                        for c in range(len(row)):
                            row[c] += tap * source[c]


@njit(cache=True, error_model="numpy")
@no_type_check
def filter_lines(x, where, offsets, taps, sizes, halves, out):
    """Filters the last axis of "m t"."""
    outer, length = x.shape
    half = length // 2
    parts = np.empty((2, len(where) // 2), x.dtype)
    result = np.empty(half, x.dtype)
    for m in range(outer):
        line = x[m]
        for j in range(len(where) // 2):
            parts[0, j] = line[where[2 * j]]
            parts[1, j] = line[where[2 * j + 1]]
        for p in range(2):
            for k in range(sizes[p]):
                source, tap = parts[offsets[p, k] % 2, offsets[p, k] // 2 :], taps[p, k]
                if k == 0:
                    for i in range(half):
                        result[i] = tap * source[i]
                else:
                    for i in range(half):
                        result[i] += tap * source[i]
            if halves:
                out[m, p * half : (p + 1) * half] = result
            else:
                out[m, p::2] = result
