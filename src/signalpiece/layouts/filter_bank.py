"""One level of a two-channel filter bank along one axis of even length, for any wavelet, there and back.

Paper: "A Theory for Multiresolution Signal Decomposition: The Wavelet Representation" (1989). Low and high numbers are
thought of as interleaved, low at even places, so that splitting and merging go on beyond the edges by the same rule:
`periodic` at the other end (PyWavelets: periodization), `mirror` back without repeating the edge (JPEG 2000). Both are
then the same operation with other taps. NumPy runs a compiled loop, torch slices.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from array_api_compat import array_namespace, device, is_numpy_array
from jaxtyping import Float, Int

from signalpiece.core.check import check_divides
from signalpiece.core.signal import Array
from signalpiece.layouts.filters import find_edges, find_filters

Taps = tuple[tuple[tuple[int, float], ...], ...]  # for each of two outputs: offset and tap


class FilterBank:
    """A pair of filters that splits an axis into a low and a high half, side by side, and merges them again.

    Args:
        name: a wavelet of PyWavelets; `bior4.4` needs no PyWavelets.
        edges: `periodic` (any wavelet) or `mirror` (symmetric filters of odd length); default: mirror where possible.

    Raises:
        SignalPieceError: an unknown wavelet, edges that the filters do not allow.
    """

    def __init__(self, *, name: str = "bior4.4", edges: str | None = None) -> None:
        self.edges = find_edges(name, edges)
        low, high = find_filters(name)
        self._turns = _turns(low, high)
        half = len(low) // 2
        self._split = tuple(_taps({half - n: v for n, v in enumerate(f)}) for f in (low, high))
        back_low = {half - 1 - n: v * (-1) ** (n + 1) for n, v in enumerate(high)}  # offsets seen from even places
        back_high = {half - n: v * (-1) ** n for n, v in enumerate(low)}
        even = {o: v for part, odd in ((back_low, 0), (back_high, 1)) for o, v in part.items() if o % 2 == odd}
        odd = {o: v for part, odd in ((back_low, 1), (back_high, 0)) for o, v in part.items() if o % 2 == odd}
        self._merge = (_taps(even), _taps({o + 1: v for o, v in odd.items()}))

    def split(self, x: Float[Array, "..."], axis: int = -1) -> Float[Array, "..."]:
        """The low half, then the high half, in place of the axis.

        Raises:
            SignalPieceError: an odd length.
        """
        return self._run(x, axis, self._split, True)

    def merge(self, x: Float[Array, "..."], axis: int = -1) -> Float[Array, "..."]:
        """What was split."""
        out = self._run(x, axis, self._merge, False)
        for _ in range(self._turns):
            out = out + self._run(x - self.split(out, axis), axis, self._merge, False)
        return out

    def _run(self, x: Array, axis: int, taps: Taps, splits: bool) -> Array:
        length = x.shape[axis]
        check_divides("2", 2, length, "an axis")
        if not math.prod(x.shape):
            return x
        mirror = self.edges == "mirror"
        if is_numpy_array(x):
            return _run_compiled(x, axis % x.ndim, taps, splits, mirror)
        if x.device.type == "cpu" and not x.requires_grad and x.dtype.itemsize in (4, 8):
            return array_namespace(x).asarray(_run_compiled(x.numpy(), axis % x.ndim, taps, splits, mirror))
        return _run_slices(x, axis % x.ndim, taps, splits, mirror)


def _turns(low: Sequence[float], high: Sequence[float]) -> int:
    """How often merging must be corrected by what it misses: never, but for filters that do not quite fit (`dmey`)."""
    middle = len(low) - 1
    product = np.convolve(low, np.asarray(high) * (-1.0) ** (np.arange(len(high)) + 1))[middle % 2 :: 2]
    product[middle // 2] -= 1
    error = np.abs(product).sum()
    return math.ceil(math.log(1e-12) / math.log(error)) if 1e-9 < error < 1 else 0


def _taps(found: dict[int, float]) -> tuple[tuple[int, float], ...]:
    return tuple((offset, tap) for offset, tap in sorted(found.items()) if tap)


def _run_compiled(x: Float[np.ndarray, "..."], axis: int, taps: Taps, splits: bool, mirror: bool) -> np.ndarray:
    from signalpiece.layouts.filter_kernel import filter_lines, filter_rows

    x, shape = np.ascontiguousarray(x), x.shape
    where, offsets, values, sizes = _plan(taps, shape[axis], splits, mirror, x.dtype.str)
    out = np.empty_like(x)
    if axis == x.ndim - 1:
        flat = (-1, shape[axis])
        filter_lines(x.reshape(flat), where, offsets, values, sizes, splits, out.reshape(flat))
    else:
        flat = (math.prod(shape[:axis]), shape[axis], -1)
        filter_rows(x.reshape(flat), where, offsets, values, sizes, splits, out.reshape(flat))
    return out


@lru_cache(64)
def _plan(taps: Taps, length: int, splits: bool, mirror: bool, dtype: str) -> tuple[np.ndarray, ...]:
    """Places of the endless signal, and taps as arrays: offsets from the first place."""
    reach = max(2, *(abs(o) for part in taps for o, _ in part)) // 2 * 2 + 2
    j = endless(np.arange(-reach, length + reach), length, mirror)
    where = j if splits else j % 2 * (length // 2) + j // 2
    sizes = np.array([len(part) for part in taps])
    offsets, values = np.zeros((2, sizes.max()), np.int64), np.zeros((2, sizes.max()), dtype)
    for p, part in enumerate(taps):
        offsets[p, : len(part)] = [o + reach for o, _ in part]
        values[p, : len(part)] = [v for _, v in part]
    return where, offsets, values, sizes


def endless(j: Int[np.ndarray, "n"], length: int, mirror: bool) -> Int[np.ndarray, "n"]:
    """The sample that stands at place j of a signal that goes on for ever; even places stay even."""
    if not mirror:
        return j % length
    j = j % (2 * length - 2)
    return np.minimum(j, 2 * length - 2 - j)


def _run_slices(x: Array, axis: int, taps: Taps, splits: bool, mirror: bool) -> Array:
    """The same for tensors with sums of slices, differentiable."""
    xp, length = array_namespace(x), x.shape[axis]
    half = length // 2
    where, offsets, _, _ = _plan(taps, length, True, mirror, "<f8")
    reach = (len(where) - length) // 4  # numbers of each phase beyond either edge
    parts = []
    for p in (0, 1):
        inner = x[_along(axis, slice(p, None, 2) if splits else slice(p * half, (p + 1) * half))]
        at = where[p::2] // 2
        sides = [xp.take(inner, xp.asarray(a, device=device(x)), axis=axis) for a in (at[:reach], at[-reach:])]
        parts.append(xp.concat([sides[0], inner, sides[1]], axis=axis))
    outputs = []
    for o, part in zip(offsets.tolist(), taps, strict=True):
        slices = [parts[n % 2][_along(axis, slice(n // 2, n // 2 + half))] for n in o[: len(part)]]
        total = slices[0] * part[0][1]
        for window, (_, tap) in zip(slices[1:], part[1:], strict=True):
            total = total.add(window, alpha=tap)
        outputs.append(total)
    if splits:
        return xp.concat(outputs, axis=axis)
    return xp.reshape(xp.stack(outputs, axis=axis + 1), x.shape)


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, part)
