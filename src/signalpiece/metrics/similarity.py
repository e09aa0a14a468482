"""How alike two signals are: correlation, and the distance between their log spectra."""

import numpy as np
from jaxtyping import Bool, Float

from signalpiece.core.check import SignalPieceError


def correlation(
    reference: Float[np.ndarray, "c t"],
    decoded: Float[np.ndarray, "c t"],
    *,
    valid: Bool[np.ndarray, "c t"] | None = None,
) -> Float[np.ndarray, "c"]:
    """Pearson correlation of each channel over its valid samples; NaN where one of the two is constant.

    Raises:
        SignalPieceError: the shapes differ.
    """
    if reference.shape != decoded.shape:
        raise SignalPieceError(f"reference {reference.shape} and decoded {decoded.shape} must have one shape")
    weight = np.ones(reference.shape) if valid is None else valid.astype(float)
    count = np.maximum(weight.sum(1, keepdims=True), 1)
    a, b = np.asarray(reference, float), np.asarray(decoded, float)
    a = (a - (a * weight).sum(1, keepdims=True) / count) * weight
    b = (b - (b * weight).sum(1, keepdims=True) / count) * weight
    return ratio((a * b).sum(1), np.sqrt(np.square(a).sum(1) * np.square(b).sum(1)))


def ratio(top: Float[np.ndarray, "c"], bottom: Float[np.ndarray, "c"]) -> Float[np.ndarray, "c"]:
    """top / bottom; NaN where bottom is 0."""
    return np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)


def power_spectrum(
    x: Float[np.ndarray, "c t"], rate: float, *, seconds: float = 4.0
) -> tuple[Float[np.ndarray, "f"], Float[np.ndarray, "c f"]]:
    """Welch's estimate with Hann windows of `seconds`, half overlapped: hertz, and power in unit^2/Hz.

    Paper: "The use of fast Fourier transform for the estimation of power spectra" (1967).
    """
    length = max(min(int(round(seconds * rate)), x.shape[1]), 1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length) if length > 1 else np.ones(1)
    double = np.full(length // 2 + 1, 2.0 / (rate * np.square(window).sum()))
    double[0] /= 2
    if length % 2 == 0:
        double[-1] /= 2
    power = np.zeros((len(x), len(double)))
    for c, row in enumerate(np.asarray(x, float)):
        pieces = np.lib.stride_tricks.sliding_window_view(row, length)[:: length - length // 2]
        pieces = (pieces - pieces.mean(1, keepdims=True)) * window
        power[c] = np.square(np.abs(np.fft.rfft(pieces))).mean(0) * double
    return np.fft.rfftfreq(length, 1 / rate), power


def log_spectral_distance(
    reference: Float[np.ndarray, "c t"],
    decoded: Float[np.ndarray, "c t"],
    rate: float,
    *,
    low: float = 0.5,
    high: float = 45.0,
) -> Float[np.ndarray, "c"]:
    """Root mean square difference of the two power spectra in dB over `low` to `high` Hz, per channel.

    0 for equal spectra; unlike NMSE it does not punish a lost phase, but it does punish lost energy.

    Raises:
        SignalPieceError: the shapes differ.
    """
    if reference.shape != decoded.shape:
        raise SignalPieceError(f"reference {reference.shape} and decoded {decoded.shape} must have one shape")
    hertz, one = power_spectrum(reference, rate)
    _, two = power_spectrum(decoded, rate)
    keep = (hertz >= low) & (hertz <= high)
    floor = np.maximum(one[:, keep].max(1, initial=0.0, keepdims=True) * 1e-9, 1e-300)
    difference = 10 * np.log10(np.maximum(two[:, keep], floor) / np.maximum(one[:, keep], floor))
    return np.sqrt(np.square(difference).mean(1))
