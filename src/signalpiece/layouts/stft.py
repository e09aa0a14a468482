"""Short-time Fourier transform: overlapping Hann frames, real parts then imaginary parts, with an exact inverse.

Paper: "Signal Estimation from Modified Short-Time Fourier Transform" (1984): the inverse is the signal whose frames
are nearest to the ones given. The window is divided by the root of its summed squares, which makes it its own inverse.
"""

import math

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float, Real

from signalpiece.core.check import check_range
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.frames import add_frames, check_frames, cut_signal, frames_for, join_slots, split_frames


class STFT:
    """One slot of window // 2 + 1 real and as many imaginary parts every `hop` samples; frame 0 starts at hop - window.

    Raises:
        SignalPieceError: a window below 2, or a hop that is not below it.
    """

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(self, *, window: int = 100, hop: int = 50) -> None:
        check_range("window", window, 2, 2**24)
        check_range("hop", hop, 1, window - 1)
        self.window, self.hop, self.lead = window, hop, window - hop
        self.bins = window // 2 + 1
        self.dim = 2 * self.bins
        self.taper = tight_window(window, hop)

    def frames(self, length: int) -> int:
        """How many frames `length` samples need, so that each is covered as often as the others."""
        return frames_for(length, self.hop, self.lead)

    def analyse(self, x: Real[Array, "*c t"]) -> Float[Array, "*c n d"]:
        """Samples to spectra; before the first and after the last sample their value holds."""
        xp, frames = array_namespace(x), split_frames(x, self)
        if not math.prod(frames.shape):  # FFT libraries refuse empty arrays
            return xp.zeros((*frames.shape[:-1], self.dim), dtype=frames.dtype, device=device(x))
        spectra = xp.fft.rfft(frames * self._taper_like(frames), axis=-1, norm="ortho")
        return xp.concat([xp.real(spectra), xp.imag(spectra)], axis=-1)

    def synthesise(self, y: Float[Array, "*c n d"], length: int) -> Float[Array, "*c t"]:
        """Spectra to the first `length` samples of the signal nearest to them."""
        xp = array_namespace(y)
        check_frames(self, y.shape[-2], length)
        if not math.prod(y.shape):
            return xp.zeros((*y.shape[:-2], length), dtype=y.dtype, device=device(y))
        spectra = y[..., : self.bins] + 1j * y[..., self.bins :]
        frames = xp.fft.irfft(spectra, n=self.window, axis=-1, norm="ortho")
        return add_frames(frames * self._taper_like(frames), self, length)

    def cut(self, signal: Signal) -> Slots:
        """Spectra of a signal."""
        return cut_signal(self, signal)

    def join(self, slots: Slots) -> Signal:
        """The signal of spectra."""
        return join_slots(self, slots)

    def _taper_like(self, x: Array) -> Array:
        return array_namespace(x).asarray(self.taper, dtype=x.dtype, device=device(x))


def tight_window(window: int, hop: int) -> Float[np.ndarray, "w"]:
    """A Hann window whose squares, shifted by multiples of `hop`, sum to 1."""
    taper = np.sin(np.pi * np.arange(window) / window) ** 2
    total = np.zeros(hop)
    np.add.at(total, np.arange(window) % hop, taper**2)
    return taper / np.sqrt(total[np.arange(window) % hop])
