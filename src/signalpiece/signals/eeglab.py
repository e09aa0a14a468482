"""EEGLAB .set (with .fdt or .dat beside it): microvolts to volts, events, cut-out pieces as gaps, places in metres.

Own reading: latencies that are text, missing channel locations and renamed .fdt files stop other readers, and they
close up a boundary that says how much was cut out.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Grid, Sensor
from signalpiece.signals.channels import kind_of, sensors_of, si_units, unique
from signalpiece.signals.damage import check_room, single
from signalpiece.signals.matlab import read_matlab
from signalpiece.signals.recording import Fetch, Recording, Run

_VOLTS = ("eeg", "eog", "ecg", "emg", "seeg", "ecog", "dbs", "bio")
_KINDS = {"eeg", "eog", "ecg", "emg", "seeg", "ecog", "dbs", "bio", "stim", "misc", "resp", "gsr", "mag", "grad"}
_LONGEST_CUT = 30 * 86400  # seconds; a longer boundary is no cut


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    """Opens a continuous data set.

    Args:
        path: the .set file.
        units: what the user said about channels; others are microvolts, as EEGLAB has it.

    Raises:
        SignalPieceError: no EEGLAB data set, a data set of epochs, its .fdt is missing, or damaged.
    """
    eeg = _data_set(path, read_matlab(path))
    rate, count = _number(eeg.get("srate")), int(_number(eeg.get("nbchan"), 0))
    length, trials = int(_number(eeg.get("pnts"), 0)), int(_number(eeg.get("trials"), 1))
    if not (math.isfinite(rate) and rate > 0):
        raise SignalPieceError(f"{path}: the sampling rate must be above 0 Hz, the file says {rate:g}")
    if trials > 1:
        raise SignalPieceError(
            f"{path}: it holds {trials} epochs of {length} samples, not one recording; save the set before epoching"
        )
    if count < 0 or length < 0:
        raise SignalPieceError(f"{path}: {count} channels x {length} samples cannot be; the file is damaged")
    warnings = list[str]()
    data = eeg.get("data", eeg.get("datfile"))
    beside = (_data_file(path, data, warnings),) if isinstance(data, str) else ()
    fetch = _beside(path, beside[0], count, length, warnings) if beside else _inside(path, data, count, length)
    sensors, unit, factor, said = _channels(eeg, count, units)
    warnings += said
    annotations, runs, said = _events(_rows(eeg.get("event")), rate, length)
    warnings += said
    total = runs[-1].at + runs[-1].count
    grid = Grid(("channel", "time"), (None, rate), unit, (count, total), sensors)
    scale = np.array(factor, np.float64)[:, None]

    def values(start: int, stop: int) -> Shaped[np.ndarray, "c t"]:
        return single(fetch(start, stop), scale)

    return (Recording(path, grid, values, annotations, tuple(warnings), runs, format="EEGLAB", data_files=beside),)


def _data_set(path: Path, found: Mapping[str, Any]) -> Mapping[str, Any]:
    eeg = found.get("EEG", found)
    if not isinstance(eeg, Mapping) or "srate" not in eeg:
        raise SignalPieceError(f"{path}: this MATLAB file holds no single EEGLAB data set (EEG with srate and data)")
    return eeg


def _number(value: Any, default: float = math.nan) -> float:
    """A number however it was stored: array, text, or nothing."""
    if isinstance(value, str):
        try:
            return float(value.strip().replace(",", "."))
        except ValueError:
            return default
    try:
        flat = np.asarray(value, float).ravel()
    except (TypeError, ValueError):
        return default
    return float(flat[0]) if flat.size else default


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    number = _number(value)
    return "" if math.isnan(number) else f"{number:g}"


def _rows(value: Any) -> list[Mapping[str, Any]]:
    """Rows of a struct array, also of one row, and of a struct that holds columns."""
    if isinstance(value, list):
        return [row for row in value if isinstance(row, Mapping)]
    if not isinstance(value, Mapping):
        return []
    columns = {k: v for k, v in value.items() if isinstance(v, list)}
    if not columns:
        return [value]
    size = min(len(v) for v in columns.values())
    return [{k: v[n] for k, v in columns.items()} for n in range(size)]


def _inside(path: Path, data: Any, count: int, length: int) -> Fetch:
    """What fetches samples start..stop from the .set itself."""
    shape = getattr(data, "shape", ())
    if len(shape) == 3 and shape[2] == 1:
        data, shape = data[:, :, 0], shape[:2]
    if shape != (count, length):
        raise SignalPieceError(f"{path}: data of shape {tuple(shape)} are not {count} channels x {length} samples")
    return lambda start, stop: np.asarray(data[:, start:stop], np.float64)


def _data_file(path: Path, name: str, warnings: list[str]) -> Path:
    """The file that the .set names, else one of the set's own name (announced)."""
    wanted = path.with_name(Path(name.replace("\\", "/")).name or path.stem + ".fdt")
    found = wanted if wanted.is_file() else path.with_suffix(wanted.suffix or ".fdt")
    if not found.is_file():
        raise SignalPieceError(f"{path}: its data file {wanted.name} is missing; put it beside the .set file")
    if found != wanted:
        warnings.append(f"the header names {wanted.name}, which is gone; {found.name} was read")
    return found


