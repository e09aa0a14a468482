"""Sampling temperatures that fall while a schedule runs.

Paper: "4M: Massively Multimodal Masked Modeling" (2023).
"""

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import check_range


def linear_temperatures(known: Int[np.ndarray, "s"], high: float = 1.0) -> Float[np.ndarray, "s"]:
    """`high` times the share of places that are unknown before each step, at least 1e-9.

    Raises:
        SignalPieceError: a negative temperature.
    """
    check_range("high", high, 0, np.inf)
    return np.maximum(high * (1 - np.concatenate([[0], known[:-1]]) / known[-1]), 1e-9)


def inverse_root_temperatures(
    known: Int[np.ndarray, "s"], high: float = 3.0, low: float = 0.5, reach: float = 100.0
) -> Float[np.ndarray, "s"]:
    """From `high` to `low` like one over the root of the step, times the share of places unknown after each step.

    The root runs from 1 to `reach` while one place after the other would be filled.

    Raises:
        SignalPieceError: `low` below 0 or above `high`, a reach that is not above 1.
    """
    check_range("low", low, 0, high)
    check_range("reach", reach, 1 + 1e-9, np.inf)
    places = int(known[-1])
    root = 1 / np.sqrt(np.linspace(1, reach, max(places, 2)))[: len(known)]
    end = 1 / np.sqrt(reach)
    fall = (root - end) / (1 - end)
    return low + (high - low) * fall * (1 - known / places)
