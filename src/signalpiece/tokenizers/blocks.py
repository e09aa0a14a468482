"""A linear map that repeats along time: one matrix, applied to a window that moves by a fixed hop.

Resampling, every lapped or block transform and their inverses are such maps. One kernel serves them all, and each
output is a sum in a fixed order over its own window, in strict float arithmetic. So the result depends neither on how
the signal was chunked, nor on the other channels, nor on the machine: streaming equals the whole bit for bit.
"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float
from numba import njit


@njit(cache=True, error_model="numpy")
@no_type_check
def _apply(x, matrix, hop, out):
    rows, blocks, width = out.shape
    taps = matrix.shape[0]  # a multiple of 4
    for r in range(rows):
        for b in range(0, blocks - 1, 2):
            one, two = out[r, b], out[r, b + 1]
            p = b * hop
            q = p + hop
            for j in range(width):
                one[j] = 0
                two[j] = 0
            for k in range(0, taps, 4):
                x0, x1, x2, x3 = x[r, p + k], x[r, p + k + 1], x[r, p + k + 2], x[r, p + k + 3]
                y0, y1, y2, y3 = x[r, q + k], x[r, q + k + 1], x[r, q + k + 2], x[r, q + k + 3]
                for j in range(width):
                    m0, m1, m2, m3 = matrix[k, j], matrix[k + 1, j], matrix[k + 2, j], matrix[k + 3, j]
                    one[j] += x0 * m0 + x1 * m1 + x2 * m2 + x3 * m3
                    two[j] += y0 * m0 + y1 * m1 + y2 * m2 + y3 * m3
        if blocks % 2:
            one = out[r, blocks - 1]
            p = (blocks - 1) * hop
            for j in range(width):
                one[j] = 0
            for k in range(0, taps, 4):
                x0, x1, x2, x3 = x[r, p + k], x[r, p + k + 1], x[r, p + k + 2], x[r, p + k + 3]
                for j in range(width):
                    m0, m1, m2, m3 = matrix[k, j], matrix[k + 1, j], matrix[k + 2, j], matrix[k + 3, j]
                    one[j] += x0 * m0 + x1 * m1 + x2 * m2 + x3 * m3


@dataclass(frozen=True)
class BlockMap:
    """Block i of the output is x[i * hop - before : i * hop - before + taps] @ matrix.

    Attributes:
        matrix: taps x outputs of one block; the taps are padded to a multiple of 4 by rows of zeros.
        hop: input samples from one block to the next.
        before: how far the window reaches back before sample i * hop (negative: it begins after it).
    """

    matrix: Float[np.ndarray, "w h"]
    hop: int
    before: int = 0

    def __post_init__(self) -> None:
        padded = np.pad(self.matrix, ((0, -len(self.matrix) % 4), (0, 0)))
        object.__setattr__(self, "matrix", np.ascontiguousarray(padded))

    @property
    def taps(self) -> int:
        """Input samples that one block looks at."""
        return self.matrix.shape[0]

    @property
    def outputs(self) -> int:
        """Output samples of one block."""
        return self.matrix.shape[1]

    def needs(self, first: int, end: int) -> tuple[int, int]:
        """Input samples (start, stop) of blocks first to end; either may lie outside the signal."""
        start = first * self.hop - self.before
        return start, start + max(end - first - 1, 0) * self.hop + self.taps

    def apply(self, x: Float[np.ndarray, "r t"]) -> Float[np.ndarray, "r n h"]:
        """Every block that fits into `x`, whose first sample is the first of block 0's window."""
        blocks = max((x.shape[1] - self.taps) // self.hop + 1, 0)
        out = np.empty((x.shape[0], blocks, self.outputs), x.dtype)
        _apply(np.ascontiguousarray(x), self.matrix.astype(x.dtype, copy=False), self.hop, out)
        return out

    def between(
        self, x: Float[np.ndarray, "r t"], at: int, first: int, end: int, edge: bool = True
    ) -> Float[np.ndarray, "r n h"]:
        """Blocks first to end of a signal of which `x` holds samples `at` onwards.

        Samples that are missing on either side are the outermost ones held (`edge`), or zeros.
        """
        start, stop = self.needs(first, end)
        if start >= at and stop <= at + x.shape[1]:
            return self.apply(x[:, start - at : stop - at])
        index = np.arange(start - at, stop - at)
        inside = np.clip(index, 0, x.shape[1] - 1)
        piece = x[:, inside]
        if not edge:
            piece[:, index != inside] = 0
        return self.apply(piece)


class BlockStream:
    """A map over a signal that arrives in pieces; before its start and after its end the outermost sample is held."""

    def __init__(self, block_map: BlockMap) -> None:
        self.map = block_map
        self.done = 0  # blocks given out
        self._skip = max(-block_map.before, 0)  # samples to come that no block needs
        self._tail: np.ndarray | None = None  # samples kept for the blocks to come
        self._last: np.ndarray | None = None

    def push(self, x: Float[np.ndarray, "r t"]) -> Float[np.ndarray, "r n h"]:
        """The blocks that can be computed now."""
        if not x.shape[1]:
            return np.empty((x.shape[0], 0, self.map.outputs), x.dtype)
        self._last = x[:, -1:].copy()
        if self._tail is None:
            x = np.concatenate([np.repeat(x[:, :1], max(self.map.before, 0), axis=1), x], axis=1)
        elif self._tail.shape[1]:
            x = np.concatenate([self._tail, x], axis=1)
        gone = min(self._skip, x.shape[1])
        out = self.map.apply(x[:, gone:])
        self.done += out.shape[1]
        used = gone + out.shape[1] * self.map.hop
        self._skip += max(used - x.shape[1], 0) - gone
        self._tail = x[:, used:].copy()
        return out

    def close(self, blocks: int) -> Float[np.ndarray, "r n h"]:
        """The blocks up to number `blocks` in all, with the last sample held after the end."""
        if self._tail is None or self._last is None:
            return np.empty((0, 0, self.map.outputs), np.float32)
        left = blocks - self.done
        if left <= 0:
            return self.push(self._last[:, :0])
        need = self._skip + (left - 1) * self.map.hop + self.map.taps - self._tail.shape[1]
        return self.push(np.repeat(self._last, max(need, 0), axis=1))[:, :left]
