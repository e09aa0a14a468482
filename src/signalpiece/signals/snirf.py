"""SNIRF (fNIRS in HDF5): own reading, times in the unit that the file names, optode pairs with places in metres.

Auxiliary channels with another clock are recordings of their own. Optical density and concentrations keep their labels.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Annotation, Grid, Sensor
from signalpiece.signals.channels import si_units, unique
from signalpiece.signals.damage import single
from signalpiece.signals.hdf5 import array_of, check_size, is_hdf5, open_hdf5
from signalpiece.signals.recording import Recording, Run, runs_of

_SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "min": 60.0, "h": 3600.0}
_METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "\u00b5m": 1e-6, "\u03bcm": 1e-6}
_MOLAR = {"M": 1.0, "mM": 1e-3, "uM": 1e-6, "\u00b5M": 1e-6, "\u03bcM": 1e-6, "nM": 1e-9}  # never metres
_CONCENTRATIONS = {"hbo": "hbo", "hbr": "hbr"}


@dataclass(frozen=True)
class _Columns:
    """Channels that share a clock: where each lies (data set and column), and who it is."""

    places: tuple[tuple[str, int], ...]
    sensors: tuple[Sensor, ...]
    labels: tuple[str, ...]  # units


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    """Opens every data block and every group of auxiliary channels.

    Raises:
        SignalPieceError: not SNIRF, h5py is not installed, or damaged.
    """
    if not is_hdf5(path):
        raise SignalPieceError(f"{path}: this is not a SNIRF file (no HDF5 inside)")
    found = list[Recording]()
    with open_hdf5(path) as (file, said):
        for nirs in _numbered(file, "nirs"):
            found += _runs_of_nirs(path, file[nirs], units, said)
    if not found:
        raise SignalPieceError(f"{path}: it holds no block of data (nirs/data1), so it is no SNIRF file")
    return tuple(found)


def _numbered(group: Any, name: str) -> list[str]:
    """Children called `name`, `name1`, `name2`..., by number."""
    fits = [(int(m[1] or 0), key) for key in group if (m := re.fullmatch(rf"{name}(\d*)", key))]
    return [key for _, key in sorted(fits)]


def _text(group: Any, name: str, default: str = "") -> str:
    if name not in group:
        return default
    value = array_of(group[name]).ravel()
    if not value.size:
        return default
    return value[0].decode("utf-8", "replace").strip() if isinstance(value[0], bytes) else str(value[0]).strip()


def _runs_of_nirs(
    path: Path, nirs: Any, given: Mapping[str, tuple[str, float]], warnings: list[str]
) -> list[Recording]:
    tags = nirs["metaDataTags"] if "metaDataTags" in nirs else {}
    unit = _text(tags, "TimeUnit", "s")
    second = _SECONDS.get(unit if unit in _SECONDS else unit.lower())
    if second is None:
        raise SignalPieceError(f"{path}: times are in {unit!r}, which is not known; use s or ms")
    events = _events(nirs)
    out = []
    for block in _numbered(nirs, "data"):
        group = nirs[block]
        if "dataTimeSeries" not in group or "time" not in group:
            warnings.append(f"{block} has no samples or no times and is left out")
            continue
        columns = _channels(group, nirs, tags, warnings)
        out.append(_recording(path, group["time"], columns, nirs.file, second, events, given, warnings))
    for aux in _auxiliary(nirs):
        columns, time = _auxiliary_columns(nirs, aux)
        out.append(_recording(path, nirs[time]["time"], columns, nirs.file, second, events, given, warnings))
    return out


def _recording(
    path: Path,
    time: Any,
    columns: _Columns,
    file: Any,
    second: float,
    events: Sequence[Annotation],
    given: Mapping[str, tuple[str, float]],
    warnings: Sequence[str],
) -> Recording:
    count = {file[place].shape[0] for place, _ in columns.places}
    if len(count) > 1 or not count:
        raise SignalPieceError(f"{path}: channels of one clock have {sorted(count)} samples; the file is damaged")
    (length,) = count
    for place, _ in columns.places:
        check_size(file[place])
    said = [*warnings]
    times = _times(path, time, length) * second
    rate, runs = _clock(times, said)
    named = [n for n, label in enumerate(columns.labels) if label or columns.sensors[n].name in given or "*" in given]
    molar = {s.name: ("M", _MOLAR[u]) for s, u in zip(columns.sensors, columns.labels, strict=True) if u in _MOLAR}
    given = molar | dict(given)
    si = si_units([columns.sensors[n].name for n in named], [columns.labels[n] for n in named], given)
    unit, factor = [""] * len(columns.labels), np.ones(len(columns.labels))
    for n, u, f in zip(named, si.units, si.factors, strict=True):
        unit[n], factor[n] = u, f
    total = runs[-1].at + runs[-1].count if runs else 0
    grid = Grid(("channel", "time"), (None, rate), tuple(unit) or ("",), (len(unit), total), columns.sensors)
    origin = float(times[0]) if len(times) else 0.0
    notes = tuple(Annotation(e.onset - origin, e.duration, e.text) for e in events)
    fetch = _Fetch(path, columns.places, factor)
    return Recording(path, grid, fetch, notes, (*said, *si.warnings), runs, format="SNIRF")


def _times(path: Path, time: Any, length: int) -> Float[np.ndarray, "t"]:
    """Times of all samples in the file's unit: listed, or as start and step."""
    if time.size not in (length, 2):
        raise SignalPieceError(f"{path}: {time.size} times for {length} samples; the file is damaged")
    values = array_of(time).astype(np.float64).ravel()
    if not np.isfinite(values).all():
        raise SignalPieceError(f"{path}: a time is no number; the file is damaged")
    return values if len(values) == length else values[0] + values[1] * np.arange(length)


