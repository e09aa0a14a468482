"""Discrete wavelet transform of blocks of fixed length, so that it streams; exact inverse.

Papers: "A Theory for Multiresolution Signal Decomposition: The Wavelet Representation" (1989); default filters from
"Image Coding Using Wavelet Transform" (1992), the CDF 9/7 pair of JPEG 2000.
"""

from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np
from jaxtyping import Float, Real

from signalpiece.core.check import SignalPieceError, check_divides, check_option, check_range, missing_extra
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.frames import add_frames, cut_signal, frames_for, join_slots, split_frames
from signalpiece.layouts.matrix import RowMatrix

_LOW = (0.03782845550726404, -0.023849465019556843, -0.11062440441843718, 0.37740285561283066, 0.8526986790088938)
_HIGH = (-0.06453888262869706, 0.04068941760916406, 0.41809227322161724, -0.7884856164055829)
FILTERS = {"bior4.4": ((0.0, *_LOW, *_LOW[3::-1]), (0.0, *_HIGH, *_HIGH[2::-1], 0.0, 0.0))}  # need no PyWavelets


class Wavelet:
    """One slot of `block` coefficients per `block` samples: coarsest approximation, then details, coarse to fine.

    The whole transform of a block is one matrix, so blocks are at most 4096 samples.

    Args:
        name: a wavelet of PyWavelets; `bior4.4` needs no PyWavelets.
        levels: depth.
        block: samples per block, a multiple of 2 ** levels.
        edges: `periodic` goes on at the other end of the block (any wavelet; PyWavelets calls it periodization),
            `mirror` goes back (symmetric filters of odd length); default: mirror where the filters allow it.

    Raises:
        SignalPieceError: an unknown wavelet, a block that does not fit, edges that the filters do not allow.
    """

    arrays = ("numpy", "torch")
    loss = ""
    lead = 0

    def __init__(self, *, name: str = "bior4.4", levels: int = 5, block: int = 256, edges: str | None = None) -> None:
        check_range("levels", levels, 0, 12)
        check_range("block", block, 1, 4096)
        check_divides("2 ** levels", 2**levels, block, "a block")
        self.filters = find_filters(name)
        mirrors = _mirrors(*self.filters)
        self.edges = check_option("edges", edges or ("mirror" if mirrors else "periodic"), ("periodic", "mirror"))
        if self.edges == "mirror" and not mirrors:
            raise SignalPieceError(f"edges mirror needs symmetric filters of odd length, {name} has none; use periodic")
        self.dim = self.hop = self.window = block
        self.levels = levels

    def frames(self, length: int) -> int:
        """How many blocks `length` samples need."""
        return frames_for(length, self.hop, 0)

    def analyse(self, x: Real[Array, "*c t"]) -> Float[Array, "*c n d"]:
        """Samples to coefficients; the last block holds the last value where samples are missing."""
        return self._forward(split_frames(x, self))

    def synthesise(self, y: Float[Array, "*c n d"], length: int) -> Float[Array, "*c t"]:
        """Coefficients to the first `length` samples."""
        return add_frames(self._inverse(y), self, length)

    def cut(self, signal: Signal) -> Slots:
        """Coefficients of a signal."""
        return cut_signal(self, signal)

    def join(self, slots: Slots) -> Signal:
        """The signal of coefficients."""
        return join_slots(self, slots)

    @cached_property
    def _forward(self) -> RowMatrix:
        rows, details = np.eye(self.dim), []
        for _ in range(self.levels):
            low, high = (_filtered(rows, taps, self.edges == "mirror") for taps in self.filters)
            rows, details = low, [high, *details]
        return RowMatrix(np.concatenate([rows, *details], 1))

    @cached_property
    def _inverse(self) -> RowMatrix:
        return RowMatrix(np.linalg.inv(self._forward.float64))


def find_filters(name: str) -> tuple[Sequence[float], Sequence[float]]:
    """Low-pass and high-pass analysis filters of even length.

    Raises:
        SignalPieceError: no such wavelet, or PyWavelets is needed and not installed.
    """
    if name in FILTERS:
        return FILTERS[name]
    try:
        pywt: Any = import_module("pywt")
    except ImportError as error:
        raise missing_extra("PyWavelets", "all", f"the wavelet {name!r}") from error
    check_option("name", name, pywt.wavelist(kind="discrete"))
    found = pywt.Wavelet(name)
    return found.dec_lo, found.dec_hi


def _filtered(x: Float[np.ndarray, "b t"], taps: Sequence[float], mirror: bool) -> Float[np.ndarray, "b h"]:
    """Every second sample of the filtered rows."""
    length = x.shape[1]
    at = np.arange(0, length, 2)[:, None] + len(taps) // 2 - np.arange(len(taps))
    if mirror and length > 1:
        at = at % (2 * length - 2)
        at = np.minimum(at, 2 * length - 2 - at)
    return x[:, at % length] @ np.asarray(taps)


def _mirrors(low: Sequence[float], high: Sequence[float]) -> bool:
    """Whether both filters are symmetric around a tap, the high-pass one tap earlier, as mirrored edges need."""
    half = len(low) // 2
    return _is_symmetric(low, half) and _is_symmetric(high, half - 1)


def _is_symmetric(taps: Sequence[float], centre: int) -> bool:
    reach = max(centre, len(taps) - 1 - centre)
    padded = np.zeros(2 * reach + 1)
    padded[reach - centre : reach - centre + len(taps)] = taps
    return bool(np.allclose(padded, padded[::-1], rtol=0, atol=1e-12))
