"""What a recording is made of, as whole numbers: its file's own integers, multiples of a step, or the bits of floats.

Rows go by timeline sample: in a gap the last number is held, and what is a gap is known beside.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Signal

PIECE = 1 << 20  # values looked at together
_TRIED = 1 << 16  # values that a step is guessed from


@dataclass(frozen=True)
class Whole:
    """A recording as whole numbers; its value is number * scale + offset, or the float with these bits.

    Attributes:
        recording: opened; anything with `grid` and `read_samples` or a `signal`.
        scale, offset: in the grid's units, per channel.
        kind: `stored` (the file's integers), `steps` (multiples of a step that gives the same floats), `bits`.
    """

    recording: Any
    scale: Float[np.ndarray, "c"]
    offset: Float[np.ndarray, "c"]
    kind: str

    def rows(self, start: int, stop: int) -> Int[np.ndarray, "t c"]:
        """Timeline samples start to stop, int32."""
        if self.kind == "stored":
            return _narrow(_on_timeline(self.recording, start, stop).T)
        values = np.asarray(piece_of(self.recording, start, stop).values, np.float32).T
        if self.kind == "bits":
            return bits_of(values)
        return np.rint(values.astype(np.float64) / self.scale).astype(np.int32)


def whole_numbers(recording: Any) -> Whole:
    """The recording as whole numbers: what suits it best without any loss."""
    channels = recording.grid.size("channel")
    one, none = np.ones(channels), np.zeros(channels)
    if getattr(recording, "has_stored", False) and recording.samples:
        first = recording.stored(0, 1)
        if np.issubdtype(first.values.dtype, np.integer):
            return Whole(recording, np.array(first.scale, np.float64), np.array(first.offset, np.float64), "stored")
    steps = _steps(recording)
    return Whole(recording, one, none, "bits") if steps is None else Whole(recording, steps, none, "steps")


def _narrow(numbers: Int[np.ndarray, "t c"]) -> Int[np.ndarray, "t c"]:
    """As int32.

    Raises:
        SignalPieceError: one takes more than 32 bits.
    """
    if numbers.dtype.itemsize > 4 or numbers.dtype == np.uint32:
        low, high = int(numbers.min(initial=0)), int(numbers.max(initial=0))
        if low < -(2**31) or high >= 2**31:
            raise SignalPieceError(
                f"stored numbers from {low} to {high} take more than 32 bits, which is not coded yet"
            )
    return np.ascontiguousarray(numbers, np.int32)


def bits_of(values: Float[np.ndarray, "t c"]) -> Int[np.ndarray, "t c"]:
    """Bits of float32 as int32 in the order of the values."""
    bits = np.ascontiguousarray(values, np.float32).view(np.int32)
    return np.where(bits < 0, bits ^ 0x7FFFFFFF, bits).astype(np.int32)


def floats_of(bits: Int[np.ndarray, "t c"]) -> Float[np.ndarray, "t c"]:
    """The inverse of `bits_of`."""
    return np.where(bits < 0, bits ^ 0x7FFFFFFF, bits).astype(np.int32).view(np.float32)


def piece_of(recording: Any, start: int, stop: int) -> Signal:
    """Timeline samples start to stop of a recording, or of a signal held as one."""
    if hasattr(recording, "read_samples"):
        return recording.read_samples(start, stop)
    return recording.signal.crop(start, stop)


def _on_timeline(recording: Any, start: int, stop: int) -> Int[np.ndarray, "c t"]:
    """The file's integers at timeline samples; in gaps the last one before, or the first one after."""
    begin = recording.runs[0].stored
    out, at = [], start
    for run in recording.runs:
        a, b = max(start, run.at), min(stop, run.at + run.count)
        if a < b:
            values = recording.stored(run.stored - begin + a - run.at, run.stored - begin + b - run.at).values
            if a > at:
                held = out[-1][:, -1:] if out else _before(recording, run.stored - begin)
                out.append(np.repeat(held, a - at, axis=1))
            out.append(values)
            at = b
    if at < stop:
        past = sum(r.count for r in recording.runs if r.at + r.count <= at)
        held = out[-1][:, -1:] if out else _before(recording, past)
        out.append(np.repeat(held, stop - at, axis=1))
    return np.concatenate(out, axis=1)


def _before(recording: Any, number: int) -> Int[np.ndarray, "c 1"]:
    """The stored sample before that number, or the first one."""
    at = max(number - 1, 0)
    stored: Stored = recording.stored(at, at + 1)
    return stored.values


def _steps(recording: Any) -> Float[np.ndarray, "c"] | None:
    """A step per channel whose multiples, as float32, are exactly the recording's values; None if there is none."""
    length, channels = recording.grid.size("time"), recording.grid.size("channel")
    rows = max(_TRIED // max(channels, 1), 1)
    middle = max(length - rows, 0) // 2
    tried = np.asarray(piece_of(recording, middle, min(middle + rows, length)).values, np.float32)
    found = [_step(row) for row in tried]
    if not found or any(f is None for f in found):
        return None
    steps, size = np.array(found, np.float64), max(PIECE // channels, 1)
    for start in range(0, length, size):
        values = np.asarray(piece_of(recording, start, min(start + size, length)).values, np.float32)
        k = np.rint(values.astype(np.float64) / steps[:, None])
        same = (k * steps[:, None]).astype(np.float32).view(np.int32) == values.view(np.int32)
        if not (same & (np.abs(k) < 2**31)).all():
            return None
    return steps


def _step(values: Float[np.ndarray, "t"]) -> float | None:
    """The step of some floats, guessed from their smallest difference and made exact by least squares."""
    x = np.unique(np.asarray(values, np.float64))
    if len(x) < 2 or not np.isfinite(x).all():
        return None if len(x) != 1 or x[0] else 1.0
    step = float(np.diff(x).min())
    near = np.abs(x) <= 256 * step
    for limit in (near, np.abs(x) <= 65536 * step, np.ones(len(x), bool)):  # near 0 a rough step counts right
        k = np.rint(x[limit] / step)
        if (k * k).sum() > 0:
            step = float((k * x[limit]).sum() / (k * k).sum())
    k = np.rint(x / step)
    return step if ((k * step).astype(np.float32) == x.astype(np.float32)).all() else None
