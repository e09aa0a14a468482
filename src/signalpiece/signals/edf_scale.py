"""How a channel of floats becomes integers of EDF or BDF: unit, physical range and gain with the least rounding.

The header holds numbers of at most 8 characters, so the physical range is the smallest pair of such numbers around the
values, and the gain is computed from the numbers as printed.
"""

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError

_PREFIXES = {
    "V": (("uV", 1e-6), ("mV", 1e-3), ("V", 1.0)),
    "T": (("fT", 1e-15), ("pT", 1e-12), ("nT", 1e-9), ("T", 1.0)),
    "T/m": (("fT/cm", 1e-13), ("pT/cm", 1e-10), ("T/m", 1.0)),
    "S": (("uS", 1e-6), ("S", 1.0)),
}


@dataclass(frozen=True)
class EdfScale:
    """Fields of the header and the map value -> integer of one channel."""

    unit: str
    physical: tuple[str, str]
    digital: tuple[int, int]
    factor: float  # SI per printed unit

    def integers(self, values: Float[np.ndarray, "t"]) -> Int[np.ndarray, "t"]:
        """Nearest integers, int32."""
        low, high = map(float, self.physical)
        gain = (high - low) / (self.digital[1] - self.digital[0])
        steps = np.rint((values.astype(np.float64) / self.factor - low) / gain) + self.digital[0]
        return np.clip(steps, *self.digital).astype(np.int32)


def scale_of(name: str, kind: str, unit: str, values: Float[np.ndarray, "t"], bits: int) -> EdfScale:
    """Range and unit of one channel.

    Args:
        values: in `unit`, an SI unit or a label that is kept.
        bits: 16 (EDF) or 24 (BDF).

    Raises:
        SignalPieceError: values too large for 8 characters, or integers of a stim channel that do not fit.
    """
    digital = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    whole = unit == "" and low >= digital[0] and high <= digital[1] and bool((values == np.rint(values)).all())
    if kind == "stim" and unit == "" and not whole:
        raise SignalPieceError(
            f"{name}: trigger codes from {low:g} to {high:g} do not fit {bits} bits; write a .bdf file"
        )
    if whole:
        return EdfScale("Boolean" if kind == "stim" else "", (str(digital[0]), str(digital[1])), digital, 1.0)
    peak = max(abs(low), abs(high))
    label, factor = unit, 1.0
    for label, factor in _PREFIXES.get(unit, ((unit, 1.0),)):  # noqa: B007
        if peak / factor < 1e5:
            break
    label = label.encode("ascii", "replace").decode()[:8]
    bottom, top = _printed(low / factor, ROUND_FLOOR), _printed(high / factor, ROUND_CEILING)
    if bottom and top and float(bottom) >= float(top):
        top = _printed(float(bottom) + max(abs(float(bottom)), 1.0) * 1e-3, ROUND_CEILING)
    if not bottom or not top or float(bottom) >= float(top):
        raise SignalPieceError(f"{name}: values up to {peak:g} {unit} do not fit the 8 characters of an EDF header")
    return EdfScale(label, (bottom, top), digital, factor)


def _printed(value: float, rounding: str) -> str:
    """The number of at most 8 characters nearest to `value` on the side that `rounding` says, "" if none is."""
    if not math.isfinite(value) or abs(value) >= 1e8:
        return ""
    room = 8 - len(str(int(abs(value)))) - 1 - (value < 0)
    exact = Decimal(value)
    for digits in range(max(room, 0), -1, -1):
        text = format(exact.quantize(Decimal(1).scaleb(-digits), rounding=rounding), "f")
        if len(text) <= 8:
            return "0" if Decimal(text) == 0 else text
    return ""
