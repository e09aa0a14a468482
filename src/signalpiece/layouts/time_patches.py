"""Time patches: stretches of samples as they are, side by side or overlapping."""

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float, Real

from signalpiece.core.check import check_range
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.frames import add_frames, check_frames, cut_signal, join_slots, split_frames


class TimePatches:
    """One slot per `patch` samples every `hop` samples (default: side by side); join averages where they overlap.

    Raises:
        SignalPieceError: an empty patch, or a hop that would leave samples out.
    """

    arrays = ("numpy", "torch")
    loss = ""
    lead = 0

    def __init__(self, *, patch: int = 100, hop: int | None = None) -> None:
        check_range("patch", patch, 1, 2**31)
        self.dim = self.window = patch
        self.hop = patch if hop is None else hop
        check_range("hop", self.hop, 1, patch)

    def frames(self, length: int) -> int:
        """How many frames `length` samples need."""
        return 0 if length < 1 else 1 + max(0, -(-(length - self.window) // self.hop))

    def analyse(self, x: Real[Array, "*c t"]) -> Float[Array, "*c n d"]:
        """Samples to patches; the last one holds the last value where samples are missing.

        Patches that overlap share memory: NumPy's cannot be written to before they are copied.
        """
        return split_frames(x, self)

    def synthesise(self, y: Float[Array, "*c n d"], length: int) -> Float[Array, "*c t"]:
        """Patches to the first `length` samples."""
        total = add_frames(y, self, length)
        if self.hop == self.window or not length:
            return total
        count = y.shape[-2]
        check_frames(self, count, length)
        cover = add_frames(np.ones((count, self.window)), self, length)
        return total / array_namespace(y).asarray(cover, dtype=y.dtype, device=device(y))

    def cut(self, signal: Signal) -> Slots:
        """Patches of a signal."""
        return cut_signal(self, signal)

    def join(self, slots: Slots) -> Signal:
        """The signal of patches."""
        return join_slots(self, slots)
