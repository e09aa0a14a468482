"""Bytes: any file as numbers 0 to 255, some per slot.

Paper: "Beyond Language Models: Byte Models are Digital World Simulators" (2024), with 16 bytes per slot; one byte per
slot is the plain byte sequence.
"""

from array_api_compat import array_namespace

from signalpiece.core.signal import Array, Signal
from signalpiece.core.types import Slots
from signalpiece.layouts.blocks import Blocks
from signalpiece.layouts.separable import Separable
from signalpiece.layouts.time_patches import TimePatches


class Bytes:
    """One slot per `patch` bytes as float32; join rounds to bytes again, and repeats of the last byte are cut off.

    Raises:
        SignalPieceError: an empty patch.
    """

    arrays = ("numpy", "torch")
    loss = ""

    def __init__(self, *, patch: int = 1) -> None:
        self._transform = Separable(Blocks(("byte",), (TimePatches(patch=patch),)))
        self.dim = patch

    def cut(self, signal: Signal) -> Slots:
        """The bytes of a file."""
        return self._transform.cut(signal)

    def join(self, slots: Slots) -> Signal:
        """The file of bytes, as uint8."""
        joined = self._transform.join(slots)
        return Signal(joined.grid, _to_bytes(joined.values), joined.valid)


def _to_bytes(x: Array) -> Array:
    xp = array_namespace(x)
    return xp.astype(xp.clip(xp.round(x), 0, 255), xp.uint8)
