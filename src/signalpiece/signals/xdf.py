"""XDF of the Lab Streaming Layer: every even stream a recording, marker streams as annotations, pauses as gaps.

pyxdf decodes chunks and aligns clocks; its smoothing of time stamps is left off because it smears pauses shorter than
500 samples over the whole recording.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from signalpiece.core.check import SignalPieceError, missing_extra
from signalpiece.core.signal import Annotation, Grid, Sensor
from signalpiece.signals.channels import kind_of, sensors_of, si_units, unique
from signalpiece.signals.damage import quiet, single
from signalpiece.signals.recording import Recording
from signalpiece.signals.stamps import Timeline, timeline_of
from signalpiece.signals.xdf_chunks import whole_chunks

_KINDS = {"eeg", "eog", "ecg", "emg", "stim", "misc", "resp", "gsr", "seeg", "ecog"}
_MOST_MARKERS = 100_000


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    """Opens every evenly sampled stream as a recording.

    Args:
        path: .xdf or .xdfz.
        units: what the user said about channels.

    Raises:
        SignalPieceError: no XDF file, pyxdf is not installed, or nothing in it can be read.
    """
    streams, warnings = _streams(path)
    marks = list[tuple[float, str]]()
    even = []
    for stream in streams:
        if len(stream["time_stamps"]) == 0:
            warnings.append(f"stream {_name(stream)} holds no samples")
        elif _rate(stream) > 0 and not isinstance(stream["time_series"], list):
            even.append(stream)
        elif (found := _marks(stream)) is not None:
            marks += found
        else:
            warnings.append(f"stream {_name(stream)} has no even rate and is left out")
    if not even:
        if not marks:
            raise SignalPieceError(f"{path}: no stream of this file holds evenly sampled values or markers")
        first = min(at for at, _ in marks)
        notes = tuple(Annotation(at - first, 0.0, text) for at, text in sorted(marks))
        empty = Grid(("channel", "time"), (None, 1.0), ("",), (0, 0))
        return (Recording(path, empty, _nothing, notes, tuple(warnings), format="XDF"),)
    return tuple(_recording(path, stream, marks, units, warnings) for stream in even)


def _nothing(start: int, stop: int) -> Shaped[np.ndarray, "c t"]:
    return np.zeros((0, stop - start), np.float32)


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What pyxdf logs, kept from the terminal."""
    said = list[str]()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage().strip())

    logger, listener = logging.getLogger("pyxdf"), Listener(logging.WARNING)
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(listener)
    try:
        yield said
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagates


def _streams(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    try:
        import pyxdf
    except ImportError as error:
        raise missing_extra("pyxdf", "eeg", f"{path.name}: an XDF file") from error
    file, warnings = whole_chunks(path)
    with quiet(path) as said, _heard() as heard:
        streams, _ = pyxdf.load_xdf(file, synchronize_clocks=True, dejitter_timestamps=False)  # pyright: ignore
    heard = [h for h in heard if "Segments and clock-segments differ" not in h]
    return streams, [*warnings, *said, *dict.fromkeys(heard)]


def _name(stream: Mapping[str, Any]) -> str:
    return str((stream["info"].get("name") or ["?"])[0])


def _rate(stream: Mapping[str, Any]) -> float:
    rate = float(stream["info"]["nominal_srate"][0])
    return rate if np.isfinite(rate) else 0.0


def _marks(stream: Mapping[str, Any]) -> list[tuple[float, str]] | None:
    """Moments and texts of a marker stream; None if its numbers are a signal."""
    rows, stamps = stream["time_series"], stream["time_stamps"]
    if isinstance(rows, list):
        texts = [" ".join(t.strip() for t in row if t and t.strip()) for row in rows]
        return [(float(at), text) for at, text in zip(stamps, texts, strict=False)]
    if rows.shape[1] == 1 and len(rows) <= _MOST_MARKERS and np.array_equal(rows, np.rint(rows)):
        return [(float(at), f"{value:g}") for at, value in zip(stamps, rows[:, 0].tolist(), strict=False)]
    return None


def _recording(
    path: Path,
    stream: Mapping[str, Any],
    marks: Sequence[tuple[float, str]],
    given: Mapping[str, tuple[str, float]],
    warnings: Sequence[str],
) -> Recording:
    values, stamps = stream["time_series"], np.asarray(stream["time_stamps"], float)
    if not np.isfinite(stamps).all():
        raise SignalPieceError(f"{path}: stream {_name(stream)} has time stamps that are no numbers")
    line: Timeline = timeline_of(stamps, _rate(stream))
    sensors, unit, factors, unknown = _channels(stream, values.shape[1], given)
    scale = np.array(factors, float)[:, None]

    def fetch(start: int, stop: int) -> Shaped[np.ndarray, "c t"]:
        return single(values[start:stop].T, scale)

    notes = [Annotation(line.seconds(at), 0.0, text) for at, text in marks]
    total = line.runs[-1].at + line.runs[-1].count
    grid = Grid(("channel", "time"), (None, line.rate), unit, (len(sensors), total), sensors)
    said = [*warnings, *(f"stream {_name(stream)}: {w}" for w in line.warnings), *unknown]
    ordered = tuple(sorted(notes, key=lambda note: note.onset))
    return Recording(path, grid, fetch, ordered, tuple(said), line.runs, format="XDF")


def _channels(
    stream: Mapping[str, Any], count: int, given: Mapping[str, tuple[str, float]]
) -> tuple[tuple[Sensor, ...], tuple[str, ...], tuple[float, ...], tuple[str, ...]]:
    """Sensors, SI units, factors, and sentences about unknown units, from the stream's description."""
    rows = _described(stream)
    rows = rows if len(rows) == count else [{}] * count
    type_ = str((stream["info"].get("type") or [""])[0] or "").lower()
    names = unique([_field(row, "label") or _field(row, "name") for row in rows])
    labels = [_field(row, "unit") for row in rows]
    si = si_units(names, labels, given)
    kinds = list[str]()
    for name, row, unit in zip(names, rows, si.units, strict=True):
        kind = _field(row, "type").lower()
        usual = {"eeg": kind_of(name), "audio": "sound"}.get(type_, kind_of(name, unit or "-"))
        kinds.append(kind if kind in _KINDS else usual)
    sensors = sensors_of(names, kinds)
    placed = [Sensor(s.name, s.kind, _place(row) or s.position) for s, row in zip(sensors, rows, strict=True)]
    return tuple(placed), si.units or ("",), si.factors, si.warnings


def _described(stream: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    node: Any = stream["info"]
    for step in ("desc", "channels"):
        node = (node.get(step) or [None])[0] if isinstance(node, Mapping) else None
    rows = node.get("channel") or [] if isinstance(node, Mapping) else []
    return [row if isinstance(row, Mapping) else {} for row in rows]


def _field(row: Mapping[str, Any], name: str) -> str:
    value = (row.get(name) or [""])[0]
    return value.strip() if isinstance(value, str) else ""


def _place(row: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """Place in metres; the format gives millimetres, to the right, to the nose, up."""
    node = (row.get("location") or [None])[0]
    if not isinstance(node, Mapping):
        return None
    try:
        x, y, z = (float(_field(node, axis)) / 1e3 for axis in "XYZ")
    except ValueError:
        return None
    return (x, y, z) if np.isfinite([x, y, z]).all() else None
