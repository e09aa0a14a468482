"""Time stamps of streamed samples to a timeline: jitter is smoothed, a pause is a gap, nothing is smeared.

Stamps of a network stream are late by varying amounts but never early for long. So a jump is a gap only if the earliest
stamps behind it stay later than those before it; a stall that is caught up afterwards is none. Samples between two gaps
are even in time by the device's own clock.
"""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from signalpiece.signals.recording import Run

_WINDOW = 2.0  # seconds of stamps looked at on both sides of a jump
_RESET = 1.0  # seconds backwards at which a clock was reset
_DRIFT = 0.005  # a true rate farther than this from the stated one is said and used


@dataclass(frozen=True)
class Timeline:
    """Where samples stand, and how clock time maps to seconds from the first sample."""

    rate: float
    runs: tuple[Run, ...]
    knots: Float[np.ndarray, "k 2"]  # clock seconds, seconds on the timeline
    warnings: tuple[str, ...] = ()

    def seconds(self, clock: float) -> float:
        """Seconds from the first sample of a moment on the common clock; outside the recording by the clock itself."""
        first, last = self.knots[0], self.knots[-1]
        if clock <= first[0] or len(self.knots) == 1:
            return float(first[1] + clock - first[0])
        if clock >= last[0]:
            return float(last[1] + clock - last[0])
        return float(np.interp(clock, self.knots[:, 0], self.knots[:, 1]))


def timeline_of(stamps: Float[np.ndarray, "n"], nominal: float) -> Timeline:
    """Timeline of samples stamped in seconds, stated to run at `nominal` Hz."""
    stated, rough = nominal, _rough_rate(stamps, nominal)
    nominal = rough if abs(rough / nominal - 1) > 2 * _DRIFT else nominal
    edges, lost = _gaps(stamps, nominal)
    rate = _true_rate(stamps, edges)
    warnings = list[str]()
    if rate is not None and abs(rate / stated - 1) > _DRIFT:
        warnings.append(f"it says {stated:g} Hz, its time stamps run at {rate:g} Hz, which was used")
        nominal = rate
        edges, lost = _gaps(stamps, nominal)
    else:
        nominal = stated
    if len(stamps) > 1 and (np.diff(stamps) < -_RESET).any():
        warnings.append("time stamps run backwards; the clock was reset, and samples were read one after the other")
    if any(skip == 0 and stamps[edge] > stamps[edge - 1] for edge, skip in zip(edges, lost, strict=True)):
        warnings.append("a time stamp jumps too far to be true; samples were read one after the other")
    runs, at = list[Run](), 0
    for start, stop, skip in zip([0, *edges], [*edges, len(stamps)], [0, *lost], strict=True):
        at += skip
        if runs and not skip:
            runs[-1] = Run(runs[-1].at, runs[-1].stored, stop - runs[-1].stored)
        else:
            runs.append(Run(at, start, stop - start))
        at += stop - start
    return Timeline(nominal, tuple(runs), _knots(stamps, runs, nominal), tuple(warnings))


def _gaps(stamps: Float[np.ndarray, "n"], rate: float) -> tuple[list[int], list[int]]:
    """First samples behind gaps and behind jumps of the clock, and how many samples each swallowed."""
    if len(stamps) < 2:
        return [], []
    steps = np.diff(stamps)
    jumps = np.flatnonzero(steps > 2.5 / rate) + 1
    lateness = stamps - np.arange(len(stamps)) / rate
    reach = max(int(_WINDOW * rate), 8)

    def step_at(jump: int, low: int, high: int) -> float:
        """How much later stamps are behind a jump, looking no farther than `low` and `high`."""
        return _earliest(lateness[jump : min(high, jump + reach)]) - _earliest(lateness[max(low, jump - reach) : jump])

    jitter = _jitter(lateness, reach)
    bounds = [0, *(np.flatnonzero(steps < -_RESET) + 1).tolist(), len(stamps)]
    for jump in jumps[np.argsort(-steps[jumps - 1], kind="stable")].tolist():  # the longest first
        n = bisect.bisect(bounds, jump)
        step = step_at(jump, bounds[n - 1], bounds[n])
        if step * rate >= 1.5 and step > max(0.5 * float(steps[jump - 1]), jitter):
            bounds.insert(n, jump)
    counts = [round(step_at(b, a, c) * rate) for a, b, c in zip(bounds, bounds[1:], bounds[2:], strict=False)]
    longest = max(86400, 10 * len(stamps) / rate) * rate  # a longer pause is a broken stamp
    return bounds[1:-1], [count if 0 < count < longest else 0 for count in counts]


def _earliest(lateness: Float[np.ndarray, "w"]) -> float:
    """How late the earliest tenth of some stamps is."""
    some = np.sort(lateness[:: max(len(lateness) // 200, 1)])
    return float(some[len(some) // 10])


def _jitter(lateness: Float[np.ndarray, "n"], reach: int) -> float:
    """How far stamps near each other differ in lateness, where no gap is among them.

    Two looks: the spread of short stretches, and how far lateness falls from one stamp to the next, which no gap does.
    """
    size = max(reach // 2, 8)
    starts = np.linspace(0, max(len(lateness) - size, 0), 64).astype(int)
    spreads = [np.ptp(np.percentile(lateness[s : s + size], [1, 99])) for s in np.unique(starts)]
    falls = -np.diff(lateness)
    falls = falls[falls > 0.25 * _WINDOW / reach]
    fall = float(np.percentile(falls, 95)) if len(falls) else 0.0
    return 1.5 * max(float(np.percentile(spreads, 30)), fall)


def _rough_rate(stamps: Float[np.ndarray, "n"], nominal: float) -> float:
    """Samples per second as most of the recording has it, or the stated rate where there is too little to tell."""
    size = max(int(5 * nominal), 50, len(stamps) // 20)
    marks = stamps[::size]
    seconds = float(np.median(np.diff(marks))) if len(marks) > 3 else 0.0
    return size / seconds if seconds > 0 else nominal


def _true_rate(stamps: Float[np.ndarray, "n"], edges: Sequence[int]) -> float | None:
    """Samples per second between gaps, where there is enough to tell."""
    pieces = [p for p in np.split(stamps, list(edges)) if len(p) > 1]
    seconds = sum(float(p[-1] - p[0]) for p in pieces)
    count = sum(len(p) - 1 for p in pieces)
    return count / seconds if count >= 100 and seconds > 2.0 else None


def _knots(stamps: Float[np.ndarray, "n"], runs: Sequence[Run], rate: float) -> Float[np.ndarray, "k 2"]:
    """First and last moment of each run, by a line through its stamps."""
    rows = list[tuple[float, float]]()
    for run in runs:
        piece = stamps[run.stored : run.stored + run.count]
        if not len(piece):
            continue
        index = np.arange(len(piece)) - (len(piece) - 1) / 2
        slope = float(index @ (piece - piece.mean()) / (index @ index)) if len(piece) > 1 else 0.0
        slope = slope if 0.5 / rate < slope < 2 / rate else 1 / rate
        half = slope * (len(piece) - 1) / 2
        for clock, at in ((piece.mean() - half, run.at), (piece.mean() + half, run.at + run.count - 1)):
            rows.append((float(max(clock, rows[-1][0] if rows else clock)), at / rate))
    return np.array(rows or [(0.0, 0.0)])
