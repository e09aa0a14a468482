"""Error per frequency band: energy of the error over energy of the signal, each channel divided by its own SD.

Bands are those of clinical EEG. Energies are kept per channel and band, so that pieces, channels and files can be
pooled by adding energies instead of averaging decibels.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Bool, Float

from signalpiece.core.check import SignalPieceError

BANDS = {
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 45.0),
}  # Hz
NAMES = (*BANDS, "all")


@dataclass(frozen=True)
class BandErrors:
    """Energies of error and signal, channels x (five bands, all), in units of each channel's variance x samples."""

    error: Float[np.ndarray, "c f"]
    energy: Float[np.ndarray, "c f"]

    @property
    def db(self) -> dict[str, float]:
        """NMSE in dB of all channels together; NaN for a band without signal."""
        return dict(zip(NAMES, to_db(self.error.sum(0), self.energy.sum(0)).tolist(), strict=True))

    @property
    def per_channel(self) -> dict[str, Float[np.ndarray, "c"]]:
        """NMSE in dB of every channel."""
        return dict(zip(NAMES, to_db(self.error, self.energy).T, strict=True))

    def __add__(self, other: "BandErrors") -> "BandErrors":
        """The same channels over both stretches of time."""
        return BandErrors(self.error + other.error, self.energy + other.energy)


def nmse_bands(
    reference: Float[np.ndarray, "c t"],
    decoded: Float[np.ndarray, "c t"],
    rate: float,
    *,
    valid: Bool[np.ndarray, "c t"] | None = None,
    scale: Float[np.ndarray, "c"] | None = None,
) -> BandErrors:
    """Error per band of the whole record's spectrum.

    Args:
        reference: the signal, any unit.
        decoded: what came back, same unit.
        rate: samples per second.
        valid: samples that count; the rest are 0 on both sides.
        scale: what to divide each channel by; default: its SD over the valid samples.

    Raises:
        SignalPieceError: the shapes differ.
    """
    if reference.shape != decoded.shape:
        raise SignalPieceError(f"reference {reference.shape} and decoded {decoded.shape} must have one shape")
    reference = np.asarray(reference, float)
    error = np.asarray(decoded, float) - reference
    if scale is None:
        scale = channel_sd(reference, valid)
    if valid is not None:
        reference, error = np.where(valid, reference, 0.0), np.where(valid, error, 0.0)
    divide = np.where(scale > 0, scale, 1.0)[:, None]
    energy = _energies(reference / divide, rate)
    energy[energy < 1e-20 * energy[:, -1:]] = 0.0  # rounding noise is no signal
    return BandErrors(_energies(error / divide, rate), energy)


def pool_channels(errors: Iterable[BandErrors]) -> BandErrors:
    """Several recordings as one, their channels side by side."""
    parts = list(errors)
    return BandErrors(np.concatenate([p.error for p in parts]), np.concatenate([p.energy for p in parts]))


def pool_time(errors: Iterable[BandErrors]) -> BandErrors:
    """Several stretches of one recording."""
    return reduce(BandErrors.__add__, errors)


def channel_sd(x: Float[np.ndarray, "c t"], valid: Bool[np.ndarray, "c t"] | None = None) -> Float[np.ndarray, "c"]:
    """Standard deviation of each channel over its valid samples; 0 where it has none."""
    if not x.shape[1]:
        return np.zeros(len(x))
    weight = np.ones(x.shape) if valid is None else valid.astype(float)
    kept = np.where(weight > 0, np.asarray(x, float), 0.0)
    count = np.maximum(weight.sum(1), 1)
    mean = kept.sum(1) / count
    sd = np.sqrt((weight * np.square(kept - mean[:, None])).sum(1) / count)
    return np.where(sd > 1e-12 * np.abs(kept).max(1), sd, 0.0)  # a constant has none, whatever rounding says


def to_db(error: Float[np.ndarray, "*s"], energy: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """10 log10(error / energy); NaN without energy, -300 at no error."""
    ratio = np.divide(error, energy, out=np.full(np.shape(error), np.nan), where=np.asarray(energy) > 0)
    return 10 * np.log10(np.maximum(ratio, 1e-30))


def _energies(x: Float[np.ndarray, "c t"], rate: float) -> Float[np.ndarray, "c f"]:
    """Energy of each band (last column: of everything) by Parseval, one-sided bins counted twice where they are."""
    n = x.shape[1]
    if not n:
        return np.zeros((len(x), len(NAMES)))
    hertz = np.fft.rfftfreq(n, 1 / rate)
    weight = np.full(len(hertz), 2.0)
    weight[0] = 1.0
    if n % 2 == 0:
        weight[-1] = 1.0
    out = np.empty((len(x), len(NAMES)))
    for c, row in enumerate(x):
        power = np.square(np.abs(np.fft.rfft(row))) * weight / n
        for f, (low, high) in enumerate(BANDS.values()):
            out[c, f] = power[(hertz >= low) & (hertz < high)].sum()
        out[c, -1] = power.sum()
    return out
