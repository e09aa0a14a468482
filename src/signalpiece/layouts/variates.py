"""Variates: every whole channel of a window is one slot, so that whatever mixes slots mixes channels.

Paper: "iTransformer: Inverted Transformers Are Effective for Time Series Forecasting" (2023); its normalisation per
variate belongs to the model, since the way back needs its numbers.
"""

from array_api_compat import array_namespace
from jaxtyping import Float, Real

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.frames import cut_signal, join_slots
from signalpiece.layouts.time_patches import TimePatches


class Variates:
    """One batch entry per `window` samples every `hop` samples (default: side by side), one slot per channel in it.

    The last window holds the last value where samples are missing; join averages where windows overlap.

    Raises:
        SignalPieceError: an empty window, or a hop that would leave samples out.
    """

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(self, *, window: int = 96, hop: int | None = None) -> None:
        self._patches = TimePatches(patch=window, hop=hop)
        self.dim = window

    def analyse(self, x: Real[Array, "*b c t"]) -> Float[Array, "*b n c d"]:
        """Samples to windows of channels."""
        y = self._patches.analyse(x)
        return array_namespace(y).moveaxis(y, -2, -3)

    def synthesise(self, y: Float[Array, "*b n c d"], length: int) -> Float[Array, "*b c t"]:
        """Windows of channels to the first `length` samples."""
        return self._patches.synthesise(array_namespace(y).moveaxis(y, -3, -2), length)

    def cut(self, signal: Signal) -> Slots:
        """The windows of a signal as a batch of channels."""
        rows = cut_signal(self._patches, signal)
        shape = (self._patches.frames(signal.grid.size("time")), signal.grid.size("channel"))
        coords, valid = rows.coords, rows.valid
        return Slots(
            array_namespace(rows.values).reshape(rows.values, (*shape, self.dim)),
            signal.grid,
            None if coords is None else coords.reshape(*shape, 4),
            None if valid is None else valid.reshape(shape),
        )

    def join(self, slots: Slots) -> Signal:
        """The signal of windows."""
        values, grid = slots.values, slots.grid
        wanted = (self._patches.frames(grid.size("time")), grid.size("channel"), self.dim)
        if tuple(values.shape) != wanted:
            raise SignalPieceError(f"slots of this grid have shape {wanted}, got {tuple(values.shape)}")
        rows = array_namespace(values).reshape(values, (1, wanted[0] * wanted[1], self.dim))
        valid = None if slots.valid is None else slots.valid.reshape(1, wanted[0] * wanted[1])
        return join_slots(self._patches, Slots(rows, grid, None, valid))
