"""How samples are cut into data records of EDF+: a record length that divides all stretches, gaps between them.

Where no length divides them, the last record of the file is filled up with its last value and an annotation says so
(this library's reader takes that filling away again), and a gap may lose less than a tenth of a second to its record.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from signalpiece.core.check import SignalPieceError

PADDING = "Padding, no signal"
_USUAL, _SHORTEST = 0.1, 0.02  # seconds; shorter records cost more than they hold


@dataclass(frozen=True)
class Records:
    """Data records: samples of each channel per record, its printed duration, and where each one starts and ends."""

    per: int
    seconds: str
    starts: tuple[int, ...]
    stops: tuple[int, ...]

    @property
    def interrupted(self) -> bool:
        """Whether there are gaps between records."""
        return any(b > a + self.per for a, b in zip(self.starts[:-1], self.starts[1:], strict=True))


def plan_records(valid: Bool[np.ndarray, "t"], rate: float) -> Records:
    """Records for samples of one rate; stretches where `valid` is False become gaps.

    Raises:
        SignalPieceError: there are no samples, or the rate cannot be written.
    """
    total = len(valid)
    if total == 0:
        raise SignalPieceError("a signal of 0 samples cannot be written as EDF")
    edges = np.flatnonzero(np.diff(np.concatenate([[True], valid, [True]]).astype(np.int8)))
    cuts = [0, *edges.tolist(), total] if len(edges) else [0, total]
    stretches = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=True) if b > a]
    if not valid[0] or not valid[-1]:  # what has no start or end in the file stays in it
        stretches = _outer(stretches, total)
    per = _length([b - a for a, b in stretches], rate)
    if _printed(per / rate) is None:
        raise SignalPieceError(f"a rate of {rate:g} Hz cannot be written as EDF")
    starts, stops, at = list[int](), list[int](), 0
    for begin, end in stretches:
        at = max(at, begin)
        while at < end:
            starts.append(at)
            stops.append(min(at + per, total))
            at += per
    if len(starts) > 99_999_999:
        raise SignalPieceError(f"{len(starts)} data records are more than EDF can count")
    return Records(per, _printed(per / rate) or "", tuple(starts), tuple(stops))


def _outer(stretches: list[tuple[int, int]], total: int) -> list[tuple[int, int]]:
    if not stretches:
        return [(0, total)]
    stretches = [(0, stretches[0][1]), *stretches[1:]]
    return [*stretches[:-1], (stretches[-1][0], total)]


def _length(stretches: list[int], rate: float) -> int:
    """Samples per record: what divides all stretches, or all but the last, or a tenth of a second."""
    whole = _dividing(math.gcd(*stretches), rate)
    if whole is not None and (whole >= _USUAL * rate or whole == sum(stretches)):
        return whole
    if len(stretches) == 1:
        return _near(1.0, rate)
    front = max(whole or 0, _dividing(math.gcd(*stretches[:-1]), rate) or 0)
    return front if front >= _SHORTEST * rate else _near(0.1, rate)


def _dividing(length: int, rate: float) -> int | None:
    """The divisor of `length` nearest below a second whose duration can be printed, or None."""
    small = [d for d in range(1, math.isqrt(length) + 1) if length % d == 0]
    fit = [d for d in {*small, *(length // d for d in small)} if d <= max(rate, 1) and _exact(d, rate)]
    return max(fit, default=None)


def _near(seconds: float, rate: float) -> int:
    """Samples of about `seconds` whose duration can be printed."""
    middle = round(seconds * rate)
    around = range(max(middle - 64, 1), middle + 65)
    return min(around, key=lambda d: (not _exact(d, rate), abs(d - middle)))


def _exact(per: int, rate: float) -> bool:
    text = _printed(per / rate)
    return text is not None and abs(per / float(text) - rate) <= 1e-9 * rate


def _printed(seconds: float) -> str | None:
    """At most 8 characters, or None where that loses more than a millionth."""
    for digits in range(7, -1, -1):
        text = f"{seconds:.{digits}f}".removeprefix("0") if seconds < 1 else f"{seconds:.{digits}f}"
        if len(text) <= 8:
            text = text.rstrip("0").rstrip(".") if "." in text else text
            text = f"0{text}" if text.startswith(".") and len(text) < 8 else text
            return text if text and float(text) > 0 and abs(float(text) - seconds) <= 1e-6 * seconds else None
    return None
