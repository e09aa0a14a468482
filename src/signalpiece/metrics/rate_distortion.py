"""Curves of error against bits, read at a rate without ever extrapolating."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError


@dataclass(frozen=True)
class Curve:
    """Points of one coder: bits (per second and channel) and one value, or several, at each."""

    bits: Float[np.ndarray, "k"]
    values: Float[np.ndarray, "k *s"]

    def __post_init__(self) -> None:
        if len(self.bits) != len(self.values):
            raise SignalPieceError(f"{len(self.bits)} rates for {len(self.values)} values")


def rate_distortion_at(
    curve: Curve, bits: float | Sequence[float] | Float[np.ndarray, "m"]
) -> Float[np.ndarray, "..."]:
    """Values of the curve at `bits`: monotone cubic (PCHIP) over the logarithm of the bits, NaN outside its points.

    Paper: "Monotone Piecewise Cubic Interpolation" (1980).
    """
    from scipy.interpolate import PchipInterpolator

    wanted = np.asarray(bits, float)
    shape = (*wanted.shape, *curve.values.shape[1:])
    usable = np.isfinite(curve.bits) & (curve.bits > 0)
    x, first = np.unique(np.log(curve.bits[usable]), return_index=True)
    y = np.asarray(curve.values, float)[usable][first]
    out = np.full((wanted.size, int(np.prod(y.shape[1:]))), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = np.log(wanted.ravel())
    if not len(x):
        return out.reshape(shape)
    slack = 1e-9
    for column, values in enumerate(y.reshape(len(x), -1).T):
        keep = np.isfinite(values)
        if keep.sum() < 2:
            exact = np.abs(at[:, None] - x[keep]) <= slack
            out[exact.any(1), column] = values[keep][0] if keep.any() else np.nan
            continue
        inside = (at >= x[keep][0] - slack) & (at <= x[keep][-1] + slack)
        clipped = np.clip(at[inside], x[keep][0], x[keep][-1])
        out[inside, column] = PchipInterpolator(x[keep], values[keep])(clipped)
    return out.reshape(shape)
