"""Filters of wavelets: from PyWavelets, or the CDF 9/7 pair of JPEG 2000, which needs no package.

Paper: "Image Coding Using Wavelet Transform" (1992).
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from signalpiece.core.check import SignalPieceError, check_option, missing_extra

_LOW = (0.03782845550726404, -0.023849465019556843, -0.11062440441843718, 0.37740285561283066, 0.8526986790088938)
_HIGH = (-0.06453888262869706, 0.04068941760916406, 0.41809227322161724, -0.7884856164055829)
FILTERS = {"bior4.4": ((0.0, *_LOW, *_LOW[3::-1]), (0.0, *_HIGH, *_HIGH[2::-1], 0.0, 0.0))}  # need no PyWavelets


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


def find_edges(name: str, edges: str | None) -> str:
    """`edges` of the wavelet `name`; None is mirror where the filters allow it, else periodic.

    Raises:
        SignalPieceError: unknown edges, or mirror for filters that are not symmetric of odd length.
    """
    can = _mirrors(*find_filters(name))
    found = check_option("edges", edges or ("mirror" if can else "periodic"), ("periodic", "mirror"))
    if found == "mirror" and not can:
        raise SignalPieceError(f"edges mirror needs symmetric filters of odd length, {name} has none; use periodic")
    return found


def _mirrors(low: Sequence[float], high: Sequence[float]) -> bool:
    """Whether both filters are symmetric around a tap, the high-pass one tap earlier, as mirrored edges need."""
    half = len(low) // 2
    return _is_symmetric(low, half) and _is_symmetric(high, half - 1)


def _is_symmetric(taps: Sequence[float], centre: int) -> bool:
    reach = max(centre, len(taps) - 1 - centre)
    padded = np.zeros(2 * reach + 1)
    padded[reach - centre : reach - centre + len(taps)] = taps
    return bool(np.allclose(padded, padded[::-1], rtol=0, atol=1e-12))
