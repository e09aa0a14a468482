"""EGI simple binary (.raw), continuous: versions 2, 4 and 6 (16-bit integers, float32, float64), big-endian.

Event channels behind the signals become annotations. Segmented versions (3, 5, 7) are refused.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from signalpiece.core.check import SignalPieceError
from signalpiece.core.contracts import Stored
from signalpiece.core.signal import Annotation, Grid, Sensor
from signalpiece.signals.damage import single
from signalpiece.signals.recording import Recording

_HEAD = struct.Struct(">i6hi5hih")
_KINDS = {2: ">i2", 4: ">f4", 6: ">f8"}
_BLOCK = 1 << 14  # samples looked at together for events


@dataclass(frozen=True)
class _Layout:
    """Rows of all channels and events, one row per sample."""

    path: Path
    start: int
    dtype: str
    channels: int
    events: int
    samples: int
    scale: Float[np.ndarray, "c"]

    def rows(self, start: int, stop: int) -> Shaped[np.ndarray, "t w"]:
        width = self.channels + self.events
        size = np.dtype(self.dtype).itemsize * width
        with self.path.open("rb") as file:
            file.seek(self.start + start * size)
            raw = file.read((stop - start) * size)
        if len(raw) < (stop - start) * size:
            raise SignalPieceError(f"{self.path}: it became shorter while it was read")
        return np.frombuffer(raw, self.dtype).reshape(-1, width)

    def values(self, start: int, stop: int) -> Shaped[np.ndarray, "c t"]:
        return single(self.rows(start, stop)[:, : self.channels].T, self.scale[:, None])

    def stored(self, start: int, stop: int) -> Stored:
        values = self.rows(start, stop)[:, : self.channels].T.astype(np.int32)
        return Stored(np.ascontiguousarray(values), self.scale.copy(), np.zeros(self.channels))


def open_file(path: Path, units: Mapping[str, tuple[str, float]]) -> tuple[Recording, ...]:
    """Opens a continuous recording.

    Args:
        path: the file.
        units: what the user said about channels; others are microvolts, as the format has it.

    Raises:
        SignalPieceError: not EGI simple binary, segmented, or damaged.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        raw = file.read(_HEAD.size)
        if len(raw) < _HEAD.size:
            raise SignalPieceError(f"{path}: this is not an EGI file; to read it as bytes use as_bytes=True")
        version, *date, milliseconds, rate, channels, _, bits, span, samples, events = _HEAD.unpack(raw)
        if version in (3, 5, 7):
            raise SignalPieceError(
                f"{path}: a segmented EGI file (version {version}) is not one recording; export it whole"
            )
        if version not in _KINDS or channels < 1 or rate < 1 or events < 0 or samples < 0:
            raise SignalPieceError(f"{path}: this is not an EGI file; to read it as bytes use as_bytes=True")
        codes = file.read(4 * events)
    start = _HEAD.size + 4 * events
    row = np.dtype(_KINDS[version]).itemsize * (channels + events)
    there = max(size - start, 0) // row
    warnings = list[str]()
    if samples != there:
        if samples > there:
            warnings.append(f"the header promises {samples} samples and {there} are there; those were read")
        elif samples:
            warnings.append(f"{size - start - samples * row} bytes behind the {samples} samples are not read")
        samples = there if samples > there or not samples else samples
    names = [f"E{n + 1}" for n in range(channels)]
    gain = span / 2.0**bits if span and 0 < bits <= 32 else 1.0
    given = [units.get(name, ("V", 1e-6)) for name in names]
    layout = _Layout(path, start, _KINDS[version], channels, events, samples, gain * np.array([f for _, f in given]))
    labels = [codes[4 * n : 4 * n + 4].decode("latin-1").strip(" \0") for n in range(events)]
    sensors = tuple(Sensor(name, "eeg") for name in names)
    grid = Grid(("channel", "time"), (None, float(rate)), tuple(u for u, _ in given), (channels, samples), sensors)
    notes = _annotations(layout, labels, float(rate))
    stored = layout.stored if version == 2 else None
    year, month, day, hour, minute, second = date
    when = f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{milliseconds % 1000:03d}"
    return (Recording(path, grid, layout.values, notes, tuple(warnings), (), stored, "EGI", identity={"start": when}),)


def _annotations(layout: _Layout, labels: list[str], rate: float) -> tuple[Annotation, ...]:
    """One annotation wherever an event channel leaves 0; as long as it stays, if more than one sample."""
    if not labels:
        return ()
    begun, notes = [-1] * len(labels), list[Annotation]()
    for start in range(0, layout.samples, _BLOCK):
        stop = min(start + _BLOCK, layout.samples)
        on = layout.rows(start, stop)[:, layout.channels :] != 0
        before = np.array([b >= 0 for b in begun])[None]
        changes = on != np.concatenate([before, on[:-1]])
        for at, event in np.argwhere(changes).tolist():
            if on[at, event]:
                begun[event] = start + at
            else:
                notes.append(_note(begun[event], start + at, labels[event], rate))
                begun[event] = -1
    notes += [_note(b, layout.samples, label, rate) for b, label in zip(begun, labels, strict=True) if b >= 0]
    return tuple(sorted(notes, key=lambda note: note.onset))


def _note(start: int, stop: int, text: str, rate: float) -> Annotation:
    return Annotation(start / rate, (stop - start) / rate if stop - start > 1 else 0.0, text)
