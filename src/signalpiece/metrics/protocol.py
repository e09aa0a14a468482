"""What a benchmark does to a recording before any coder sees it: .5 to 45 Hz, zero phase, 100 samples per second.

The benchmark filters, never the tokenizer, so that every coder gets the same samples and drift decides nothing.
"""

from fractions import Fraction

import numpy as np
from jaxtyping import Float

RATE = 100.0  # Hz
LOW, HIGH = 0.5, 45.0  # Hz
MARGIN_SECONDS = 12.0  # what the filter needs on both sides of a piece to equal the whole to 1e-5


def bandpass(
    x: Float[np.ndarray, "c t"], rate: float, *, low: float = LOW, high: float = HIGH
) -> Float[np.ndarray, "c t"]:
    """Butterworth of order 4, forwards and backwards; a slow recording is filtered from below only.

    Args:
        x: the signal, any unit.
        rate: samples per second.
        low: Hz.
        high: Hz.
    """
    from scipy.signal import butter, sosfiltfilt

    edges, kind = ([low, high], "bandpass") if high < 0.49 * rate else (low, "highpass")
    sos = np.asarray(butter(4, edges, kind, fs=rate, output="sos"))
    pad = min(3 * (2 * len(sos) + 1), max(x.shape[1] - 1, 0))
    return sosfiltfilt(sos, np.asarray(x, float), axis=-1, padlen=pad)


def ratio_of(rate: float, to: float) -> Fraction:
    """The resampling ratio `to` / `rate` as a fraction that has no float noise."""
    return Fraction(to / rate).limit_denominator(10_000)


def resample(x: Float[np.ndarray, "c t"], rate: float, to: float) -> Float[np.ndarray, "c t2"]:
    """Polyphase resampling from `rate` to `to` Hz; sample k of the result lies k / `to` seconds after the first."""
    from scipy.signal import resample_poly

    fraction = ratio_of(rate, to)
    if fraction == 1:
        return np.asarray(x, float)
    return resample_poly(np.asarray(x, float), fraction.numerator, fraction.denominator, axis=-1)


def to_protocol(x: Float[np.ndarray, "c t"], rate: float) -> Float[np.ndarray, "c t2"]:
    """The benchmark's view of a recording: band-passed, at 100 Hz (or its own rate if that is lower)."""
    return resample(bandpass(x, rate), rate, protocol_rate(rate))


def protocol_rate(rate: float) -> float:
    """Samples per second at which a recording of `rate` Hz is compared: 100, or as near as a simple ratio comes.

    >>> protocol_rate(160.0), protocol_rate(64.0), round(protocol_rate(300.307), 3)
    (100.0, 64.0, 100.102)
    """
    return rate * float(Fraction(RATE / rate).limit_denominator(512)) if rate > RATE else rate
