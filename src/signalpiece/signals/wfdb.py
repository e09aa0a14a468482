"""WFDB records (.hea with .dat): formats 8, 16, 24, 32, 61, 80, 160, 212, 310 and 311, annotations, segments.

Signals with several samples per frame are a recording of their own; null segments are gaps.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from signalpiece.core.check import SignalPieceError
from signalpiece.core.signal import Grid
from signalpiece.signals.channels import kind_of, sensors_of, si_units, unique
from signalpiece.signals.recording import Recording, Run
from signalpiece.signals.wfdb_data import PACKING, WfdbGroup, WfdbSamples
from signalpiece.signals.wfdb_header import WfdbHeader, WfdbSignal, read_hea
from signalpiece.signals.wfdb_notes import read_annotations

_LEAD = re.compile(r"(M?L?I{1,3}|MCL\d?|AV[RLF]|V[1-9XYZ]|ECG.*|EKG.*)", re.IGNORECASE)


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    """Opens a record by its header.

    Raises:
        SignalPieceError: no WFDB header, a data file is missing or of a format not read here.
    """
    header = read_hea(path)
    found = _segmented(path, header, units) if header.segments else _plain(path, header, units)
    annotations, odd = read_annotations(path, header.rate)
    start = {"start": header.start.isoformat()} if header.start else {}
    return tuple(
        replace(r, annotations=annotations, warnings=(*r.warnings, *odd), identity=r.identity | start) for r in found
    )


def _plain(path: Path, header: WfdbHeader, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    if not header.signals:
        return ()
    groups, places = _groups(path, header.signals)
    held = min(group.frames() for group in groups)
    frames = held if header.frames is None else min(held, header.frames)
    warnings = []
    if header.frames is not None and held < header.frames:
        warnings.append(f"file is shorter than the header says: {held} of {header.frames} frames can be read")
    if frames == 0:
        raise SignalPieceError(f"{path.name}: {groups[0].path.name} is shorter than the header says (no whole frame)")
    names = unique([s.name for s in header.signals])
    known = si_units(names, [s.unit for s in header.signals], units)
    out = []
    for per in dict.fromkeys(s.per for s in header.signals):
        rows = [n for n, s in enumerate(header.signals) if s.per == per]
        gains = np.array([header.signals[n].gain for n in rows])
        factors = np.array([known.factors[n] for n in rows])
        base = np.array([header.signals[n].baseline for n in rows])
        samples = WfdbSamples(
            groups, tuple((header.signals[n], *places[n]) for n in rows), frames, factors / gains,
            -base / gains * factors,
        )  # fmt: skip
        kinds = [_kind(names[n], known.units[n]) for n in rows]
        rate = header.rate * per
        grid = Grid(
            ("channel", "time"), (None, rate), tuple(known.units[n] for n in rows), (len(rows), frames * per),
            sensors_of([names[n] for n in rows], kinds),
        )  # fmt: skip
        forms = ", ".join(str(f) for f in sorted({header.signals[n].format for n in rows}))
        out.append(
            Recording(
                path, grid, samples.values, (), (*warnings, *known.warnings), (), samples.stored, f"WFDB {forms}",
                data_files=tuple(group.path for group in groups),
            )
        )  # fmt: skip
    return tuple(out)


def _kind(name: str, unit: str) -> str:
    return "ecg" if unit == "V" and _LEAD.fullmatch(name.strip()) else kind_of(name, unit)


def _groups(path: Path, signals: Sequence[WfdbSignal]) -> tuple[tuple[WfdbGroup, ...], tuple[tuple[int, int], ...]]:
    """One group per data file, and for each signal its group and its place within a frame."""
    order = list(dict.fromkeys(s.file for s in signals))
    widths, places = [0] * len(order), []
    for signal in signals:
        if signal.format not in PACKING:
            listed = ", ".join(map(str, PACKING))
            raise SignalPieceError(f"{path.name}: format {signal.format} is not read; it must be one of {listed}")
        if not signal.per:
            raise SignalPieceError(f"{path.name}: {signal.name}: samples per frame must be above 0")
        group = order.index(signal.file)
        places.append((group, widths[group]))
        widths[group] += signal.per
    groups = []
    for name, width in zip(order, widths, strict=True):
        file = path.with_name(Path(name).name or "-")
        if not file.is_file():
            raise SignalPieceError(f"{path.name}: data file {name} not found beside it")
        first = next(s for s in signals if s.file == name)
        if any(s.format != first.format for s in signals if s.file == name):
            raise SignalPieceError(f"{path.name}: {name}: signals of one file must have one format")
        groups.append(WfdbGroup(file, first.format, first.offset, width))
    return tuple(groups), tuple(places)


@dataclass(frozen=True)
class _Chain:
    """Segments one behind the other; a signal that a segment does not have is missing there."""

    names: tuple[str, ...]
    parts: tuple[tuple[int, Recording], ...]  # stored sample at which a segment begins

    def __call__(self, start: int, stop: int) -> Float[np.ndarray, "c t"]:
        out = np.full((len(self.names), stop - start), np.nan, np.float32)
        for begin, part in self.parts:
            a, b = max(start, begin), min(stop, begin + part.samples)
            if a < b:
                rows = [self.names.index(name) for name in part.grid.names]
                out[rows, a - start : b - start] = part.fetch(a - begin, b - begin)
        return out


def _segmented(path: Path, header: WfdbHeader, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    parts, runs, stored, at = list[tuple[int, Recording]](), list[Run](), 0, 0
    warnings = list[str]()
    for name, frames in header.segments:
        file = path.with_name(f"{name}.hea")
        if name != "~" and frames and file.is_file() and file != path:
            inner = read_hea(file)
            found = _plain(file, inner, units) if not inner.segments else ()
            if len(found) != 1 or found[0].grid.time_rate != header.rate:
                raise SignalPieceError(f"{path.name}: segment {name} has another rate or several; open it by itself")
            parts.append((stored, found[0]))
            runs.append(Run(at, stored, min(found[0].samples, frames)))
            stored += found[0].samples
            warnings += [f"segment {name}: {w}" for w in found[0].warnings]
        elif name != "~" and frames:
            warnings.append(f"segment {name} is missing; its time is a gap")
        at += frames
    if not parts:
        raise SignalPieceError(f"{path.name}: none of its {len(header.segments)} segments can be found")
    unit = {n: part.grid.unit(c) for _, part in parts for c, n in enumerate(part.grid.names)}
    if any(part.grid.unit(c) != unit[n] for _, part in parts for c, n in enumerate(part.grid.names)):
        raise SignalPieceError(f"{path.name}: segments give one signal in several units; open them one by one")
    sensors = {s.name: s for _, part in parts for s in part.grid.sensors}
    grid = Grid(
        ("channel", "time"), (None, header.rate), tuple(unit.values()), (len(unit), at),
        tuple(sensors[name] for name in unit),
    )  # fmt: skip
    chain = _Chain(tuple(unit), tuple(parts))
    files = tuple(f for _, part in parts for f in (part.path, *part.data_files))
    return (
        Recording(path, grid, chain, (), tuple(dict.fromkeys(warnings)), tuple(runs), None, "WFDB", data_files=files),
    )
