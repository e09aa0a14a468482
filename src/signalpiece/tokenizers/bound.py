"""A bounded error: whole numbers brought to a grid so coarse that no sample moves by more than was allowed.

The grid is fixed (multiples of a step, shifted to the middle of what they stand for): bringing its values to it again
changes nothing, and stretches can be cut and coded anew. Coding the grid's numbers is then without loss.
"""

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError

ROUNDING = 1e-9  # of the bound: what doubles may add


def steps_within(limit: Float[np.ndarray, "c"]) -> Int[np.ndarray, "c"]:
    """The widest steps, in whole numbers, that move no sample by more than `limit` (in units of a whole number).

    Raises:
        SignalPieceError: a step would be wider than 2^31.
    """
    steps = np.floor(2 * np.asarray(limit, np.float64) * (1 + ROUNDING)) + 1
    if not (steps <= 2**31).all():
        raise SignalPieceError(f"a bound of {np.max(limit):g} stored units is wider than what 32 bits hold")
    return steps.astype(np.int64)


def to_grid(x: Int[np.ndarray, "t c"], steps: Int[np.ndarray, "c"]) -> Int[np.ndarray, "t c"]:
    """Numbers of the grid's values, int32."""
    return ((x.astype(np.int64) + (steps - 1) // 2) // steps).astype(np.int32)


def from_grid(k: Int[np.ndarray, "t c"], steps: Int[np.ndarray, "c"]) -> Float[np.ndarray, "t c"]:
    """The grid's values: whole for odd steps, halves for even ones."""
    return k.astype(np.float64) * steps + 0.5 * ((steps - 1) % 2)


def check_bound(
    x: Int[np.ndarray, "t c"], k: Int[np.ndarray, "t c"], steps: Int[np.ndarray, "c"], limit: Float[np.ndarray, "c"]
) -> None:
    """Raises SignalPieceError if a sample lies further than `limit` from its grid value."""
    worst = np.abs(from_grid(k, steps) - x).max(0, initial=0.0)
    if (worst > limit * (1 + ROUNDING) + ROUNDING).any():
        c = int((worst - limit).argmax())
        raise SignalPieceError(f"channel {c}: a sample moved by {worst[c]:g} stored units, allowed are {limit[c]:g}")
