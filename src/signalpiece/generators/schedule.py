"""How many places a generator fills at each step.

Every schedule is the count of known places after each step: it never falls and ends at all places. What a step fills
is its difference (`numpy.diff(known, prepend=0)`).

Papers: "MaskGIT: Masked Generative Image Transformer" (2022); "Halton Scheduler for Masked Generative Image
Transformer" (2025); "An Image is Worth 32 Tokens for Reconstruction and Generation" (2024); "Autoregressive Image
Generation without Vector Quantization" (2024); "4M: Massively Multimodal Masked Modeling" (2023).
Differs: the published samplers of the second to fourth give a last count below all places and fill the rest anyway;
here the last count says so. Rounding makes the last step of the fifth minus one place for some sizes; here none.
"""

import math

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import check_option, check_range

_SHAPES = {
    "root": np.sqrt,
    "linear": lambda x: x,
    "square": np.square,
    "cosine": lambda x: 1 - np.cos(np.pi / 2 * x),
    "arccos": lambda x: 1 - _arccos(x) / (np.pi / 2),
}


def maskgit_schedule(places: int, steps: int, shape: str = "arccos") -> Int[np.ndarray, "s"]:
    """The published curve at `steps` points from 0 to 1: the first step fills nothing, the last one the rest.

    Raises:
        SignalPieceError: no places, fewer than two steps, an unknown shape (root, linear, square, cosine, arccos).
    """
    check_range("places", places, 1, 2**40)
    check_range("steps", steps, 2, 2**31)
    check_option("shape", shape, _SHAPES)
    return _whole(np.floor(places * _SHAPES[shape](np.linspace(0, 1, steps))), places)


def halton_schedule(places: int, steps: int) -> Int[np.ndarray, "s"]:
    """Arc cosine, and at least one place a step; for places visited in Halton order.

    Raises:
        SignalPieceError: no places, or more steps than places.
    """
    at = _fractions(places, steps)
    return _whole(np.maximum(np.arange(1, steps + 1), np.floor(places * _SHAPES["arccos"](at))), places)


def masked_arccos_schedule(places: int, steps: int) -> Int[np.ndarray, "s"]:
    """Arc cosine, rounded so that the masked places are whole, and at least one place a step.

    Raises:
        SignalPieceError: no places, or more steps than places.
    """
    return _known(places, _arccos(_fractions(places, steps)) / (np.pi / 2))


def masked_cosine_schedule(places: int, steps: int) -> Int[np.ndarray, "s"]:
    """A quarter of a cosine, rounded so that the masked places are whole, and at least one place a step.

    Raises:
        SignalPieceError: no places, or more steps than places.
    """
    return _known(places, np.cos(np.pi / 2 * _fractions(places, steps)))


def cosine_schedule(places: int, steps: int) -> Int[np.ndarray, "s"]:
    """Half a cosine: few places at first, most in the middle, few at the end; each step rounded, the last the rest.

    Raises:
        SignalPieceError: no places, or more steps than places.
    """
    rise = places / 2 * (1 - np.cos(np.pi * _fractions(places, steps)))
    return _whole(np.cumsum(np.round(np.diff(rise, prepend=0))), places)


def linear_schedule(places: int, steps: int) -> Int[np.ndarray, "s"]:
    """As many places at every step; what does not divide goes to the first ones.

    Raises:
        SignalPieceError: no places, or more steps than places.
    """
    _fractions(places, steps)
    at = np.arange(1, steps + 1)
    return at * (places // steps) + np.minimum(at, places % steps)


def resume(known: Int[np.ndarray, "s"], done: int) -> Int[np.ndarray, "r"]:
    """The rest of a schedule when `done` places are known: the steps that end above it.

    Raises:
        SignalPieceError: more places known than there are.
    """
    check_range("done", done, 0, int(known[-1]))
    return known[known > done]


def _fractions(places: int, steps: int) -> Float[np.ndarray, "s"]:
    check_range("places", places, 1, 2**40)
    check_range("steps", steps, 1, places)
    return np.arange(1, steps + 1) / steps


def _whole(known: Float[np.ndarray, "s"], places: int) -> Int[np.ndarray, "s"]:
    known[-1] = places
    return np.minimum(known, places).astype(np.int64)


def _known(places: int, masked_share: Float[np.ndarray, "s"]) -> Int[np.ndarray, "s"]:
    """Known places when each step leaves at most one masked place fewer than the one before, and the last none."""
    at = np.arange(1, len(masked_share) + 1)
    masked = np.minimum.accumulate(np.minimum(np.floor(places * masked_share), places - at) + at) - at
    return _whole(places - np.maximum(masked, 1), places)


def _arccos(x: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s"]:
    """The C library's: NumPy's own is one rounding off where 24 x 24 places meet half of the steps."""
    return np.array([math.acos(v) for v in x])
