"""BrainVision: a header (.vhdr), markers (.vmrk) and samples (.eeg) to one recording, pauses kept as gaps.

Format: BrainVision Core Data Format 1.0. A New Segment marker with a date tells when its sample was taken, so a pause
becomes a gap. A header whose files were renamed falls back to files of its own name, and says so.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Annotation, Grid, Sensor
from signalpiece.signals.brainvision_header import BvHeader, Marker, read_markers, read_vhdr
from signalpiece.signals.channels import kind_of, sensors_of, si_units, unique
from signalpiece.signals.recording import Recording, Run

_TYPES = {"INT_16": "<i2", "INT_32": "<i4", "UINT_16": "<u2", "IEEE_FLOAT_32": "<f4", "IEEE_FLOAT_64": "<f8"}
_LONGEST = 366 * 86400  # seconds between segments; more is damage


@dataclass(frozen=True)
class BvSamples:
    """Samples in the data file, sample by sample (multiplexed) or channel by channel (vectorized)."""

    path: Path
    type: str
    channels: int
    points: int
    vectorized: bool
    scale: Float[np.ndarray, "c"]

    def raw(self, start: int, stop: int) -> Shaped[np.ndarray, "c t"]:
        """Samples as the file holds them."""
        kind = np.dtype(self.type)
        with self.path.open("rb") as file:
            if not self.vectorized:
                rows = self._read(file, start * self.channels, (stop - start) * self.channels, kind)
                return rows.reshape(stop - start, self.channels).T
            parts = [self._read(file, c * self.points + start, stop - start, kind) for c in range(self.channels)]
            return np.stack(parts)

    def _read(self, file, first: int, count: int, kind: np.dtype) -> Shaped[np.ndarray, "n"]:
        file.seek(first * kind.itemsize)
        data = file.read(count * kind.itemsize)
        if len(data) < count * kind.itemsize:
            raise SignalPieceError(f"{self.path.name}: the file ends early; it has changed since it was opened")
        return np.frombuffer(data, kind)

    def values(self, start: int, stop: int) -> Float[np.ndarray, "c t"]:
        """Values in the grid's units, float32."""
        out = np.empty((self.channels, stop - start), np.float32)
        step = max((1 << 21) // self.channels, 1)
        for first in range(start, stop, step):
            last = min(first + step, stop)
            np.multiply(
                self.raw(first, last),
                self.scale[:, None],
                out=out[:, first - start : last - start],
                casting="same_kind",
            )
        return out

    def stored(self, start: int, stop: int) -> Stored:
        """The file's own integers."""
        raw = np.ascontiguousarray(self.raw(start, stop)).astype(np.int32)
        return Stored(raw, self.scale, np.zeros(self.channels))


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    """Opens the header and the two files that it names.

    Raises:
        SignalPieceError: the header is no BrainVision header, or its data file is missing or of a kind not read here.
    """
    header = read_vhdr(path)
    data, said = _companion(path, header.data_file, (".eeg", ".dat", ".avg", ".seg"))
    if data is None:
        raise SignalPieceError(f"{path.name}: data file {header.data_file} not found, and no file of the header's name")
    warnings = [*header.warnings, *([said] if said else [])]
    if header.type not in _TYPES:
        raise SignalPieceError(
            f"{path.name}: binary format {header.type} is not read; it must be one of {', '.join(_TYPES)}"
        )
    names = unique(header.names)
    found = si_units(names, header.units, units)
    scale = np.array(header.resolutions) * np.array(found.factors)
    frame = np.dtype(_TYPES[header.type]).itemsize * len(names)
    points, rest = divmod(data.stat().st_size, frame)
    if rest:
        warnings.append("the data file ends inside a sample; the part is left out")
    if header.points is not None and header.points != points:
        warnings.append(f"the header says {header.points} samples, the data file holds {points}")
    if header.vectorized and rest:
        raise SignalPieceError(f"{path.name}: {data.name} is cut; samples stored channel by channel are lost with it")
    if points == 0:
        raise SignalPieceError(f"{path.name}: {data.name} holds no whole sample")
    markers, odd = _markers(path, header)
    samples = BvSamples(data, _TYPES[header.type], len(names), points, header.vectorized, scale)
    runs, pauses = _runs(markers, points, header.rate)
    kinds = [kind_of(name, unit) for name, unit in zip(names, found.units, strict=True)]
    sensors = tuple(
        Sensor(s.name, s.kind, place or s.position)
        for s, place in zip(sensors_of(names, kinds), header.places, strict=True)
    )
    total = runs[-1].at + runs[-1].count
    grid = Grid(("channel", "time"), (None, header.rate), found.units, (len(names), total), sensors)
    start = next((m.date for m in markers if m.is_segment and m.date), None)
    return (
        Recording(
            path, grid, samples.values, _annotations(markers, runs, header.rate, names),
            (*warnings, *odd, *found.warnings, *pauses), runs, samples.stored if "INT" in header.type else None,
            f"BrainVision {header.type}", identity={"start": start.isoformat()} if start else {}, data_files=(data,),
        ),
    )  # fmt: skip


def _companion(path: Path, name: str, endings: tuple[str, ...]) -> tuple[Path | None, str | None]:
    """The file that the header names, else one of the header's own name (announced)."""
    plain = name.replace("$b", path.stem).replace("\\", "/").split("/")[-1]
    named = path.with_name(plain) if plain.strip(". ") else None
    if named is not None and named.is_file():
        return named, None
    for ending in endings:
        for other in (path.with_suffix(ending), path.with_suffix(ending.upper())):
            if other.is_file():
                return other, f"{name or 'no file'} is what the header names and does not exist; {other.name} is read"
    return None, None


def _markers(path: Path, header: BvHeader) -> tuple[tuple[Marker, ...], list[str]]:
    if not header.marker_file:
        return (), []
    file, said = _companion(path, header.marker_file, (".vmrk", ".mrk"))
    if file is None:
        return (), [f"marker file {header.marker_file} not found; there are no annotations"]
    markers, odd = read_markers(file)
    return markers, [*([said] if said else []), *odd]


def _runs(markers: tuple[Marker, ...], points: int, rate: float) -> tuple[tuple[Run, ...], list[str]]:
    """One run per segment; a dated New Segment marker says how long the pause before it was."""
    segments = {m.point: m.date for m in markers if m.is_segment and 0 <= m.point < points}
    runs, warnings = [Run(0, 0, points)], list[str]()
    known: tuple[int, datetime.datetime] | None = None
    for point in sorted(segments):
        date = segments[point]
        last = runs[-1]
        if point > last.stored:
            pause = 0
            if date is None or known is None:
                warnings.append(
                    f"a new segment begins at sample {point}; the pause before it is not known, none is kept"
                )
            else:
                elapsed = (date - known[1]).total_seconds()
                at = known[0] + round(elapsed * rate)
                pause = at - (last.at + point - last.stored)
                if not 0 <= elapsed < _LONGEST or pause < -rate:
                    warnings.append(f"the date of the segment at sample {point} is out of order; no pause is kept")
                    pause = 0
            pause = pause if pause > 0.002 * rate else 0  # dates are kept to the microsecond, clocks are not
            runs[-1] = Run(last.at, last.stored, point - last.stored)
            runs.append(Run(last.at + point - last.stored + pause, point, points - point))
        if date is not None:
            known = (runs[-1].at, date)
    return tuple(_joined(runs)), warnings


def _joined(runs: list[Run]) -> list[Run]:
    out = [runs[0]]
    for run in runs[1:]:
        if run.at == out[-1].at + out[-1].count:
            out[-1] = Run(out[-1].at, out[-1].stored, out[-1].count + run.count)
        else:
            out.append(run)
    return out


def _annotations(
    markers: tuple[Marker, ...], runs: tuple[Run, ...], rate: float, names: tuple[str, ...]
) -> tuple[Annotation, ...]:
    out = []
    for marker in markers:
        if not marker.is_segment:
            run = next((r for r in reversed(runs) if r.stored <= marker.point), runs[0])
            out.append(Annotation((run.at + marker.point - run.stored) / rate, marker.size / rate, marker.text))
    return tuple(sorted(out, key=lambda a: a.onset))
