"""Differential entropy per electrode and band: half the logarithm of the power that a window has in each band.

Paper: "A Brain Wave Encodes a Thousand Tokens: Modeling Inter-Cortical Neural Interactions for Effective EEG-based
Emotion Recognition" (2025); the measure is from "Differential Entropy Feature for EEG-based Emotion Classification"
(2013). Band-pass by an order-4 Butterworth filter there and back, applied as its frequency response.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float, Real

from signalpiece.core.check import SignalPieceError, check_range
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.frames import cut_signal, hold_edges, split_frames
from signalpiece.layouts.time_patches import TimePatches

ORDER = 4
LEAST = 1e-30  # power of a flat channel; its logarithm is finite


class BandEntropy:
    """One slot per window and electrode: 0.5 ln(2 pi e power) of each band, power in the square of the signal's unit.

    Only windows that fit whole are cut. No inverse: `join` refuses.

    Args:
        bands: low and high edge of each band, Hz.
        window_seconds: length of a window, seconds.
        hop_seconds: from window to window, seconds; default: side by side.

    Raises:
        SignalPieceError: no band, edges that are not in order, a window or hop that is not above 0.
    """

    arrays = ("numpy", "torch")
    loss = (
        "BandEntropy keeps the power of bands and no samples, so that nothing can be joined; keep the signal beside it"
    )

    def __init__(
        self,
        *,
        bands: Sequence[tuple[float, float]] = ((4.0, 8.0), (8.0, 13.0), (13.0, 30.0), (30.0, 45.0)),
        window_seconds: float = 1.0,
        hop_seconds: float | None = None,
    ) -> None:
        check_range("window_seconds", window_seconds, 1e-3, 1e6)
        self.bands, self.dim = tuple(bands), len(bands)
        self.window_seconds, self.hop_seconds = window_seconds, hop_seconds or window_seconds
        check_range("hop_seconds", self.hop_seconds, 1e-3, window_seconds)
        if not self.bands or any(not 0 < low < high for low, high in self.bands):
            raise SignalPieceError(f"bands must be pairs 0 < low < high in Hz, got {self.bands}")

    def analyse(self, x: Real[Array, "*c t"], rate: float) -> Float[Array, "*c n d"]:
        """Samples at `rate` Hz to entropies.

        Raises:
            SignalPieceError: a band that ends above half the rate.
        """
        highest = max(high for _, high in self.bands)
        if highest >= rate / 2:
            raise SignalPieceError(f"bands must end below half the rate, got {highest:g} Hz at a rate of {rate:g} Hz")
        patches = self._patches(rate)
        xp, used = array_namespace(x), self._used(x.shape[-1], patches)
        x = hold_edges(x[..., :used], 0, 0)
        powers = []
        for band in self.bands:
            windows = split_frames(band_pass(x, band, rate), patches)
            centred = windows - xp.mean(windows, axis=-1, keepdims=True)
            powers.append(xp.mean(centred * centred, axis=-1))
        return 0.5 * xp.log(2 * math.pi * math.e * (xp.stack(powers, axis=-1) + LEAST))

    def cut(self, signal: Signal) -> Slots:
        """Entropies of a signal of channels."""
        if signal.grid.axes != ("channel", "time"):
            got = " x ".join(signal.grid.axes)
            raise SignalPieceError(f"this layout cuts channel x time, got a signal of axes {got}")
        rate = signal.grid.time_rate
        patches = self._patches(rate)
        used = signal.crop(0, self._used(signal.grid.size("time"), patches))
        plain = cut_signal(patches, used)
        y = self.analyse(signal.values, rate)
        xp = array_namespace(y)
        rows = xp.reshape(xp.permute_dims(y, (1, 0, 2)), (1, y.shape[0] * y.shape[1], self.dim))
        return replace(plain, values=rows, grid=signal.grid)

    def join(self, slots: Slots) -> Signal:
        """Refused.

        Raises:
            SignalPieceError: always.
        """
        raise SignalPieceError(self.loss)

    def _patches(self, rate: float) -> TimePatches:
        window, hop = max(1, round(self.window_seconds * rate)), max(1, round(self.hop_seconds * rate))
        return TimePatches(patch=window, hop=min(window, hop))

    def _used(self, length: int, patches: TimePatches) -> int:
        """Samples up to the end of the last window that fits."""
        whole = (length - patches.window) // patches.hop
        return whole * patches.hop + patches.window if length >= patches.window else 0


def band_pass(x: Float[Array, "*c t"], band: tuple[float, float], rate: float) -> Float[Array, "*c t"]:
    """The part of a signal in a band (Hz), without shift in time; beyond its ends it goes on mirrored."""
    length = x.shape[-1]
    if not math.prod(x.shape):
        return x
    xp = array_namespace(x)
    reach = math.ceil(3 * rate / (band[1] - band[0]) + rate / band[0])
    at = np.abs(np.arange(-reach, length + reach)) % max(2 * length - 2, 1)
    at = np.minimum(at, abs(2 * length - 2 - at))
    longer = xp.take(x, xp.asarray(at, device=device(x)), axis=-1)
    low, high = (math.tan(math.pi * f / rate) for f in band)
    tangent = np.tan(np.pi / 2 * np.linspace(0, 1, len(at) // 2 + 1) * (len(at) // 2 * 2 / len(at)))
    with np.errstate(divide="ignore", over="ignore"):
        gain = 1 / (1 + ((tangent**2 - low * high) / (tangent * (high - low))) ** (2 * ORDER))
    spectrum = xp.fft.rfft(longer, axis=-1) * xp.asarray(gain, dtype=x.dtype, device=device(x))
    return xp.fft.irfft(spectrum, n=len(at), axis=-1)[..., reach : reach + length]