def _beside(path: Path, found: Path, count: int, length: int, warnings: list[str]) -> Fetch:
    """What fetches samples start..stop from a file beside the .set."""
    need, have = 4 * count * length, found.stat().st_size
    check_room(found, f"{count} channels x {length} samples", need, have)
    if have > need:
        warnings.append(f"{found.name} holds {have} bytes where the header needs {need}; the rest is ignored")
    by_channel = found.suffix.lower() == ".dat"  # an older form: one channel after the other

    def fetch(start: int, stop: int) -> Shaped[np.ndarray, "c t"]:
        if not need:
            return np.zeros((count, stop - start))
        shape = (count, length) if by_channel else (length, count)
        whole = np.memmap(found, "<f4", "r", shape=shape)
        return np.asarray(whole[:, start:stop] if by_channel else whole[start:stop].T, np.float64)

    return fetch


def _channels(
    eeg: Mapping[str, Any], count: int, given: Mapping[str, tuple[str, float]]
) -> tuple[tuple[Sensor, ...], tuple[str, ...], tuple[float, ...], list[str]]:
    rows = _rows(eeg.get("chanlocs"))
    said = list[str]()
    if rows and len(rows) != count:
        said.append(f"{len(rows)} channel locations for {count} channels; they are left out")
        rows = []
    names = unique([_text(row.get("labels")) for row in rows] if rows else [f"EEG {n + 1:03d}" for n in range(count)])
    kinds = list[str]()
    for name, row in zip(names, rows or [{}] * count, strict=True):
        kind = _text(row.get("type")).lower()
        kinds.append(kind if kind in _KINDS else kind_of(name))
    labels = ["uV" if kind in _VOLTS else "" for kind in kinds]
    si = si_units(names, labels, given)
    places = _places(eeg, rows)
    sensors = sensors_of(names, kinds)
    if any(p is not None for p in places):
        sensors = tuple(Sensor(s.name, s.kind, p) for s, p in zip(sensors, places, strict=True))
    return sensors, si.units or ("V",), si.factors, [*said, *si.warnings]


def _places(eeg: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[tuple[float, float, float] | None]:
    """Places in metres, x to the right ear and y to the nose, from EEGLAB's axes and whatever unit the file uses."""
    xyz = np.array([[_number(row.get(axis)) for axis in "XYZ"] for row in rows], float).reshape(-1, 3)
    known = [bool(np.isfinite(row).all()) for row in xyz]
    if not any(known):
        return [None] * len(rows)
    radius = float(np.median(np.linalg.norm(xyz[known], axis=1)))
    if radius <= 0:
        return [None] * len(rows)
    unit = (
        0.085
        if 0.7 < radius < 1.5
        else 1.0
        if radius < 0.25
        else 0.1
        if radius < 2.5
        else 0.01
        if radius < 25
        else 1e-3
    )
    chaninfo = eeg.get("chaninfo")
    nose = _text(chaninfo.get("nosedir")).upper() if isinstance(chaninfo, Mapping) else ""
    x, y, z = xyz.T * unit
    right, front = {"+Y": (x, y), "-X": (y, -x), "-Y": (-x, -y)}.get(nose, (-y, x))
    return [(float(right[n]), float(front[n]), float(z[n])) if known[n] else None for n in range(len(rows))]


def _events(
    rows: Sequence[Mapping[str, Any]], rate: float, length: int
) -> tuple[tuple[Annotation, ...], tuple[Run, ...], list[str]]:
    """Events, runs of stored samples between pieces that were cut out, and sentences about what is odd."""
    found, cuts, lost = list[tuple[float, float, str]](), dict[int, int](), 0
    said = list[str]()
    if any(isinstance(row.get("latency"), str) for row in rows):
        said.append("latencies of events are text; they were read as numbers")
    for row in rows:
        at, text = _number(row.get("latency")) - 1, _text(row.get("type"))
        long = _number(row.get("duration"), 0.0)
        if not math.isfinite(at):
            lost += 1
            continue
        edge = math.ceil(at)  # samples before the cut
        if text.lower() == "boundary" and long >= 1 and 0 < edge < length and long / rate < _LONGEST_CUT:
            cuts[edge] = cuts.get(edge, 0) + int(round(long))
            long = 0.0
        found.append((at, long if math.isfinite(long) and long > 0 else 0.0, text))
    said += [f"{lost} events without a latency are left out"] if lost else []
    if cuts:
        said.append(f"{len(cuts)} pieces were cut out of this data set; they stand as gaps")
    edges = sorted(cuts)
    runs, shift, start = list[Run](), 0, 0
    for edge in [*edges, length]:
        runs.append(Run(start + shift, start, edge - start))
        shift, start = shift + cuts.get(edge, 0), edge

    def moved(at: float) -> float:
        return (at + sum(cuts[e] for e in edges if e <= at)) / rate

    notes = (Annotation(moved(at), long / rate, text) for at, long, text in found)
    return tuple(sorted(notes, key=lambda note: note.onset)), tuple(runs), said
