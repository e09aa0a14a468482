"""Steps that are wider in some bands than in others: what one does not look at need not be kept as well."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError, check_option
from signalpiece.layouts.dct import DCT
from signalpiece.layouts.lapped import Lapped
from signalpiece.metrics.bands import BANDS

LARGEST = 1000.0


def band_steps(bands: Mapping[str, float], layout: Any, rate: float) -> Float[np.ndarray, "d"]:
    """How many times wider the step of each coefficient is.

    Args:
        bands: a factor per band of clinical EEG; what lies below delta counts as delta, above gamma as gamma.
        layout: whose coefficients go evenly from 0 Hz to half the rate.
        rate: samples per second that the layout works at, Hz.

    Raises:
        SignalPieceError: an unknown band, a factor that is not between 1/1000 and 1000, coefficients that are not
            frequencies, or a rate that only the recording knows.
    """
    out = np.ones(layout.dim)
    if not isinstance(layout, (DCT, Lapped)) or not rate:
        raise SignalPieceError("steps per band need a transform to frequencies at a rate of its own (dct, lapped, eeg)")
    hertz = (np.arange(layout.dim) + 0.5) * rate / (2 * layout.dim)
    edges = [high for _, high in BANDS.values()][:-1]
    names = list(BANDS)
    for band, factor in bands.items():
        if not 1 / LARGEST <= factor <= LARGEST:
            raise SignalPieceError(
                f"the step of {band} can be {1 / LARGEST:g} to {LARGEST:g} times as wide, got {factor}"
            )
        out[np.searchsorted(edges, hertz, "right") == names.index(check_option("band", band, names))] = factor
    return out