def _clock(times: Float[np.ndarray, "t"], warnings: list[str]) -> tuple[float, tuple[Run, ...]]:
    """Rate and runs: a step of more than one and a half samples is a gap."""
    if len(times) < 2:
        return 1.0, (Run(0, 0, len(times)),)
    steps = np.diff(times)
    usual = float(np.median(steps))
    if usual <= 0:
        raise SignalPieceError("times of samples do not increase; the file is damaged")
    short = steps[steps <= 1.5 * usual]
    mean = float(short.mean())
    if mean <= 0:
        raise SignalPieceError("times of samples run backwards; the file is damaged")
    rate = float(round(1 / mean)) if abs(mean * round(1 / mean) - 1) < 1e-6 else 1 / mean
    gaps = np.flatnonzero(steps > 1.5 * mean) + 1
    if float(times[-1] - times[0]) > 1000 * len(times) * mean:
        gaps = gaps[:0]
        warnings.append("times jump too far to be true; samples are read one after the other")
    odd = float(np.abs(short - mean).max(initial=0.0)) / mean
    if odd > 0.1:
        warnings.append(f"times of samples are uneven by up to {odd:.0%} of a step; read as {rate:g} Hz")
    starts = times[np.concatenate([[0], gaps])]
    counts = np.diff(np.concatenate([[0], gaps, [len(times)]]))
    return rate, runs_of(starts, counts, rate)


@dataclass(frozen=True)
class _Fetch:
    """Samples start to stop, read from the file when asked for."""

    path: Path
    places: tuple[tuple[str, int], ...]
    factor: Float[np.ndarray, "c"]

    def __call__(self, start: int, stop: int) -> Shaped[np.ndarray, "c t"]:
        out = np.zeros((len(self.places), stop - start))
        with open_hdf5(self.path, known=True) as (file, _):
            blocks: dict[str, Any] = {p: np.asarray(file[p][start:stop]) for p, _ in self.places}
            for n, (place, column) in enumerate(self.places):
                block = blocks[place]
                out[n] = block if block.ndim == 1 else block[:, column]
        return single(out, self.factor[:, None])


def _events(nirs: Any) -> list[Annotation]:
    """Stimuli; their times are in seconds whatever TimeUnit says."""
    out = list[Annotation]()
    for name in _numbered(nirs, "stim"):
        group = nirs[name]
        rows = array_of(group["data"]).astype(float) if "data" in group else np.zeros((0, 3))
        text = _text(group, "name", name)
        rows = rows if rows.ndim == 2 else rows.reshape(-1, 3) if rows.size % 3 == 0 else rows[:0].reshape(0, 3)
        for row in rows.tolist():
            if len(row) >= 2 and np.isfinite(row[:2]).all():
                out.append(Annotation(row[0], max(row[1], 0.0), text))
    return sorted(out, key=lambda note: note.onset)


