"""What the usual analyses of EEG read off a recording, before and after coding: band power, alpha peak, coherence.

An NMSE says how much energy is wrong; these say whether a result would have changed.
"""

import numpy as np
from jaxtyping import Complex, Float

from signalpiece.metrics.bands import BANDS

MOST_CHANNELS = 32  # of coherence: all pairs of these
PEAK = (7.0, 14.0)  # Hz
RISE = 0.3  # decades of power above the fall around it that make a peak: 3 dB


def band_power_change(
    hertz: Float[np.ndarray, "f"], original: Float[np.ndarray, "c f"], decoded: Float[np.ndarray, "c f"]
) -> dict[str, Float[np.ndarray, "c"]]:
    """Power after over power before in dB, per band and channel; NaN where there was none."""
    out = {}
    for name, (low, high) in BANDS.items():
        inside = (hertz >= low) & (hertz < high)
        before, after = original[:, inside].sum(1), decoded[:, inside].sum(1)
        share = np.divide(after, before, out=np.full(len(before), np.nan), where=before > 0)
        out[name] = 10 * np.log10(np.maximum(share, 1e-10))
    return out


def alpha_peaks(hertz: Float[np.ndarray, "f"], power: Float[np.ndarray, "c f"]) -> Float[np.ndarray, "c"]:
    """Frequency in Hz of each channel's peak between 7 and 14 Hz; NaN where nothing rises 3 dB above the 1/f fall."""
    around = (hertz >= 2) & (hertz <= 30) & ((hertz < PEAK[0]) | (hertz > PEAK[1]))
    inside = np.flatnonzero((hertz >= PEAK[0]) & (hertz <= PEAK[1]))
    out = np.full(len(power), np.nan)
    if around.sum() < 3 or len(inside) < 3:
        return out
    level = np.log10(np.maximum(power, 1e-300))
    basis = np.stack([np.ones(around.sum()), np.log10(hertz[around])], 1)
    fit = np.linalg.lstsq(basis, level[:, around].T, rcond=None)[0]
    rise = level[:, inside] - (fit[0][:, None] + fit[1][:, None] * np.log10(hertz[inside]))
    for c, row in enumerate(rise):
        k = int(row.argmax())
        if row[k] < RISE or not 0 < k < len(row) - 1:
            continue
        left, top, right = row[k - 1 : k + 2]
        bend = left - 2 * top + right
        out[c] = hertz[inside[k]] + (hertz[1] - hertz[0]) * (0.5 * (left - right) / bend if bend < 0 else 0.0)
    return out


class Coherence:
    """Magnitude-squared coherence of all pairs of at most 32 channels, summed over blocks of a recording.

    Paper: "The use of fast Fourier transform for the estimation of power spectra" (1967); Hann windows of one second,
    half overlapped.
    """

    def __init__(self) -> None:
        self._sums: Complex[np.ndarray, "f c c"] | None = None
        self._hertz = np.zeros(0)

    def add(self, x: Float[np.ndarray, "c t"], rate: float) -> None:
        """One more block."""
        count, length = min(len(x), MOST_CHANNELS), round(rate)
        x = x[np.linspace(0, len(x) - 1, count).round().astype(int)] if count else x
        if count < 2 or x.shape[1] < length:
            return
        window = np.hanning(length + 1)[:-1]
        self._hertz = np.fft.rfftfreq(length, 1 / rate)
        keep = self._hertz < max(high for _, high in BANDS.values())
        self._hertz = self._hertz[keep]
        pieces = np.lib.stride_tricks.sliding_window_view(x, length, axis=1)[:, :: length - length // 2]
        spectra = np.fft.rfft((pieces - pieces.mean(-1, keepdims=True)) * window)[..., keep]
        block = np.einsum("anf,bnf->fab", spectra, spectra.conj(), optimize=True)
        self._sums = block if self._sums is None else self._sums + block

    def bands(self) -> dict[str, Float[np.ndarray, "p"]]:
        """Mean coherence of each band and pair; nothing for fewer than two channels."""
        if self._sums is None:
            return {}
        power = np.real(np.diagonal(self._sums, axis1=1, axis2=2))
        bottom = power[:, :, None] * power[:, None]
        whole = np.divide(np.abs(self._sums) ** 2, bottom, out=np.zeros(bottom.shape), where=bottom > 0)
        pairs = np.triu_indices(whole.shape[1], 1)
        hertz = self._hertz
        return {n: whole[(hertz >= low) & (hertz < high)][:, *pairs].mean(0) for n, (low, high) in BANDS.items()}
