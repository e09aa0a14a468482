"""FIF, plain, zipped or split into parts, read lazily.

A skip of the acquisition is a gap, not zeros; a part that is missing is named; annotations outside the samples stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Annotation, Grid, Sensor
from signalpiece.signals.damage import single
from signalpiece.signals.fif_info import FifInfo, read_info, seconds_of
from signalpiece.signals.fif_tags import FifPart, read_part
from signalpiece.signals.recording import Recording, Run

_ONSET, _END, _TEXT, _DATE = 3568, 3569, 206, 204  # tags of annotations
_MOST_PARTS = 1000


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    """Opens a raw recording with all its parts.

    Args:
        path: the first (or only) file.
        units: what the user said about channels, on top of the file's own units.

    Raises:
        SignalPieceError: not raw FIF, a part is missing, or damaged.
    """
    parts = _all_parts(path)
    warnings = [w for part in parts for w in part.warnings]
    info = read_info(parts[0])
    if parts[0].preceding:
        warnings.append(f"this is a later part of {parts[0].preceding}; open that one for the whole recording")
    if info.bad:
        warnings.append(f"marked as bad in the file: {', '.join(info.bad)}")
    given = [_unit(s, unit, units) for s, unit in zip(info.sensors, info.units, strict=True)]
    samples = _Samples(parts, info.calibration * np.array([factor for _, factor in given]))
    runs = _runs(parts)
    total = runs[-1].at + runs[-1].count if runs else 0
    shape = (len(info.sensors), total)
    grid = Grid(("channel", "time"), (None, info.rate), tuple(u for u, _ in given), shape, info.sensors)
    notes = _annotations(parts[0], info)
    stored = samples.stored if samples.integers else None
    identity = info.identity
    if info.measured is not None:
        identity = identity | {"start": _clock_time(info.measured)}
    return (Recording(path, grid, samples.values, notes, tuple(warnings), runs, stored, "FIF", (), identity),)


def _unit(sensor: Sensor, unit: str, given: Mapping[str, tuple[str, float]]) -> tuple[str, float]:
    """SI unit and factor on top of the file's; "*" speaks for channels of unknown unit."""
    unknown = not unit and sensor.kind != "stim"
    return given.get(sensor.name) or (given.get("*") if unknown else None) or (unit, 1.0)


def _all_parts(path: Path) -> list[FifPart]:
    parts = [read_part(path)]
    seen = {path.name}
    while parts[-1].following:
        following = path.with_name(Path(parts[-1].following).name)
        if following.name in seen or len(parts) > _MOST_PARTS:
            raise SignalPieceError(f"{path}: its parts name each other in a circle; the file is damaged")
        if not following.is_file():
            raise SignalPieceError(
                f"{path}: its continuation {following.name} is missing; put it beside it to read the whole recording"
            )
        seen.add(following.name)
        parts.append(read_part(following))
        if parts[-1].channels != parts[0].channels:
            raise SignalPieceError(
                f"{following}: has {parts[-1].channels} channels and {path.name} {parts[0].channels}"
            )
    return parts


@dataclass(frozen=True)
class _Samples:
    """Stored samples of all parts, skips not counted."""

    parts: Sequence[FifPart]
    calibration: Float[np.ndarray, "c"]

    @property
    def integers(self) -> bool:
        return all(b.dtype[1] == "i" for part in self.parts for b in part.buffers)

    def values(self, start: int, stop: int) -> Float[np.ndarray, "c t"]:
        return single(self._collect(start, stop, np.dtype(np.float64)), self.calibration[:, None])

    def stored(self, start: int, stop: int) -> Stored:
        values = self._collect(start, stop, np.dtype(np.int32))
        return Stored(values, self.calibration.copy(), np.zeros(len(self.calibration)))

    def _collect(self, start: int, stop: int, dtype: np.dtype) -> Shaped[np.ndarray, "c t"]:
        out = np.zeros((len(self.calibration), stop - start), dtype)
        at = 0
        for part in self.parts:
            counts = np.array([b.count for b in part.buffers], int)
            ends = at + np.cumsum(counts)
            first = int(np.searchsorted(ends, start, "right"))
            for number in range(first, len(counts)):
                begin = int(ends[number] - counts[number])
                if begin >= stop:
                    break
                a, b = max(start, begin), min(stop, begin + int(counts[number]))
                out[:, a - start : b - start] = part.samples(number)[a - begin : b - begin].T
            at = int(ends[-1]) if len(ends) else at
        return out


def _runs(parts: Sequence[FifPart]) -> tuple[Run, ...]:
    """Runs between skips; parts follow each other without a gap."""
    runs, stored, origin = list[Run](), 0, 0
    for part in parts:
        for buffer in part.buffers:
            at = origin + buffer.start
            if runs and at == runs[-1].at + runs[-1].count:
                runs[-1] = Run(runs[-1].at, runs[-1].stored, runs[-1].count + buffer.count)
            else:
                runs.append(Run(at, stored, buffer.count))
            stored += buffer.count
        origin += part.length
    return tuple(runs)


def _annotations(part: FifPart, info: FifInfo) -> tuple[Annotation, ...]:
    onsets, ends, texts = (part.notes.get(kind) for kind in (_ONSET, _END, _TEXT))
    if not isinstance(onsets, np.ndarray) or not isinstance(texts, list):
        return ()
    labels = [t.replace("{COLON}", ":") for t in texts]
    ends = ends if isinstance(ends, np.ndarray) else onsets
    shift, dated = -part.first_sample / info.rate, seconds_of(part.notes.get(_DATE))
    if info.measured is not None:
        shift = shift + dated - info.measured if dated is not None else 0.0
    rows = zip(onsets.tolist(), ends.tolist(), labels, strict=False)
    notes = [Annotation(a + shift, max(b - a, 0.0), text) for a, b, text in rows if np.isfinite(a) and np.isfinite(b)]
    return tuple(sorted(notes, key=lambda note: note.onset))


def _clock_time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""