def _channels(group: Any, nirs: Any, tags: Any, warnings: list[str]) -> _Columns:
    data = group["dataTimeSeries"]
    width = data.shape[1] if data.ndim == 2 else 1
    lists = [group[name] for name in _numbered(group, "measurementList")]
    rows = [{k: _number(g, k) for k in _FIELDS} | {k: _text(g, k) for k in _LABELS} for g in lists]
    if "measurementLists" in group:
        rows = _table(group["measurementLists"], width)
    if len(rows) != width:
        warnings.append(f"{len(rows)} channels are described and {width} are there")
        rows = (rows + [{}] * width)[:width]
    probe = nirs["probe"] if "probe" in nirs else {}
    metre = _METRES.get(_text(tags, "LengthUnit", "mm"), 1e-3)
    sources, detectors = _positions(probe, "source", metre), _positions(probe, "detector", metre)
    waves = array_of(probe["wavelengths"]).astype(float).ravel() if "wavelengths" in probe else np.zeros(0)
    names, kinds, places = list[str](), list[str](), list[tuple[float, float, float] | None]()
    for row in rows:
        source, detector, wave = (int(row.get(k, 0)) for k in _FIELDS[:3])
        label = str(row.get("dataTypeLabel", "")).strip()
        kind = _CONCENTRATIONS.get(label.lower(), "fnirs")
        last = label.lower() if kind != "fnirs" else f"{waves[wave - 1]:g}" if 0 < wave <= len(waves) else label
        names.append(f"{_label(probe, 'source', source)}_{_label(probe, 'detector', detector)} {last}".strip())
        kinds.append(kind)
        a, b = sources.get(source), detectors.get(detector)
        places.append(None if a is None or b is None else (*((a + b) / 2).tolist(),))
    sensors = tuple(map(Sensor, unique(names), kinds, places))
    return _Columns(
        tuple((data.name, n) for n in range(width)), sensors, tuple(str(row.get("dataUnit", "")) for row in rows)
    )


_FIELDS = ("sourceIndex", "detectorIndex", "wavelengthIndex", "dataType")
_LABELS = ("dataTypeLabel", "dataUnit")


def _number(group: Any, name: str) -> float:
    value = array_of(group[name]).astype(float).ravel() if name in group else np.zeros(0)
    return float(value[0]) if value.size and np.isfinite(value[0]) else 0.0


def _table(group: Any, width: int) -> list[dict[str, Any]]:
    """Channels described by one array per field (SNIRF 1.2)."""
    columns: dict[str, list[Any]] = {}
    for name in (*_FIELDS, *_LABELS):
        if name in group and array_of(group[name]).size >= width:
            values = array_of(group[name]).ravel()[:width].tolist()
            columns[name] = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values]
    return [{name: values[n] for name, values in columns.items()} for n in range(width)]


def _positions(probe: Any, which: str, metre: float) -> dict[int, Float[np.ndarray, "3"]]:
    name = f"{which}Pos3D"
    table = array_of(probe[name]).astype(float) if name in probe else np.zeros((0, 3))
    if table.ndim != 2 or table.shape[1] < 3:
        return {}
    return {n: row[:3] * metre for n, row in enumerate(table, 1) if np.isfinite(row[:3]).all()}


def _label(probe: Any, which: str, number: int) -> str:
    name = f"{which}Labels"
    labels = array_of(probe[name]).ravel() if name in probe else np.zeros(0)
    if 0 < number <= len(labels) and isinstance(labels[number - 1], bytes):
        return labels[number - 1].decode("utf-8", "replace").strip()
    return f"{which[0].upper()}{number}"


def _auxiliary(nirs: Any) -> list[list[str]]:
    """Names of auxiliary channels, grouped by equal times."""
    groups: list[tuple[Any, list[str]]] = []
    for name in _numbered(nirs, "aux"):
        if "time" not in nirs[name] or "dataTimeSeries" not in nirs[name] or nirs[name]["dataTimeSeries"].ndim > 2:
            continue
        key = (nirs[name]["dataTimeSeries"].shape[0], array_of(nirs[name]["time"]).astype(float).tobytes())
        same = next((names for other, names in groups if other == key), None)
        if same is None:
            groups.append((key, [name]))
        else:
            same.append(name)
    return [names for _, names in groups]


def _auxiliary_columns(nirs: Any, names: Sequence[str]) -> tuple[_Columns, str]:
    places, labels, units = list[tuple[str, int]](), list[str](), list[str]()
    for name in names:
        data = nirs[name]["dataTimeSeries"]
        for column in range(data.shape[1] if data.ndim == 2 else 1):
            places.append((data.name, column))
            labels.append(_text(nirs[name], "name", name))
            units.append(_text(nirs[name], "dataUnit"))
    sensors = tuple(Sensor(label, "misc") for label in unique(labels))
    return _Columns(tuple(places), sensors, tuple(units)), names[0]
