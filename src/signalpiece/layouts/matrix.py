"""A linear map of rows as one matrix product, for NumPy and for torch."""

from functools import cached_property

import numpy as np
from array_api_compat import array_namespace, device, is_numpy_array
from jaxtyping import Float

from signalpiece.core.signal import Array

ROWS = 128  # a NumPy product has always this many rows, so that the bits of a row do not depend on its neighbours


class RowMatrix:
    """x -> x @ m along the last axis, in the precision of x; m is kept in float64."""

    def __init__(self, matrix: Float[np.ndarray, "d e"]) -> None:
        self.float64 = np.ascontiguousarray(matrix, dtype=np.float64)

    @cached_property
    def float32(self) -> Float[np.ndarray, "d e"]:
        """The matrix in float32."""
        return self.float64.astype(np.float32)

    def __call__(self, x: Float[Array, "*c d"]) -> Float[Array, "*c e"]:
        """The product."""
        if is_numpy_array(x):
            return self._product(x)
        xp = array_namespace(x)
        source = self.float32 if x.dtype == xp.float32 else self.float64
        return x @ xp.asarray(source, dtype=x.dtype, device=device(x))

    def _product(self, x: Float[np.ndarray, "*c d"]) -> Float[np.ndarray, "*c e"]:
        matrix = self.float32 if x.dtype == np.float32 else self.float64
        rows = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
        whole = len(rows) // ROWS * ROWS
        out = np.empty((len(rows), matrix.shape[1]), matrix.dtype)
        for start in range(0, whole, ROWS):
            np.matmul(rows[start : start + ROWS], matrix, out=out[start : start + ROWS])
        if whole < len(rows):
            last = np.zeros((ROWS, rows.shape[1]), matrix.dtype)
            last[: len(rows) - whole] = rows[whole:]
            out[whole:] = (last @ matrix)[: len(rows) - whole]
        return out.reshape(*x.shape[:-1], matrix.shape[1])
