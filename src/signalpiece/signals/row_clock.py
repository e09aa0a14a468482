"""When the rows of a table were taken: the sampling rate and the gaps behind time stamps that jitter or repeat.

Headbands send packets, and all rows of a packet may share its stamp; stamps are rounded and arrive late. A lost packet
moves everything after it, a late one does not: so a gap is a step that the following second keeps.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.recording import Run

_USUAL = (1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 50, 52, 64, 100, 125, 128, 160, 200, 220, 250, 256, 300, 400, 500, 512,
          600, 800, 1000, 1024, 1200, 1600, 2000, 2048, 2400, 4000, 4096, 4800, 5000, 8000, 10000, 20000)  # fmt: skip
_JITTER = 0.1  # seconds by which a stamp may be early or late
_LONGEST = 1e8  # seconds between two rows; more is damage


@dataclass(frozen=True)
class Clock:
    """Samples per second, where rows stand on the timeline, and sentences about what is odd."""

    rate: float
    runs: tuple[Run, ...]
    warnings: tuple[str, ...] = ()


def clock_of(stamps: Float[np.ndarray, "n"], rate: float | None = None) -> Clock:
    """Rate and gaps from one time stamp per row, in seconds.

    Args:
        stamps: seconds, NaN where a row has none; equal ones are one packet.
        rate: samples per second if the file says so.

    Raises:
        SignalPieceError: fewer than two different stamps and no rate.
    """
    rows = len(stamps)
    known = np.flatnonzero(np.isfinite(stamps))
    if len(known):
        change = np.flatnonzero(np.diff(stamps[known], prepend=np.nan) != 0)
        first, at = known[change], stamps[known][change]
    else:
        first, at = known, np.zeros(0)
    if len(first) < 2:
        if rate is None:
            raise SignalPieceError("the time stamps do not tell the rate: there are fewer than two of them")
        return Clock(rate, (Run(0, 0, rows),))
    step, count = np.diff(at), np.diff(first)
    back = int((step < -_JITTER).sum())
    warnings = (f"time runs backwards {back} times; these steps are read as continuous",) if back else ()
    if rate is None:
        rate = _measured(at, first, step, count)
    lost = _lost(step, count, rate)
    place = np.concatenate([[0], np.cumsum(lost)])
    cuts = np.flatnonzero(lost)
    starts = np.concatenate([[0], first[cuts + 1]]).astype(int)
    counts = np.diff(np.append(starts, rows))
    offsets = np.concatenate([[0], place[cuts + 1]]).astype(int)
    runs = tuple(Run(int(s + o), int(s), int(c)) for s, o, c in zip(starts, offsets, counts, strict=True))
    return Clock(rate, runs, warnings)


def _measured(
    at: Float[np.ndarray, "m"], first: Int[np.ndarray, "m"], step: Float[np.ndarray, "k"], count: Int[np.ndarray, "k"]
) -> float:
    """Samples per second, from pieces of a second so that gaps and late packets do not count; usual rates are kept."""
    forward = step[step > 0]
    if not len(forward):
        raise SignalPieceError("the time stamps do not tell the rate: they run backwards")
    wide = min(max(int(1 / np.median(forward)), 1), max(len(step) // 4, 1))
    elapsed, rows = at[wide:] - at[:-wide], first[wide:] - first[:-wide]
    if not (elapsed > 0).any():
        raise SignalPieceError("the time stamps do not tell the rate: they run backwards")
    rough = float(np.median(rows[elapsed > 0] / elapsed[elapsed > 0]))
    recorded = float(step.sum() - _lost(step, count, rough).sum() / rough)
    rate = float(count.sum() / recorded) if recorded > 0 else rough
    rate = rate if abs(rate - rough) < 0.05 * rough else rough
    close = min(_USUAL, key=lambda usual: abs(usual - rate))
    uncertain = min(_grain(at) / float(forward.sum()), 0.02)
    return float(close) if abs(close - rate) <= rate * max(2e-3, uncertain) else rate


def _grain(at: Float[np.ndarray, "m"]) -> float:
    """Rounding of the stamps: the largest power of ten that divides all, in seconds."""
    part = at[:1000] - np.floor(at[0])
    for digits in range(7):
        if np.allclose(part * 10**digits, np.rint(part * 10**digits), atol=1e-3):
            return 10.0**-digits
    return 1e-6


def _lost(step: Float[np.ndarray, "k"], count: Int[np.ndarray, "k"], rate: float) -> Int[np.ndarray, "k"]:
    """Samples missing between stamp i and stamp i + 1: where a step is long and the level of arrival stays up."""
    from scipy.ndimage import median_filter

    excess = np.where(np.abs(step) < _LONGEST, step - count / rate, 0.0)
    near = max(int(0.25 / max(float(np.median(np.abs(step))), 1e-6)), 3)
    late = np.concatenate([[0.0], np.cumsum(excess)])  # arrival against the even grid
    level = median_filter(late, size=near, mode="nearest")
    at, half = np.arange(len(step)), near // 2
    rise = level[np.minimum(at + 1 + half, len(step))] - level[np.maximum(at - half, 0)]
    jitter = max(-float(np.quantile(rise, 0.001)), 0.0)  # lost packets only raise the level
    least = max(0.75 / rate, 1.5 * jitter)
    packet = max(int(np.median(count)), 1)
    out = np.zeros(len(step), int)
    edge = (at < half) | (at >= len(step) - half)  # too little to take a level from: the step itself must tell
    sure = (excess > least) & (rise > least) & (~edge | (excess > 2 * max(-float(excess.min()), 0.0)))
    for n in np.flatnonzero(sure):
        size = min(rise[n], excess[n]) * rate
        whole = round(size / packet) * packet
        out[n] = whole if whole and abs(size - whole) < 0.3 * packet else round(size)
    return out
