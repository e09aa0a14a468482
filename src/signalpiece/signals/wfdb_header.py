"""The header (.hea) of a WFDB record, as PhysioNet publishes them: one line for the record, one for each signal.

Format: "WFDB Applications Guide", header(5). Comments hold age, sex and diagnoses; they are not read at all.
"""

import datetime
import re
from dataclasses import dataclass
from pathlib import Path

from signalpiece.core.check import SignalPieceError

_LONGEST = 1 << 24  # bytes of text that are read
_SIGNAL = re.compile(r"(\d+)(?:x(\d{1,6}))?(?::(\d{1,9}))?(?:\+(\d{1,15}))?$")
_GAIN = re.compile(r"([-+]?[\d.]+(?:[eE][-+]?\d{1,2})?)?(?:\((-?\d{1,10})\))?(?:/(\S+))?$")


@dataclass(frozen=True)
class WfdbSignal:
    """One signal: its file and format, samples per frame, and value = (integer - baseline) / gain in the unit."""

    file: str
    format: int
    per: int
    skew: int
    offset: int
    gain: float
    baseline: float
    unit: str
    initial: int
    name: str


@dataclass(frozen=True)
class WfdbHeader:
    """A record: frames per second, frames if stated, its signals or its segments (name, frames)."""

    rate: float
    frames: int | None
    signals: tuple[WfdbSignal, ...]
    segments: tuple[tuple[str, int], ...]
    start: datetime.datetime | None


def read_hea(path: Path) -> WfdbHeader:
    """Reads a header.

    Raises:
        SignalPieceError: this is no WFDB header, or a line of it cannot be understood.
    """
    with path.open("rb") as file:
        lines = file.read(min(_LONGEST, path.stat().st_size)).decode("latin-1").splitlines()
    lines = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    parts = lines[0].split() if lines else []
    if len(parts) < 2 or not re.fullmatch(r"[\w.-]+(/\d{1,7})?", parts[0]) or not re.fullmatch(r"\d{1,5}", parts[1]):
        raise SignalPieceError(f"{path.name}: this is no WFDB header (its first line names no record)")
    rate = re.match(r"[\d.]+(?:[eE][-+]?\d{1,2})?", parts[2]) if len(parts) > 2 else None
    hertz = _positive(rate[0]) if rate else 250.0
    if hertz is None:
        raise SignalPieceError(f"{path.name}: the sampling rate must be above 0 Hz, got {parts[2]}")
    frames = int(parts[3]) if len(parts) > 3 and re.fullmatch(r"\d{1,15}", parts[3]) else None
    count, pieces = int(parts[1]), int(parts[0].partition("/")[2] or 0)
    wanted = pieces or count
    if len(lines) - 1 < wanted:
        what = "segments" if pieces else "signals"
        raise SignalPieceError(f"{path.name}: the header says {wanted} {what} and describes {len(lines) - 1}")
    body = lines[1 : 1 + wanted]
    signals = () if pieces else tuple(_signal(path, line, n) for n, line in enumerate(body))
    segments = tuple(_segment(path, line) for line in body) if pieces else ()
    return WfdbHeader(hertz, frames or None, signals, segments, _start(parts[4:6]))


def _signal(path: Path, line: str, number: int) -> WfdbSignal:
    parts = line.split(maxsplit=8)
    form = _SIGNAL.match(parts[1]) if len(parts) > 1 else None
    if form is None:
        raise SignalPieceError(f"{path.name}: signal {number} has no format ({line[:40]!r})")
    rest = parts[2:]
    gain_text, _resolution, zero, initial = (*rest[:4], "", "", "", "")[:4]
    match = _GAIN.match(gain_text)
    gain = _positive((match[1] or "").lstrip("-+")) if match else None
    sign = -1.0 if gain_text.startswith("-") else 1.0
    baseline = float(match[2]) if match and match[2] else float(_integer(zero))
    unit = match[3] if match and match[3] else "mV"
    name = parts[8].strip() if len(parts) > 8 else f"signal {number}"
    return WfdbSignal(
        parts[0], int(form[1]), int(form[2] or 1), int(form[3] or 0), int(form[4] or 0),
        sign * (gain or 200.0), baseline, unit, _integer(initial) if initial else _integer(zero), name,
    )  # fmt: skip


def _segment(path: Path, line: str) -> tuple[str, int]:
    parts = line.split()
    if len(parts) < 2 or not re.fullmatch(r"[\w.~-]+", parts[0]) or not re.fullmatch(r"\d{1,12}", parts[1]):
        raise SignalPieceError(f"{path.name}: this is no segment of a record: {line[:40]!r}")
    return parts[0], int(parts[1])


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < 1e15 else None


def _integer(text: str) -> int:
    return int(text) if re.fullmatch(r"-?\d{1,12}", text) else 0


def _start(parts: list[str]) -> datetime.datetime | None:
    try:
        hours, minutes, seconds = (int(float(p)) for p in parts[0].split(":"))
        day, month, year = (int(p) for p in parts[1].split("/"))
        return datetime.datetime(year, month, day, hours, minutes, seconds)
    except (ValueError, IndexError, OverflowError):
        return None
